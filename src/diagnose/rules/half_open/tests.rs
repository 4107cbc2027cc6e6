//! The rule at, below and above its limits, with cookies and without.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host, listener, socket};
use crate::model::{Field, Label, Setting, Socket};

/// `requests` from as many sources, or from one, at a listener with this queue and limit.
fn examined(requests: u32, one: bool, queue: (u32, u32), host: &Host) -> Examined {
    let listener = listener("0.0.0.0:80", queue.0, queue.1, 1);
    let host = host.clone().with_listeners(&[listener]);
    let sockets = (0..requests).map(|number| {
        let [_, _, c, d] = number.to_be_bytes();
        let source = if one {
            "198.51.100.7:1".to_owned()
        } else {
            format!("10.0.{c}.{d}:1")
        };
        socket(State::SynRecv, "192.0.2.1:80", &source)
    });
    let sockets: Vec<_> = sockets.collect();
    host.examine::<HalfOpen>(&host.read(&[], &sockets))
}

fn with_cookies(cookies: &str) -> Host {
    host()
        .with_growth(Counter::ReqQFullDrop, 5, 5)
        .with_setting(Setting::Syncookies, cookies)
        .with_setting(Setting::MaxSynBacklog, "1000")
}

fn severity(requests: u32, limit: u32, cookies: &str) -> Option<Severity> {
    let examined = examined(requests, false, (0, limit), &with_cookies(cookies));
    assert!(examined.lacking.is_empty());
    examined.findings.first().map(|finding| finding.severity)
}

#[test]
fn it_warns_at_four_fifths_of_the_room_and_beyond_it_is_critical_without_cookies() {
    for (requests, limit, with, without) in [
        (79, 100, None, None),
        (80, 100, Some(Severity::Warning), Some(Severity::Warning)),
        (100, 100, Some(Severity::Warning), Some(Severity::Warning)),
        (101, 100, Some(Severity::Warning), Some(Severity::Critical)),
        (9, 9, None, None),
        (10, 10, Some(Severity::Warning), Some(Severity::Warning)),
        (2, 1, Some(Severity::Warning), Some(Severity::Critical)),
    ] {
        assert_eq!(
            severity(requests, limit, "1"),
            with,
            "{requests} of {limit}"
        );
        assert_eq!(
            severity(requests, limit, "0"),
            without,
            "{requests} of {limit}"
        );
    }
}

#[test]
fn the_syn_backlog_binds_only_where_cookies_are_off() {
    assert_eq!(severity(599, 4_096, "0"), None);
    assert_eq!(severity(600, 4_096, "0"), Some(Severity::Warning));
    assert_eq!(severity(750, 4_096, "0"), Some(Severity::Warning));
    assert_eq!(severity(751, 4_096, "0"), Some(Severity::Critical));
    assert_eq!(severity(751, 4_096, "1"), None);
    let off = examined(751, false, (0, 4_096), &with_cookies("0"))
        .findings
        .remove(0);
    assert!(
        off.evidence
            .join("; ")
            .contains("SYNs of clients without an earlier connection beyond 750"),
        "{off:?}"
    );
    let on = examined(4_000, false, (0, 4_096), &with_cookies("1"))
        .findings
        .remove(0);
    assert!(!format!("{on:?}").contains("tcp_max_syn_backlog"), "{on:?}");
    assert_names_settings(&off);
    assert_names_settings(&on);
    assert_eq!(off.limit, Some(750.0));
    assert_eq!(
        off.title,
        "751 half-open requests at 0.0.0.0:80, and the limit for clients without an earlier connection is 750 (three quarters of net.ipv4.tcp_max_syn_backlog)"
    );
    // A larger backlog of the listener does not help where it binds.
    assert!(off.remedy[1].contains("or raise net.ipv4.tcp_max_syn_backlog"));
    let full = examined(101, false, (0, 100), &with_cookies("0"));
    assert_eq!(
        full.findings[0].remedy[2],
        "Set net.ipv4.tcp_syncookies to 1."
    );
}

