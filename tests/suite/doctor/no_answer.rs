//! A destination that does not reply to a SYN, with programs that wait for the kernel and programs that
//! give up earlier.

use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer, begin_connection};

const ID: &str = "no-answer";

/// The report of `take` while this number of attempts is under way, each given up after `patience`.
fn while_giving_up<T>(at_once: u32, patience: Duration, take: impl FnOnce() -> T) -> T {
    let address = Peer::address(Behaviour::NoReply, Family::V4);
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let attempts = scope.spawn(|| {
            let mut open = VecDeque::new();
            while !ends.load(Ordering::Relaxed) {
                open.push_back(begin_connection(address));
                if open.len() > at_once as usize {
                    open.pop_front();
                }
                std::thread::sleep(patience / at_once);
            }
        });
        std::thread::sleep(patience);
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(take));
        ends.store(true, Ordering::Relaxed);
        attempts.join().unwrap();
        taken.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

in_namespace!(
    fn ten_unanswered_attempts_to_one_destination_are_critical() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::NoReply, Family::V4);
        let _attempts: Vec<OwnedFd> = (0..10).map(|_| begin_connection(address)).collect();
        // The kernel's own limit is named when it applies.
        let limit = "net.ipv4.tcp_syn_retries is 20";
        let report = Report::until(|report| {
            let found = report.findings_of(ID);
            found.first().is_some_and(|found| {
                found.value == Some(10.0) && found.evidence.join("; ").contains(limit)
            })
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!(finding.subject["remote_addr"], address.ip().to_string());
        assert_eq!(finding.subject["remote_port"], address.port());
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("TcpActiveOpens grew by 0, TcpAttemptFails grew by 0 in"),
            "{evidence}"
        );
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 10);
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn attempts_of_all_ages_are_counted() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::NoReply, Family::V4);
        let old: Vec<OwnedFd> = (0..3).map(|_| begin_connection(address)).collect();
        // Before that, a watch that ends late may find that nothing answers, which is a warning.
        Report::until(|report| {
            let found = report.findings_of(ID);
            let mut evidence = found.iter().flat_map(|found| &found.evidence);
            evidence.any(|line| line.starts_with("SYNs were retransmitted"))
        });
        let new: Vec<OwnedFd> = (0..9).map(|_| begin_connection(address)).collect();
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(
            (&*finding.severity, finding.value),
            ("CRITICAL", Some(12.0))
        );
        assert_eq!(finding.processes[0].sockets, 12);
        drop((old, new));
    }
);

in_namespace!(
    fn a_destination_that_does_not_answer_within_a_connect_timeout_is_reported_with_its_process() {
        let _peers = Peer::open();
        while_giving_up(15, Duration::from_millis(1_500), || {
            let report = Report::after("1");
            let finding = report.finding(ID);
            assert_eq!(finding.severity, "CRITICAL", "{finding:?}");
            assert!(finding.value >= Some(12.0), "{finding:?}");
            let evidence = finding.evidence.join("; ");
            assert!(
                evidence.contains("have ended, and none is a connection now"),
                "{evidence}"
            );
            assert!(
                evidence.contains("SYNs were retransmitted at most "),
                "{evidence}"
            );
            assert!(!evidence.contains("tcp_syn_retries"), "{evidence}");
            assert_eq!(finding.processes[0].pid, std::process::id());
            assert_commands_run(finding);
            assert_eq!(report.findings.len(), 1, "{report:?}");
        });
    }
);

in_namespace!(
    fn attempts_that_end_before_the_first_retransmission_warn() {
        let _peers = Peer::open();
        while_giving_up(6, Duration::from_millis(400), || {
            let report = Report::after("1");
            let finding = report.finding(ID);
            assert_eq!(finding.severity, "WARNING");
            let evidence = finding.evidence.join("; ");
            assert!(
                evidence.contains("gives up within the first second"),
                "{evidence}"
            );
            assert_commands_run(finding);
            assert_eq!(report.findings.len(), 1, "{report:?}");
        });
    }
);

/// Makes connections that succeed, one after the other, until told to end.
fn connect_elsewhere(ends: &AtomicBool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    while !ends.load(Ordering::Relaxed) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop((listener.accept().unwrap(), client));
        std::thread::sleep(Duration::from_millis(50));
    }
}

in_namespace!(
    fn attempts_that_end_one_after_the_other_warn_on_a_host_whose_other_connections_succeed() {
        let _peers = Peer::open();
        let ends = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| connect_elsewhere(&ends));
            // The first window is lengthened; the attempts are followed in the second one.
            let take = || ["1", "5"].map(Report::after);
            let reports = while_giving_up(2, Duration::from_millis(800), take);
            ends.store(true, Ordering::Relaxed);
            for report in reports {
                let finding = report.finding(ID);
                assert_eq!(finding.severity, "WARNING", "{finding:?}");
                assert!(finding.value >= Some(7.0), "{finding:?}");
                let evidence = finding.evidence.join("; ");
                assert!(evidence.contains("none became a connection"), "{evidence}");
                assert_eq!(report.findings.len(), 1, "{report:?}");
            }
        });
    }
);

in_namespace!(
    fn one_attempt_at_a_time_is_no_finding() {
        let _peers = Peer::open();
        while_giving_up(1, Duration::from_millis(1_500), || {
            let report = Report::after("1");
            assert!(report.findings.is_empty(), "{report:?}");
        });
    }
);
