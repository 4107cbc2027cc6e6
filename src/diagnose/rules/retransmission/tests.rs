//! The rule at, below and above its thresholds.

use std::time::Duration;

use super::*;
use crate::diagnose::Survey;
use crate::diagnose::testing::{host, seen, socket};
use crate::diagnose::watch::Watch;
use crate::model::{Metric, Sink, Socket, Timer, TimerKind};

fn segments(again: u64, new: u64) -> Host {
    host()
        .with_growth(Counter::RetransSegs, 1, 1 + again)
        .with_growth(Counter::OutSegs, 5, 5 + new)
        .with_growth(Counter::SynRetrans, 3, 3)
}

fn waiting(retransmits: u32, peer: &str) -> Socket {
    Socket {
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            remaining: Duration::ZERO,
        }),
        retransmits: Some(retransmits),
        send_queue: 90,
        inode: 9,
        ..socket(State::Established, "192.0.2.1:80", peer)
    }
}

fn found(sockets: &[Socket], host: &Host) -> Option<Finding> {
    let rule: Retransmission = host.read(&[], sockets);
    host.examine(&rule).findings.pop()
}

#[test]
fn it_warns_from_one_in_a_hundred_on_and_not_for_a_few_segments() {
    for (again, new, warns) in [
        (9, 1, false),
        (10, 0, true),
        (10, 990, true),
        (10, 991, false),
        (1, 2, false),
        (1_000, 99_000, true),
    ] {
        let finding = found(&[], &segments(again, new));
        assert_eq!(finding.is_some(), warns, "{again} besides {new}");
    }
    let title = found(&[], &segments(30, 970)).unwrap().title;
    assert_eq!(
        title,
        "3.0 % of the segments sent in 1.0 s were retransmissions: 30 of 1,000"
    );
}

#[test]
fn what_peers_received_twice_was_not_lost() {
    for (twice, warns) in [(0, true), (90, true), (91, false), (500, false)] {
        let host = segments(100, 900).with_growth(Counter::DsackRecv, 7, 7 + twice);
        assert_eq!(found(&[], &host).is_some(), warns, "{twice}");
    }
}

#[test]
fn a_part_that_is_too_few_segments_in_the_window_is_decided_while_peers_are_watched() {
    for (window, later, warns) in [
        ((9, 891), (10, 990), true),
        ((9, 891), (10, 991), false),
        ((9, 891), (9, 891), false),
        ((1, 99), (10, 99), true),
    ] {
        let mut host = watched(
            segments(window.0, window.1),
            &[("192.0.2.9:7", ([2, 50], [0, 9]))],
        );
        let rule: Retransmission = host.read(&[], &[]);
        assert!(host.examine(&rule).findings.is_empty());
        assert!(!rule.watched_peers(&host).is_empty(), "{window:?}");
        host.later = Some((segments(later.0, later.1).after, Duration::from_secs(5)));
        let found = host.examine(&rule).findings.pop();
        assert_eq!(found.is_some(), warns, "{later:?}");
        assert_eq!(
            rule.watched_peers(&host).is_empty(),
            later.0 == 10,
            "{later:?}"
        );
    }
    let mut one_waits = segments(5, 10);
    one_waits.later = Some((segments(14, 20).after, Duration::from_secs(5)));
    assert!(found(&[waiting(4, "192.0.2.9:1")], &one_waits).is_none());
    one_waits.later = Some((segments(15, 20).after, Duration::from_secs(5)));
    let title = "42.9 % of the segments sent in 5.0 s were retransmissions: 15 of 35";
    let waits = found(&[waiting(4, "192.0.2.9:1")], &one_waits).unwrap();
    assert_eq!(waits.title, title);
}

#[test]
fn retransmitted_syns_are_not_counted_as_loss() {
    for (syns, warns) in [(0, true), (1, true), (2, false), (11, false), (12, false)] {
        let host = segments(11, 0).with_growth(Counter::SynRetrans, 0, syns);
        assert_eq!(found(&[], &host).is_some(), warns, "{syns}");
    }
    let unknown = segments(11, 0).with_growth(Counter::SynRetrans, 9, 2);
    let examined = unknown.examine::<Retransmission>(&unknown.read(&[], &[]));
    assert!(examined.findings.is_empty() && !examined.lacking.is_empty());
}

#[test]
fn what_is_sent_again_to_peers_that_acknowledge_nothing_is_no_loss() {
    for state in [State::Established, State::LastAck, State::FinWait1] {
        for (vanished, warns) in [(11, true), (12, false)] {
            let one = Socket {
                state,
                ..waiting(4, "192.0.2.9:1")
            };
            let finding = found(&vec![one; vanished], &segments(21, 0));
            assert_eq!(finding.is_some(), warns, "{state:?} {vanished}");
        }
    }
}

