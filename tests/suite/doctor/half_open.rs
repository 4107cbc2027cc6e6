//! Half-open requests from a peer that only sends SYNs.

use std::net::{SocketAddr, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::sysctl::write_sysctl;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// A listener with a backlog of 20, and this number of half-open requests at it.
fn open_requests(count: usize) -> Zoo {
    write_sysctl("core/somaxconn", "20");
    let wanted = SocketCounts::none().with(Family::V4, State::Listen, 1);
    Zoo::open(&wanted.with(Family::V4, State::SynRecv, count))
}

in_namespace!(
    fn a_syn_backlog_overflow_is_critical_only_without_syncookies() {
        let _zoo = open_requests(21);
        let report = Report::after("0.1");
        let finding = report.finding("half-open");
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(21.0), Some(20.0)));
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("from 1 address, 21 of them from 192.0.2.11"),
            "{evidence}"
        );
        assert!(
            evidence.contains("net.ipv4.tcp_syncookies is 0"),
            "{evidence}"
        );
        assert_eq!(finding.follows_from, None);
        assert_commands_run(finding);
        write_sysctl("ipv4/tcp_syncookies", "1");
        let report = Report::after("0.1");
        assert_eq!(report.finding("half-open").severity, "WARNING");
    }
);

in_namespace!(
    fn half_open_requests_behind_a_full_accept_queue_follow_from_it() {
        let _zoo = open_requests(16);
        let (listeners, _) = Listed::all(&run(["list", "-l", "--json"]).succeeded());
        let ip = listeners[0].local_addr.parse().unwrap();
        let address = SocketAddr::new(ip, listeners[0].local_port);
        let _clients: Vec<_> = (0..21)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let report = Report::after("0.1");
        let finding = report.finding("half-open");
        assert_eq!(finding.follows_from.as_deref(), Some("accept-queue"));
        assert!(
            finding.remedy[0].starts_with("Fix the accept queue"),
            "{finding:?}"
        );
        report.findings.iter().for_each(assert_commands_run);
        let ids: Vec<_> = report.findings.iter().map(|found| &*found.id).collect();
        assert_eq!(ids, ["accept-queue", "half-open"]);
    }
);

in_namespace!(
    fn few_half_open_requests_are_no_finding() {
        let _zoo = open_requests(15);
        let report = Report::after("0.1");
        assert!(report.findings.is_empty(), "{report:?}");
        assert!(
            report.examined.contains(&"half-open".to_owned()),
            "{report:?}"
        );
    }
);
