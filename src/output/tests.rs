//! Groups drawn for a known answer, in every format.

use std::time::UNIX_EPOCH;

use super::*;
use crate::model::{Completeness, Counts, Group, Label, Other, SourceName, State, StateSet};

fn counts(numbers: &[(State, u64)]) -> Counts {
    let mut counts = Counts::default();
    for (state, sockets) in numbers {
        counts.add(*state, *sockets);
    }
    counts
}

/// Two groups by user and port, one without a user, and three others.
fn answer() -> Grouped {
    let group = |user: Label, port, established, change| Group {
        id: Box::default(),
        key: vec![user, Label::Number(port)],
        counts: counts(&[(State::Established, established), (State::CloseWait, 1)]),
        change,
    };
    Grouped {
        observation: Observation {
            time: UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        },
        asked: StateSet::NONE
            .with(State::Listen)
            .with(State::Established)
            .with(State::CloseWait),
        fields: vec![Field::User, Field::LocalPort],
        groups: vec![
            group(Label::Text("my \x1b,\"user\"".to_owned()), 443, 20, Some(5)),
            group(Label::None, 80, 3, Some(-2)),
        ],
        other: Some(Other {
            groups: 3,
            counts: counts(&[(State::Established, 4)]),
        }),
        counts: counts(&[(State::Established, 27), (State::CloseWait, 2)]),
        change: Some(3),
        ownership: None,
        notes: Vec::new(),
    }
}

fn table(format: &mut Table) -> (String, Option<String>) {
    let mut out = Vec::new();
    format.write_groups(&mut out, &answer());
    (
        String::from_utf8(out).unwrap(),
        format.note().map(|note| note.to_string()),
    )
}

fn on_a_terminal(width: usize) -> Table {
    let look = Look {
        width: Some(width),
        ..Look::default()
    };
    Table::new(Style {
        look,
        ..Style::default()
    })
}

#[test]
fn a_table_has_the_states_that_occur_and_its_columns_are_words() {
    let (table, note) = table(&mut Table::new(Style::default()));
    assert_eq!(
        table,
        concat!(
            "USER                     LOCAL-PORT  TOTAL  ESTABLISHED  CLOSE_WAIT\n",
            r#""my\x20\u{1b},\"user\""  443            21           20           1"#,
            "\n",
            "-                        80              4            3           1\n",
            "OTHER(3)                 -               4            4           0\n",
            "TOTAL                    -              29           27           2\n",
        )
    );
    assert_eq!(note, None);
    for line in table.lines() {
        assert_eq!(line.split_whitespace().count(), 5, "{line}");
    }
}

#[test]
fn a_narrow_terminal_shortens_keys_then_omits_the_rarest_states_and_keeps_the_total() {
    for (width, omitted) in [
        (59, None),
        (58, Some("CLOSE_WAIT")),
        (47, Some("CLOSE_WAIT")),
        (46, Some("CLOSE_WAIT, ESTABLISHED")),
        (20, Some("CLOSE_WAIT, ESTABLISHED")),
    ] {
        let (narrow, note) = table(&mut on_a_terminal(width));
        let expected = omitted.map(|names| format!("omitted to fit {width} columns: {names}"));
        assert_eq!(note, expected);
        for line in narrow.lines() {
            assert!(line.chars().count() <= width, "{width}: {narrow}");
        }
        let totals = narrow.lines().map(|line| line.split_whitespace().nth(2));
        let expected = ["TOTAL", "21", "4", "4", "29"].map(Some);
        assert_eq!(totals.collect::<Vec<_>>(), expected, "{narrow}");
    }
    let (narrow, _) = table(&mut on_a_terminal(59));
    assert!(narrow.contains(r#""my\x2...ser\"""#), "{narrow}");
}

#[test]
fn a_later_sample_shows_changes_under_its_time() {
    let mut later = Table::new(Style {
        zeros: true,
        repeated: true,
        ..Style::default()
    });
    table(&mut later);
    let (table, _) = table(&mut later);
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], Vec::<&str>::new());
    assert_eq!(lines[1], ["1970-01-01T00:00:00.000Z"]);
    assert_eq!(lines[2][2..5], ["TOTAL", "CHANGE", "LISTEN"]);
    assert_eq!(lines[3][2..4], ["21", "+5"]);
    assert_eq!(lines[4][2..4], ["4", "-2"]);
}

#[test]
fn json_has_the_promised_shape() {
    let mut out = Vec::new();
    Json::new(&Style::default()).write_groups(&mut out, &answer());
    let json = String::from_utf8(out).unwrap();
    assert!(json.ends_with(concat!(
        r#""total":29,"states":{"LISTEN":0,"ESTABLISHED":27,"CLOSE_WAIT":2},"groups":["#,
        r#"{"key":{"user":"my \u001b,\"user\"","local_port":443},"total":21,"#,
        r#""states":{"LISTEN":0,"ESTABLISHED":20,"CLOSE_WAIT":1},"change":5},"#,
        r#"{"key":{"user":null,"local_port":80},"total":4,"#,
        r#""states":{"LISTEN":0,"ESTABLISHED":3,"CLOSE_WAIT":1},"change":-2}],"#,
        r#""other":{"groups":3,"total":4,"states":{"LISTEN":0,"ESTABLISHED":4,"CLOSE_WAIT":0}}}"#,
        "\n"
    )), "{json}");
}

#[test]
fn csv_quotes_what_needs_it() {
    let mut out = Vec::new();
    Csv::new(&Style::default()).write_groups(&mut out, &answer());
    let csv = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "time,source,complete,row,user,local_port,total,LISTEN,ESTABLISHED,CLOSE_WAIT",
            "1970-01-01T00:00:00.000Z,netlink,true,group,\"my \\u{1b},\"\"user\"\"\",443,21,0,20,1",
            "1970-01-01T00:00:00.000Z,netlink,true,group,,80,4,0,3,1",
            "1970-01-01T00:00:00.000Z,netlink,true,other,,,4,0,4,0",
        ]
    );
}
