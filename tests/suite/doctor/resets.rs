//! Connections that are refused, and connections that a server closes with unread data.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;

/// The report of one second, in which `step` is repeated every 10 ms, as it is while it is checked.
fn while_repeating(step: impl Fn() + Sync, check: impl Fn(&Report)) {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                step();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check(&Report::after("1"));
        }));
        ends.store(true, Ordering::Relaxed);
        checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    })
}

/// An address at which nothing listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

in_namespace!(
    fn refused_connections_warn_and_the_resets_that_follow_are_information() {
        let address = closed();
        let connect = || assert!(TcpStream::connect(address).is_err());
        while_repeating(connect, |report| {
            let refused = report.finding("refused");
            assert_eq!(refused.severity, "WARNING");
            assert!(refused.value >= Some(10.0), "{refused:?}");
            assert_commands_run(refused);
            let resets = report.finding("resets");
            assert_eq!(resets.severity, "INFO");
            assert!(
                resets
                    .title
                    .contains("to segments that belong to no connection")
            );
            assert_eq!(resets.follows_from.as_deref(), Some("refused"));
            assert_eq!(report.findings.len(), 2, "{report:?}");
            assert_commands_run(resets);
        });
    }
);

in_namespace!(
    fn programs_that_try_two_addresses_are_no_warning() {
        let address = closed();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            assert!(TcpStream::connect(address).is_err());
            let client = TcpStream::connect(listener.local_addr().unwrap());
            drop((listener.accept().unwrap(), client));
        };
        while_repeating(connect, |report| {
            for finding in &report.findings {
                assert_eq!(finding.severity, "INFO", "{finding:?}");
            }
        });
    }
);

in_namespace!(
    fn connections_closed_with_unread_data_are_reported_with_their_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let exchange = || {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(&[7; 100]).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            server.read_exact(&mut [0; 1]).unwrap();
            drop(server);
            let _ = client.read(&mut [0; 1]);
        };
        while_repeating(exchange, |report| {
            let finding = report.finding("resets");
            assert_eq!(finding.severity, "WARNING");
            assert!(
                finding.title.contains("closed with unread data"),
                "{finding:?}"
            );
            assert_eq!(finding.processes[0].pid, std::process::id());
            assert_commands_run(finding);
            assert_eq!(report.findings.len(), 1, "{report:?}");
        });
    }
);

in_namespace!(
    fn a_server_whose_clients_reset_connections_is_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let exchange = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
            drop(client);
            assert!(server.read(&mut [0; 1]).is_err());
        };
        while_repeating(exchange, |report| {
            assert!(report.findings.is_empty(), "{report:?}");
        });
    }
);
