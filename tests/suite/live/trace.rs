//! The trace pane: programs are in the kernel while it is shown, and no longer.
//!
//! Without the capabilities for bpf(2) it shows the ends of connections, and what is missing.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use super::pty::{Setup, Terminal};
use crate::child;
use crate::namespace::in_namespace;
use crate::program::PROGRAM;
use crate::trace::losses::{CONNECTIONS, connect_and_close, dropped_messages};
use crate::trace::programs::{program_exists, programs_of};
use crate::trace::unprivileged::{give_up_privileges, is_root_without_privileges};
use crate::trace::{has_bpf, until_complete};
use crate::wait::wait_for;

/// Programs of a trace, each with the link that keeps it attached.
const PROGRAMS: usize = 4;

/// The view with an open pane, where it has begun to trace.
fn with_pane(size: (u16, u16), arguments: &[&str]) -> Terminal {
    let mut terminal = Terminal::start(&Setup {
        size,
        arguments: &[&["--watch=0.1"], arguments].concat(),
        environment: &[],
    });
    terminal.wait_for_count("TOTAL", 1);
    terminal.type_("t");
    terminal.wait_for(" since ");
    terminal
}

/// The line of the screen with this text.
fn line_with<'a>(screen: &'a str, text: &str) -> Option<&'a str> {
    screen.lines().find(|line| line.contains(text))
}

in_namespace!(
    fn programs_are_loaded_only_while_the_pane_is_shown() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut terminal = with_pane((80, 24), &[]);
        let process = terminal.process_id();
        for (open, close, shown) in [
            ("", "t", " by service"),
            ("t", "\x1b", " by service"),
            ("t", "c", "history of all"),
            ("t", "\r", "1 socket by "),
            ("t", "/sport = :1\r", "filter: sport = :1"),
            ("t", "q", ""),
        ] {
            terminal.type_(open);
            terminal.wait_for(" since ");
            let programs = programs_of(process);
            if has_bpf() {
                assert_eq!(programs.len(), PROGRAMS, "{programs:?}");
            }
            // The filter is edited with the pane open, and begins another trace.
            terminal.type_(close);
            terminal.wait_for(shown);
            wait_for("the programs to be gone", || {
                let exists = programs.iter().any(|program| program_exists(*program));
                (!exists).then_some(())
            });
            if close.starts_with('/') {
                // Keys are ignored while a filter is checked, in whose line it is shown too.
                terminal.wait_for("t close");
                terminal.type_("t");
            }
            if close != "q" {
                wait_for("no other programs", || {
                    programs_of(process).is_empty().then_some(())
                });
            }
        }
        assert!(terminal.wait_for_end().success());
    }
);

in_namespace!(
    fn closes_and_transitions_of_the_selected_state_are_shown_while_counts_go_on() {
        until_complete(shown_of_a_close);
    }
);

/// Closes a connection with an open pane, whose rows are checked. `None` if they do not appear: of an
/// event for which a busy kernel skipped the programs.
fn shown_of_a_close() -> Option<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut terminal = with_pane((120, 30), &[]);
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    terminal.wait_for_count("TOTAL", 3);
    let client_at = client.local_addr().unwrap();
    drop(client);
    terminal.wait_for_count("CLOSE_WAIT", 1);
    drop(server);
    terminal.wait_for_count("CLOSE_WAIT", 0);
    terminal.shows(|screen| screen.contains(": 1 close"))?;
    terminal.select("CLOSE_WAIT");
    if !has_bpf() {
        let row = format!("{client_at} ");
        return terminal
            .shows(|screen| screen.contains("any state since ") && screen.contains(&row));
    }
    terminal.wait_for("CLOSE_WAIT since ");
    // Three or four segments, by how soon the server closed.
    terminal.shows(|screen| screen.contains("), 2 transitions"))?;
    let close = format!("{client_at}(");
    terminal.shows(|screen| {
        line_with(screen, &close)
            .is_some_and(|line| line.contains(" four ") || line.contains(" three "))
    })?;
    let holder = format!("({})", std::process::id());
    terminal.shows(|screen| {
        let left = line_with(screen, "CLOSE_WAIT  LAST_ACK ");
        let entered = line_with(screen, "ESTABLISHED CLOSE_WAIT ");
        entered.is_some_and(|line| line.contains(&client_at.to_string()))
            && left.is_some_and(|line| line.contains(&holder))
    })?;
    // Of another state.
    terminal.type_("g");
    terminal.wait_for("LISTEN since ");
    terminal.shows(|screen| screen.contains(": 0 closes, 1 transition"))
}

