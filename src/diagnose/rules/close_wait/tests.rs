//! The rule on hosts made for it.

mod mptcp;
mod streams;
mod turnover;
mod unfinished;

use super::*;
use crate::diagnose::testing::{host, listener, seen, socket};
use crate::model::{Descriptors, Field, Holders, Label, Metric, ProcessName};
use turnover::slow_handlers;

/// In CLOSE_WAIT at port 80, with this cookie and inode.
fn one(number: u64, inode: u64) -> Socket {
    let peer = format!("192.0.2.1:{}", number % 60_000 + 1);
    Socket {
        cookie: Some(number),
        inode,
        ..socket(State::CloseWait, "192.0.2.9:80", &peer)
    }
}

/// As many that stay, held or not, on a host that listens at port 80.
fn examined(stay: u64, added: u64, held: bool) -> Vec<Finding> {
    let host = host().with_listeners(&[listener("0.0.0.0:80", 0, 1, 99)]);
    let mut holders = Holders::default();
    holders.set(99, ProcessName::new(b"listener"), 9);
    let sockets: Vec<Socket> = (1..=stay + added)
        .map(|number| one(number, if held { 1000 + number } else { 0 }))
        .collect();
    for inode in 1001..=1000 + stay + added {
        holders.set(inode, ProcessName::new(b"leaky"), 7);
    }
    let before = &sockets[..usize::try_from(stay).unwrap()];
    let rule: CloseWait = host.read(before, &sockets);
    host.examine_with(&rule, &holders).findings
}

#[test]
fn it_warns_from_10_that_stay_and_is_critical_where_descriptors_run_out() {
    assert!(examined(9, 500, true).is_empty());
    for stay in [10, 1000] {
        let found = examined(stay, 0, true);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
        assert!(found[0].evidence[2].contains("leaky (pid 7) are unknown"));
    }
    let grows = &examined(10, 2, true)[0];
    assert!(grows.evidence[0].ends_with("2 were added and none ended: the number only grows"));
    assert_eq!(grows.subject, [(Field::LocalPort, Label::Number(80))]);
    assert_eq!(
        (grows.processes[0].pid, grows.processes[0].sockets),
        (7, 12)
    );
    let host = host().listening_at(&["0.0.0.0:80"]);
    let sockets: Vec<Socket> = (1..=125).map(|number| one(number, number)).collect();
    let rule: CloseWait = host.read(&sockets, &sockets);
    for (limit, severity) in [(128, Severity::Critical), (19_000, Severity::Warning)] {
        let mut holders = Holders::default();
        (1..=125).for_each(|inode| holders.set(inode, ProcessName::new(b"leaky"), 7));
        holders.set_descriptors(7, Ok(Descriptors { open: 128, limit }));
        let found = host.examine_with(&rule, &holders).findings.remove(0);
        assert_eq!(found.severity, severity, "{found:?}");
    }
}

#[test]
fn a_process_is_taken_to_hold_as_much_of_those_that_were_not_searched() {
    let host = host().listening_at(&["0.0.0.0:80", "0.0.0.0:81"]);
    let mut holders = Holders::default();
    // More than are kept, of which 600 are of port 80.
    let sockets: Vec<Socket> = (1..=11_000)
        .map(|number| {
            let is_80 = number > 9_400;
            let local = if is_80 {
                "192.0.2.9:80"
            } else {
                "192.0.2.9:81"
            };
            holders.set(number, ProcessName::new(b"leaky"), u32::from(is_80));
            // Of which 600 are too few, and 1,600 enough.
            let (open, limit) = (10_000, 10_000);
            holders.set_descriptors(1, Ok(Descriptors { open, limit }));
            Socket {
                cookie: Some(number),
                inode: number,
                ..socket(State::CloseWait, local, "192.0.2.1:5000")
            }
        })
        .collect();
    let rule: CloseWait = host.read(&sockets, &sockets);
    let found = host.examine_with(&rule, &holders).findings;
    let found = found.iter().find(|found| found.value == 1_600.0).unwrap();
    assert_eq!(found.severity, Severity::Critical);
    assert_eq!(found.processes[0].sockets, 600);
    assert_eq!(
        found.evidence[3],
        "processes were searched for 10,000 of 11,000 in this state"
    );
}

