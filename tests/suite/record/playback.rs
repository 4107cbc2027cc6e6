//! `--from FILE --watch`: the live view of a record, and an answer for each of its samples.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::Value;

use super::{Folder, end, full_queue};
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;

/// A record of two moments with two listeners, which stay.
fn recorded() -> (Folder, Vec<TcpListener>) {
    let folder = Folder::new();
    let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listeners = vec![listener(), listener()];
    let ran = folder.record(&["-t"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    (folder, listeners)
}

in_namespace!(
    fn a_record_of_moments_alone_is_gone_through_on_a_terminal() {
        let (folder, _listeners) = recorded();
        let path = folder.path("a.rec");
        let path = path.to_str().unwrap();
        let mut terminal = Terminal::with(&["--from", path, "--watch"]);
        terminal.wait_for(" in a.rec  PAUSED");
        terminal.wait_for_count("LISTEN", 2);
        terminal.type_("\x1b[D");
        terminal.wait_for("the record begins here");
        terminal.type_("n");
        terminal.wait_until("the second moment", |screen| {
            let rows = screen.contents();
            let line = rows.lines().nth(1).unwrap_or_default();
            line.contains('!') && line.find('!') < line.find('◆')
        });
        terminal.type_("N");
        terminal.wait_until("the first moment", |screen| {
            let rows = screen.contents();
            let line = rows.lines().nth(1).unwrap_or_default();
            line.contains('!') && line.find('◆') < line.find('!')
        });
        terminal.type_("N");
        terminal.wait_for("no earlier moment has all sockets");
        terminal.type_("n\x1b[C");
        terminal.wait_for("the record ends here");
        terminal.type_("\r");
        terminal.wait_for("2 sockets by ");
        terminal.type_("\x1b");
        terminal.wait_for("all by service");
        terminal.type_("g6h\r");
        terminal.wait_for("as in 03:14, 03:14:07 or 2026-11-26T03:14:07Z (UTC)");
        terminal.type_("\x152001-01-01T00:00:00Z\r");
        terminal.wait_for("the record begins at 20");
        terminal.type_("\x1b");
        terminal.wait_until("no prompt", |screen| !screen.contents().contains("time: "));
        terminal.type_("d");
        terminal.wait_for("findings of all rules at this moment");
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
        terminal.assert_restored();
    }
);

in_namespace!(
    fn a_sample_keeps_its_time_with_other_sockets_and_says_where_lists_are() {
        let (_listener, _clients) = full_queue("127.0.0.1:0");
        let folder = Folder::new();
        let mut recording = folder.sample("a.rec", &["-t"]);
        recording.wait_for_stderr("recorded all sockets: accept-queue: ");
        end(recording);
        let path = folder.path("a.rec");
        let mut terminal = Terminal::with(&["--from", path.to_str().unwrap(), "--watch"]);
        terminal.wait_for(" in a.rec  PAUSED");
        terminal.type_("\x1b[1;2D\x1b[1;2D");
        terminal.wait_for("the record begins here");
        let has_time = |screen: &vt100::Screen| {
            let rows = screen.contents();
            let mut lines = rows.lines();
            let has_time = lines
                .next()
                .is_some_and(|line| line.trim_end().ends_with('Z'));
            // Below the filter.
            has_time && lines.nth(1).is_some_and(|line| line.contains('◆'))
        };
        terminal.type_("/state listening\r");
        terminal.wait_for("filter: state listening");
        terminal.wait_until("the time and the place", has_time);
        terminal.wait_for_count("LISTEN", 1);
        terminal.type_("/\x15sport = :1\r");
        terminal
            .wait_for("a sample has numbers, and no sockets: n and N go to moments that have all");
        terminal.type_("\x1b");
        terminal.wait_until("no prompt", |screen| !screen.contents().contains("sport"));
        terminal.type_("\r");
        terminal.wait_for("n next !");
        terminal.type_("n");
        terminal.wait_for("n search");
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);

in_namespace!(
    fn each_moment_has_an_answer_where_samples_are_appended() {
        let (folder, _listeners) = recorded();
        let ran = folder.from(&["--watch", "--json"]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
        let answers: Vec<Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), 2);
        assert!(answers[0]["time"].as_str() < answers[1]["time"].as_str());
        for answer in &answers {
            assert_eq!(answer["states"]["LISTEN"], 2, "{answer}");
        }
        let ran = folder.from(&["--watch", "--json", "--samples", "1", "--by", "local-addr"]);
        assert_eq!((ran.status, ran.stdout.lines().count()), (0, 1), "{ran:?}");
    }
);

in_namespace!(
    fn enter_on_a_finding_lists_its_sockets_at_the_moment_and_escape_goes_back() {
        let (listener, _clients) = full_queue("127.0.0.1:0");
        let address = listener.local_addr().unwrap();
        let folder = Folder::new();
        assert_eq!(folder.record(&["-t"]).status, 0);
        let path = folder.path("a.rec");
        let words = ["--from", path.to_str().unwrap(), "--watch", "1"];
        let mut terminal = Terminal::with(&words);
        terminal.wait_for(" PAUSED");
        terminal.type_("\x1b[C");
        terminal.type_("d");
        terminal.wait_for("the accept queue of ");
        terminal.type_("\r");
        terminal.wait_for(" by ");
        terminal.wait_for("filter: ");
        terminal.wait_for(&address.to_string());
        terminal.type_("\x1b");
        terminal.wait_for("1 finding of all rules at this moment");
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);
