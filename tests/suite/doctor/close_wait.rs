//! CLOSE_WAIT: a server that never closes, and one that never accepts.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::commands::assert_commands_run;
use super::report::{Finding, Report};
use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::{DEADLINE, Repeated, poll};
use crate::zoo::special::incoming::unaccepted_close_wait;
use crate::zoo::special::{ExtraSockets, mptcp};
use crate::zoo::{Family, Peer};

const ID: &str = "close-wait";

in_namespace!(
    fn a_server_that_never_closes_is_reported_with_its_unread_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut servers = Vec::new();
        let mut leak = |connections| {
            for _ in 0..connections {
                let mut client = TcpStream::connect(address).unwrap();
                client.write_all(b"unread").unwrap();
                servers.push(listener.accept().unwrap().0);
            }
        };
        leak(9);
        assert!(Report::after("0.1").findings_of(ID).is_empty());
        leak(3);
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            // The last three may have been used since the window began.
            found.first().is_some_and(|found| {
                found.evidence[0].starts_with("12 stayed")
                    && found
                        .evidence
                        .iter()
                        .any(|line| line.ends_with(" and 12 stayed unused"))
            })
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        assert_eq!((finding.value, finding.limit), (Some(12.0), None));
        assert_eq!(finding.subject["local_port"], address.port());
        let [moved, unread, descriptors, watched, silent] = &finding.evidence[..] else {
            panic!("{finding:?}")
        };
        assert!(
            moved.starts_with("12 stayed through the window of 0."),
            "{moved}"
        );
        assert!(moved.ends_with("0 were added and 0 ended"), "{moved}");
        let expected = "the end of 12 is unread, with 72 unread bytes before it";
        assert_eq!(unread, expected);
        assert!(descriptors.contains(" descriptors open"), "{descriptors}");
        assert!(
            watched.ends_with(", 0 ended and 12 stayed unused"),
            "{watched}"
        );
        let each = "each of these has been silent for ";
        assert!(silent.starts_with(each), "{silent}");
        assert_eq!(finding.processes.len(), 1, "{finding:?}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 12);
        assert_commands_run(finding);
        drop(servers);
        Report::until(|report| report.findings_of(ID).is_empty());
    }
);

in_namespace!(
    fn connections_that_are_read_in_batches_may_still_be_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let begin = |_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(&[1; 9_000]).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut server = listener.accept().unwrap().0;
            server.read_exact(&mut [0; 1_000]).unwrap();
            (client, server)
        };
        let connections: Vec<(TcpStream, TcpStream)> = (0..12).map(begin).collect();
        let report = Report::after("0.5");
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "INFO", "{finding:?}");
        assert!(
            finding.title.ends_with("and may still be read"),
            "{finding:?}"
        );
        let unread = "the end of 12 is unread, with 96,000 unread bytes before it";
        assert_eq!(finding.evidence[1], unread);
        assert_commands_run(finding);
        drop(connections);
    }
);

/// Waits until as many MPTCP sockets are in CLOSE_WAIT.
#[track_caller]
fn wait_for_mptcp(count: usize) {
    let closed = || {
        let ran = run(["-M", "--json", "--state", "close-wait"]);
        (Answer::of(&ran).total == count).then_some(())
    };
    assert_eq!(poll(closed), Some(()));
}

/// As many MPTCP connections whose clients have closed, and whose server does not.
fn leak_mptcp(count: usize) -> ExtraSockets {
    let extra = mptcp::connections(Family::V4, count);
    mptcp::shut_down_clients(&extra, count);
    wait_for_mptcp(count);
    extra
}

in_namespace!(
    fn a_leak_over_mptcp_is_reported_as_one_over_tcp_is() {
        let extra = leak_mptcp(120);
        // Until then they may be answered.
        let is_whole = |report: &Report| {
            let is_leak = |found: &&Finding| found.severity == "WARNING";
            let found = report.findings_of(ID).into_iter().find(is_leak);
            found.is_some_and(|found| found.value == Some(120.0))
        };
        let report = Report::until(is_whole);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING", "{finding:?}");
        assert_eq!(finding.subject["kind"], "mptcp", "{finding:?}");
        assert!(finding.subject.contains_key("local_port"), "{finding:?}");
        assert!(
            finding.title.contains("120 inbound connections"),
            "{finding:?}"
        );
        assert!(
            finding.title.contains(" over MPTCP stay in CLOSE_WAIT"),
            "{finding:?}"
        );
        assert_eq!(finding.processes.len(), 1, "{finding:?}");
        assert_eq!(finding.processes[0].sockets, 120);
        assert!(finding.commands[0].contains("--kind mptcp"), "{finding:?}");
        assert_commands_run(finding);
        assert_eq!(report.not_examined(ID), None);
        // Without the kind there is none; with it there is nothing about TCP.
        let of = |kinds| Report::of(&run(["doctor", "--json", "--window=0.1", "--kind", kinds]));
        let tcp = of("tcp");
        assert!(
            tcp.findings_of(ID).is_empty() && tcp.total == 241,
            "{tcp:?}"
        );
        let mptcp = Report::until_from(|| of("mptcp"), is_whole);
        assert_eq!(mptcp.total, 241);
        assert!(
            !mptcp.examined.contains(&"accept-queue".to_owned()),
            "{mptcp:?}"
        );
        drop(extra);
    }
);

in_namespace!(
    fn mptcp_connections_that_fell_back_to_tcp_are_counted_once() {
        let extra = mptcp::fallback(Family::V4, 12);
        for server in &extra.sockets()[1..=12] {
            rustix::net::shutdown(server, rustix::net::Shutdown::Write).unwrap();
        }
        wait_for_mptcp(12);
        let tcp = Answer::of(&run(["--json", "--state", "close-wait"]));
        assert_eq!(tcp.total, 12);
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        assert_eq!(report.finding(ID).value, Some(12.0), "{report:?}");
    }
);