/// What is found of these, seen at first and after five seconds as they were `then`, if at all.
fn watched(sockets: &[Socket], then: impl Fn(u64, Socket) -> Option<Socket>) -> Option<Finding> {
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let rule: CloseWait = host.read(sockets, sockets);
    let measures = [
        (Metric::BytesAcked, 7),
        (Metric::LastDataSent, 250_000),
        (Metric::LastDataReceived, 250_000),
        (Metric::LastAckReceived, 241_000),
    ];
    let now = sockets.iter().map(|one| seen(one.clone(), &measures));
    let now: Vec<Socket> = now.collect();
    host.see(&rule, &now);
    let then = (1..).zip(now).filter_map(|(number, one)| then(number, one));
    let then: Vec<Socket> = then.collect();
    host.see(&rule, &then);
    let mut examined = host.examine(&rule);
    assert!(examined.lacking.is_empty());
    examined.findings.pop()
}

fn with(socket: Socket, measures: &[(Metric, u64)]) -> Socket {
    let mut info = socket.info.clone().unwrap();
    for (metric, value) in measures {
        info.set(*metric, *value);
    }
    let info = Some(info);
    Socket { info, ..socket }
}

#[test]
fn connections_on_which_something_was_sent_are_used_in_one_direction() {
    let sockets: Vec<Socket> = (1..=12).map(|number| one(number, number)).collect();
    let sends = |sending: u64, measure| {
        watched(&sockets, move |number, one| {
            Some(if number <= sending {
                with(one, &[measure])
            } else {
                one
            })
        })
    };
    // Since the begin of the window, five seconds ago, or long before.
    for (measure, is_used) in [
        ((Metric::LastDataSent, 4_900), true),
        ((Metric::LastDataSent, 4_980), false),
        ((Metric::BytesAcked, 8), true),
    ] {
        assert!(sends(2, measure).is_some());
        assert_eq!(sends(3, measure).is_none(), is_used, "{measure:?}");
    }
    let found = sends(0, (Metric::BytesAcked, 7)).unwrap();
    assert_eq!(
        found.evidence[2..],
        [
            "of 12 connections that were watched for 5.0 s, 0 ended and 12 stayed unused",
            "each of these has been silent for 250.0 s or longer",
        ]
    );
    assert!(found.title.ends_with("stay in CLOSE_WAIT"), "{found:?}");
}

/// 32 connections that are watched, of which `ends` end; the others have this age and unread end.
fn turned_over(ends: u64, age: u64, unread: u32) -> Option<Finding> {
    let sockets = (1..=120).map(|number| Socket {
        receive_queue: unread,
        ..one(number, number)
    });
    let sockets: Vec<Socket> = sockets.collect();
    watched(&sockets, |number, one| {
        let left = with(one, &[(Metric::LastAckReceived, age)]);
        (number > ends).then_some(left)
    })
}

#[test]
fn connections_that_turn_over_are_those_of_slow_handlers_unless_they_are_too_old() {
    // Half of them end in 5 s, so a handler takes some 10 s.
    let slow = turned_over(16, 15_000, 1).unwrap();
    assert!(
        slow.title.contains("their handlers take longer"),
        "{slow:?}"
    );
    assert!(!slow.remedy.join(" ").contains("restart"), "{slow:?}");
    let leak = turned_over(16, 15_001, 1).unwrap();
    assert!(leak.title.ends_with("stay in CLOSE_WAIT"), "{leak:?}");
    assert!(leak.remedy[1].contains("restart"));
    // One of 32 is no turnover.
    let leak = turned_over(1, 1_000, 1).unwrap();
    assert!(leak.title.ends_with("stay in CLOSE_WAIT"), "{leak:?}");
}

