//! However the view ends or is suspended, it restores the terminal.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::pty::{Terminal, signal_of};
use crate::child::run_tool;
use crate::namespace::in_namespace;

/// The view on a terminal, after its first sample.
fn view() -> Terminal {
    let terminal = Terminal::with(&["--watch=0.1"]);
    terminal.wait_for_count("TOTAL", 0);
    terminal.wait_for_view();
    terminal
}

in_namespace!(
    fn q_and_ctrl_c_quit_with_status_0() {
        for key in ["q", "\x03"] {
            let mut terminal = view();
            terminal.type_(key);
            assert_eq!(terminal.wait_for_end().code(), Some(0), "{key:?}");
        }
    }
);

in_namespace!(
    fn a_terminating_signal_restores_the_terminal_and_kills_the_view() {
        for signal in [Signal::TERM, Signal::HUP, Signal::QUIT] {
            let mut terminal = view();
            terminal.signal(signal);
            let status = terminal.wait_for_end();
            assert_eq!(signal_of(status), Some(signal.as_raw()), "{signal:?}");
        }
    }
);

in_namespace!(
    fn a_hangup_of_the_terminal_ends_the_view() {
        let mut terminal = view();
        let status = terminal.hang_up();
        assert_eq!(signal_of(status), Some(Signal::HUP.as_raw()));
    }
);

in_namespace!(
    fn signals_end_the_view_while_terminal_output_is_stopped() {
        for signal in [Signal::TERM, Signal::INT] {
            let mut terminal = view();
            let status = terminal.signal_while_stopped(signal);
            assert_eq!(signal_of(status), Some(signal.as_raw()));
        }
    }
);

in_namespace!(
    fn suspending_restores_the_terminal_and_resuming_redraws() {
        for how in ["key", "signal"] {
            let mut terminal = view();
            match how {
                "key" => terminal.type_("\x1a"),
                _ => terminal.signal(Signal::TSTP),
            }
            terminal.wait_until_stopped();
            terminal.assert_restored();
            terminal.signal(Signal::CONT);
            terminal.wait_for_count("TOTAL", 0);
            terminal.wait_for_view();
            terminal.type_("?");
            terminal.wait_for("press any key to return");
            terminal.type_("q");
            assert_eq!(terminal.wait_for_end().code(), Some(0));
        }
    }
);

