//! Diagnoses as they are shown.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::model::{
    Command, Completeness, Culprit, Diagnosis, Field, Finding, Kind, Label, NotExamined,
    Observation, Scope, Severity, SourceName, Where,
};
use crate::output::Look;

fn finding(id: &'static str, severity: Severity, causes: &'static [&'static str]) -> Finding {
    Finding {
        id,
        severity,
        scope: Scope::Selection,
        netns: None,
        title: format!("{id} is at 9 of 10"),
        subject: vec![(Field::LocalPort, Label::Number(80))],
        value: 9.0,
        limit: Some(10.0),
        evidence: vec!["one".to_owned(), "two".to_owned()],
        processes: vec![Culprit {
            name: Some("w\u{1b}b".to_owned()),
            pid: 7,
            sockets: 1_200,
        }],
        inodes: Vec::new(),
        searched: Vec::new(),
        commands: vec![Command::count("-l")],
        why: "It fails.",
        remedy: vec!["First this.".to_owned(), "Then that.".to_owned()],
        causes,
    }
}

fn diagnosis(findings: Vec<Finding>) -> Diagnosis {
    Diagnosis {
        observation: Observation {
            time: UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        },
        place: Where::Here,
        total: 1_234,
        kinds: vec![(Kind::Tcp, 1_234), (Kind::Udp, 0)],
        filter: None,
        window: Duration::from_secs(1),
        watched: Duration::ZERO,
        findings,
        examined: vec!["a", "b"],
        wide: vec!["b", "c"],
        rules: &["a", "b", "c", "d"],
        not_examined: vec![NotExamined {
            id: "c",
            reason: "no such file".to_owned(),
        }],
    }
}

fn shown(diagnosis: &Diagnosis, width: Option<usize>) -> String {
    let mut bytes = Vec::new();
    let look = Look {
        width,
        ..Look::default()
    };
    write_diagnosis(&mut bytes, diagnosis, look).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_healthy_host_says_how_long_suspects_were_watched() {
    let mut diagnosis = diagnosis(Vec::new());
    diagnosis.watched = Duration::from_secs(5);
    let text = shown(&diagnosis, None);
    assert!(
        text.contains(" over 1.0 s (suspects over 5.0 s); examined: "),
        "{text}"
    );
}

#[test]
fn a_healthy_host_is_one_line_and_each_unexamined_rule_another() {
    let mut one = diagnosis(Vec::new());
    assert_eq!(
        shown(&one, None),
        "OK          but 1 rule was not examined completely: nothing wrong found in 1,234 TCP sockets of this network namespace over 1.0 s; examined: a, b\n\
         \n\
         unexamined  c: no such file\n"
    );
    // Two rules for one reason, and what is no rule.
    for (id, reason) in [("d", "no such file"), ("elsewhere", "3 others")] {
        let reason = reason.to_owned();
        one.not_examined.push(NotExamined { id, reason });
    }
    let text = shown(&one, None);
    assert!(text.starts_with("OK          but 2 rules were not examined completely: "));
    assert!(text.ends_with("\n\nunexamined  c, d: no such file\nunexamined  3 others\n"));
}

#[test]
fn information_follows_the_ok_line_without_colour() {
    let mut one = diagnosis(vec![finding("a", Severity::Info, &[])]);
    one.not_examined.clear();
    let look = Look {
        color: true,
        ..Look::default()
    };
    let mut bytes = Vec::new();
    write_diagnosis(&mut bytes, &one, look).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let begin = "OK          nothing wrong found in 1,234 TCP sockets of this network namespace over 1.0 s; examined: a, b\n\
         \n\
         INFO        a is at 9 of 10\n\
         \x20 evidence  one\n";
    assert!(text.starts_with(begin), "{text}");
    let mut bytes = Vec::new();
    write_diagnosis_json(&mut bytes, &one).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["findings"][0]["severity"], "INFO");
}

#[test]
fn a_finding_has_its_evidence_holders_reason_remedy_and_command() {
    let mut one = diagnosis(vec![finding("a", Severity::Critical, &[])]);
    one.not_examined.clear();
    assert_eq!(
        shown(&one, None),
        "CRITICAL    a is at 9 of 10\n\
         \x20 evidence  one\n\
         \x20           two\n\
         \x20 held by   w\\u{1b}b (pid 7): 1,200\n\
         \x20 why       It fails.\n\
         \x20 do        1. First this.\n\
         \x20           2. Then that.\n\
         \x20 show      tcpstates -l\n"
    );
}

#[test]
fn a_finding_names_its_cause_if_that_is_shown() {
    let cause = finding("a", Severity::Critical, &[]);
    let effect = finding("b", Severity::Warning, &["a"]);
    let both = diagnosis(vec![cause, effect]);
    assert!(shown(&both, None).contains("\n  follows   from: a is at 9 of 10\n"));
    let mut bytes = Vec::new();
    write_diagnosis_json(&mut bytes, &both).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["findings"][1]["follows_from"], "a");
    assert_eq!(json["findings"][0].get("follows_from"), None);
    assert_eq!(json["findings"][0]["subject"]["local_port"], 80);
    assert_eq!(json["not_examined"][0]["id"], "c");
}