/// The findings about twelve connections of this age and unread end that stay, and others that were
/// added.
fn of_age(age: u64, unread: usize, added: u64) -> Finding {
    let sockets: Vec<Socket> = (1..=12 + added)
        .map(|number| {
            let mut one = one(number, number);
            one.receive_queue = u32::from(usize::try_from(number).unwrap() <= unread);
            seen(one, &[(Metric::LastAckReceived, age)])
        })
        .collect();
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let rule: CloseWait = host.read(&sockets[..12], &sockets);
    host.see(&rule, &sockets);
    host.see(&rule, &sockets);
    let mut holders = Holders::default();
    (1..=12 + added).for_each(|inode| holders.set(inode, ProcessName::new(b"report"), 7));
    let found = host.examine_with(&rule, &holders).findings.remove(0);
    let (open, limit) = (100, 100);
    holders.set_descriptors(7, Ok(Descriptors { open, limit }));
    let urgent = host.examine_with(&rule, &holders).findings.remove(0);
    assert_eq!(urgent.severity, Severity::Critical);
    assert!(urgent.title.ends_with("stay in CLOSE_WAIT"), "{urgent:?}");
    found
}

#[test]
fn connections_that_may_still_be_answered_are_information_for_four_minutes_unless_they_grow() {
    for (age, unread, added, severity) in [
        (45_000, 0, 0, Severity::Info),
        (239_999, 6, 0, Severity::Info),
        (240_000, 0, 0, Severity::Warning),
        (45_000, 7, 0, Severity::Warning),
        (45_000, 0, 1, Severity::Info),
        (45_000, 0, 2, Severity::Warning),
    ] {
        let found = of_age(age, unread, added);
        assert_eq!(found.severity, severity, "{age} {unread} {added}");
        let is_information = severity == Severity::Info;
        let remedy = found.remedy.join(" ");
        assert_eq!(
            found.title.ends_with("may still be answered"),
            is_information
        );
        assert_eq!(remedy.contains("restart"), !is_information);
    }
}

/// The finding about twelve connections in CLOSE_WAIT of this age, with these measures, whose
/// process may have at most `limit` descriptors.
fn asked(local: &str, measures: &[(Metric, u64)], age: u64, limit: u64) -> Finding {
    let sockets = (1..=12).map(|number| {
        let ends = socket(State::CloseWait, local, &format!("192.0.2.1:{number}")).ends;
        let age = [(Metric::LastAckReceived, age)];
        let measures = [&age, measures].concat();
        seen(
            Socket {
                ends,
                ..one(number, number)
            },
            &measures,
        )
    });
    let sockets: Vec<Socket> = sockets.collect();
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let rule: CloseWait = host.read(&sockets, &sockets);
    host.see(&rule, &sockets);
    host.see(&rule, &sockets);
    let mut holders = Holders::default();
    (1..=12).for_each(|inode| holders.set(inode, ProcessName::new(b"report"), 7));
    holders.set_descriptors(7, Ok(Descriptors { open: 17, limit }));
    host.examine_with(&rule, &holders).findings.remove(0)
}

#[test]
fn requests_without_an_answer_are_information_for_an_hour_unless_descriptors_run_short() {
    let request = |sent, acknowledged| {
        [
            (Metric::BytesReceived, 9),
            (Metric::BytesAcked, acknowledged),
            (Metric::LastDataReceived, 300_000),
            (Metric::LastDataSent, sent),
        ]
    };
    let (hour, many) = (3_600_000, 1_024);
    for (measures, age, limit, severity) in [
        (request(300_001, 500), 300_000, many, Severity::Info),
        (request(300_000, 0), 300_000, many, Severity::Info),
        (request(300_000, 1), 300_000, many, Severity::Warning),
        (request(300_000, 500), 300_000, many, Severity::Warning),
        (request(300_001, 500), hour - 1, many, Severity::Info),
        (request(300_001, 500), hour, many, Severity::Warning),
        (request(300_001, 500), 300_000, 49, Severity::Info),
        (request(300_001, 500), 300_000, 48, Severity::Warning),
        // Nothing was asked: only the FIN came.
        (
            [(Metric::BytesReceived, 1); 4],
            300_000,
            many,
            Severity::Warning,
        ),
    ] {
        let found = asked("192.0.2.9:80", &measures, age, limit);
        assert_eq!(found.severity, severity, "{measures:?} {age} {limit}");
    }
    let found = asked("192.0.2.9:80", &request(300_001, 500), 300_000, many);
    let line = "12 of these have sent nothing since the last data came from the peer";
    assert!(found.evidence.contains(&line.to_owned()), "{found:?}");
    let client = asked("192.0.2.9:5000", &request(300_001, 500), 300_000, many);
    assert_eq!(client.severity, Severity::Warning);
}