#[test]
fn a_full_accept_queue_is_the_cause_where_it_is_full_and_comes_first() {
    let behind = examined(90, true, (101, 100), &with_cookies("1"))
        .findings
        .remove(0);
    assert_eq!(behind.causes, ["accept-queue"]);
    assert!(behind.remedy[0].starts_with("Fix the accept queue of 0.0.0.0:80 first"));
    let free = examined(90, true, (0, 100), &with_cookies("1"))
        .findings
        .remove(0);
    assert_eq!(free.causes, ["unconfirmed"]);
    assert!(
        free.remedy[0].starts_with("If 198.51.100.7 is one of your clients"),
        "{free:?}"
    );
    assert!(free.evidence[0].contains("from 1 address, 90 of them from 198.51.100.7"));
    let many = examined(90, false, (0, 100), &with_cookies("1"))
        .findings
        .remove(0);
    assert!(many.remedy[0].contains("SYN flood"), "{many:?}");
    assert_eq!(
        many.evidence[0],
        "they came from 90 addresses, at most one from each"
    );
}

#[test]
fn syns_without_room_are_reported_though_no_listener_shows_them() {
    let dropped = with_cookies("1").with_growth(Counter::ReqQFullDrop, 1, 4);
    let found = examined(0, true, (0, 1), &dropped).findings.remove(0);
    assert_eq!((found.severity, found.value), (Severity::Critical, 3.0));
    assert!(found.remedy[1].starts_with("Leave net.ipv4.tcp_syncookies on"));
    let off = with_cookies("0").with_growth(Counter::ReqQFullDrop, 1, 4);
    let found = examined(0, true, (0, 1), &off).findings.remove(0);
    assert!(found.remedy[1].starts_with("Set net.ipv4.tcp_syncookies to 1"));
    let reset = with_cookies("1").with_growth(Counter::ReqQFullDrop, 4, 1);
    assert!(examined(0, true, (0, 1), &reset).findings.is_empty());
    let always = with_cookies("2").with_growth(Counter::ReqQFullDoCookies, 1, 4);
    assert!(examined(0, true, (0, 1), &always).findings.is_empty());
    let full = with_cookies("1").with_growth(Counter::ReqQFullDoCookies, 1, 4);
    let found = examined(0, true, (0, 1), &full).findings.remove(0);
    assert_eq!(found.severity, Severity::Warning);
}

#[test]
fn syns_without_room_follow_from_the_only_accept_queue_that_dropped_connections() {
    let mut full = listener("0.0.0.0:80", 2, 1, 1);
    full.drops = Some(5);
    let mut other = listener("0.0.0.0:81", 0, 9, 2);
    other.drops = Some(0);
    let follows = |listeners: &[Socket], overflows: u64| {
        let dropped = with_cookies("1").with_growth(Counter::ReqQFullDrop, 1, 6);
        let dropped = dropped.with_growth(Counter::ListenOverflows, 7, 7 + overflows);
        let host = dropped.with_listeners(listeners);
        let found = host.examine::<HalfOpen>(&host.read(&[], &[])).findings;
        let port = u64::from(listeners[0].internet().unwrap().local.port());
        let cause = Finding::new(Severity::Critical, String::new(), 1.0, Vec::new(), "")
            .with_subject(vec![(Field::LocalPort, Label::Number(port))]);
        let cause = Finding {
            id: "accept-queue",
            ..cause
        };
        let follows = found[0].follows_from(&cause);
        assert_eq!(follows, !found[0].inodes.is_empty());
        assert_eq!(follows, found[0].remedy[0].contains(" a larger backlog"));
        follows
    };
    assert!(follows(&[full.clone(), other.clone()], 0));
    let mut empty = full.clone();
    empty.receive_queue = 0;
    assert!(!follows(&[empty.clone(), other.clone()], 0));
    assert!(follows(&[empty.clone(), other.clone()], 5), "after a burst");
    assert!(follows(&[empty], 0), "there is no other");
    other.drops = Some(1);
    assert!(!follows(&[full, other], 5));
}

#[test]
fn without_the_setting_the_limit_or_the_counter_it_is_not_examined() {
    let lacking = |examined: Examined| examined.lacking.join("; ");
    let unset = lacking(examined(5, true, (0, 1), &host()));
    assert!(unset.contains("tcp_syncookies"), "{unset}");
    let mut row = listener("0.0.0.0:80", 0, 0, 1);
    row.full = None;
    let proc = with_cookies("0").with_listeners(&[row]);
    let request = socket(State::SynRecv, "192.0.2.1:80", "198.51.100.7:1");
    let examined = proc.examine::<HalfOpen>(&proc.read(&[], &[request]));
    assert!(examined.findings.is_empty());
    assert!(lacking(examined).starts_with("/proc does not report how many requests"));
    let mut copied = proc;
    copied.still = Some("a copied tree");
    let copied = lacking(copied.examine::<HalfOpen>(&copied.read(&[], &[])));
    assert_eq!(copied, "counters do not grow in a copied tree");
}
