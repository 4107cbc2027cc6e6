//! The rule at, below and above its limits.

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{assert_names_settings, facts, listener, socket};
use crate::model::State;

fn examined(waiting: u32, limit: u32, facts: &Facts) -> Examined {
    dropping(waiting, limit, 0, facts)
}

/// The same where the listener dropped so many in the window.
fn dropping(waiting: u32, limit: u32, drops: u32, facts: &Facts) -> Examined {
    let mut one = listener("127.0.0.1:80", waiting, limit, 1);
    one.drops = Some(drops);
    let facts = facts.clone().with_listeners(&[one]);
    examine(&Waiting::default(), &facts, &Holders::default())
}

fn quiet() -> Facts {
    facts()
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
        let findings = examined(waiting, limit, &quiet()).findings;
        let found = findings.first().map(|finding| finding.severity);
        assert_eq!(found, severity, "{waiting} of {limit}");
    }
}

#[test]
fn what_a_listener_dropped_in_the_window_is_critical_though_its_queue_has_room_again() {
    let facts = quiet().with_growth(Counter::ListenOverflows, 7, 10);
    let finding = dropping(5, 128, 3, &facts).findings.remove(0);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(
        finding.title,
        "3 dropped at 127.0.0.1:80 in 1.0 s; 5 of 128 wait to be accepted"
    );
}

#[test]
fn what_a_listener_dropped_while_no_accept_queue_was_full_is_none_of_this() {
    assert!(dropping(5, 128, 3, &quiet()).findings.is_empty());
    // Not known which it was: as long as nothing else explains it, it is told.
    let facts = quiet().with_growth(Counter::ListenOverflows, 7, 0);
    assert_eq!(dropping(5, 128, 3, &facts).findings.len(), 1);
    let facts = facts.with_growth(Counter::ReqQFullDrop, 0, 3);
    assert!(dropping(5, 128, 3, &facts).findings.is_empty());
}

#[test]
fn where_the_limit_is_somaxconn_it_is_said_and_that_both_take_a_new_listen() {
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
fn how_long_connections_have_waited_is_told_of_those_that_were_asked_about() {
    let mut facts = quiet().with_listeners(&[listener("0.0.0.0:80", 2, 1, 1)]);
    let mut waiting = Waiting::default();
    for peer in ["192.0.2.7:1", "192.0.2.7:2"] {
        waiting.add(&socket(State::Established, "192.0.2.1:80", peer));
    }
    let ends = suspects(&waiting, &facts);
    assert_eq!(ends.len(), 2);
    facts.measures = ends
        .iter()
        .zip([400, 12_345])
        .fold(Measures::default(), |measures, (ends, wait)| {
            measures.with(*ends, Metric::LastDataSent, wait)
        });
    let examined = examine(&waiting, &facts, &Holders::default());
    let told = examined.findings[0].evidence.join("; ");
    assert!(
        told.contains("of 2 that wait and were asked about, one has for 12.3 s"),
        "{told}"
    );
}

#[test]
fn proc_knows_no_limits_but_the_counters_tell_that_a_queue_was_full() {
    let mut row = listener("127.0.0.1:80", 3, 0, 1);
    (row.full, row.cookie) = (None, None);
    let mut facts = quiet().with_listeners(&[row]);
    facts.drops_unknown = Some("no netlink".to_owned());
    let silent = examine(&Waiting::default(), &facts, &Holders::default());
    assert!(silent.findings.is_empty() && silent.lacking.is_some());
    let facts = facts.with_growth(Counter::ListenOverflows, 7, 9);
    let told = examine(&Waiting::default(), &facts, &Holders::default());
    assert_eq!(
        told.findings[0].title,
        "an accept queue was full 2 times in 1.0 s"
    );
    assert!(told.findings[0].evidence[1].contains("3 wait to be accepted at 127.0.0.1:80"));
    let reset = facts.with_growth(Counter::ListenOverflows, 7, 0);
    assert!(
        examine(&Waiting::default(), &reset, &Holders::default())
            .findings
            .is_empty()
    );
}

#[test]
fn the_worst_listeners_are_told_and_how_many_there_are() {
    let full = (0..8).map(|number| listener("127.0.0.1:80", 2 + number, 1, number.into()));
    let facts = quiet().with_listeners(&full.collect::<Vec<_>>());
    let examined = examine(&Waiting::default(), &facts, &Holders::default());
    assert_eq!(examined.findings.len(), TOLD);
    assert_eq!(examined.findings[0].value, Some(9.0));
    assert!(examined.lacking.unwrap().contains("the worst 5 of 8"));
}
