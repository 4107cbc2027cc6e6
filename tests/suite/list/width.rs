//! A list on a terminal fits by leaving columns out, and says which; elsewhere nothing depends on a
//! terminal. A terminal is made by script(1).

use std::process::Command;

use crate::namespace::in_namespace;
use crate::program::{PROGRAM, run};
use crate::skip::skip_or_fail;
use crate::zoo::{Family, SocketCounts, State, Zoo};

const ALL: &str = "--columns uid,timer,inode,cookie,cgroup";

/// What the program writes on a terminal of so many columns: its lines, and its notes.
fn on_a_terminal(columns: usize, options: &str) -> (Vec<String>, Vec<String>) {
    let line = format!("stty cols {columns} && exec {PROGRAM} list --color=never {options}");
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .output()
        .unwrap_or_else(|error| skip_or_fail("script", &error));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
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
        let (all, notes) = on_a_terminal(250, ALL);
        assert!(notes.is_empty(), "{notes:?}");
        let heading = all[0].split_whitespace().count();
        assert_eq!((all.len(), heading), (7, 11), "{all:?}");
        for columns in [60, 70, 80, 90] {
            let (lines, notes) = on_a_terminal(columns, ALL);
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
        let (lines, _) = on_a_terminal(10, ALL);
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
