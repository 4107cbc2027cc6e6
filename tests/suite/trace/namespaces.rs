//! Only the own network namespace is traced, unless all are.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::channel;

use super::closes::{Pair, close_with_quickack, read_to_end};
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::child::{Start, run_tool};
use crate::namespace::in_namespace;
use crate::neighbour::Neighbour;
use crate::program::{command, run};
use crate::wait;

fn close_some(times: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..times {
        drop(Pair::open(&listener, listener.local_addr().unwrap()));
    }
}

in_namespace!(
    fn a_flood_next_door_is_not_traced() {
        let neighbour = Neighbour::start();
        let traced = until_complete(|| {
            let tracing = Tracing::start(&[]);
            neighbour.run(|| close_some(200));
            close_some(1);
            let traced = tracing.interrupt();
            traced.is_complete().then_some(traced)
        });
        neighbour.end();
        assert_eq!(
            (traced.connections.len(), traced.summary.connections),
            (1, 1)
        );
    }
);

in_namespace!(
    fn rows_of_every_namespace_name_theirs() {
        if !has_bpf() {
            let ran = run(["trace", "--netns", "all"]);
            assert_eq!(ran.status, 1, "{ran:?}");
            assert!(
                ran.stderr.starts_with("tcpstates: --netns all: "),
                "{ran:?}"
            );
            return;
        }
        let neighbour = Neighbour::start();
        let own = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
        let own = u32::try_from(own).unwrap();
        let tracing = Tracing::start(&["--netns", "all"]);
        neighbour.run(|| close_some(3));
        close_some(2);
        let traced = tracing.interrupt();
        let count = |inode| {
            let closes = traced.connections.iter();
            closes
                .filter(|close| close.netns_inode == Some(inode))
                .count()
        };
        assert_eq!(
            (count(neighbour.inode), count(own)),
            (3, 2),
            "{:?}",
            traced.ran
        );
        neighbour.end();
    }
);

in_namespace!(
    fn tables_and_csv_name_the_namespace_of_each_row_in_their_last_column() {
        if !has_bpf() {
            return;
        }
        let own = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        for show in ["closes", "connections", "transitions"] {
            for (format, heading) in [("table", "NETNS_INODE"), ("csv", "netns_inode")] {
                let arguments = [
                    "trace", "--netns", "all", "--format", format, "--show", show,
                ];
                let filter = ["--limit", "1", "port", "=", &port];
                let mut tracing = command([&arguments[..], &filter].concat()).start().unwrap();
                tracing.wait_for_stderr("note: tracing ");
                drop(Pair::open(&listener, listener.local_addr().unwrap()));
                let output = String::from_utf8(tracing.finish().stdout).unwrap();
                let last = |line: &str| line.rsplit([' ', ',']).next().unwrap().to_owned();
                let lines: Vec<String> = output.lines().map(last).collect();
                assert_eq!(lines, [heading.to_owned(), own.to_string()], "{output}");
            }
        }
    }
);

/// Connects this namespace with the neighbour's; the server listens here.
fn connect_by_veth(neighbour: &Neighbour) {
    let thread = neighbour.thread_id.to_string();
    run_tool(
        "ip",
        [
            "link", "add", "here", "type", "veth", "peer", "name", "there",
        ],
    );
    run_tool("ip", ["link", "set", "there", "netns", &thread]);
    run_tool("ip", ["-4", "addr", "add", "10.9.0.1/24", "dev", "here"]);
    run_tool(
        "ip",
        ["-6", "addr", "add", "fd09::1/64", "dev", "here", "nodad"],
    );
    run_tool("ip", ["link", "set", "here", "up"]);
    neighbour.run(|| {
        run_tool("ip", ["-4", "addr", "add", "10.9.0.2/24", "dev", "there"]);
        run_tool(
            "ip",
            ["-6", "addr", "add", "fd09::2/64", "dev", "there", "nodad"],
        );
        run_tool("ip", ["link", "set", "there", "up"]);
    });
}

in_namespace!(
    fn a_connection_by_veth_has_one_end_here_and_the_same_shape() {
        let neighbour = Neighbour::start();
        connect_by_veth(&neighbour);
        for address in ["10.9.0.1:0", "[fd09::1]:0"] {
            let address: SocketAddr = address.parse().unwrap();
            let (states, segments, ports) = until_complete(|| trace_closes(&neighbour, address));
            for (port, shape) in ports {
                let captured = segments.close(port);
                assert_eq!(captured.shape(), Some(shape), "{captured:?}");
                if has_bpf() {
                    let close = states.close(port);
                    assert_eq!(close.shape(), Some(shape), "{close:?}");
                    assert!(close.other_end.is_none(), "{close:?}");
                    assert_eq!(close.first_close.as_deref(), Some("remote"), "{close:?}");
                }
            }
        }
        neighbour.end();
    }
);

type Closes = (Traced, Traced, Vec<(u16, &'static str)>);

/// The client closes first, twice: the server at once, and after an ACK.
fn trace_closes(neighbour: &Neighbour, address: SocketAddr) -> Option<Closes> {
    let states = Tracing::start(&[]);
    let segments = Tracing::start(&["--segments"]);
    let mut ports = Vec::new();
    for shape in ["three", "four"] {
        let listener = TcpListener::bind(address).unwrap();
        let to = listener.local_addr().unwrap();
        let (send, connected) = channel();
        neighbour.run(move || {
            let client = wait::wait_for("the neighbour", || {
                std::net::TcpStream::connect_timeout(&to, wait::DEADLINE).ok()
            });
            send.send(client).unwrap();
        });
        let client = connected.recv().unwrap();
        let port = client.local_addr().unwrap().port();
        let (server, _) = listener.accept().unwrap();
        let mut pair = Pair { client, server };
        exchange(&mut pair);
        let begin = std::time::Instant::now();
        match shape {
            "four" => close_with_quickack(pair),
            _ => {
                drop(pair.client);
                read_to_end(&mut pair.server);
                drop(pair.server);
            }
        }
        // Later, the ACK may have been sent alone.
        let is_late = shape == "three" && begin.elapsed() > super::closes::PROMPT;
        if is_late {
            return None;
        }
        ports.push((port, shape));
    }
    std::thread::sleep(std::time::Duration::from_millis(1));
    let (states, segments) = (states.interrupt(), segments.interrupt());
    let is_complete = states.is_complete() && segments.is_complete();
    is_complete.then_some((states, segments, ports))
}

fn exchange(pair: &mut Pair) {
    use std::io::{Read, Write};
    pair.client.write_all(b"?").unwrap();
    pair.server.read_exact(&mut [0]).unwrap();
    pair.server.write_all(b"!").unwrap();
    pair.client.read_exact(&mut [0]).unwrap();
}
