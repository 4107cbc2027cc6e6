//! The rule at, below and above its limits.

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{assert_names_settings, host, listener, socket};
use crate::model::Setting;

fn examined(waiting: u32, limit: u32, host: &Host) -> Examined {
    dropping(waiting, limit, 0, host)
}

/// The same with so many drops of the listener in the window.
fn dropping(waiting: u32, limit: u32, drops: u32, host: &Host) -> Examined {
    let mut one = listener("127.0.0.1:80", waiting, limit, 1);
    one.drops = Some(drops);
    let host = host.clone().with_listeners(&[one]);
    host.examine::<AcceptQueue>(&host.read(&[], &[]))
}

fn quiet() -> Host {
    host()
        .with_growth(Counter::ListenOverflows, 7, 7)
        .with_growth(Counter::ListenDrops, 9, 9)
        .with_setting(Setting::Somaxconn, "128")
}

#[test]
fn a_queue_warns_at_its_limit_and_is_full_above_it() {
    for (waiting, limit, severity) in [
        (0, 0, None),
        (1, 0, Some(Severity::Critical)),
        (127, 128, None),
        (128, 128, Some(Severity::Warning)),
        (129, 128, Some(Severity::Critical)),
    ] {
        let examined = examined(waiting, limit, &quiet());
        let found = examined.findings.first().map(|finding| finding.severity);
        assert_eq!(found, severity, "{waiting} of {limit}");
        assert!(examined.lacking.is_empty());
    }
}

#[test]
fn drops_in_the_window_are_critical_though_the_queue_has_room_again() {
    let host = quiet().with_growth(Counter::ListenOverflows, 7, 10);
    let finding = dropping(5, 128, 3, &host).findings.remove(0);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(
        finding.title,
        "3 drops at 127.0.0.1:80 in 1.0 s; 5 of 128 wait to be accepted"
    );
}

#[test]
fn drops_while_no_accept_queue_was_full_have_another_reason() {
    assert!(dropping(5, 128, 3, &quiet()).findings.is_empty());
    // Unknown which it was: as long as nothing else explains it, it is reported.
    let host = quiet().with_growth(Counter::ListenOverflows, 7, 0);
    let examined = dropping(5, 128, 3, &host);
    assert_eq!(examined.findings.len(), 1);
    assert!(examined.lacking[0].starts_with("TcpExtListenOverflows went back"));
    let host = host.with_growth(Counter::ReqQFullDrop, 0, 3);
    assert!(dropping(5, 128, 3, &host).findings.is_empty());
}

#[test]
fn a_limit_of_somaxconn_is_named_and_both_need_a_new_listen() {
    let at = examined(129, 128, &quiet()).findings.remove(0);
    assert!(
        at.evidence
            .contains(&"the limit is that of net.core.somaxconn".to_owned())
    );
    assert!(
        at.remedy[1].contains("raise net.core.somaxconn, then"),
        "{at:?}"
    );
    let below = examined(2, 1, &quiet()).findings.remove(0);
    assert!(
        below.remedy[1].contains("up to net.core.somaxconn, which is 128"),
        "{below:?}"
    );
    for finding in [at, below] {
        assert!(finding.remedy[1].contains("new listen()"), "{finding:?}");
        assert_names_settings(&finding);
    }
}

#[test]
fn the_longest_wait_of_those_that_were_measured_is_reported() {
    let waiting = |local: &str, peer: &str| socket(State::Established, local, peer);
    let mut host = quiet().with_listeners(&[
        listener("0.0.0.0:80", 2, 1, 1),
        listener("192.0.2.9:80", 0, 1, 2),
    ]);
    let rule: AcceptQueue = host.read(
        &[],
        &[
            waiting("192.0.2.1:80", "192.0.2.7:1"),
            waiting("192.0.2.1:80", "192.0.2.7:2"),
            // Waits at the other.
            waiting("192.0.2.9:80", "192.0.2.7:3"),
        ],
    );
    let ends = rule.suspects(&host);
    assert_eq!(ends.len(), 2);
    host.measures = ends
        .iter()
        .zip([400, 12_345])
        .fold(Measures::default(), |measures, (ends, wait)| {
            measures.with(*ends, Metric::LastDataSent, wait)
        });
    let evidence = host.examine(&rule).findings[0].evidence.join("; ");
    assert!(
        evidence.contains("of 2 waiting connections that were measured, one has waited for 12.3 s"),
        "{evidence}"
    );
}

#[test]
fn over_proc_the_limits_are_unknown_but_the_counters_show_that_a_queue_was_full() {
    let mut row = listener("127.0.0.1:80", 3, 0, 1);
    (row.full, row.cookie) = (None, None);
    let mut host = quiet().with_listeners(&[row]);
    host.drops_unknown = Some("no netlink".to_owned());
    let rule: AcceptQueue = host.read(&[], &[]);
    let silent = host.examine(&rule);
    assert!(silent.findings.is_empty());
    assert!(silent.lacking[0].starts_with("/proc reports neither the limits"));
    let host = host.with_growth(Counter::ListenOverflows, 7, 9);
    let found = host.examine(&rule).findings;
    assert_eq!(found[0].title, "an accept queue was full 2 times in 1.0 s");
    assert!(found[0].evidence[1].contains("3 wait to be accepted at 127.0.0.1:80"));
    let reset = host.with_growth(Counter::ListenOverflows, 7, 0);
    assert!(reset.examine(&rule).findings.is_empty());
}

#[test]
fn the_worst_listeners_are_reported_and_how_many_there_are() {
    let full = (0..8).map(|number| listener("127.0.0.1:80", 2 + number, 1, number.into()));
    let host = quiet().with_listeners(&full.collect::<Vec<_>>());
    let examined = host.examine::<AcceptQueue>(&host.read(&[], &[]));
    assert_eq!(examined.findings.len(), REPORTED);
    assert_eq!(examined.findings[0].value, 9.0);
    assert!(examined.lacking[0].contains("the worst 5 of 8"));
    let inodes = examined.findings.iter().flat_map(|found| &found.inodes);
    assert_eq!(inodes.collect::<Vec<_>>(), [&7, &6, &5, &4, &3]);
}
