//! The order of findings: worst first, but a cause before what follows from it.

use crate::model::{Finding, Severity};

/// Findings of the first rule that show the same fault as one of the second: of the same sockets, or about
/// the same peer. A listener without room drops SYNs, the ends of handshakes, and what is sent after them.
const SAME_FAULT: [(&str, &str); 5] = [
    ("path-mtu", "path-mtu"),
    ("no-acknowledgment", "no-answer"),
    ("no-acknowledgment", "syn-loss"),
    ("vanished-peers", "no-answer"),
    ("vanished-peers", "syn-loss"),
];

/// The same without a peer: retransmissions that no open connection shows.
const UNPLACED: (&str, &str) = ("retransmission", "syn-loss");

/// Makes findings that show one fault one: the more general one, as severe as the worst, with the titles
/// of the others as evidence.
pub(super) fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let is_of = |one: &Finding, other: &Finding| {
        let share = || one.inodes.iter().any(|inode| other.inodes.contains(inode));
        let is_more = other.subject.is_empty() || one.id != other.id;
        let is_unplaced = (one.id, other.id) == UNPLACED && one.subject.is_empty();
        let is_same = SAME_FAULT.contains(&(one.id, other.id))
            && !one.subject.is_empty()
            && is_more
            && (one.shares_peer_with(other) || share());
        is_unplaced || is_same
    };
    let has_other = |one: &Finding| findings.iter().any(|other| is_of(one, other));
    let (same, mut merged): (Vec<Finding>, Vec<Finding>) =
        findings.iter().cloned().partition(has_other);
    for one in same {
        if let Some(other) = merged.iter_mut().find(|other| is_of(&one, other)) {
            other.severity = other.severity.max(one.severity);
            other.evidence.push(one.title);
        }
    }
    merged
}

/// Orders findings. Each comes after its cause, if that was found too, and a cause is as urgent as the
/// worst finding that follows from it; else the order of the rules remains. Information comes last,
/// whatever it follows from or causes.
pub(super) fn rank(findings: Vec<Finding>) -> Vec<Finding> {
    let is_wrong = |finding: &Finding| finding.severity > Severity::Info;
    let (wrong, information) = findings.into_iter().partition(is_wrong);
    let mut ranked = rank_causes_first(wrong);
    ranked.extend(rank_causes_first(information));
    ranked
}

fn rank_causes_first(findings: Vec<Finding>) -> Vec<Finding> {
    let has_cause = |finding: &Finding| findings.iter().any(|other| finding.follows_from(other));
    let (mut left, causes): (Vec<_>, Vec<_>) = findings.iter().cloned().partition(has_cause);
    let mut groups: Vec<Vec<Finding>> = causes
        .into_iter()
        .map(|cause| {
            let mut group = Vec::new();
            place(cause, &mut left, &mut group);
            group
        })
        .collect();
    let urgency = |group: &Vec<Finding>| group.iter().map(|found| found.severity).max();
    let of_cause = |group: &Vec<Finding>| group.first().map(|cause| cause.severity);
    groups.sort_by_key(|group| std::cmp::Reverse((urgency(group), of_cause(group))));
    let mut ranked: Vec<Finding> = groups.into_iter().flatten().collect();
    // Causes that are caused by each other.
    ranked.extend(left);
    ranked
}

