//! Rows compared with those of ss, from both sources and in all formats.

use super::row::{Listed, Row, rows_of_csv, rows_of_table};
use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::special::{fast_open, incoming, listeners, mapped, orphans};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// The ten listed states in ss and in the program.
const STATES: [(&str, &str); 10] = [
    ("LISTEN", "LISTEN"),
    ("SYN-SENT", "SYN_SENT"),
    ("SYN-RECV", "SYN_RECV"),
    ("ESTAB", "ESTABLISHED"),
    ("FIN-WAIT-1", "FIN_WAIT1"),
    ("FIN-WAIT-2", "FIN_WAIT2"),
    ("CLOSE-WAIT", "CLOSE_WAIT"),
    ("CLOSING", "CLOSING"),
    ("LAST-ACK", "LAST_ACK"),
    ("TIME-WAIT", "TIME_WAIT"),
];

/// The rows of ss with the program's spelling of states.
pub(super) fn rows_of_ss() -> Vec<Row> {
    let text = run_tool("ss", ["-Htan"]);
    let rows = text.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let state = STATES.iter().find(|(theirs, _)| *theirs == words[0]);
        let state = state.unwrap().1.to_owned();
        [
            state,
            words[1].to_owned(),
            words[2].to_owned(),
            words[3].to_owned(),
            words[4].to_owned(),
        ]
    });
    sorted(rows)
}

pub(crate) fn sorted(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort();
    rows
}

/// The same rows with addresses only, as in JSON and CSV: `*` is every address of both families.
fn with_addresses(rows: &[Row]) -> Vec<Row> {
    let rows = rows.iter().cloned().map(|mut row| {
        for end in &mut row[3..] {
            if let Some(port) = end.strip_prefix("*:") {
                *end = format!("[::]:{port}");
            }
        }
        row
    });
    sorted(rows)
}

/// The same rows as /proc has them, without accept queue limits.
fn without_limits(rows: &[Row]) -> Vec<Row> {
    let rows = rows.iter().cloned().map(|mut row| {
        if row[0] == "LISTEN" {
            row[2] = "?".to_owned();
        }
        row
    });
    sorted(rows)
}

in_namespace!(
    fn rows_equal_those_of_ss_from_both_sources_in_all_formats() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let _extra = [
            incoming::unaccepted(zoo.peer(), Family::V4, 3),
            incoming::unaccepted(zoo.peer(), Family::V6, 2),
            fast_open::unaccepted(zoo.peer(), Family::V4, 2),
            mapped::accepted(zoo.peer(), 2),
            mapped::connected(zoo.peer(), State::CloseWait, 2),
            listeners::dual_stack(2),
            orphans::fin_wait2_minisockets(zoo.peer(), Family::V6, 2),
        ];
        let theirs = rows_of_ss();
        assert!(theirs.len() > zoo.expected().total() + 15);
        let addresses = with_addresses(&theirs);
        let of_proc = without_limits(&addresses);
        for (source, shown, expected) in [
            ("netlink", &theirs, &addresses),
            ("proc", &of_proc, &of_proc),
        ] {
            let json = run(["list", "--json", "--source", source]).succeeded();
            let (sockets, summary) = Listed::all(&json);
            assert_eq!(
                &sorted(sockets.iter().map(Listed::row)),
                expected,
                "{source}"
            );
            assert_eq!((&*summary.source, summary.complete), (source, true));
            assert!(summary.warnings.is_empty() && summary.time.ends_with('Z'));
            let table = run(["list", "--source", source]).succeeded();
            assert_eq!(&sorted(rows_of_table(&table.stdout)), shown, "{source}");
            let csv = run(["list", "--format=csv", "--source", source]).succeeded();
            assert_eq!(&sorted(rows_of_csv(&csv.stdout)), expected, "{source}");
        }
    }
);

in_namespace!(
    fn a_selection_lists_exactly_the_selected_sockets() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        for (option, expected) in [
            ("-4", zoo.expected().clone().only(Family::V4).total()),
            ("-l", zoo.expected().by_state()["LISTEN"]),
            ("--state=time-wait", zoo.expected().by_state()["TIME_WAIT"]),
        ] {
            let ran = run(["list", "--json", option]).succeeded();
            assert_eq!(Listed::all(&ran).1.total, expected, "{option}");
        }
        let no_listeners = run(["list", "--state=established"]).succeeded();
        let heading = no_listeners.stdout.lines().next().unwrap();
        assert!(!heading.contains("ACCEPT"), "{heading}");
        let families = run(["list", "--json", "-4"]).succeeded();
        assert!(Listed::all(&families).0.iter().all(|s| s.family == "ipv4"));
    }
);
