//! What is wrong, in the live view: the line, the pane, the sockets of a finding and the way back.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::channel;

use rustix::net::listen;
use rustix::thread::UnshareFlags;

use super::pty::{Setup, Terminal};
use crate::namespace::in_namespace;
use crate::netns::{Named, make_directory};

/// A listener at this port whose accept queue is full.
fn full(port: u16) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listen(&listener, 0).unwrap();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    (listener, client)
}

fn start(arguments: &[&str]) -> Terminal {
    Terminal::start(&Setup {
        size: (100, 24),
        arguments,
        environment: &[],
    })
}

in_namespace!(
    fn a_finding_is_counted_shown_and_leads_to_its_sockets_and_back() {
        let first = full(8_080);
        let mut terminal = start(&["--watch=0.1"]);
        terminal.wait_for("1 critical (d)");
        terminal.type_("d");
        terminal.wait_for("1 finding without ESTABLISHED and TIME_WAIT");
        terminal.wait_for("CRITICAL    the accept queue of 127.0.0.1:8080 is full");
        terminal.wait_for("  evidence  ");
        terminal.wait_for("  do        ");
        terminal.type_("\r");
        terminal.wait_for("filter: (state listen) and sport = 8080");
        terminal.wait_for("1 socket by ");
        terminal.wait_until("the listener", |screen| {
            let rows = screen.contents();
            rows.lines()
                .any(|row| row.starts_with("LISTEN ") && row.contains("127.0.0.1:8080"))
        });
        terminal.type_("\x1b");
        terminal.wait_for("CRITICAL    the accept queue of 127.0.0.1:8080 is full");
        terminal.wait_until("the filter typed before", |screen| {
            !screen.contents().contains("filter: ")
        });
        terminal.type_("\x1b");
        terminal.wait_for_count("TOTAL", 3);
        terminal.wait_for("1 critical (d)");
        drop(first);
        terminal.wait_until("nothing wrong", |screen| !screen.contents().contains("(d)"));
    }
);

in_namespace!(
    fn findings_are_about_the_sockets_of_the_filter_and_a_quiet_host_has_no_line() {
        let _queues = [full(8_080), full(8_081)];
        let mut terminal = start(&["--watch=0.1", "sport = :8081"]);
        terminal.wait_for("1 critical (d)");
        terminal.type_("d");
        terminal.wait_for("the accept queue of 127.0.0.1:8081 is full");
        assert!(!terminal.text().contains("8080"), "{}", terminal.text());
        terminal.type_("d");
        terminal.wait_for("filter: sport = :8081");
        // Another filter is examined anew.
        terminal.type_("/\x15sport = :1\r");
        terminal.wait_for("filter: sport = :1");
        terminal.wait_until("nothing wrong", |screen| !screen.contents().contains("(d)"));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn of_several_namespaces_a_finding_names_its_own_and_leads_to_the_sockets_there() {
        make_directory();
        let named = ["blue", "red"].map(|name| Named::with_connections(name, 0));
        let (tell, told) = channel();
        named[1].run(move || tell.send(full(8_080)).unwrap());
        let queue = told.recv().unwrap();
        let mut terminal = start(&["--watch=0.1", "-N", "blue,red"]);
        terminal.wait_for("1 critical (d)");
        terminal.type_("d");
        terminal.wait_for("CRITICAL    the accept queue of 127.0.0.1:8080 is full");
        terminal.wait_for("  netns     red");
        terminal.type_("\r");
        terminal.wait_for("filter: ((state listen) and sport = 8080) and netns = red");
        terminal.wait_for("1 socket by ");
        drop((named, queue));
    }
);
