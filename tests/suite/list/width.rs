//! A list on a terminal leaves out columns that do not fit and names them; in a pipe the columns do
//! not depend on a terminal.

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

in_namespace!(
    fn a_narrow_terminal_drops_columns_with_a_note_and_cuts_no_line() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Listen, 1)
            .with(Family::V4, State::TimeWait, 2)
            .with(Family::V4, State::Established, 3);
        let _zoo = Zoo::open(&wanted);
        let (all, notes) = list_on_a_terminal(250, ALL);
        assert!(notes.is_empty(), "{notes:?}");
        let heading = all[0].split_whitespace().count();
        assert_eq!((all.len(), heading), (7, 11), "{all:?}");
        for columns in [60, 70, 80, 90] {
            let (lines, notes) = list_on_a_terminal(columns, ALL);
            let widest = lines.iter().map(|line| line.chars().count()).max();
            assert!(widest.unwrap() <= columns, "{columns}: {lines:?}");
            let shown = lines[0].split_whitespace().count();
            let left_out = notes[0].split_once("columns: ").unwrap().1.split(", ");
            assert_eq!(shown + left_out.count(), 11, "{columns}: {notes:?}");
            let ends = |line: &String| {
                let words = line.split_whitespace().map(str::to_owned);
                words
                    .filter(|word| word.contains('.') && word.contains(':') && !word.ends_with('s'))
                    .collect::<Vec<_>>()
            };
            let whole: Vec<_> = all.iter().map(ends).collect();
            assert_eq!(lines.iter().map(ends).collect::<Vec<_>>(), whole);
        }
        let (lines, _) = list_on_a_terminal(10, ALL);
        let words: Vec<_> = lines[0].split_whitespace().collect();
        assert_eq!(words, ["STATE", "LOCAL", "REMOTE"]);
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