#[test]
fn what_is_sent_again_before_servers_reset_connections_is_no_loss() {
    let restarted = |resets, accepted| {
        [
            (Counter::EstabResets, resets),
            (Counter::PassiveOpens, accepted),
            (Counter::AbortOnClose, 0),
            (Counter::AbortOnData, 0),
            (Counter::AbortOnTimeout, 0),
            (Counter::OutRsts, 0),
            (Counter::ActiveOpens, 0),
            (Counter::InSegs, 0),
        ]
        .into_iter()
        .fold(segments(40, 0), |host, (counter, growth)| {
            host.with_growth(counter, 5, 5 + growth)
        })
    };
    assert!(found(&[], &restarted(10, 0)).is_some());
    assert!(found(&[], &restarted(11, 0)).is_none());
    assert!(
        found(&[], &restarted(40, 40)).is_some(),
        "clients may have reset them"
    );
}

#[test]
fn counters_that_were_reset_give_no_finding() {
    let reset = segments(10, 0).with_growth(Counter::OutSegs, 50, 3);
    let examined = reset.examine::<Retransmission>(&reset.read(&[], &[]));
    assert!(examined.findings.is_empty());
    assert_eq!(examined.lacking, ["TcpOutSegs went back from 50 to 3"]);
}

fn connection(peer: &str, again: u64, all: u64, acknowledged: u64) -> Socket {
    let measures = [
        (Metric::TotalRetrans, again),
        (Metric::DataSegsOut, all),
        (Metric::BytesAcked, acknowledged),
        (Metric::RoundTripTime, 40_950),
    ];
    seen(waiting(0, peer), &measures)
}

/// What was sent on a connection before it was watched, and in that time: retransmissions and all.
type Grown = ([u64; 2], [u64; 2]);

/// The host after it has watched connections to these peers for 2 seconds.
fn watched(mut host: Host, peers: &[(&str, Grown)]) -> Host {
    let at = |now: bool| {
        let peers = peers.iter();
        peers.map(move |(peer, (before, after))| {
            let of = |n: usize| before[n] + if now { after[n] } else { 0 };
            connection(peer, of(0), of(1), 100 + u64::from(now))
        })
    };
    let mut survey = Survey::default();
    assert!(at(false).all(|socket| survey.socket(&socket).is_continue()));
    host.survey = Some(survey);
    for now in [false, true] {
        let addresses: Vec<IpAddr> = (1..=9).map(|n| [192, 0, 2, n].into()).collect();
        let mut seen = host.watch.sightings_of(&addresses);
        assert!(at(now).all(|socket| seen.socket(&socket).is_continue()));
        let over = Duration::from_secs(1 + 2 * u64::from(now));
        host.watch.see_peers(seen, over);
    }
    host
}

const FINE: (&str, Grown) = ("192.0.2.8:7", ([0, 9_000], [1, 4_000]));

#[test]
fn one_lossy_peer_is_found_however_little_the_host_retransmits() {
    for (before, grown, title) in [
        ([0, 50], [9, 90], None),
        (
            [0, 50],
            [10, 500],
            Some(
                "2.0 % of the segments sent to 192.0.2.9 in 2.0 s were retransmissions: 10 of 500",
            ),
        ),
        ([0, 50], [10, 501], None),
        (
            [10, 200],
            [1, 50],
            Some(
                "5.0 % of the segments sent to 192.0.2.9 since its connections began were retransmissions: 10 of 200",
            ),
        ),
        ([9, 90], [1, 50], None),
        ([10, 201], [1, 50], None),
        ([10, 200], [1, 51], None),
        ([10, 200], [0, 50], None),
    ] {
        let host = watched(
            segments(2, 90_000),
            &[FINE, ("192.0.2.9:7", (before, grown))],
        );
        let finding = found(&[], &host);
        let found = finding.as_ref().map(|finding| &*finding.title);
        assert_eq!(found, title, "{before:?} {grown:?}");
        if let Some(finding) = finding {
            assert_eq!(finding.severity, Severity::Warning);
            let filter = finding.commands[0].filter();
            assert_eq!(filter, Some("total-retrans > 0 and dst 192.0.2.9"));
            assert_eq!(finding.inodes, [9]);
            let others = "in the same time 1 of 4,000 segments to 1 other peer that were watched";
            assert_eq!(finding.evidence[1], others);
        }
    }
}

#[test]
fn one_of_many_clients_is_information() {
    let lossy = ("192.0.2.9:7", ([0, 50], [20, 100]));
    for (others, severity) in [(8, Severity::Warning), (20, Severity::Info)] {
        let host = segments(2, 90_000).listening_at(&["0.0.0.0:80"]);
        let mut peers = vec![lossy];
        peers.resize(1 + others, ("192.0.2.8:7", ([0, 400], [0, 9])));
        let finding = found(&[], &watched(host, &peers)).unwrap();
        assert_eq!(finding.severity, severity, "{others}");
    }
}

