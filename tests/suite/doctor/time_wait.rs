//! TIME_WAIT at its limit, which the tests lower.

use std::net::{TcpListener, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::sysctl::write_sysctl;

in_namespace!(
    fn time_wait_at_its_limit_is_reported_with_its_destination() {
        write_sysctl("ipv4/tcp_max_tw_buckets", "5");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..8 {
            let client = TcpStream::connect(address).unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(client);
            drop(server);
        }
        drop(listener);
        let report = Report::after("0.1");
        let finding = report.finding("time-wait");
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(5.0), Some(5.0)));
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains(&format!("5 outbound connections to {address}")),
            "{evidence}"
        );
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn orphaned_fin_wait2_counts_against_the_time_wait_limit() {
        write_sysctl("ipv4/tcp_max_tw_buckets", "5");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The servers do not close, so that the clients stay in FIN_WAIT2.
        let _servers: Vec<TcpStream> = (0..8)
            .map(|_| {
                drop(TcpStream::connect(address).unwrap());
                listener.accept().unwrap().0
            })
            .collect();
        let report = Report::until(|report| {
            let found = report.findings_of("time-wait");
            found.first().is_some_and(|found| found.value == Some(5.0))
        });
        let finding = report.finding("time-wait");
        assert_eq!(finding.severity, "CRITICAL");
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("5 of them are in FIN_WAIT2 without"),
            "{evidence}"
        );
        assert_commands_run(finding);
    }
);
