//! The rule on hosts made for it.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host};
use crate::model::testing::ends;
use crate::model::{Socket, State};

/// A socket at port 53 with this cookie and this number of drops.
fn one(cookie: u64, drops: u32) -> Socket {
    Socket {
        cookie: Some(cookie),
        inode: cookie,
        drops: Some(drops),
        receive_queue: 212_480,
        receive_limit: Some(212_992),
        ..Socket::bare(
            Kind::Udp,
            State::Unconnected,
            ends("192.0.2.1:53", "0.0.0.0:0"),
        )
    }
}

/// What is found where this number was read, and these were dropped.
fn found(read: u64, before: &[Socket], after: &[Socket]) -> Vec<Finding> {
    let host = host().with_growth(UdpInDatagrams, 7, 7 + read);
    let rule: UdpDrops = host.read(before, after);
    host.examine(&rule).findings
}

#[test]
fn it_warns_from_10_and_a_thousandth_on_and_is_critical_from_a_twentieth_on() {
    use Severity::{Critical, Warning};
    for (dropped, read, severity) in [
        (9, 0, None),
        (10, 9_990, Some(Warning)),
        (10, 9_991, None),
        (499, 9_501, Some(Warning)),
        (500, 9_500, Some(Critical)),
        (10, 0, Some(Critical)),
    ] {
        let found = found(read, &[one(1, 1_000)], &[one(1, 1_000 + dropped)]);
        let severities = found.first().map(|found| found.severity);
        assert_eq!(severities, severity, "{dropped} {read}: {found:?}");
    }
}

#[test]
fn workers_at_one_port_are_one_service_and_a_count_that_wraps_around_grows() {
    let before = [one(1, u32::MAX), one(2, 5), one(3, 7)];
    let after = [one(1, 8), one(2, 8), one(3, 7), one(4, 5_000)];
    let found = found(50, &before, &after);
    assert_eq!(found.len(), 1, "{found:?}");
    // The fourth was not there before.
    assert_eq!(found[0].value, 12.0);
    assert_eq!(found[0].inodes, [1, 2]);
    assert_eq!(
        found[0].evidence[..2],
        [
            "12 dropped per second, 9 by one of 4 sockets",
            "its receive queue takes 212,480 of 212,992 bytes"
        ]
    );
    assert_eq!(
        found[0].commands[0].to_string(),
        "tcpstates list --kind udp --process --columns drops,receive-limit 'src 192.0.2.1 and sport = 53'"
    );
    assert_names_settings(&found[0]);
}

#[test]
fn a_copied_tree_shows_no_growth() {
    let mut host = host();
    host.still = Some("a copied tree");
    let rule: UdpDrops = host.read(&[one(1, 0)], &[one(1, 100)]);
    let examined = host.examine(&rule);
    assert!(examined.findings.is_empty());
    assert_eq!(
        examined.lacking,
        ["a copied tree cannot show what is dropped"]
    );
}
