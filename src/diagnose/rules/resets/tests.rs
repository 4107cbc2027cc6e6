//! The rule on hosts whose counters grew.

use std::time::Duration;

use super::*;
use crate::diagnose::testing::host;

/// A host on which these counters grew.
fn grown(counters: &[(Counter, u64)]) -> Host {
    let known =
        COUNTERS
            .iter()
            .chain(&[Counter::ActiveOpens, Counter::PassiveOpens, Counter::InSegs]);
    known.fold(host(), |host, counter| {
        let growth = counters.iter().find(|(grown, _)| grown == counter);
        host.with_growth(*counter, 7, 7 + growth.map_or(0, |(_, growth)| *growth))
    })
}

fn found(counters: &[(Counter, u64)]) -> Vec<(Severity, f64)> {
    let found = grown(counters).examine(&Resets).findings;
    found.iter().map(|one| (one.severity, one.value)).collect()
}

#[test]
fn a_host_without_listeners_that_refuses_others_has_nothing_to_show() {
    for (failed, commands) in [(9, 0), (10, 1)] {
        let host = grown(&[(OutRsts, 90), (InSegs, 90)]);
        let host = host.with_growth(Counter::AttemptFails, 7, 7 + failed);
        let found = host.examine(&Resets).findings.remove(0);
        assert_eq!(found.commands.len(), commands);
        assert!(found.remedy[0].contains("tcpdump"));
    }
}

use Counter::{
    AbortOnClose, AbortOnData, AbortOnTimeout, ActiveOpens, EstabResets, InSegs, OutRsts,
    PassiveOpens,
};

#[test]
fn a_tenth_closed_with_unread_data_warns_on_servers_and_is_information_on_clients() {
    let of = |unread, counter, number| {
        found(&[
            (AbortOnClose, unread),
            (EstabResets, unread),
            (OutRsts, unread),
            (counter, number),
            (InSegs, 10_000),
        ])
    };
    assert_eq!(of(9, PassiveOpens, 9), []);
    assert_eq!(of(10, PassiveOpens, 100), [(Severity::Warning, 10.0)]);
    assert_eq!(of(10, PassiveOpens, 101), []);
    assert_eq!(of(10, ActiveOpens, 100), [(Severity::Info, 10.0)]);
    assert_eq!(of(10, ActiveOpens, 101), []);
}

#[test]
fn a_host_that_accepted_nothing_gets_no_advice_for_servers() {
    let of = |counter| {
        let counters = [(AbortOnClose, 20), (EstabResets, 20), (counter, 40)];
        let found = grown(&counters).examine(&Resets).findings.remove(0);
        found.remedy.join(" ")
    };
    assert!(of(PassiveOpens).contains("lingering_close"));
    let client = of(ActiveOpens);
    assert!(client.contains("health checks") && !client.contains("413"));
}

#[test]
fn resets_of_peers_warn_unless_clients_may_have_sent_them() {
    let of = |resets, begun, accepted| {
        found(&[
            (EstabResets, resets),
            (ActiveOpens, begun),
            (PassiveOpens, accepted),
            (InSegs, 10_000),
        ])
    };
    assert_eq!(of(9, 9, 0), []);
    assert_eq!(of(10, 100, 0), [(Severity::Warning, 10.0)]);
    assert_eq!(of(10, 101, 0), []);
    assert_eq!(
        of(100, 0, 100),
        [],
        "a load balancer that closes with resets"
    );
    assert_eq!(of(100, 100, 100), [], "a proxy behind one");
    assert_eq!(of(109, 100, 100), [], "counters read a moment apart");
    let discarded = [(EstabResets, 100), (AbortOnData, 100), (ActiveOpens, 100)];
    assert_eq!(found(&discarded), [], "a load balancer itself");
}

#[test]
fn resets_of_peers_that_do_not_go_on_are_information() {
    let counters = |resets| [(EstabResets, resets), (ActiveOpens, 20), (InSegs, 10_000)];
    assert!(goes_on_unknown(&grown(&counters(10))));
    assert!(!goes_on_unknown(&grown(&counters(9))));
    for (later, severity) in [(19, Severity::Info), (20, Severity::Warning)] {
        let mut host = grown(&counters(10));
        host.later = Some((grown(&counters(later)).after, Duration::from_secs(5)));
        let found = host.examine(&Resets).findings.remove(0);
        assert_eq!(found.severity, severity, "{found:?}");
        let more = format!("{} more in the 4.0 s after it", later - 10);
        assert!(found.evidence.contains(&more), "{found:?}");
    }
}

#[test]
fn connections_given_up_by_a_timeout_warn_from_ten_on() {
    let of = |number| found(&[(AbortOnTimeout, number), (PassiveOpens, 100)]);
    assert_eq!(of(9), []);
    assert_eq!(of(10), [(Severity::Warning, 10.0)]);
}

#[test]
fn resets_to_unknown_segments_are_information_if_they_are_a_tenth_of_what_is_received() {
    let of = |sent, segments| found(&[(OutRsts, sent), (InSegs, segments)]);
    assert_eq!(of(9, 9), []);
    assert_eq!(of(10, 100), [(Severity::Info, 10.0)]);
    assert_eq!(of(10, 101), []);
    let aborted = [(OutRsts, 50), (AbortOnData, 45), (InSegs, 50)];
    assert_eq!(found(&aborted), []);
}
