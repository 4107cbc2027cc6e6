//! Clients that send half a request, stay idle, do not read or come in large numbers: none of them keeps
//! a scrape from its page.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::client::{ADDRESS, Client, Served};
use super::page::Page;
use crate::child;
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, run};
use crate::wait::wait_for;
use crate::zoo::raise_file_limit;

const HALF: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n";

in_namespace!(
    fn half_a_request_ends_after_5_seconds_and_an_idle_connection_stays() {
        let _served = Served::start([]);
        let mut idle = Client::connect();
        assert_eq!(idle.get("/-/healthy").status, 200);
        let begin = Instant::now();
        let mut silent = Client::connect();
        let mut half = Client::connect();
        half.send(HALF);
        let mut later = Client::connect();
        assert_eq!(later.get("/-/healthy").status, 200);
        later.send("GET");
        for client in [&mut silent, &mut half, &mut later] {
            client.wait_for_end();
            assert!(
                begin.elapsed() >= Duration::from_secs(5),
                "{:?}",
                begin.elapsed()
            );
        }
        assert!(!idle.has_ended());
        assert_eq!(idle.get("/metrics").status, 200);
    }
);

in_namespace!(
    fn of_300_half_requests_the_oldest_give_way_and_a_scrape_is_answered() {
        raise_file_limit();
        let served = Served::start([]);
        let halves: Vec<Client> = (0..300)
            .map(|_| {
                let mut client = Client::connect();
                client.send(HALF);
                client
            })
            .collect();
        // The first sample may be shared still.
        let page = wait_for("a page with the rejected connections", || {
            let page = Page::parse(&Client::connect().get("/metrics").body);
            let rejected = page.number("tcpstates_http_connections_rejected_total");
            (rejected.unwrap() >= f64::from(300 + 1 - 64)).then_some(page)
        });
        assert!(page.number("process_open_fds").unwrap() < 64.0 + 32.0);
        assert!(served.open_files() < 64 + 32);
        wait_for("the end of the connections that gave way", || {
            let ended = halves.iter().filter(|half| half.has_ended()).count();
            (ended >= 300 + 1 - 64).then_some(())
        });
    }
);

in_namespace!(
    fn clients_that_do_not_read_or_send_a_byte_now_and_then_keep_no_scrape_waiting() {
        raise_file_limit();
        let _served = Served::start([]);
        let dripping: Vec<Client> = (0..25)
            .map(|_| {
                let mut client = Client::connect();
                client.send("G");
                client
            })
            .collect();
        let not_reading: Vec<Client> = (0..25)
            .map(|_| {
                let mut client = Client::connect();
                client.send(format!("{HALF}\r\n").repeat(200));
                client
            })
            .collect();
        for mut client in dripping {
            client.send("E");
            assert_eq!(Client::connect().get("/metrics").status, 200);
        }
        drop(not_reading);
        assert_eq!(Client::connect().get("/metrics").status, 200);
    }
);

in_namespace!(
    fn of_the_answers_that_a_client_does_not_read_the_kernel_keeps_few_and_after_10_seconds_it_is_cut()
     {
        let _served = Served::start([]);
        let begin = Instant::now();
        let mut client = Client::connect();
        client.send(format!("{HALF}\r\n").repeat(400));
        wait_for("the end of a connection whose client does not read", || {
            let unread = run([
                "list",
                "--json",
                "--columns",
                "state",
                "sport",
                "=",
                ":9901",
            ]);
            let sockets = unread.stdout.lines().map(|line| {
                let socket: serde_json::Value = serde_json::from_str(line).unwrap();
                (
                    socket["state"] == "ESTABLISHED",
                    socket["send_queue"].as_u64(),
                )
            });
            let queues: Vec<u64> = sockets
                .filter(|(is_open, _)| *is_open)
                .filter_map(|(_, queue)| queue)
                .collect();
            assert!(queues.iter().all(|queue| *queue <= 256 << 10), "{queues:?}");
            queues.is_empty().then_some(())
        });
        assert!(begin.elapsed() >= Duration::from_secs(10));
    }
);

in_namespace!(
    fn a_client_that_has_said_that_it_sends_no_more_gets_all_its_answers() {
        let _served = Served::start([]);
        let mut client = Client::connect();
        client.send(format!("{HALF}\r\n").repeat(5));
        client.0.shutdown(Shutdown::Write).unwrap();
        for _ in 0..5 {
            assert_eq!(client.read_reply(false).unwrap().status, 200);
        }
        assert!(client.read_reply(false).is_none());
    }
);

in_namespace!(
    fn thousands_of_connections_leave_no_file_and_no_memory_behind() {
        let served = Served::start([]);
        let visit = |number: usize| {
            for round in 0..number {
                let mut client = Client::connect();
                match round % 8 {
                    0 => client.send(HALF),
                    1 => client.send("x"),
                    2 => drop(client),
                    3 => assert_eq!(client.get("/metrics").status, 200),
                    _ => assert_eq!(client.get("/-/healthy").status, 200),
                }
            }
        };
        let abort = |number: usize| {
            for round in 0..number {
                let mut client = Client::connect();
                set_socket_linger(&client.0, Some(Duration::ZERO)).unwrap();
                if round % 2 == 0 {
                    client.send(format!("{HALF}\r\n"));
                }
            }
        };
        // Until the allocator has what it needs for as many at once as there may be.
        visit(1_000);
        abort(4_000);
        let (files, memory) = (served.open_files(), served.resident_kib());
        visit(10_000);
        abort(1_000);
        wait_for("the end of its connections", || {
            (served.open_files() <= files.min(16)).then_some(())
        });
        let grown = served.resident_kib().saturating_sub(memory);
        assert!(grown <= 256, "{grown} KiB");
        assert_eq!(Client::connect().get("/metrics").status, 200);
    }
);

in_namespace!(
    fn a_limit_of_40_files_leaves_room_for_a_sample_beside_60_idle_connections() {
        let mut command = child::command("sh");
        command.args(["-c", "ulimit -n 40; exec \"$@\"", "sh", PROGRAM, "serve"]);
        command.args(["--listen", ADDRESS]);
        let served = Served::of(&mut command);
        let mut idle = Vec::new();
        for _ in 0..60 {
            let mut client = Client::connect();
            assert_eq!(client.get("/-/healthy").status, 200);
            idle.push(client);
        }
        let page = Page::parse(&Client::connect().get("/metrics").body);
        assert_eq!(page.complete(), [Some(1.0); 3]);
        assert_eq!(page.number("process_max_fds"), Some(40.0));
        assert!(served.open_files() <= 40);
        let last = idle.last_mut().unwrap();
        assert_eq!(last.get("/metrics").status, 200, "the newest stay");
    }
);