in_namespace!(
    fn a_paused_pane_keeps_its_rows_and_a_filter_selects_them() {
        let listeners = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let [selected, other] = listeners
            .each_ref()
            .map(|at| at.local_addr().unwrap().port());
        let filter = format!("sport = :{selected} or dport = :{selected}");
        let mut terminal = with_pane((120, 24), &[&filter]);
        connect_and_close(&listeners[1]);
        connect_and_close(&listeners[0]);
        terminal.wait_for(": 1 close");
        terminal.wait_for(&format!("127.0.0.1:{selected}"));
        assert!(!terminal.text().contains(&format!("127.0.0.1:{other}")));
        terminal.type_(" ");
        terminal.wait_for("PAUSED");
        connect_and_close(&listeners[0]);
        // Another part of the screen changes, and the rows do not.
        terminal.type_("-");
        terminal.wait_for("every 200 ms");
        terminal.wait_for(": 1 close");
        terminal.type_(" ");
        terminal.wait_for(": 2 closes");
        terminal.type_("?");
        terminal.wait_for("trace the last closes and transitions");
        terminal.type_("x");
        terminal.wait_for(": 2 closes");
        // Words about what events do not have.
        terminal.type_("/\x15rtt > 1000\r");
        terminal.wait_for("trace does not record `rtt`");
    }
);

in_namespace!(
    fn the_pane_fits_forty_by_ten_and_smaller_terminals() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut terminal = with_pane((40, 10), &[]);
        connect_and_close(&listener);
        let place = listener.local_addr().unwrap().to_string();
        terminal.wait_for(&place);
        terminal.wait_for(" close");
        terminal.wait_for("TOTAL");
        terminal.wait_for("q quit");
        terminal.resize(9, 3);
        terminal.resize(1, 1);
        terminal.resize(80, 24);
        terminal.wait_for(": 1 close");
        terminal.wait_for(&place);
        terminal.type_("q");
        assert!(terminal.wait_for_end().success());
    }
);

in_namespace!(
    fn without_privileges_the_pane_shows_ends_and_what_is_missing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = child::command(PROGRAM);
        command.args(["--watch=0.1"]);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        give_up_privileges(&mut command);
        let mut terminal = Terminal::run(command, (80, 24));
        terminal.wait_for_count("TOTAL", 1);
        terminal.type_("t");
        for words in ["any state since ", "CAP_BPF", "CAP_PERFMON"] {
            terminal.wait_for(words);
        }
        if !is_root_without_privileges() {
            terminal.wait_for("sudo");
            terminal.wait_for(PROGRAM);
        }
        assert!(programs_of(terminal.process_id()).is_empty());
        connect_and_close(&listener);
        terminal.wait_for(": 1 close");
        terminal.wait_for(&listener.local_addr().unwrap().to_string());
        // States are not reported.
        terminal.type_("/state established\r");
        terminal.wait_for("no filter by state");
        terminal.resize(40, 10);
        terminal.wait_for("CAP_BPF");
    }
);

in_namespace!(
    fn losses_are_shown_in_the_pane() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let terminal = with_pane((80, 24), &[]);
        terminal.signal(Signal::STOP);
        if has_bpf() {
            (0..CONNECTIONS).for_each(|_| connect_and_close(&listener));
        } else {
            wait_for("the kernel to drop messages", || {
                (0..500).for_each(|_| connect_and_close(&listener));
                (dropped_messages() > 0).then_some(())
            });
        }
        terminal.signal(Signal::CONT);
        terminal.wait_for(" lost: ");
    }
);
