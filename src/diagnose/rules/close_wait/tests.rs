//! The rule on hosts made for it.

use super::*;
use crate::diagnose::Measures;
use crate::diagnose::testing::{host, listener, socket};
use crate::model::{Field, Holders, Label, ProcessName};

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
fn it_warns_from_10_that_stay_and_a_thousand_of_one_process_are_critical() {
    assert!(examined(9, 500, true).is_empty());
    for (stay, severity) in [
        (10, Severity::Warning),
        (999, Severity::Warning),
        (1000, Severity::Critical),
    ] {
        let found = examined(stay, 0, true);
        assert_eq!((found.len(), found[0].severity), (1, severity), "{stay}");
    }
    let grows = &examined(10, 2, true)[0];
    assert!(grows.evidence[0].ends_with("2 were added and none ended: the number only grows"));
    assert_eq!(grows.subject, [(Field::LocalPort, Label::Number(80))]);
    assert_eq!(
        (grows.processes[0].pid, grows.processes[0].sockets),
        (7, 12)
    );
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
        found.evidence[2],
        "processes were searched for 10,000 of 11,000 in this state"
    );
}

#[test]
fn connections_that_still_send_answer_peers_that_closed_one_direction() {
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let sockets: Vec<Socket> = (1..=12).map(|number| one(number, number)).collect();
    let rule: CloseWait = host.read(&sockets, &sockets);
    // So many of them sent data 499 ms ago, the others long ago.
    let mut found = |sending: usize| {
        let suspects = rule.suspects(&host).into_iter().enumerate();
        host.measures = suspects.fold(Measures::default(), |measures, (at, ends)| {
            let sent = if at < sending { 499 } else { 61_250 };
            let measures = measures.with(ends, Metric::LastDataSent, sent);
            measures.with(ends, Metric::LastDataReceived, 70_000)
        });
        let examined = host.examine(&rule);
        assert!(examined.lacking.is_empty());
        let inodes = examined.findings.iter().flat_map(|found| &found.inodes);
        assert_eq!(inodes.count(), examined.findings.len() * 12);
        examined.findings
    };
    assert_eq!(
        found(0)[0].evidence[2],
        "of 12 measured, each has been silent for 61.2 s or longer"
    );
    assert_eq!(found(6).len(), 1);
    assert!(found(7).is_empty());
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
    copied.copied = true;
    assert!(lacking(copied)[0].contains("copied tree"));
}
