//! The options of `trace`: how it ends, what is shown, what is selected.

use std::net::TcpListener;

use rustix::process::Signal;

use super::closes::{Pair, close_with_quickack};
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{command, ran, run};

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn close_one(listener: &TcpListener) -> [u16; 2] {
    let pair = Pair::open(listener, listener.local_addr().unwrap());
    let port = pair.client.local_addr().unwrap().port();
    drop(pair);
    [port, listener.local_addr().unwrap().port()]
}

/// The trace of some closes.
fn traced(arguments: &[&str], mut close: impl FnMut()) -> Traced {
    until_complete(|| {
        let tracing = Tracing::start(arguments);
        close();
        let traced = tracing.interrupt();
        traced.is_complete().then_some(traced)
    })
}

in_namespace!(
    fn an_interrupt_a_termination_and_the_end_of_its_time_end_with_the_summary() {
        let listener = listen();
        for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
            let duration: &[&str] = match signal {
                Some(_) => &[],
                None => &["--duration", "2"],
            };
            let traced = until_complete(|| {
                let mut tracing = Tracing::start(duration);
                close_one(&listener);
                if let Some(signal) = signal {
                    tracing.running().signal(signal);
                }
                let traced = tracing.finish();
                traced.is_complete().then_some(traced)
            });
            assert_eq!(
                traced.summary.connections, 1,
                "{signal:?}: {:?}",
                traced.ran
            );
        }
    }
);

in_namespace!(
    fn a_limit_ends_it_after_so_many_rows() {
        let listener = listen();
        let tracing = Tracing::start(&["--limit", "3"]);
        for _ in 0..5 {
            close_one(&listener);
        }
        let traced = tracing.finish();
        assert_eq!(traced.connections.len(), 3);
    }
);

in_namespace!(
    fn each_connection_is_one_close_in_the_summary_by_service_and_by_any_key() {
        let listener = listen();
        let port = listener.local_addr().unwrap().port();
        let some = || {
            for _ in 0..4 {
                close_with_quickack(Pair::open(&listener, listener.local_addr().unwrap()));
            }
        };
        let summary = traced(&["--show", "summary", "--top", "2"], some).summary;
        assert_eq!(summary.connections, 4);
        if !has_bpf() {
            assert!(summary.shapes.is_empty() && summary.first_close.is_empty());
            return;
        }
        assert_eq!(summary.shapes, [("four".to_owned(), 4)].into());
        let [group] = &summary.first_close[..] else {
            panic!("{summary:?}");
        };
        let service = group.key.as_ref().unwrap()["service"].as_str().unwrap();
        assert_eq!(service, format!(":{port}"));
        // Seen from the server.
        assert_eq!((group.local, group.remote), (0, 4));
        assert_eq!(summary.longest.len(), 2);
        let times = &summary.states["CLOSE_WAIT"];
        assert_eq!(times.count, 4);
        assert!(times.p50_us <= times.p90_us && times.p90_us <= times.p99_us);
        assert!(times.p99_us <= times.max_us && times.p50_us > 0.0);
        let digits = |us: f64| format!("{:.0}", us * 1e3).trim_end_matches('0').len();
        assert!(digits(times.p50_us) <= 3 || times.p50_us == times.max_us);
        let by_state = traced(&["--show", "summary", "--by", "local-port,process"], some);
        let keys = by_state.summary.first_close.iter();
        let keys: Vec<_> = keys.map(|group| group.key.as_ref().unwrap()).collect();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0]["local_port"], port);
    }
);

