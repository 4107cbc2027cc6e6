//! Groups, their sockets, one socket, columns, search and the mouse.

use std::net::TcpListener;

use rustix::process::Signal;
use vt100::MouseProtocolMode;

use super::pty::{Setup, Terminal};
use crate::namespace::in_namespace;

fn start() -> Terminal {
    Terminal::start(&Setup {
        size: (100, 24),
        arguments: &["--watch=0.1"],
        environment: &[],
    })
}

in_namespace!(
    fn a_group_leads_to_its_sockets_and_to_one_of_them_until_that_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut terminal = start();
        terminal.wait_for_count("TOTAL", 1);
        terminal.wait_for(&format!(":{}", address.port()));
        terminal.type_("\t");
        terminal.wait_for(", 1 of 1 by total:desc");
        terminal.type_("s");
        terminal.wait_for(", 1 of 1 by change:desc");
        terminal.type_("\r");
        terminal.wait_for(&format!("1 socket of :{}", address.port()));
        terminal.wait_for("LISTEN ");
        terminal.type_("C");
        terminal.wait_for("[ ] family");
        terminal.type_(" ");
        terminal.wait_for("[x] family");
        terminal.type_("\x1b");
        terminal.wait_for("FAMILY");
        terminal.type_("nListen");
        terminal.wait_for("search: Listen");
        terminal.type_("\r");
        terminal.wait_for("q quit");
        terminal.wait_for(&address.to_string());
        terminal.type_("\r");
        terminal.wait_for(&format!("LISTEN {address}"));
        terminal.wait_for("0 connections waiting to be accepted, limit ");
        let holder = format!("({})", std::process::id());
        terminal.wait_for(&holder);
        drop(listener);
        terminal.wait_for("GONE: the last known values");
        terminal.wait_for(&holder);
        terminal.type_("\x7f");
        terminal.wait_for("0 sockets of ");
        terminal.type_("\x7f");
        terminal.wait_for(" by change:desc");
        terminal.type_("\x1b");
        terminal.wait_until("no cursor in the groups", |screen| {
            !screen.contents().contains(" by change:desc")
        });
        terminal.wait_for_count("TOTAL", 0);
    }
);

in_namespace!(
    fn a_chosen_column_continues_the_rows_of_a_narrow_list_and_the_one_sorted_by_is_shown() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut terminal = Terminal::start(&Setup {
            size: (46, 14),
            arguments: &["--watch=0.1"],
            environment: &[],
        });
        terminal.wait_for_count("TOTAL", 1);
        terminal.type_("\r");
        terminal.wait_for("1 socket by send-queue:desc, without RECV-Q");
        terminal.type_("C");
        terminal.wait_for("[ ] v6only");
        terminal.type_("jj ");
        terminal.wait_for("[x] v6only");
        terminal.type_("\x1b");
        terminal.wait_for("PROCESS");
        terminal.wait_for(&format!("({})", std::process::id()));
        terminal.wait_for("V6ONLY");
        terminal.wait_for(&listener.local_addr().unwrap().to_string());
        // The order before the first one.
        terminal.type_("S");
        terminal.wait_for("by retransmits:desc");
        terminal.wait_for("RETRANSMITS");
        terminal.type_("d");
        terminal.wait_for("0 findings");
        terminal.type_("c");
        terminal.wait_for("history of all");
    }
);

in_namespace!(
    fn the_mouse_is_reported_only_while_it_is_wanted_and_the_view_has_the_terminal() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut terminal = start();
        terminal.wait_for_count("TOTAL", 1);
        let wait_for_mouse = |terminal: &Terminal, mode| {
            terminal.wait_until("the mode of the mouse", |screen| {
                screen.mouse_protocol_mode() == mode
            });
        };
        wait_for_mouse(&terminal, MouseProtocolMode::None);
        terminal.type_("m");
        wait_for_mouse(&terminal, MouseProtocolMode::PressRelease);
        // The first state is in the third line.
        terminal.type_("\x1b[<0;5;3M\x1b[<0;5;3m");
        terminal.wait_until("LISTEN", |screen| {
            let cell = screen.cell(2, 5);
            cell.is_some_and(vt100::Cell::inverse)
        });
        terminal.type_("\x1b[<65;5;3M");
        terminal.wait_until("the next state", |screen| {
            let cell = screen.cell(3, 5);
            cell.is_some_and(vt100::Cell::inverse)
        });
        terminal.type_("\x1a");
        terminal.wait_until_stopped();
        wait_for_mouse(&terminal, MouseProtocolMode::None);
        terminal.signal(Signal::CONT);
        wait_for_mouse(&terminal, MouseProtocolMode::PressRelease);
        terminal.type_("m");
        wait_for_mouse(&terminal, MouseProtocolMode::None);
        terminal.type_("m");
        wait_for_mouse(&terminal, MouseProtocolMode::PressRelease);
        terminal.type_("q");
        assert!(terminal.wait_for_end().success());
        wait_for_mouse(&terminal, MouseProtocolMode::None);
    }
);