/// Moves to `group` a finding and what follows from it, worst first, and from that.
fn place(cause: Finding, left: &mut Vec<Finding>, group: &mut Vec<Finding>) {
    let (mut followers, others): (Vec<_>, Vec<_>) = std::mem::take(left)
        .into_iter()
        .partition(|finding| finding.follows_from(&cause));
    *left = others;
    group.push(cause);
    followers.sort_by_key(|follower| std::cmp::Reverse(follower.severity));
    for follower in followers {
        place(follower, left, group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::finding;
    use crate::model::Severity::{Critical, Info, Warning};
    use crate::model::{Field, Label};

    fn ranked(
        findings: &[(
            &'static str,
            crate::model::Severity,
            &'static [&'static str],
        )],
    ) -> Vec<&'static str> {
        let findings = findings.iter().map(|(id, severity, causes)| Finding {
            severity: *severity,
            causes,
            ..finding(id)
        });
        rank(findings.collect())
            .iter()
            .map(|found| found.id)
            .collect()
    }

    #[test]
    fn the_worst_come_first_and_equals_keep_the_order_of_the_rules() {
        let order = ranked(&[
            ("a", Warning, &[]),
            ("b", Critical, &[]),
            ("c", Warning, &[]),
        ]);
        assert_eq!(order, ["b", "a", "c"]);
    }

    #[test]
    fn a_cause_comes_before_what_follows_from_it_and_is_as_urgent() {
        let order = ranked(&[
            ("other", Critical, &[]),
            ("half-open", Critical, &["queue"]),
            ("minor", Warning, &[]),
            ("queue", Warning, &[]),
        ]);
        assert_eq!(order, ["other", "queue", "half-open", "minor"]);
    }

    #[test]
    fn information_comes_last_even_behind_its_consequence_and_after_its_cause() {
        let order = ranked(&[
            ("consequence", Info, &["queue"]),
            ("queue", Critical, &["origin"]),
            ("origin", Info, &[]),
            ("minor", Warning, &[]),
        ]);
        assert_eq!(order, ["queue", "minor", "consequence", "origin"]);
    }

    #[test]
    fn a_chain_of_causes_stays_together_and_is_as_urgent_as_its_worst() {
        let order = ranked(&[
            ("unanswered", Critical, &["tracked"]),
            ("minor", Critical, &[]),
            ("tracked", Warning, &["waiting"]),
            ("waiting", Critical, &[]),
        ]);
        assert_eq!(order, ["minor", "waiting", "tracked", "unanswered"]);
    }

    #[test]
    fn findings_of_one_fault_become_one_which_is_as_severe_as_the_worst() {
        let to = |id, port, severity| Finding {
            severity,
            title: format!("{id} to {port}"),
            subject: vec![
                (Field::RemoteAddr, Label::Text("192.0.2.1".to_owned())),
                (Field::RemotePort, Label::Number(port)),
            ],
            ..finding(id)
        };
        let ids = |findings: Vec<Finding>| -> Vec<(&str, Severity, usize)> {
            let merged = merge(findings).into_iter();
            merged
                .map(|one| (one.id, one.severity, one.evidence.len()))
                .collect()
        };
        let no_answer = |port| to("no-answer", port, Warning);
        let silent = |port| to("no-acknowledgment", port, Critical);
        assert_eq!(
            ids(vec![no_answer(80), silent(80)]),
            [("no-answer", Critical, 1)]
        );
        assert_eq!(ids(vec![no_answer(80), silent(81)]).len(), 2);
        let path = |inodes, port: Option<u64>| Finding {
            inodes,
            subject: port.map_or_else(Vec::new, |port| to("", port, Info).subject),
            ..finding("path-mtu")
        };
        let merged = ids(vec![path(vec![7, 8], Some(80)), path(vec![8, 9], None)]);
        assert_eq!(merged, [("path-mtu", Warning, 1)]);
        let others = ids(vec![path(vec![7], Some(80)), path(vec![9], None)]);
        assert_eq!(others.len(), 2);
        let services = ids(vec![path(vec![7], Some(80)), path(vec![7], Some(81))]);
        assert_eq!(services.len(), 2);
    }

    #[test]
    fn what_a_listener_without_room_causes_at_its_clients_is_one_finding() {
        let peer = |id, address: &str, port: Option<u64>| {
            let address = Label::Text(address.to_owned());
            let port = port.map(|port| (Field::RemotePort, Label::Number(port)));
            let subject = [(Field::RemoteAddr, address)].into_iter().chain(port);
            Finding {
                subject: subject.collect(),
                ..finding(id)
            }
        };
        let lost = || peer("syn-loss", "192.0.2.1", Some(80));
        for (other, is_same) in [
            (peer("no-acknowledgment", "192.0.2.1", Some(80)), true),
            (peer("no-acknowledgment", "192.0.2.1", Some(81)), false),
            (peer("vanished-peers", "192.0.2.1", None), true),
            (peer("vanished-peers", "192.0.2.2", None), false),
            (finding("vanished-peers"), false),
            (finding("retransmission"), true),
            (peer("retransmission", "192.0.2.1", None), false),
        ] {
            let merged = merge(vec![other.clone(), lost()]);
            assert_eq!(merged.len() == 1, is_same, "{other:?}");
            assert!(merged.iter().any(|one| one.id == "syn-loss"));
        }
    }

    #[test]
    fn without_its_cause_a_finding_is_ordered_alone() {
        assert_eq!(ranked(&[("half-open", Warning, &["queue"])]), ["half-open"]);
        let circle = ranked(&[("a", Warning, &["b"]), ("b", Warning, &["a"])]);
        assert_eq!(circle.len(), 2);
    }

    #[test]
    fn a_finding_at_one_port_does_not_follow_from_one_at_another() {
        let queue = |address: &str, port| Finding {
            subject: vec![
                (Field::LocalAddr, Label::Text(address.to_owned())),
                (Field::LocalPort, Label::Number(port)),
            ],
            ..finding("queue")
        };
        let waits = |port| Finding {
            causes: &["queue"],
            subject: vec![(Field::LocalPort, Label::Number(port))],
            ..finding("waits")
        };
        let calls = |address: &str, port| Finding {
            causes: &["queue"],
            subject: vec![
                (Field::RemoteAddr, Label::Text(address.to_owned())),
                (Field::RemotePort, Label::Number(port)),
            ],
            ..finding("calls")
        };
        let to = |address: &str, port| Finding {
            id: "queue",
            ..calls(address, port)
        };
        let lost = || Finding {
            subject: vec![(Field::LocalAddr, Label::Text("192.0.2.1".to_owned()))],
            ..finding("queue")
        };
        for (follower, cause, follows) in [
            (waits(80), queue("192.0.2.9", 80), true),
            (waits(80), queue("192.0.2.9", 81), false),
            (waits(80), finding("queue"), true),
            (waits(80), finding("other"), false),
            (calls("127.0.0.1", 80), queue("127.0.0.1", 80), true),
            (calls("127.0.0.1", 80), queue("0.0.0.0", 80), true),
            (calls("127.0.0.1", 80), queue("127.0.0.1", 81), false),
            (calls("192.0.2.1", 80), queue("0.0.0.0", 80), false),
            (calls("192.0.2.1", 80), queue("::ffff:192.0.2.1", 80), true),
            (calls("192.0.2.1", 80), to("192.0.2.1", 80), true),
            (calls("192.0.2.1", 80), to("192.0.2.2", 80), false),
            (calls("192.0.2.1", 80), to("192.0.2.1", 81), false),
            (calls("192.0.2.1", 80), lost(), false),
            (waits(80), lost(), false),
        ] {
            assert_eq!(follower.follows_from(&cause), follows, "{follower:?}");
        }
        let ranked = rank(vec![queue("::", 80), queue("::", 81), waits(80)]);
        let ids: Vec<&str> = ranked.iter().map(|found| found.id).collect();
        assert_eq!(ids, ["queue", "waits", "queue"]);
    }
}