in_namespace!(
    fn a_filter_by_a_local_port_has_the_first_transition_too() {
        if !has_bpf() {
            return;
        }
        let listener = listen();
        let ports = std::cell::Cell::new([0; 2]);
        let all = traced(&["--show", "transitions"], || {
            ports.set(close_one(&listener))
        });
        let client = |traced: &Traced, port: u16| {
            let rows = traced.transitions.iter();
            let rows = rows.filter(|row| row.remote_port == ports.get()[1]);
            let rows = rows.filter(|row| row.local_port == port || row.local_port == 0);
            rows.map(|row| (row.from.clone(), row.to.clone()))
                .collect::<Vec<_>>()
        };
        let names = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = rows
                .iter()
                .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
            owned.collect()
        };
        let expected = names(&[
            ("CLOSE", "SYN_SENT"),
            ("SYN_SENT", "ESTABLISHED"),
            ("ESTABLISHED", "FIN_WAIT1"),
            ("FIN_WAIT1", "FIN_WAIT2"),
            ("FIN_WAIT2", "TIME_WAIT"),
        ]);
        assert_eq!(client(&all, ports.get()[0]), expected);
        // The port of a client is chosen before it is known: by the range of the namespace.
        crate::zoo::sysctl::write_sysctl("ipv4/ip_local_port_range", "40000 40000");
        let one = traced(&["--show", "transitions", "sport = :40000"], || {
            ports.set(close_one(&listener));
        });
        let rows: Vec<_> = one.transitions.iter().collect();
        assert_eq!(rows.len(), 5, "{rows:?}");
        assert!(rows.iter().all(|row| row.local_port == 40_000), "{rows:?}");
    }
);

in_namespace!(
    fn states_edges_processes_and_addresses_select_rows() {
        if !has_bpf() {
            return;
        }
        let listener = listen();
        let own = format!("pid = {}", std::process::id());
        let others = format!("not {own}");
        for (filter, transitions, closes) in [
            (&["from = fin-wait-2"][..], 1, 1),
            (&["to = close-wait"], 1, 1),
            (&["to = close-wait or from = syn-sent"], 2, 1),
            (&["--state", "last-ack"], 2, 1),
            (&["--state", "closing"], 0, 0),
            (&[&own], 10, 1),
            (&[&others], 0, 0),
            (&["not pid = 1"], 10, 1),
            (&["process = no-such-name"], 0, 0),
            (&["src 127.0.0.1"], 10, 1),
            (&["src 127.0.0.2"], 0, 0),
            (&["dst 127.0.0.0/8"], 10, 1),
            (&["-4"], 10, 1),
            (&["-6"], 0, 0),
        ] {
            for (show, expected) in [("transitions", transitions), ("closes", closes)] {
                let arguments = [&["--show", show], filter].concat();
                let traced = traced(&arguments, || {
                    close_one(&listener);
                });
                let rows = traced.transitions.len() + traced.connections.len();
                assert_eq!(rows, expected, "{arguments:?} {:?}", traced.ran);
            }
        }
    }
);

in_namespace!(
    fn csv_has_a_header_and_a_row_for_each_close_and_no_summary() {
        let listener = listen();
        let mut running = command(["trace", "--format", "csv", "--limit", "2"])
            .start()
            .unwrap();
        running.wait_for_stderr("note: tracing ");
        for _ in 0..2 {
            close_one(&listener);
        }
        let output = running.finish();
        let mut reader = csv::Reader::from_reader(&output.stdout[..]);
        let header = reader.headers().unwrap().clone();
        let local_port = header.iter().position(|name| name == "local_port").unwrap();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2, "{output:?}");
        let port = listener.local_addr().unwrap().port().to_string();
        assert!(rows.iter().all(|row| row[local_port] != port || !has_bpf()));
    }
);

in_namespace!(
    fn letters_of_ss_change_nothing_but_the_heading() {
        let listener = listen();
        for (arguments, lines) in [
            (&["-tan", "-O"][..], 2),
            (&["-tanH"], 1),
            (&["-H", "--format", "csv"], 1),
        ] {
            let limit = &["trace", "--limit", "1", "--segments"][..];
            let mut running = command([limit, arguments].concat()).start().unwrap();
            running.wait_for_stderr("note: tracing ");
            close_one(&listener);
            let output = running.finish();
            let stdout = String::from_utf8(output.stdout).unwrap();
            assert_eq!(stdout.lines().count(), lines, "{arguments:?}: {stdout}");
        }
    }
);