#[test]
fn sentences_and_commands_end_where_the_terminal_does() {
    let mut long = finding("a", Severity::Warning, &[]);
    long.remedy = vec!["word ".repeat(30).trim().to_owned()];
    long.commands = vec![Command::list(&"--state all ".repeat(8))];
    let text = shown(&diagnosis(vec![long]), Some(60));
    for line in text.lines() {
        assert!(line.chars().count() <= 60, "{line}");
    }
    assert!(
        text.contains("--state all \\\n              --state all"),
        "{text}"
    );
}

#[test]
fn brief_is_a_line_for_each_finding_and_one_for_what_was_not_examined() {
    let findings = vec![
        finding("a", Severity::Critical, &[]),
        finding("b", Severity::Warning, &[]),
    ];
    let brief = |diagnosis: &Diagnosis, width| {
        let mut bytes = Vec::new();
        let look = Look {
            width,
            ..Look::default()
        };
        write_diagnosis_brief(&mut bytes, diagnosis, look).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let sick = diagnosis(findings);
    assert_eq!(
        brief(&sick, None),
        "CRITICAL    a: a is at 9 of 10; w\\u{1b}b (pid 7): 1,200\n\
         WARNING     b: b is at 9 of 10; w\\u{1b}b (pid 7): 1,200\n\
         unexamined  c\n"
    );
    for line in brief(&sick, Some(30)).lines() {
        assert!(line.chars().count() <= 30, "{line}");
    }
    let healthy = brief(&diagnosis(Vec::new()), None);
    let line = "OK          but 1 rule was not examined completely: nothing wrong in 1,234 TCP sockets over 1.0 s, by 2 rules\n";
    assert!(healthy.starts_with(line), "{healthy}");
    assert_eq!(healthy.lines().count(), 2);
    let (mut two, reason) = (diagnosis(Vec::new()), "no such file".to_owned());
    two.not_examined.push(NotExamined { id: "d", reason });
    let text = brief(&two, None);
    assert!(text.starts_with("OK          but 2 rules were not examined completely: nothing "));
    assert!(text.ends_with("\nunexamined  c, d (no such file)\n"));
}

#[test]
fn brief_names_as_many_rules_as_it_counts_and_then_what_no_rule_examines() {
    let mut one = diagnosis(Vec::new());
    // A rule with another reason in another namespace, and what is no rule.
    for (id, reason) in [("elsewhere", "3 others"), ("c", "no limit"), ("d", "old")] {
        let reason = reason.to_owned();
        one.not_examined.push(NotExamined { id, reason });
    }
    let mut bytes = Vec::new();
    write_diagnosis_brief(&mut bytes, &one, Look::default()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("OK          but 2 rules were not examined completely: "));
    assert!(text.ends_with("\nunexamined  c, d; 3 others\n"), "{text}");
}

#[test]
fn on_a_small_terminal_the_first_finding_stays_on_the_screen() {
    let long = |id| Finding {
        evidence: vec!["evidence ".repeat(12); 6],
        remedy: vec!["remedy ".repeat(18); 7],
        ..finding(id, Severity::Critical, &[])
    };
    for (height, findings) in [(24, 1), (24, 9), (16, 9), (29, 3)] {
        let diagnosis = diagnosis((0..findings).map(|_| long("a")).collect());
        let mut bytes = Vec::new();
        let look = Look {
            width: Some(80),
            height: Some(height),
            ..Look::default()
        };
        write_diagnosis(&mut bytes, &diagnosis, look).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().count() < height, "{height} {findings}: {text}");
        assert!(text.starts_with("CRITICAL    a is at 9 of 10\n"), "{text}");
        assert!(text.contains("\n  show      tcpstates -l\n"), "{text}");
        assert!(
            text.contains("`tcpstates doctor | less` shows all of it"),
            "{text}"
        );
    }
    // Enough rows, or no terminal: all of it.
    for height in [None, Some(30)] {
        let look = Look {
            width: Some(80),
            height,
            ..Look::default()
        };
        let mut bytes = Vec::new();
        let diagnosis = diagnosis(vec![long("a"), long("b")]);
        write_diagnosis(&mut bytes, &diagnosis, look).unwrap();
        assert!(String::from_utf8(bytes).unwrap().lines().count() > 30);
    }
}
