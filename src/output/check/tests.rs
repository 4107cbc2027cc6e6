//! Made-up verdicts: cases that are rare with real sockets, and hostile names.

use std::time::UNIX_EPOCH;

use super::*;
use crate::model::{
    Aspect, Breach, CheckStatus, Completeness, Counts, Field, JudgedGroup, JudgedGroups, Judgement,
    KindSet, Label, Loss, Measure, Measurement, Observation, Range, Side, SourceName, State,
    StateSet, Subject, Thresholds, Trust, Where,
};

fn range(start: Option<&str>, end: Option<&str>) -> Range {
    let number = |word: &str| word.parse().unwrap();
    Range {
        inside: false,
        start: start.map(number),
        end: end.map(number),
    }
}

/// 34,112 sockets in TIME_WAIT, of which more than 30,000 are critical.
fn judgement(trust: Trust, spread: u64) -> Judgement {
    let critical = range(Some("0"), Some("30000"));
    let value = 34_112.0;
    Judgement {
        thresholds: Thresholds {
            aspect: Aspect {
                subject: Subject::State(State::TimeWait),
                measure: Measure::Count,
            },
            warning: Some(range(Some("0"), Some("10000"))),
            critical: Some(critical),
        },
        measured: Measurement {
            value,
            low: value,
            high: value,
            parts: None,
            spread,
            trust,
        },
        breach: Some(Breach {
            status: CheckStatus::Critical,
            range: critical,
            side: Side::Above,
        }),
        status: CheckStatus::Critical,
    }
}

fn verdict(judgement: Judgement) -> Verdict {
    let mut counts = Counts::default();
    counts.add(State::TimeWait, 34_112);
    let mut spread = Counts::default();
    spread.add(State::TimeWait, judgement.measured.spread);
    Verdict {
        time: UNIX_EPOCH,
        observation: Some(Observation {
            time: UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        }),
        status: judgement.status,
        failures: Vec::new(),
        no_process: Vec::new(),
        kinds: KindSet::TCP,
        place: Where::Here,
        filter: String::new(),
        asked: StateSet::NONE.with(State::TimeWait),
        counts,
        spread,
        judgements: vec![judgement],
        groups: None,
        queues: None,
        quantities: Vec::new(),
        waited: None,
        messages: Vec::new(),
    }
}

