//! The counts, groups and warnings of the view.

use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use super::pty::Terminal;
use crate::namespace::in_namespace;
use crate::zoo::special::listeners;
use crate::zoo::sysctl::ScopedSysctl;
use crate::zoo::{Family, SocketCounts, State, Zoo};

in_namespace!(
    fn the_view_follows_changing_socket_counts() {
        let mut terminal = Terminal::with(&["--watch=0.05"]);
        terminal.wait_for_count("TOTAL", 0);
        let zoo = Zoo::open(&SocketCounts::all_different());
        for (state, count) in zoo.expected().by_state() {
            terminal.wait_for_count(state, count);
        }
        terminal.wait_for_count("TOTAL", zoo.expected().total());
        let extra = listeners::dual_stack(3);
        let before = zoo.expected().by_state()["LISTEN"];
        terminal.wait_for_count("LISTEN", before + 3);
        drop(extra);
        terminal.wait_for_count("LISTEN", before);
        // LISTEN shows its minimum and maximum beside the history: 0 at the start, 3 more than now.
        let min_and_max = format!("0     {}", before + 3);
        terminal.wait_until("the minimum and the maximum", |screen| {
            let screen = screen.contents();
            let row = screen.lines().find(|line| line.contains("LISTEN"));
            row.is_some_and(|row| row.contains(&min_and_max))
        });
        terminal.type_("q");
        assert!(terminal.wait_for_end().success());
    }
);

in_namespace!(
    fn groups_show_the_selected_state() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 3)
            .with(Family::V4, State::CloseWait, 2);
        let _zoo = Zoo::open(&wanted);
        let mut terminal = Terminal::with(&["--watch=0.1", "--by=remote-addr"]);
        terminal.wait_for("all by remote-addr");
        terminal.wait_for("192.0.2.12       3");
        terminal.wait_for("192.0.2.14       2");
        terminal.select("CLOSE_WAIT");
        terminal.wait_for("CLOSE_WAIT by remote-addr");
        terminal.wait_until("CLOSE_WAIT alone", |screen| {
            let screen = screen.contents();
            screen.contains("192.0.2.14       2") && !screen.contains("192.0.2.12")
        });
        terminal.type_("b");
        terminal.wait_for("CLOSE_WAIT by service,remote-addr");
    }
);

in_namespace!(
    fn a_full_accept_queue_is_marked_and_explained() {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
        bind(&listener, &loopback).unwrap();
        listen(&listener, 0).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let terminal = Terminal::with(&["--watch=0.1"]);
        terminal.wait_for_count("LISTEN", 1);
        assert!(!terminal.text().contains('!'), "{}", terminal.text());
        let _waiting = TcpStream::connect(address).unwrap();
        terminal.wait_for("!  LISTEN");
        let message =
            format!("LISTEN: an accept queue is full: 1 wait at {address}, and the limit is 0");
        terminal.wait_for(&message);
    }
);

in_namespace!(
    fn time_wait_at_its_limit_is_marked_and_explained() {
        let wanted = SocketCounts::none().with(Family::V4, State::TimeWait, 9);
        let _zoo = Zoo::open(&wanted);
        let terminal = Terminal::with(&["--watch=0.1"]);
        terminal.wait_for_count("TIME_WAIT", 9);
        assert!(!terminal.text().contains('!'), "{}", terminal.text());
        let _limit = ScopedSysctl::set("ipv4/tcp_max_tw_buckets", "10");
        terminal.wait_for("!  TIME_WAIT");
        terminal.wait_for("TIME_WAIT: 9 of at most 10 (net.ipv4.tcp_max_tw_buckets)");
    }
);
