//! How the server begins and ends.

use std::net::TcpListener;

use rustix::io::Errno;
use rustix::process::Signal;

use super::client::{ADDRESS, Client, Served};
use super::page::Page;
use crate::child::{self, Start};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, command, ran, run, run_command};
use crate::seccomp::{Denied, deny};
use crate::skip::skip_or_fail;

fn ended(served: Served) -> Ran {
    ran(served.0.finish())
}

in_namespace!(
    fn it_listens_on_loopback_only_unless_another_address_is_typed() {
        let served = Served::of(&mut command(["serve"]));
        assert_eq!(Client::to("127.0.0.1:10227").get("/-/healthy").status, 200);
        let list = run(["list", "-lH"]).succeeded().stdout;
        assert!(
            list.lines()
                .all(|line| line.contains("127.0.0.1:") || line.contains("[::1]:")),
            "{list}"
        );
        served.0.signal(Signal::TERM);
        let ran = ended(served);
        assert_eq!(ran.status, 0, "{ran:?}");
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(
            lines[0].starts_with("tcpstates: listening on 127.0.0.1:10227"),
            "{ran:?}"
        );
        assert!(
            lines[0].ends_with("; for other hosts: --listen ADDRESS:PORT"),
            "{ran:?}"
        );
        assert_eq!(lines[1..], ["tcpstates: ended by a signal"], "{ran:?}");
    }
);

in_namespace!(
    fn every_spelling_of_an_address_is_listened_on() {
        for (option, connect) in [
            ("--listen=:9901", "127.0.0.1:9901"),
            ("--web.listen-address=0.0.0.0:9901", "127.0.0.1:9901"),
            ("--listen=localhost:9901", "127.0.0.1:9901"),
            ("--listen=127.0.0.7:9901", "127.0.0.7:9901"),
        ] {
            let served = Served::of(&mut command(["serve", option]));
            assert_eq!(
                Client::to(connect).get("/-/healthy").status,
                200,
                "{option}"
            );
            served.0.signal(Signal::INT);
            assert_eq!(ended(served).status, 0, "{option}");
        }
    }
);

in_namespace!(
    fn what_cannot_be_listened_on_is_an_error_of_one_line() {
        let _taken = TcpListener::bind(ADDRESS).unwrap();
        for (words, status, expected) in [
            (
                &["--listen", ADDRESS][..],
                1,
                // C libraries word EADDRINUSE differently.
                "(os error 98); tcpstates list -lp sport = :9901 shows which process does",
            ),
            (
                &["--listen", "192.0.2.1:9902"],
                1,
                "no interface of this host has it",
            ),
            (
                &["--listen", "[fe80::1]:9902"],
                1,
                "a link-local address needs the number of its interface",
            ),
            (
                &["--listen", "[fe80::1%lo]:9902"],
                2,
                "with the number of the interface",
            ),
            (&["--listen", "127.0.0.1"], 2, "is not ADDRESS:PORT"),
            (&["--listen", "example.org:9902"], 2, "is not ADDRESS:PORT"),
            (&["--listen", "127.0.0.1:99999"], 2, "is not ADDRESS:PORT"),
            (&["--listen", ADDRESS, "--once"], 2, "exclude each other"),
        ] {
            let ran = run(["serve"].into_iter().chain(words.iter().copied()));
            assert_eq!((ran.status, &*ran.stdout), (status, ""), "{ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
            assert!(ran.stderr.contains(expected), "{ran:?}");
        }
    }
);

in_namespace!(
    fn a_server_that_can_read_no_sockets_does_not_begin() {
        let mut command = command(["serve", "--listen", ADDRESS, "--source", "netlink"]);
        deny(&mut command, Denied::NetlinkSocket, Errno::PERM);
        let ran = run_command(&mut command);
        assert_eq!((ran.status, ran.stderr.lines().count()), (1, 1), "{ran:?}");
    }
);

in_namespace!(
    fn where_netlink_is_refused_pages_come_from_proc_and_the_note_comes_once() {
        let mut command = command(["serve", "--listen", ADDRESS]);
        deny(&mut command, Denied::NetlinkSocket, Errno::PERM);
        let served = Served::of(&mut command);
        for _ in 0..3 {
            let page = Page::parse(&Client::connect().get("/metrics").body);
            assert_eq!(page.complete(), [Some(1.0); 3]);
            assert_eq!(page.number("tcpstates_source{source=\"proc\"}"), Some(1.0));
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
        served.0.signal(Signal::TERM);
        let ran = ended(served);
        assert_eq!(ran.stderr.matches("note: ").count(), 1, "{ran:?}");
    }
);

in_namespace!(
    fn sighup_means_nothing_and_an_answer_that_is_waited_for_comes_before_the_end() {
        let served = Served::start([]);
        served.0.signal(Signal::HUP);
        let mut idle = Client::connect();
        assert_eq!(idle.get("/metrics").status, 200);
        served.0.signal(Signal::TERM);
        idle.wait_for_end();
        let ran = ended(served);
        assert_eq!((ran.status, ran.stderr.lines().count()), (0, 2), "{ran:?}");
    }
);

in_namespace!(
    fn after_kill_9_the_port_is_free_at_once() {
        let served = Served::start([]);
        let mut client = Client::connect();
        assert_eq!(client.get("/metrics").status, 200);
        served.0.signal(Signal::KILL);
        assert_eq!(ended(served).status, -1);
        let _again = Served::start([]);
        assert_eq!(Client::connect().get("/metrics").status, 200);
    }
);

in_namespace!(
    fn a_socket_of_the_service_manager_is_served() {
        let script = "import os, socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 9901))
if sys.argv[1] == 'listen':
    listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])";
        let start_with = |listens: &str, options: &[&str]| {
            let mut command = child::command("python3");
            command.args(["-c", script, listens, PROGRAM, "serve"]);
            command.args(options);
            command
        };
        let start = |options: &[&str]| start_with("listen", options);
        if let Err(error) = child::command("python3").arg("-V").run_to_end() {
            skip_or_fail("python3", &error);
        }
        {
            let _served = Served::of(&mut start(&[]));
            assert_eq!(Client::connect().get("/metrics").status, 200);
        }
        let refused = run_command(&mut start(&["--listen", "127.0.0.1:9902"]));
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("exclude each other"), "{refused:?}");
        let refused = run_command(&mut start_with("bind", &[]));
        assert_eq!(
            (refused.status, refused.stderr.lines().count()),
            (1, 1),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("does not listen"), "{refused:?}");
    }
);

in_namespace!(
    fn without_standard_streams_it_serves_too() {
        let mut command = child::command("sh");
        command.args([
            "-c",
            "exec \"$@\" <&- >&- 2>&-",
            "sh",
            PROGRAM,
            "serve",
            "--listen",
            ADDRESS,
        ]);
        let _running = command.start().unwrap();
        let address = ADDRESS.parse().unwrap();
        crate::wait::wait_for("a server", || {
            let second = std::time::Duration::from_secs(1);
            std::net::TcpStream::connect_timeout(&address, second).ok()
        });
        assert_eq!(Client::connect().get("/metrics").status, 200);
    }
);
