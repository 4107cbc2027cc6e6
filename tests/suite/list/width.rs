//! A list on a terminal fits it and shows every column that was named; in a pipe the columns do not
//! depend on a terminal.

use crate::namespace::in_namespace;
use crate::program::run;
use crate::terminal::on_a_terminal;
use crate::zoo::{Family, SocketCounts, State, Zoo};

const ALL: &str = "--columns uid,timer,inode,cookie,cgroup";

/// The lines of a list on a terminal with so many columns, and its notes.
fn list_on_a_terminal(columns: usize, options: &str) -> (Vec<String>, Vec<String>) {
    let options = format!("list --color=never {options}");
    on_a_terminal(columns, &options, &[])
        .lines()
        .map(|line| line.trim_end_matches('\r').to_owned())
        .partition(|line| !line.starts_with("tcpstates: "))
}

/// Asserts that no line is longer.
#[track_caller]
fn assert_fits(columns: usize, lines: &[String]) {
    let widest = lines.iter().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= columns, "{columns}: {lines:#?}");
}

in_namespace!(
    fn named_columns_are_shown_at_any_width_and_values_whole_or_shortened() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Listen, 1)
            .with(Family::V4, State::TimeWait, 2)
            .with(Family::V4, State::Established, 3);
        let _zoo = Zoo::open(&wanted);
        let (all, notes) = list_on_a_terminal(250, ALL);
        assert!(notes.is_empty(), "{notes:?}");
        let heading = all[0].split_whitespace().count();
        assert_eq!((all.len(), heading), (7, 11), "{all:?}");
        for columns in [30, 40, 46, 80, 110, 200] {
            let (lines, notes) = list_on_a_terminal(columns, ALL);
            assert_fits(columns, &lines);
            let rows = 1 + lines
                .iter()
                .skip(1)
                .take_while(|line| line.starts_with(' '))
                .count();
            assert_eq!(lines.len(), 7 * rows, "{columns}: {lines:#?}");
            let headings = lines[..rows].join(" ");
            for named in [
                "STATE", "LOCAL", "REMOTE", "UID", "TIMER", "INODE", "COOKIE", "CGROUP",
            ] {
                let mut headings = headings.split_whitespace();
                assert!(
                    headings.any(|heading| heading == named),
                    "{columns}: {lines:#?}"
                );
            }
            let omitted = notes.first().map_or(0, |note| {
                note.split_once("columns: ").unwrap().1.split(", ").count()
            });
            assert_eq!(
                headings.split_whitespace().count() + omitted,
                11,
                "{columns}"
            );
            // Every row has as many cells.
            for row in lines.chunks(rows) {
                let cells = row.join(" ").split_whitespace().count();
                assert_eq!(cells + omitted, 11, "{columns}: {row:?}");
            }
        }
    }
);

in_namespace!(
    fn listeners_with_their_processes_fit_without_the_queues_that_they_do_not_have() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let owner = format!("({})", std::process::id());
        for columns in [54, 60, 80, 110] {
            let (lines, notes) = list_on_a_terminal(columns, "-lp");
            assert_fits(columns, &lines);
            let headings: Vec<_> = lines[0].split_whitespace().collect();
            let last = ["ACCEPT", "LOCAL", "REMOTE", "PROCESS"];
            assert!(headings.ends_with(&last), "{lines:?}");
            let row = &lines[1];
            assert!(row.contains(&address) && row.contains(&owner), "{row}");
            let is_omitted = notes.iter().any(|note| note.contains("SEND-Q"));
            assert_eq!(is_omitted, !headings.contains(&"SEND-Q"), "{notes:?}");
        }
        let (lines, _) = list_on_a_terminal(60, "-lp --sort send-queue");
        let heading = &lines[0];
        assert!(
            heading.contains("SEND-Q") && heading.contains("PROCESS"),
            "{heading}"
        );
    }
);

in_namespace!(
    fn column_positions_in_a_pipe_are_fixed() {
        let wanted = SocketCounts::none().with(Family::V4, State::Listen, 1);
        let _zoo = Zoo::open(&wanted);
        let heading = |options: &str| {
            let ran = run(["list", "--columns=uid", options]).succeeded();
            ran.stdout.lines().next().unwrap().to_owned()
        };
        let usual = heading("--color=auto");
        assert_eq!(usual, heading("--state=all"));
        assert_eq!(usual.find("LOCAL"), Some(42));
    }
);

in_namespace!(
    fn a_usual_column_that_is_named_stays_in_its_place_and_is_not_omitted() {
        let wanted = SocketCounts::none().with(Family::V4, State::Established, 1);
        let _zoo = Zoo::open(&wanted);
        let (without, notes) = list_on_a_terminal(50, "--columns uid");
        assert!(notes[0].contains("RECV-Q"), "{notes:?}");
        assert!(!without[0].contains("RECV-Q"), "{without:?}");
        let (named, notes) = list_on_a_terminal(50, "--columns state,uid,recv-q");
        assert!(
            named[0].starts_with("STATE        RECV-Q  LOCAL"),
            "{named:?}"
        );
        assert!(
            !notes.iter().any(|note| note.contains("RECV-Q")),
            "{notes:?}"
        );
        let csv = |columns| run(["list", "--format=csv", "--columns", columns]).stdout;
        let header = |csv: &str| csv.lines().next().unwrap().to_owned();
        assert_eq!(header(&csv("state,uid,recv-q")), header(&csv("uid")));
    }
);
