//! Keys that list sockets, edit the filter, save a sample or pause.

use super::pty::{Setup, Terminal};
use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::zoo::{Family, SocketCounts, State, Zoo};

fn open_sockets() -> Zoo {
    let wanted = SocketCounts::none()
        .with(Family::V4, State::Established, 3)
        .with(Family::V4, State::CloseWait, 2);
    Zoo::open(&wanted)
}

in_namespace!(
    fn enter_lists_the_sockets_of_the_selected_state() {
        let _sockets = open_sockets();
        let mut terminal = Terminal::start(&Setup {
            size: (100, 24),
            arguments: &["--watch=0.1"],
            environment: &[],
        });
        terminal.wait_for_count("TOTAL", 5);
        terminal.select("CLOSE_WAIT");
        terminal.type_("\r");
        terminal.wait_for("2 CLOSE_WAIT sockets by send-queue:desc");
        let holder = format!("({})", std::process::id());
        terminal.wait_until("two rows with their holder", |screen| {
            let screen = screen.contents();
            let rows = screen.lines().filter(|row| row.starts_with("CLOSE_WAIT "));
            let rows: Vec<_> = rows.collect();
            let held = |row: &&str| row.contains("192.0.2.14") && row.contains(&holder);
            rows.len() == 2 && rows.iter().all(held)
        });
        terminal.type_("s");
        terminal.wait_for("2 CLOSE_WAIT sockets by receive-queue:desc");
        terminal.type_("o");
        terminal.wait_for("2 CLOSE_WAIT sockets by receive-queue ");
        terminal.type_("\x1b");
        terminal.wait_for_count("TOTAL", 5);
    }
);

in_namespace!(
    fn a_filter_error_marks_the_wrong_word_while_editing() {
        let _sockets = open_sockets();
        let mut terminal = Terminal::with(&["--watch=0.1", "state established"]);
        terminal.wait_for_count("TOTAL", 3);
        terminal.type_("/\x15state close-wiat\r");
        terminal.wait_for("did you mean close-wait?");
        terminal.wait_for_count("TOTAL", 3);
        let marked = terminal.reversed();
        assert!(marked.contains("close-wiat"), "{marked:?}");
        terminal.type_("\x17close-wait\r");
        terminal.wait_for_count("TOTAL", 2);
        terminal.wait_for("filter: state close-wait");
        terminal.type_("/\x15\r");
        terminal.wait_for_count("TOTAL", 5);
    }
);

in_namespace!(
    fn the_displayed_sample_is_saved_as_json() {
        let _sockets = open_sockets();
        let directory = tempfile::tempdir().unwrap();
        let mut command = crate::child::command(crate::program::PROGRAM);
        command.args(["--watch=0.1"]).current_dir(directory.path());
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::run(command, (80, 24));
        terminal.wait_for_count("TOTAL", 5);
        terminal.type_("w");
        terminal.wait_for("what is shown is in ./tcpstates-");
        let mut files = std::fs::read_dir(directory.path()).unwrap();
        let file = files.next().unwrap().unwrap();
        let answer: Answer =
            serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        assert_eq!((answer.total, answer.states["CLOSE_WAIT"]), (5, 2));
        // Paused, and one file per sample only.
        terminal.type_(" ");
        terminal.wait_for("PAUSED");
        terminal.type_("ww");
        terminal.wait_for(".json already exists");
        // A list is written as it is shown.
        terminal.type_("\r");
        terminal.wait_for("5 sockets by ");
        terminal.type_("w");
        terminal.wait_for(".txt");
        let files = std::fs::read_dir(directory.path()).unwrap();
        let mut paths = files.map(|file| file.unwrap().path());
        let path = paths.find(|path| path.extension().is_some_and(|end| end == "txt"));
        let text = std::fs::read_to_string(path.unwrap()).unwrap();
        assert!(
            text.starts_with("STATE ") && text.lines().count() == 6,
            "{text}"
        );
    }
);

in_namespace!(
    fn a_paused_view_keeps_its_sample_until_resumed() {
        let mut terminal = Terminal::with(&["--watch=0.05"]);
        terminal.wait_for_count("TOTAL", 0);
        terminal.type_(" ");
        terminal.wait_for("PAUSED");
        let _sockets = open_sockets();
        // Another part of the screen changes, and the counts do not.
        terminal.type_("-");
        terminal.wait_for("every 100 ms");
        terminal.wait_for_count("TOTAL", 0);
        terminal.type_(" ");
        terminal.wait_for_count("TOTAL", 5);
    }
);