in_namespace!(
    fn mptcp_connections_that_are_closed_soon_or_still_answered_are_no_finding() {
        let extra = leak_mptcp(12);
        let [_, sockets @ ..] = extra.sockets() else {
            panic!("a listener")
        };
        let servers: Vec<OwnedFd> = sockets[..12]
            .iter()
            .map(|server| server.try_clone().unwrap())
            .collect();
        let replies = Repeated::start(move || {
            for server in &servers {
                assert_eq!(rustix::io::write(server, b"reply").unwrap(), 5);
            }
            std::thread::sleep(Duration::from_millis(10));
        });
        let report = Report::until(|report| report.findings_of(ID).is_empty());
        assert!(report.examined.contains(&ID.to_owned()), "{report:?}");
        replies.stop();
        Report::until(|report| report.findings_of(ID).len() == 1);
    }
);

in_namespace!(
    fn a_leak_that_uses_up_the_descriptors_of_its_process_is_critical() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _servers: Vec<TcpStream> = (0..200)
            .map(|_| {
                drop(TcpStream::connect(address).unwrap());
                listener.accept().unwrap().0
            })
            .collect();
        assert_eq!(
            Report::until(|report| report.findings_of(ID).len() == 1)
                .finding(ID)
                .severity,
            "WARNING"
        );
        // With room for the pipes to the program.
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        let limit = Rlimit {
            current: Some(open + 15),
            ..getrlimit(Resource::Nofile)
        };
        setrlimit(Resource::Nofile, limit).unwrap();
        let report = Report::until(|report| report.findings_of(ID).len() == 1);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL", "{finding:?}");
        let of = format!(" of {} descriptors open", open + 15);
        let evidence = finding.evidence.join("; ");
        assert!(evidence.contains(&of), "{evidence}");
    }
);

in_namespace!(
    fn holders_are_known_though_many_connections_end_while_they_are_watched() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let leave = move || {
            drop(TcpStream::connect(address).unwrap());
            listener.accept().unwrap().0
        };
        let mut servers: VecDeque<TcpStream> = (0..120).map(|_| leave()).collect();
        // Each lasts for ten seconds.
        let _handlers = Repeated::start(move || {
            servers.push_back(leave());
            drop(servers.pop_front());
            std::thread::sleep(Duration::from_millis(80));
        });
        let known = poll(|| {
            let report = Report::after("2");
            let finding = report.findings_of(ID).into_iter().next()?;
            let process = finding.processes.first()?;
            // A third of those that were listed end in the three seconds after that.
            let are_most = process.sockets as f64 >= finding.value? * 0.85;
            are_most.then_some(process.pid)
        });
        assert_eq!(known, Some(std::process::id()));
    }
);

in_namespace!(
    fn half_closed_connections_still_in_use_are_no_finding() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pairs: Vec<(TcpStream, TcpStream)> = (0..12)
            .map(|_| {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                client.set_read_timeout(Some(DEADLINE)).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                (client, listener.accept().unwrap().0)
            })
            .collect();
        let pairs = Arc::new(pairs);
        let replies = Repeated::start({
            let pairs = Arc::clone(&pairs);
            move || {
                for (mut client, mut server) in
                    pairs.iter().map(|(client, server)| (client, server))
                {
                    server.write_all(b"reply").unwrap();
                    client.read_exact(&mut [0; 5]).unwrap();
                }
            }
        });
        let report = Report::until(|report| report.findings_of(ID).is_empty());
        assert!(report.examined.contains(&ID.to_owned()), "{report:?}");
        // Without replies they are a finding.
        replies.stop();
        Report::until(|report| report.findings_of(ID).len() == 1);
    }
);

in_namespace!(
    fn never_accepted_connections_are_reported_for_their_listener() {
        let peer = Peer::open();
        let _extra = unaccepted_close_wait(&peer, Family::V4, 15);
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(
            (finding.severity.as_str(), finding.value),
            ("WARNING", Some(15.0))
        );
        assert!(finding.title.contains("were never accepted"), "{finding:?}");
        // The owner of the listener.
        assert_eq!(finding.processes.len(), 1, "{finding:?}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 1);
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn answered_connections_that_are_not_closed_are_a_leak_once_their_number_grows() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let forget = move || {
            let mut client = TcpStream::connect(address).unwrap();
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut server = listener.accept().unwrap().0;
            client.write_all(b"request").unwrap();
            server.read_exact(&mut [0; 7]).unwrap();
            server.write_all(b"answer").unwrap();
            client.read_exact(&mut [0; 6]).unwrap();
            drop(client);
            assert_eq!(server.read(&mut [0; 7]).unwrap(), 0);
            server
        };
        let mut servers: Vec<TcpStream> = (0..12).map(|_| forget()).collect();
        // The answers may have been sent since the window began.
        let report = Report::until(|report| report.findings_of(ID).len() == 1);
        let found = report.finding(ID);
        assert_eq!(found.severity, "INFO", "{found:?}");
        assert!(found.title.ends_with("may still be answered"), "{found:?}");
        let grows = Repeated::start(move || {
            servers.push(forget());
            std::thread::sleep(Duration::from_millis(50));
        });
        let report = Report::until_warning(ID);
        let found = report.finding(ID);
        assert!(found.title.ends_with("stay in CLOSE_WAIT"), "{found:?}");
        assert_commands_run(found);
        grows.stop();
    }
);