in_namespace!(
    fn the_view_redraws_after_sigstop_and_sigcont() {
        let mut terminal = view();
        terminal.signal(Signal::STOP);
        terminal.wait_until_stopped();
        terminal.reset();
        terminal.signal(Signal::CONT);
        terminal.wait_for_view();
        terminal.wait_for_count("TOTAL", 0);
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);

in_namespace!(
    fn enough_samples_end_it_and_the_last_one_stays_on_the_screen() {
        for (arguments, text) in [(&[][..], "STATE"), (&["--by=local-addr"], "LOCAL-ADDR")] {
            let arguments = [&["--watch=0.3", "--samples=3"], arguments].concat();
            let mut terminal = Terminal::with(&arguments);
            assert_eq!(terminal.wait_for_end().code(), Some(0));
            terminal.wait_for("TOTAL");
            terminal.wait_for(text);
            assert!(!terminal.text().contains("quit"), "{}", terminal.text());
        }
    }
);

in_namespace!(
    fn two_interrupts_in_a_row_restore_the_terminal() {
        for pause in (0..40).map(|step| Duration::from_micros(step * 50)) {
            let mut terminal = view();
            terminal.signal(Signal::INT);
            thread::sleep(pause);
            terminal.signal_again(Signal::INT);
            let status = terminal.wait_for_end();
            let by_signal = signal_of(status) == Some(Signal::INT.as_raw());
            assert!(
                by_signal || status.code() == Some(0),
                "{pause:?} {status:?}"
            );
        }
    }
);

in_namespace!(
    fn every_signal_that_ends_a_program_by_default_restores_the_terminal() {
        for signal in [
            Signal::ABORT,
            Signal::ALARM,
            Signal::BUS,
            Signal::FPE,
            Signal::ILL,
            Signal::IO,
            Signal::PROF,
            Signal::POWER,
            Signal::SEGV,
            Signal::STKFLT,
            Signal::SYS,
            Signal::TRAP,
            Signal::USR1,
            Signal::USR2,
            Signal::VTALARM,
            Signal::XCPU,
            Signal::XFSZ,
        ] {
            let mut terminal = view();
            terminal.signal(signal);
            let status = terminal.wait_for_end();
            assert_eq!(signal_of(status), Some(signal.as_raw()), "{signal:?}");
        }
    }
);

in_namespace!(
    fn real_time_signals_restore_the_terminal() {
        // The first that every C library leaves to programs, and the last: signal(7). musl keeps 34
        // for itself, and sigaction(3) refuses it.
        for number in [35, 64] {
            let mut terminal = view();
            let kill = format!("kill -{number} {}", terminal.process_id());
            run_tool("sh", ["-c", &kill]);
            assert_eq!(signal_of(terminal.wait_for_end()), Some(number));
        }
    }
);

in_namespace!(
    fn a_lack_of_descriptors_is_named_and_ends_when_there_are_some() {
        let mut terminal = view();
        // As many as poll(2) needs, all of which are taken.
        let limit = terminal.limit_descriptors(Some(3));
        terminal.wait_for("NO ANSWER");
        // EMFILE, as glibc and as musl word it; the end may be cut off.
        terminal.wait_until("too many open files", |screen| {
            let words = ["Too many open files", "No file descriptors "];
            words.iter().any(|words| screen.contents().contains(words))
        });
        assert!(!terminal.text().contains("write"), "{}", terminal.text());
        terminal.limit_descriptors(limit);
        terminal.wait_until("an answer", |screen| {
            !screen.contents().contains("NO ANSWER")
        });
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);

in_namespace!(
    fn a_first_sample_that_fails_is_one_line_and_an_error_status() {
        let root = tempfile::tempdir().unwrap();
        let net = root.path().join("net");
        std::fs::create_dir(&net).unwrap();
        std::fs::write(net.join("tcp"), "  sl  local_address\n").unwrap();
        let root = root.path().to_str().unwrap();
        let mut terminal = Terminal::with(&["--watch=0.1", "--proc-root", root]);
        terminal.wait_for_count("TOTAL", 0);
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
        std::fs::remove_file(net.join("tcp")).unwrap();
        let mut terminal = Terminal::with(&["--watch=0.1", "--proc-root", root]);
        assert_ne!(terminal.wait_for_end().code(), Some(0));
        terminal.wait_for("tcpstates: ");
    }
);

in_namespace!(
    fn a_failing_source_keeps_the_last_counts_until_it_recovers() {
        let root = tempfile::tempdir().unwrap();
        let net = root.path().join("net");
        std::fs::create_dir(&net).unwrap();
        let table = net.join("tcp");
        std::fs::copy(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc/net/tcp"),
            &table,
        )
        .unwrap();
        let terminal =
            Terminal::with(&["--watch=0.1", "--proc-root", root.path().to_str().unwrap()]);
        terminal.wait_for("HISTORY");
        let total = super::pty::count_of(&terminal.text(), "TOTAL").unwrap();
        assert!(total > 0);
        let aside = net.join("aside");
        std::fs::rename(&table, &aside).unwrap();
        terminal.wait_for("NO ANSWER");
        terminal.wait_for("no answer for ");
        terminal.wait_for_count("TOTAL", total);
        std::fs::rename(&aside, &table).unwrap();
        terminal.wait_until("an answer", |screen| {
            !screen.contents().contains("NO ANSWER")
        });
        terminal.wait_for_count("TOTAL", total);
    }
);
