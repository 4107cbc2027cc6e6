//! The rule on hosts made for it.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host};
use crate::model::{Ends, NetlinkEnds, State};

/// A socket of this protocol with this cookie and this number of drops.
fn one(protocol: u8, cookie: u64, drops: u32) -> Socket {
    let ends = NetlinkEnds {
        protocol,
        port_id: 4_242,
        ..NetlinkEnds::default()
    };
    Socket {
        cookie: Some(cookie),
        inode: cookie,
        drops: Some(drops),
        receive_queue: 4_352,
        receive_limit: Some(4_608),
        ..Socket::bare(Kind::Netlink, State::Unconnected, Ends::Netlink(ends))
    }
}

fn found(before: &[Socket], after: &[Socket]) -> Vec<Finding> {
    let host = host();
    let rule: NetlinkDrops = host.read(before, after);
    host.examine(&rule).findings
}

#[test]
fn drops_of_the_window_are_a_warning_and_earlier_ones_and_those_of_new_sockets_are_not() {
    let before = [one(0, 1, 7), one(0, 2, 0), one(16, 3, 5)];
    let after = [one(0, 1, 7), one(0, 2, 0), one(16, 3, 5), one(0, 4, 9)];
    assert!(found(&before, &after).is_empty());
    let found = found(&before, &[one(0, 1, 8), one(0, 2, 0), one(16, 3, 5)]);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.severity, finding.value), (Severity::Warning, 1.0));
    assert_eq!(
        finding.title,
        "NETLINK_ROUTE: 1 socket missed 1 message about links, addresses, neighbours and routes in 1.0 s"
    );
    assert_eq!(
        finding.evidence,
        ["port 4242 missed 1 message; its receive queue takes 4,352 of 4,608 bytes"]
    );
    assert_eq!(finding.inodes, [1]);
    assert_eq!(finding.commands[0].filter(), Some("inode = 1"));
    assert_names_settings(finding);
}

#[test]
fn each_protocol_has_a_finding_with_its_sockets_most_drops_first() {
    let before = [one(0, 1, 0), one(0, 2, 0), one(99, 3, 0)];
    let after = [one(0, 1, 2), one(0, 2, 3), one(99, 3, 40)];
    let found = found(&before, &after);
    let titles: Vec<&str> = found.iter().map(|finding| &*finding.title).collect();
    assert_eq!(
        titles,
        [
            "netlink protocol 99: 1 socket missed 40 messages in 1.0 s",
            "NETLINK_ROUTE: 2 sockets missed 5 messages about links, addresses, neighbours and routes in 1.0 s",
        ]
    );
    let command = found[1].commands[0].filter();
    assert_eq!(command, Some("(inode = 2 or inode = 1)"));
}

#[test]
fn the_names_of_protocols_are_those_that_lists_have() {
    for (number, name, _) in PROTOCOLS {
        let kind = Kind::Netlink;
        assert!(Protocol { kind, number }.name().is_some(), "{name}");
    }
}
