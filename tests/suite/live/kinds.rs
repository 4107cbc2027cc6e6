//! `K` in the live view: which kinds of sockets are shown.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::pty::{Setup, Terminal};
use crate::namespace::in_namespace;

fn start(arguments: &[&str]) -> Terminal {
    Terminal::start(&Setup {
        size: (100, 36),
        arguments,
        environment: &[],
    })
}

in_namespace!(
    fn kinds_are_chosen_and_lists_and_columns_are_those_of_the_kinds_shown() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receivers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let port = receivers[0].local_addr().unwrap().port();
        let mut terminal = start(&["--watch=0.1"]);
        terminal.wait_for_count("TOTAL", 1);
        terminal.type_("K");
        terminal.wait_for("kinds of sockets: enter adds or removes one, esc returns");
        terminal.wait_for("[x] tcp");
        terminal.wait_for("[ ] udp");
        terminal.type_("jj ");
        terminal.wait_for("[x] udp");
        terminal.type_("\x1b");
        terminal.wait_for("tcp,udp");
        terminal.wait_for_count("TOTAL", 3);
        terminal.wait_until("a group for each kind", |screen| {
            let screen = screen.contents();
            let of = |kind: &str, count: &str| {
                let mut lines = screen.lines();
                lines.any(|line| line.split_whitespace().take(2).eq([kind, count]))
            };
            of("tcp", "1") && of("udp", "2")
        });
        terminal.type_("K");
        terminal.wait_for("[x] tcp");
        terminal.type_(" ");
        terminal.wait_for("[ ] tcp");
        terminal.type_("\r");
        terminal.wait_for("[x] tcp");
        terminal.type_("\r");
        terminal.wait_for("[ ] tcp");
        terminal.type_("K");
        terminal.wait_for_count("TOTAL", 2);
        terminal.wait_for("UNCONNECTED");
        terminal.wait_for(&format!(":{port}"));
        terminal.type_("\r");
        terminal.wait_for("2 sockets by send-queue:desc");
        terminal.type_("C");
        terminal.wait_for("[ ] receive-limit");
        terminal.wait_until("no columns of other kinds", |screen| {
            let screen = screen.contents();
            ["rtt", "port-id", "peer-process", "timer"]
                .iter()
                .all(|name| !screen.contains(name))
        });
        terminal.type_("\x1b");
        terminal.wait_for("2 sockets by send-queue:desc");
        terminal.type_("S");
        terminal.wait_for("2 sockets by local-port ");
        // The order is none of UNIX sockets.
        terminal.type_("KGkk ");
        terminal.wait_for("[x] unix-stream");
        terminal.type_("gjj ");
        terminal.wait_for("[ ] udp");
        terminal.type_("\x1b");
        // Those of the view itself.
        terminal.wait_for("unix-stream  every 100 ms");
        terminal.wait_for("sockets by send-queue:desc");
        terminal.wait_for("PEER");
    }
);

in_namespace!(
    fn kinds_without_the_filter_are_refused_and_the_others_stay() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = receiver.local_addr().unwrap().port();
        let filter = format!("sport = {port}");
        let mut terminal = start(&["-u", "--watch=0.1", &filter]);
        terminal.wait_for_count("TOTAL", 1);
        terminal.type_("KG ");
        terminal.wait_for("[x] unix-seqpacket");
        terminal.type_("gjj ");
        terminal.wait_for("[ ] udp");
        terminal.type_("\x1b");
        terminal.wait_for("UNIX-seqpacket sockets have no `local-port`");
        terminal.wait_for_count("TOTAL", 1);
        // Only TCP connections are traced.
        terminal.type_("t");
        terminal.wait_for("only TCP connections are traced, and UDP sockets are selected");
        terminal.type_("t?");
        terminal.wait_for("choose the kinds of sockets");
    }
);

in_namespace!(
    fn names_that_no_terminal_must_see_are_escaped_in_groups_lists_and_details() {
        let name = b"z\nb\x1b[31m\x00\xff e".as_slice();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let shown = r"@z\x0ab\x1b[31m\x00\xff\x20e";
        let mut terminal = start(&["-x", "--watch=0.1", "--by", "name", "state listen"]);
        terminal.wait_for_count("TOTAL", 1);
        terminal.wait_for(shown);
        terminal.type_("\r");
        terminal.wait_for("1 socket by send-queue:desc");
        terminal.wait_for(shown);
        terminal.type_("\r");
        terminal.wait_for(&format!("LISTEN {shown}"));
        terminal.wait_for("connections waiting to be accepted");
    }
);