fn shown(verdict: &Verdict) -> String {
    let mut out = Vec::new();
    write_check(&mut out, verdict).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_reason_comes_first_with_separators_and_the_data_without() {
    assert_eq!(
        shown(&verdict(judgement(Trust::Exact, 0))),
        "TCPSTATES CRITICAL - TIME_WAIT 34,112 (> 30,000)\
         |'TIME_WAIT'=34112;10000;30000;0; 'total'=34112;;;0; 'spread'=0;;;0;\n\
         TIME_WAIT 34,112, total 34,112\n"
    );
}

#[test]
fn a_derived_number_is_shown_with_its_spread() {
    assert_eq!(
        shown(&verdict(judgement(Trust::Exact, 1_200))),
        "TCPSTATES CRITICAL - TIME_WAIT 34,112 ±1,200 (> 30,000)\
         |'TIME_WAIT'=34112;10000;30000;0; 'total'=34112;;;0; 'spread'=1200;;;0;\n\
         TIME_WAIT 34,112 ±1,200, total 34,112 ±1,200\n"
    );
}

#[test]
fn an_incomplete_number_is_undetermined_in_performance_data() {
    let mut lossy = verdict(judgement(Trust::AtLeast, 0));
    if let Some(observation) = &mut lossy.observation {
        observation.completeness.lose(Loss::Overrun);
    }
    assert_eq!(
        shown(&lossy),
        "TCPSTATES CRITICAL - TIME_WAIT at least 34,112 (> 30,000), \
         incomplete: the kernel dropped messages; sockets are missing\
         |'TIME_WAIT'=U;10000;30000;0; 'total'=U;;;0; 'spread'=0;;;0;\n\
         TIME_WAIT 34,112, total 34,112, incomplete\n"
    );
}

#[test]
fn names_from_others_neither_end_a_line_nor_begin_data() {
    let hostile = "a|'x'=1;2\nTCPSTATES OK - \u{1b}[2J";
    let group = |judgement| JudgedGroup {
        key: vec![Label::Text(hostile.to_owned())],
        judgements: vec![judgement],
        status: CheckStatus::Critical,
    };
    let one = judgement(Trust::Exact, 0);
    let mut grouped = verdict(one);
    grouped.judgements.clear();
    grouped.failures.push(hostile.to_owned());
    grouped.messages.push(hostile.to_owned());
    grouped.groups = Some(JudgedGroups {
        fields: vec![Field::Process],
        groups: 2,
        all: true,
        warning: 0,
        critical: 2,
        listed: vec![group(one), group(one)],
        worst: vec![(vec![Label::Text(hostile.to_owned())], one)],
        judged_empty: false,
    });
    let shown = shown(&grouped);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    let data = lines[0].split_once('|').unwrap().1;
    assert_eq!(
        data,
        "'TIME_WAIT'=34112;;;0; 'total'=34112;;;0; 'groups'=2;;;0; 'groups_warning'=0;;;0; \
         'groups_critical'=2;;;0; 'TIME_WAIT_worst'=34112;10000;30000;0;"
    );
    assert_eq!(shown.matches('|').count(), 1, "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let name = r#"CRITICAL process "a\u{7c}'x'=1;2\nTCPSTATES\x20OK\x20-\x20\u{1b}[2J": TIME_WAIT"#;
    assert!(lines[2].starts_with(name), "{shown}");
}

#[test]
fn names_of_groups_are_not_taken_for_words_of_the_line() {
    for (name, shown) in [
        ("web", "web"),
        ("-", r#""-""#),
        ("TOTAL", r#""TOTAL""#),
        ("OTHER(9)", r#""OTHER(9)""#),
        ("web, user root", r#""web\u{2c}\x20user\x20root""#),
        ("a\u{a0}b", r#""a\u{a0}b""#),
        ("", r#""""#),
    ] {
        let named = words::group(&[Field::Process], &[Label::Text(name.to_owned())]);
        assert_eq!(named, format!("process {shown}"));
    }
    let unknown = words::group(&[Field::Process], &[Label::None]);
    assert_eq!(unknown, "process -");
}

#[test]
fn numbers_of_incomplete_groups_are_undetermined_in_performance_data() {
    let one = judgement(Trust::Exact, 0);
    let mut grouped = verdict(one);
    grouped.judgements = Vec::new();
    grouped.groups = Some(JudgedGroups {
        fields: vec![Field::Process],
        groups: 2,
        all: false,
        warning: 0,
        critical: 1,
        listed: Vec::new(),
        worst: vec![(vec![Label::Number(1)], one)],
        judged_empty: false,
    });
    let shown = shown(&grouped);
    for datum in [
        "'TIME_WAIT'=34112;;;0;",
        "'groups'=U;;;0;",
        "'groups_critical'=U;;;0;",
        "'TIME_WAIT_worst'=U;10000;30000;0;",
    ] {
        assert!(shown.contains(datum), "{shown}");
    }
}

#[test]
fn a_reason_that_is_too_long_for_a_line_is_in_the_long_text() {
    let mut long = verdict(judgement(Trust::Exact, 0));
    long.status = CheckStatus::Unknown;
    long.judgements = Vec::new();
    long.failures.push("é|".repeat(5_000));
    let shown = shown(&long);
    let lines: Vec<&str> = shown.lines().collect();
    let (text, data) = lines[0].split_once('|').unwrap();
    assert!(text.len() < 1_024 && text.ends_with("..."), "{text}");
    assert!(data.starts_with("'TIME_WAIT'=34112"), "{data}");
    assert_eq!(lines[1], r"é\u{7c}".repeat(5_000));
    assert!(lines[2].starts_with("TIME_WAIT 34,112"), "{}", lines[2]);
}

#[test]
fn every_side_of_a_range_has_its_words() {
    let broken = |measure, side, inside, start, end| {
        let one = judgement(Trust::Exact, 0);
        let found = Judgement {
            thresholds: Thresholds {
                aspect: Aspect {
                    measure,
                    ..one.thresholds.aspect
                },
                ..one.thresholds
            },
            breach: Some(Breach {
                status: CheckStatus::Critical,
                range: Range {
                    inside,
                    ..range(start, end)
                },
                side,
            }),
            ..one
        };
        words::judgement(&found)
    };
    let (count, share, rate) = (Measure::Count, Measure::Share, Measure::Rate);
    for (found, expected) in [
        (
            broken(count, Side::Below, false, Some("40000"), None),
            "TIME_WAIT 34,112 (< 40,000)",
        ),
        (
            broken(count, Side::Within, true, Some("0"), Some("40000")),
            "TIME_WAIT 34,112 (<= 40,000)",
        ),
        (
            broken(count, Side::Within, true, Some("10"), None),
            "TIME_WAIT 34,112 (>= 10)",
        ),
        (
            broken(share, Side::Within, true, Some("10"), Some("20")),
            "TIME_WAIT 34,112% (within 10% to 20%)",
        ),
        (
            broken(rate, Side::Within, true, Some("0"), Some("20")),
            "TIME_WAIT +34,112/s (within 0/s to 20/s)",
        ),
        (
            broken(rate, Side::Within, true, None, Some("20")),
            "TIME_WAIT +34,112/s (<= 20/s)",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_share_or_a_change_that_may_be_off_is_shown_as_a_range() {
    let of = |measure| {
        let one = judgement(Trust::Exact, 2);
        words::judgement(&Judgement {
            thresholds: Thresholds {
                aspect: Aspect {
                    measure,
                    ..one.thresholds.aspect
                },
                ..one.thresholds
            },
            measured: Measurement {
                low: -0.5,
                high: 0.5,
                ..one.measured
            },
            breach: None,
            ..one
        })
    };
    assert_eq!(of(Measure::Rate), "TIME_WAIT -0.5/s to +0.5/s");
    assert_eq!(of(Measure::Share), "TIME_WAIT -0.5% to 0.5%");
}
