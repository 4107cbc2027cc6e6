//! SYNs that a full accept queue drops, while it takes others.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::sysctl::write_sysctl;

const ID: &str = "syn-loss";

/// The report of `take` while clients connect to a listener, which takes a connection every `pause`.
fn while_connecting<T>(clients: u32, pause: Duration, take: impl FnOnce(SocketAddr) -> T) -> T {
    write_sysctl("core/somaxconn", "1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let _ = listener.accept();
                std::thread::sleep(pause);
            }
        });
        for _ in 0..clients {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(5));
                }
            });
        }
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take(address)));
        ends.store(true, Ordering::Relaxed);
        taken.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

in_namespace!(
    fn lost_syns_are_reported_with_their_destination_and_cause() {
        while_connecting(20, Duration::from_millis(10), |address| {
            let report = Report::until_from(
                || Report::after("1"),
                |report| {
                    // Its processes are those of the SYNs that are late now.
                    let found = report.findings_of(ID);
                    let is_held = found.first().is_some_and(|one| !one.processes.is_empty());
                    is_held && !report.findings_of("accept-queue").is_empty()
                },
            );
            let finding = report.finding(ID);
            assert_eq!(finding.severity, "WARNING");
            assert!(finding.value > Some(1.0), "{finding:?}");
            assert_eq!(finding.subject["remote_port"], address.port());
            let cause = finding.follows_from.as_deref();
            assert!(
                matches!(cause, Some("accept-queue" | "half-open")),
                "{finding:?}"
            );
            assert_eq!(finding.processes[0].pid, std::process::id());
            assert!(report.findings_of("no-answer").is_empty(), "{report:?}");
            assert_commands_run(finding);
        });
    }
);

in_namespace!(
    fn connections_whose_syns_are_all_answered_are_no_finding() {
        write_sysctl("core/somaxconn", "128");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    drop(TcpStream::connect(address).unwrap());
                    let _ = listener.accept().unwrap();
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            let report = Report::after("0.5");
            ends.store(true, Ordering::Relaxed);
            assert!(report.findings.is_empty(), "{report:?}");
            assert!(report.examined.contains(&ID.to_owned()), "{report:?}");
        });
    }
);
