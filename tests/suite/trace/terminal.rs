//! On a terminal each close is a ladder, as long as a person can read them.

use std::net::TcpListener;

use super::closes::{Pair, close_with_quickack, read_to_end};
use super::{has_bpf, until_complete};
use crate::namespace::in_namespace;
use crate::terminal::on_a_terminal;
use crate::wait::Repeated;

fn close_in_three(listener: &TcpListener) {
    let Pair { client, mut server } = Pair::open(listener, listener.local_addr().unwrap());
    drop(client);
    read_to_end(&mut server);
}

/// As many closes as fit into the ring while the program waits for a processor.
fn close_every_5_ms(listener: TcpListener) -> Repeated {
    Repeated::start(move || {
        close_in_three(&listener);
        std::thread::sleep(std::time::Duration::from_millis(5));
    })
}

/// What a terminal shows of the first close in some time. A second FIN that follows late, as it may on
/// a busy machine, is tried again.
fn ladder(columns: usize, options: &str, environment: &[(&str, &str)], quickack: bool) -> String {
    let shape = if quickack { "four" } else { "three" };
    until_complete(|| {
        let shown = first_close(columns, options, environment, quickack);
        shown.contains(shape).then_some(shown)
    })
}

fn first_close(
    columns: usize,
    options: &str,
    environment: &[(&str, &str)],
    quickack: bool,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing = Repeated::start(move || {
        match quickack {
            true => close_with_quickack(Pair::open(&listener, listener.local_addr().unwrap())),
            false => close_in_three(&listener),
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
    });
    let options = format!("trace --limit 1 -q {options}");
    let shown = on_a_terminal(columns, &options, environment);
    closing.stop();
    shown.replace('\r', "")
}

in_namespace!(
    fn captured_segments_are_solid_and_inferred_ones_dashed() {
        let segments = ladder(80, "--segments", &[], false);
        assert!(segments.contains("── FIN,ACK ──"), "{segments}");
        assert!(segments.contains("three segments: the ACK of the first FIN came on the second"));
        assert!(!segments.contains("dashed"), "{segments}");
        if !has_bpf() {
            return;
        }
        for name in [
            "FIN_WAIT1",
            "CLOSE_WAIT",
            "LAST_ACK",
            "TIME_WAIT",
            "closed first",
        ] {
            assert!(segments.contains(name), "{name}: {segments}");
        }
        let states = ladder(80, "", &[], true);
        assert!(states.contains("╌╌ FIN ╌╌"), "{states}");
        assert!(
            states.contains("four segments: the ACK came alone"),
            "{states}"
        );
        assert!(
            states.contains("dashed: inferred from socket states"),
            "{states}"
        );
    }
);

in_namespace!(
    fn a_terminal_without_utf8_gets_ascii_and_a_narrow_one_plain_lines_that_fit() {
        let ascii = ladder(80, "--segments", &[("LC_ALL", "C")], false);
        assert!(
            ascii.is_ascii() && ascii.contains("-- FIN,ACK --"),
            "{ascii}"
        );
        let narrow = ladder(57, "--segments", &[], false);
        assert!(!narrow.contains("──"), "{narrow}");
        assert!(narrow.starts_with("TIME  "), "{narrow}");
        let mut rows = narrow.lines().take_while(|line| !line.is_empty());
        assert!(rows.all(|line| line.len() <= 57), "{narrow}");
        let words: Vec<&str> = narrow.split_whitespace().skip(6).collect();
        assert_eq!((words[3], words[5]), ("three", "segments"), "{narrow}");
    }
);

in_namespace!(
    fn many_closes_are_lines_and_more_are_counted_by_shape() {
        // Five in the first second, and as many in each later one that begins with fewer. A busy
        // machine may make fewer connections than are shown one by one.
        until_complete(|| {
            let [ladders, lines, counted] = shown_as();
            assert!(ladders <= 20 && lines <= 60 && counted <= 4);
            (ladders >= 5 && lines >= 15 && counted >= 1).then_some(())
        });
    }
);

/// How many of the closes of 3 s are shown as ladders and as lines, and how many lines count more.
fn shown_as() -> [usize; 3] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing = close_every_5_ms(listener);
    let shown = on_a_terminal(80, "trace --segments --duration 3 -q", &[]).replace('\r', "");
    closing.stop();
    let count =
        |is_counted: fn(&str) -> bool| shown.lines().filter(|line| is_counted(line)).count();
    [
        count(|line| line.contains(" segments: ")),
        count(|line| line.ends_with(" segments")),
        count(|line| line.contains(" more closes: ")),
    ]
}

in_namespace!(
    fn transitions_fit_a_terminal_and_lose_no_column() {
        if !has_bpf() {
            return;
        }
        let shown = until_complete(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let closing = close_every_5_ms(listener);
            let options = "trace --show transitions --limit 20 -q";
            let shown = on_a_terminal(80, options, &[]).replace('\r', "");
            closing.stop();
            (shown.contains("FIN_WAIT1") && shown.contains("LAST_ACK")).then_some(shown)
        });
        let heading = "TIME           LOCAL                  REMOTE                 FROM\n    TO";
        assert!(shown.starts_with(heading), "{shown}");
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        assert!(shown.contains("    LAST_ACK "), "{shown}");
    }
);