#[test]
fn handlers_that_have_read_the_end_or_finish_in_time_are_no_finding() {
    assert!(turned_over(16, 9_000, 0).is_none());
    // Read in time, of which 7 of 120 would be left, or 11.
    assert!(slow_handlers(32, 30, 999).is_none());
    assert!(slow_handlers(32, 29, 999).is_some());
}

#[test]
fn a_pool_whose_idle_connections_the_server_closed_is_a_story_of_its_own() {
    let client = |number: u64| Socket {
        ends: socket(
            State::CloseWait,
            &format!("192.0.2.9:{}", 40_000 + number),
            "192.0.2.1:80",
        )
        .ends,
        ..one(number, number)
    };
    let sockets: Vec<Socket> = (1..=12).map(client).collect();
    // The last request before the FIN, in milliseconds.
    for (before, story) in [(1_000, "while they were idle"), (999, "stay in CLOSE_WAIT")] {
        let found = watched(&sockets, |_, one| {
            let times = [
                (Metric::LastDataSent, 300_000 + before),
                (Metric::LastAckReceived, 300_000),
            ];
            Some(with(one, &times))
        });
        let found = found.unwrap();
        assert!(found.title.ends_with(story), "{found:?}");
    }
}

#[test]
fn over_proc_it_is_unknown_whether_connections_still_send() {
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    host.source = SourceName::Proc;
    let sockets: Vec<Socket> = (1..=10).map(|number| one(number, number)).collect();
    let examined = host.examine::<CloseWait>(&host.read(&sockets, &sockets));
    assert_eq!(examined.findings.len(), 1);
    assert!(examined.lacking[0].starts_with("/proc does not report whether"));
    let examined = host.examine::<CloseWait>(&host.read(&sockets[1..], &sockets));
    assert!(examined.findings.is_empty() && examined.lacking.is_empty());
}

#[test]
fn connections_that_were_never_accepted_are_attributed_to_their_listener() {
    let found = &examined(10, 0, false)[0];
    assert!(found.title.contains("never accepted"), "{}", found.title);
    assert_eq!(found.processes[0].name.as_deref(), Some("listener"));
    assert!(examined(9, 0, false).is_empty());
}

#[test]
fn where_listeners_share_a_port_those_with_a_queue_are_named() {
    for (queues, named) in [
        ([0, 33, 0], &[2][..]),
        ([1, 33, 0], &[1, 2]),
        ([0, 0, 0], &[1, 2, 3]),
    ] {
        let listeners = (1..).zip(queues);
        let listeners = listeners.map(|(inode, queue)| listener("0.0.0.0:80", queue, 32, inode));
        let host = host().with_listeners(&listeners.collect::<Vec<_>>());
        let waiting = (1..=20).map(|number| Socket {
            cookie: Some(number),
            ..socket(State::CloseWait, "192.0.2.9:80", "192.0.2.1:5000")
        });
        let waiting: Vec<Socket> = waiting.collect();
        let found = host.examine::<CloseWait>(&host.read(&waiting, &waiting));
        assert_eq!(found.findings[0].inodes, named);
    }
}

#[test]
fn with_mptcp_sockets_or_in_a_copied_tree_it_is_not_examined() {
    let lacking = |host: Host| {
        let examined = host.examine::<CloseWait>(&host.read(&[], &[]));
        assert!(examined.findings.is_empty());
        examined.lacking
    };
    assert!(lacking(host()).is_empty());
    let mut mptcp = host();
    mptcp.unlisted.mptcp = Ok(120);
    assert!(lacking(mptcp)[0].starts_with("120 MPTCP sockets are not in the TCP table"));
    let mut unknown = host();
    unknown.unlisted.mptcp = Err("no such file".to_owned());
    assert!(lacking(unknown)[0].ends_with("MPTCP sockets is unknown: no such file"));
    let mut copied = host();
    copied.still = Some("a copied tree");
    assert!(lacking(copied)[0].contains("copied tree"));
}