#[test]
fn with_a_filter_selected_peers_alone_are_found_where_they_are_measured() {
    let lossy = [FINE, ("192.0.2.9:7", ([0, 50], [20, 100]))];
    let mut host = watched(segments(30, 970), &lossy);
    let rule: Retransmission = host.read(&[], &[]);
    let whole = host.examine(&rule).findings;
    assert_eq!(whole.len(), 1, "{whole:?}");
    assert!(whole[0].title.ends_with("30 of 1,000, most to 192.0.2.9"));
    assert_eq!(whole[0].scope, Scope::Namespace);
    host.filter = Some("(sport = 80)".to_owned());
    let of_peer = host.examine(&rule).findings;
    assert_eq!(of_peer.len(), 1, "{of_peer:?}");
    assert_eq!(of_peer[0].scope, Scope::Selection);
    assert!(
        of_peer[0].title.contains(" sent to 192.0.2.9 "),
        "{of_peer:?}"
    );
    let mut healthy = watched(segments(30, 970), &[FINE]);
    healthy.filter = Some("(dst 192.0.2.8)".to_owned());
    assert!(healthy.examine(&rule).findings.is_empty());
    // Over /proc there are only counters.
    let mut unmeasured = segments(30, 970);
    unmeasured.source = SourceName::Proc;
    unmeasured.filter = Some("(dst 192.0.2.8)".to_owned());
    let examined = unmeasured.examine(&rule);
    assert!(examined.findings.is_empty());
    let reason = "/proc does not report what is retransmitted to each peer";
    assert_eq!(examined.lacking, [reason]);
}

#[test]
fn a_peer_is_named_only_if_most_retransmissions_are_to_it_of_all_or_of_those_watched() {
    for (again, unwatched_connections, named) in [
        ([8, 2], 0, Some(", most to 192.0.2.9")),
        ([7, 2], 0, None),
        ([8, 2], 2, Some(", most to 192.0.2.9")),
        ([8, 2], 3, Some(", most of those watched to 192.0.2.9")),
    ] {
        let [one, other] = again;
        let peers = [
            ("192.0.2.9:7", ([0, 50], [one, 1_000])),
            ("192.0.2.8:7", ([0, 50], [other, 1_000])),
        ];
        let mut host = watched(segments(30, 90), &peers);
        let unwatched = connection("198.51.100.1:7", 0, 50, 1);
        let survey = host.survey.as_mut().unwrap();
        (0..unwatched_connections).for_each(|_| assert!(survey.socket(&unwatched).is_continue()));
        let finding = found(&[], &host).unwrap();
        match named {
            Some(words) => assert!(finding.title.ends_with(words), "{finding:?}"),
            None => assert!(!finding.title.contains("most"), "{finding:?}"),
        }
        assert_eq!(finding.inodes.len(), if named.is_some() { 1 } else { 2 });
    }
    let none = found(&[], &watched(segments(30, 90), &[])).unwrap();
    assert_eq!(none.commands[0].filter(), None);
}

#[test]
fn peers_that_acknowledge_nothing_or_whose_window_is_closed_are_not_compared() {
    for (acknowledged, limited, is_compared) in
        [(1, 400_000, true), (0, 0, false), (1, 400_001, false)]
    {
        let mut host = segments(2, 90_000);
        for now in [0, 1] {
            let mut seen = host.watch.sightings_of(&[[192, 0, 2, 9].into()]);
            let measures = [
                (Metric::TotalRetrans, 90 * now),
                (Metric::DataSegsOut, 100 + 90 * now),
                (Metric::BytesAcked, 5 + acknowledged * now),
                (Metric::RwndLimited, limited * now),
            ];
            let socket = self::seen(waiting(0, "192.0.2.9:7"), &measures);
            assert!(seen.socket(&socket).is_continue());
            host.watch.see_peers(seen, Duration::from_secs(1 + 2 * now));
        }
        assert_eq!(
            found(&[], &host).is_some(),
            is_compared,
            "{acknowledged} {limited}"
        );
    }
}

#[test]
fn peers_are_watched_until_it_is_known_whether_one_is_lossy() {
    let rule = Retransmission::default();
    let watches = |host: &Host| rule.watched_peers(host).len();
    for (again, before, grown, expected) in [
        (1, [1, 90], [0, 90], 0),
        (1, [1, 90], [1, 50], 1),
        (1, [1, 90], [1, 51], 0),
        (1, [10, 200], [0, 10], 1),
        (1, [10, 200], [1, 10], 0),
        (0, [10, 200], [0, 10], 1),
        (0, [9, 90], [1, 10], 0),
    ] {
        let mut host = watched(segments(again, 9_000), &[("192.0.2.9:7", (before, grown))]);
        assert_eq!(watches(&host), expected, "{again} {before:?} {grown:?}");
        host.watch = Watch::default();
        let is_suspect = again > 0 || before == [10, 200];
        assert_eq!(watches(&host) > 0, is_suspect, "{again} {before:?}");
    }
}

#[test]
fn all_peers_are_surveyed_where_sockets_are_few_or_some_are_retransmitted_to() {
    let rule = Retransmission::default();
    for (sockets, again, wants) in [(20_000, 0, true), (20_001, 9, false), (20_001, 10, true)] {
        let mut host = segments(again, 90_000);
        host.sockets = sockets;
        assert_eq!(rule.wants_survey(&host), wants, "{sockets} {again}");
        host.source = SourceName::Proc;
        assert!(!rule.wants_survey(&host));
        let lacking = host.examine(&rule).lacking;
        assert_eq!(lacking.len(), usize::from(again >= 10));
    }
}
