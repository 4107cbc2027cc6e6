//! tcpdump is the judge of captured segments: the same ones, with the same flags, in the same order.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use super::closes::{Pair, close_with_quickack, listener_at, read_to_end};
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::child::{Running, Start, command};
use crate::namespace::in_namespace;
use crate::skip::skip_or_fail;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

/// Segments of one connection: the sender's port and the flags.
type Dump = BTreeMap<(u16, u16), Vec<(u16, String)>>;

fn start_tcpdump() -> Running {
    let mut tcpdump = command("tcpdump");
    // Only uid 0 may be known here, so it must not change to a user of its own.
    tcpdump.args(["-i", "lo", "-n", "-S", "-U", "-l", "-Z", "root", "tcp"]);
    let started = tcpdump.start();
    let mut running = started.unwrap_or_else(|error| skip_or_fail("tcpdump", &error));
    running.wait_for_stderr("listening on");
    running
}

/// Whether tcpdump runs here. Started with uid 0, it always sets its groups anew, which the namespace
/// of an ordinary user forbids: user_namespaces(7).
fn has_tcpdump() -> bool {
    let setgroups = fs::read_to_string("/proc/self/setgroups").unwrap();
    setgroups.trim() == "allow"
}

/// `12:00:00.000000 IP 127.0.0.1.40000 > 127.0.0.1.80: Flags [F.], seq 1, …`
fn parse(line: &str) -> Option<((u16, u16), (u16, String))> {
    let (ends, rest) = line.split_once(": Flags [")?;
    let (flags, rest) = rest.split_once(']')?;
    let mut ends = ends.split_whitespace().skip(2);
    let port = |end: Option<&str>| end?.rsplit_once('.')?.1.parse().ok();
    let source: u16 = port(ends.next())?;
    let destination: u16 = port(ends.nth(1))?;
    let has_data = !rest.ends_with("length 0");
    let is_end = flags.contains(['S', 'F', 'R']);
    let segment = (source, flags.to_owned());
    let key = (source.min(destination), source.max(destination));
    (is_end || !has_data).then_some((key, segment))
}

/// How one of the pairs is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    ByClient,
    WithQuickAck,
    ByServer,
    Aborted,
}

/// Connections that are closed, each after a longer delay.
const ROUNDS: u64 = 12;

fn ways() -> impl Iterator<Item = How> {
    const WAYS: [How; 4] = [
        How::ByClient,
        How::WithQuickAck,
        How::ByServer,
        How::Aborted,
    ];
    WAYS.into_iter().cycle()
}

fn close(pair: Pair, how: How, later: Duration) {
    let (mut second, first) = match how {
        How::WithQuickAck => return close_with_quickack(pair),
        How::Aborted => {
            set_socket_linger(&pair.client, Some(Duration::ZERO)).unwrap();
            return drop(pair.client);
        }
        How::ByClient => (pair.server, pair.client),
        How::ByServer => (pair.client, pair.server),
    };
    drop(first);
    read_to_end(&mut second);
    std::thread::sleep(later);
}

/// Checks the marks of a close by the end at the left, without a judge.
#[track_caller]
fn assert_plausible(marks: &[String], how: How) {
    let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
    match how {
        How::WithQuickAck => assert_eq!(marks, [">F.", "<.", "<F.", ">."]),
        // Without a FIN, the left end is the one that ended first, which only bpf reports.
        How::Aborted if has_bpf() => assert_eq!(marks, [">R."]),
        How::Aborted => assert!(matches!(marks[..], [">R."] | ["<R."]), "{marks:?}"),
        How::ByClient | How::ByServer => {
            assert_eq!((marks[0], marks.last()), (">F.", Some(&">.")), "{marks:?}");
            assert!(marks.contains(&"<F."), "{marks:?}");
        }
    }
}

/// The marks of the close between two ports, as tcpdump printed its segments.
fn judged(dump: &Dump, key: (u16, u16)) -> Vec<String> {
    let seen = &dump[&key];
    let is_end = |(_, flags): &(u16, String)| flags.contains(['F', 'R']);
    let close = &seen[seen.iter().position(is_end).unwrap()..];
    let left = close[0].0;
    let mark = |(source, flags): &(u16, String)| match *source == left {
        true => format!(">{flags}"),
        false => format!("<{flags}"),
    };
    close.iter().map(mark).collect()
}

/// Connections that are closed in each way: their trace, the output of tcpdump where it is allowed, and
/// the ports of the client and the server. `None` if the trace lost something.
fn record() -> Option<(Traced, Option<String>, Vec<[u16; 2]>)> {
    let listener = listener_at("127.0.0.1:0".parse().unwrap());
    let to: SocketAddr = listener.local_addr().unwrap();
    let tcpdump = has_tcpdump().then(start_tcpdump);
    let tracing = Tracing::start(&["--segments"]);
    let mut ports = Vec::new();
    for (round, how) in (0..ROUNDS).zip(ways()) {
        let pair = Pair::open(&listener, to);
        ports.push([pair.client.local_addr().unwrap().port(), to.port()]);
        close(pair, how, Duration::from_millis(round * 10));
    }
    let traced = tracing.interrupt();
    let stdout = tcpdump.map(|tcpdump| {
        tcpdump.signal(Signal::INT);
        String::from_utf8(tcpdump.finish().stdout).unwrap()
    });
    traced.is_complete().then_some((traced, stdout, ports))
}

in_namespace!(
    fn tcpdump_sees_the_same_segments() {
        let (traced, stdout, ports) = until_complete(record);
        let mut dump = Dump::new();
        for (key, segment) in stdout
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(parse)
        {
            dump.entry(key).or_default().push(segment);
        }
        for ([port, to], how) in ports.into_iter().zip(ways()) {
            let marks = traced.close(port).marks();
            assert_plausible(&marks, how);
            if stdout.is_some() {
                let key = (port.min(to), port.max(to));
                assert_eq!(marks, judged(&dump, key), "{how:?}: {stdout:?}");
            }
        }
    }
);
