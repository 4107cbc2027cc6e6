//! The rule at, below and above its limits.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host, socket};
use crate::model::Setting;

/// Half-open requests of one client at port 80.
fn requests(client: &str, number: usize, retransmits: Option<u32>) -> Vec<Socket> {
    let one = Socket {
        retransmits,
        ..socket(State::SynRecv, "192.0.2.9:80", &format!("{client}:5000"))
    };
    vec![one; number]
}

fn server(opens: u64) -> Host {
    host()
        .listening_at(&["0.0.0.0:80"])
        .with_growth(Counter::PassiveOpens, 7, 7 + opens)
        .with_growth(Counter::SynRetrans, 0, 20)
        .with_setting(Setting::SynackRetries, "5")
}

fn found(host: &Host, sockets: &[Socket]) -> Vec<Finding> {
    let rule: Unconfirmed = host.read(sockets, sockets);
    host.examine(&rule).findings
}

fn severity(host: &Host, sockets: &[Socket]) -> Option<Severity> {
    let found = found(host, sockets);
    found.iter().for_each(assert_names_settings);
    found.first().map(|finding| finding.severity)
}

#[test]
fn many_addresses_with_a_request_or_two_each_are_a_flood() {
    for (addresses, each, is_flood) in [(50, 2, true), (50, 3, false), (49, 1, false)] {
        let clients = (0..addresses).map(|n| requests(&format!("198.51.100.{n}"), each, Some(3)));
        let all: Vec<Socket> = clients.flatten().collect();
        let found = found(&server(0), &all).remove(0);
        assert_names_settings(&found);
        assert_eq!(
            found.remedy[0].starts_with(FLOOD),
            is_flood,
            "{addresses} {each}"
        );
        assert_eq!(found.remedy.len(), 3);
    }
}

#[test]
fn ten_warn_if_they_are_as_many_as_were_accepted_in_ten_seconds() {
    let ten = requests("192.0.2.1", 10, Some(3));
    assert_eq!(severity(&server(0), &ten[1..]), None);
    assert_eq!(severity(&server(0), &ten), Some(Severity::Critical));
    assert_eq!(severity(&server(1), &ten), Some(Severity::Warning));
    assert_eq!(
        severity(&server(0), &requests("192.0.2.1", 50, Some(2))),
        None,
        "a request that was hardly retransmitted is not counted"
    );
    let many: Vec<Socket> = (1..=50)
        .flat_map(|n| requests(&format!("192.0.2.{n}"), 1, Some(5)))
        .collect();
    assert_eq!(severity(&server(5), &many), Some(Severity::Warning));
    assert_eq!(severity(&server(6), &many), None);
}

#[test]
fn ten_of_one_client_without_a_connection_warn_however_many_others_are_accepted() {
    let mut sockets = requests("192.0.2.1", 10, Some(3));
    sockets.extend(requests("192.0.2.2", 5, Some(3)));
    let found = found(&server(1_000), &sockets);
    assert_eq!(
        found[0].title,
        "10 handshakes at port 80 are not confirmed by 192.0.2.1"
    );
    let text =
        "192.0.2.1 has no established connection to port 80; from all clients: 15 such requests";
    assert_eq!(found[0].evidence[1], text);
    assert_eq!(severity(&server(1_000), &sockets[1..]), None);
    let other = socket(State::Established, "192.0.2.9:80", "192.0.2.2:6000");
    sockets.push(other);
    assert_eq!(severity(&server(1_000), &sockets), Some(Severity::Warning));
    let its = socket(State::Established, "192.0.2.9:80", "192.0.2.1:6000");
    sockets.push(its);
    assert_eq!(severity(&server(1_000), &sockets), None);
}

#[test]
fn behind_a_full_accept_queue_or_without_a_listener_they_are_no_finding() {
    let ten = requests("192.0.2.1", 10, Some(3));
    let full = host()
        .with_listeners(&[crate::diagnose::testing::listener("0.0.0.0:80", 5, 5, 1)])
        .with_growth(Counter::PassiveOpens, 7, 7);
    assert_eq!(severity(&full, &ten), None);
    let without = host().with_growth(Counter::PassiveOpens, 7, 7);
    assert_eq!(severity(&without, &ten), None);
}

#[test]
fn without_the_number_of_retransmissions_the_rule_is_not_examined() {
    let host = server(0);
    let rule: Unconfirmed = host.read(&[], &requests("192.0.2.1", 10, None));
    let examined = host.examine(&rule);
    assert!(examined.findings.is_empty());
    assert_eq!(examined.lacking.len(), 1);
}

/// A number of requests from each of some addresses, retransmitted once, and new ones that were not yet.
fn young(addresses: u64, each: usize, new: usize) -> Vec<Socket> {
    let clients = (0..addresses).map(|n| {
        let client = format!("198.51.{}.{}", n >> 8, n & 255);
        requests(&client, each, Some(1))
    });
    let new = requests("192.0.2.1", new, Some(0));
    clients.flatten().chain(new).collect()
}

#[test]
fn a_flood_is_found_after_the_first_retransmissions_while_requests_still_arrive() {
    for (addresses, each, new, opens, expected) in [
        (50, 2, 20, 100, Some(Severity::Warning)),
        (50, 2, 20, 0, Some(Severity::Warning)),
        (50, 2, 20, 101, None),
        (49, 1, 20, 0, None),
        (50, 3, 50, 0, None),
        // A burst of clients that wait for their SYN-ACK.
        (60, 1, 4, 0, None),
        (60, 1, 5, 0, Some(Severity::Warning)),
    ] {
        let sockets = young(addresses, each, new);
        let found = severity(&server(opens), &sockets);
        assert_eq!(found, expected, "{addresses} {each} {new} {opens}");
    }
    let found = found(&server(9), &young(300, 1, 80)).remove(0);
    assert_eq!(found.title, "300 handshakes at port 80 are not confirmed");
    assert_eq!(found.evidence[0], "each SYN-ACK was retransmitted once");
    assert!(found.remedy[0].starts_with(FLOOD));
    assert!(found.commands[1].to_string().ends_with("retransmits ge 1'"));
    // Once they were retransmitted often, there is one finding.
    let mut both = young(300, 1, 80);
    both.extend((0..100).flat_map(|n| requests(&format!("203.0.113.{n}"), 1, Some(4))));
    let found = self::found(&server(9), &both);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, 100.0);
}