in_namespace!(
    fn rows_that_wait_for_a_process_are_printed_when_the_trace_ends() {
        if !has_bpf() {
            return;
        }
        let listener = listen();
        let address = listener.local_addr().unwrap();
        for (filter, rows) in [
            ("not pid = 1".to_owned(), 4),
            // Those of the end that was accepted, which has not been closed.
            (format!("not pid = {}", std::process::id()), 2),
        ] {
            let mut pairs = Vec::new();
            let traced = traced(&["--show", "transitions", "-4", &filter], || {
                pairs.push(Pair::open(&listener, address));
            });
            let found = traced.transitions.len();
            // Before 6.15 the kernel reports one of them without its peer.
            assert!(found == rows || found + 1 == rows, "{traced:?}");
        }
    }
);

in_namespace!(
    fn a_reader_that_leaves_ends_it_with_the_summary_on_standard_error() {
        for arguments in [&[][..], &["--json"], &["--show", "summary"], &["-q"]] {
            let mut running = command([&["trace"], arguments].concat()).start().unwrap();
            if arguments != ["-q"] {
                running.wait_for_stderr("note: tracing ");
            }
            running.close_stdout();
            let ran = ran(running.finish());
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(ran.stderr.contains("0 closed connections "), "{ran:?}");
        }
    }
);

in_namespace!(
    fn a_quiet_trace_prints_its_summary_and_a_verbose_one_its_plan_and_cost() {
        let quiet = run(["trace", "-q", "--duration", "0.1"]);
        assert_eq!((quiet.status, &*quiet.stdout), (0, ""), "{quiet:?}");
        let summary = "0 closed connections ";
        assert!(quiet.stderr.starts_with(summary), "{quiet:?}");
        assert!(!quiet.stderr.contains("tcpstates: "), "{quiet:?}");
        let verbose = run(["trace", "-v", "--duration", "0.1", "sport = :80"]);
        let (source, selected) = match has_bpf() {
            true => ("load 4 programs", ", port 80"),
            false => ("receive the kernel's messages", ""),
        };
        let lines: Vec<&str> = verbose.stderr.lines().collect();
        let line = |start: &str| {
            let line = lines.iter().find(|line| line.starts_with(start));
            line.copied()
                .unwrap_or_else(|| panic!("{start} {verbose:?}"))
        };
        let plan = line("tcpstates: plan: ");
        for words in [
            source,
            "bpf is ",
            "the kernel selects network namespace ",
            selected,
        ] {
            assert!(plan.contains(words), "{words}: {plan}");
        }
        let cost = line("tcpstates: cost: ");
        assert!(
            cost.contains(" events in ") && cost.ends_with(" ms of CPU time"),
            "{cost}"
        );
    }
);

in_namespace!(
    fn bare_ports_states_and_lists_of_ports_select_rows_in_the_kernel_and_here() {
        if !has_bpf() {
            return;
        }
        let (listener, other) = (listen(), listen());
        let ports = [&listener, &other].map(|one| one.local_addr().unwrap().port());
        let (port, other_port) = (ports[0], ports[1]);
        for (filter, closes, selected) in [
            (format!(":{port}"), 1, format!("port {port}")),
            (
                format!("sport = :1,{port},2"),
                1,
                format!("port 1-2,{port}"),
            ),
            (
                format!(
                    "dport = :{}-{}",
                    ports.iter().min().unwrap(),
                    ports.iter().max().unwrap()
                ),
                2,
                "port ".to_owned(),
            ),
            (
                format!("port != :{port},{other_port}"),
                0,
                "network namespace".to_owned(),
            ),
            (format!("fin-wait-1 :{port}"), 1, format!("port {port}")),
        ] {
            let traced = traced(&["--show", "closes", "-v", &filter], || {
                close_one(&listener);
                close_one(&other);
            });
            let notes = &traced.ran.stderr;
            assert!(notes.contains(&selected), "{filter}: {notes}");
            assert_eq!(
                traced.summary.connections, closes,
                "{filter}: {:?}",
                traced.ran
            );
        }
    }
);
