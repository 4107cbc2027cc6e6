//! The columns from `tcp_info`: exact where the traffic is known, else equal to those of ss, absent
//! where the kernel has none, and requested only when shown or sorted by.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::Instant;

use rustix::net::sockopt::set_tcp_congestion;

use super::row::Listed;
use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::wait::{DEADLINE, wait_for};
use crate::zoo::special::attributes;
use crate::zoo::{Family, SocketCounts, Zoo};

/// Every column from `tcp_info`.
const ALL: &str = "rtt,min-rtt,cwnd,mss,unacked,sacked,retrans-now,total-retrans,lost,\
    data-segs-out,bytes-sent,bytes-acked,bytes-received,bytes-not-sent,delivery-rate,pacing-rate,busy-time,rwnd-limited,last-data-sent,\
    last-data-received,last-ack-received,congestion-control";

/// A connection over loopback: the end that connected, and the one that was accepted.
struct Pair {
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    fn open(ip: impl Into<IpAddr>) -> Pair {
        let listener = TcpListener::bind((ip.into(), 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        Pair { client, server }
    }

    /// Sends so many bytes from the client to the server and back.
    fn exchange(&mut self, there: usize, back: usize) {
        transfer(&mut self.client, &mut self.server, there);
        transfer(&mut self.server, &mut self.client, back);
    }

    /// The port of the end that connected.
    fn port(&self) -> u16 {
        self.client.local_addr().unwrap().port()
    }
}

fn transfer(from: &mut TcpStream, to: &mut TcpStream, bytes: usize) {
    to.set_read_timeout(Some(DEADLINE)).unwrap();
    from.write_all(&vec![b'x'; bytes]).unwrap();
    to.read_exact(&mut vec![0; bytes]).unwrap();
}

/// The sockets of a list with all these columns.
#[track_caller]
fn listed() -> Vec<Listed> {
    Listed::all(&run(["list", "--json", "--columns", ALL]).succeeded()).0
}

/// The connection with this local port.
#[track_caller]
fn at_port(port: u16) -> Listed {
    let mut sockets = listed().into_iter();
    let is_it = |socket: &Listed| socket.local_port == port && socket.state != "LISTEN";
    sockets.find(is_it).unwrap()
}

/// Sets the MTU of loopback, which decides the size of segments.
fn set_loopback_mtu(bytes: &str) {
    run_tool("ip", ["link", "set", "lo", "mtu", bytes]);
}

in_namespace!(
    fn bytes_and_segment_sizes_are_exact_at_both_ends() {
        set_loopback_mtu("1500");
        // The MTU less 20 or 40 bytes of IP, 20 of TCP and 12 of timestamps.
        for (ip, mss) in [
            (IpAddr::from(Ipv4Addr::LOCALHOST), 1448),
            (Ipv6Addr::LOCALHOST.into(), 1428),
        ] {
            let mut pair = Pair::open(ip);
            pair.exchange(70_000, 333);
            // The last acknowledgment may be delayed.
            let client = wait_for("tcp_info", || {
                Some(at_port(pair.port())).filter(|s| s.unacked == Some(0))
            });
            let server_port = pair.server.local_addr().unwrap().port();
            let server = wait_for("tcp_info", || {
                Some(at_port(server_port)).filter(|s| s.unacked == Some(0))
            });
            let bytes = |socket: &Listed| (socket.bytes_sent, socket.bytes_received);
            assert_eq!(bytes(&client), (Some(70_000), Some(333)), "{client:?}");
            assert_eq!(bytes(&server), (Some(333), Some(70_000)), "{server:?}");
            for end in [&client, &server] {
                assert_eq!(end.mss_bytes, Some(mss), "{end:?}");
                assert_eq!(end.bytes_not_sent, Some(0), "{end:?}");
                assert_eq!((end.lost, end.retrans_now), (Some(0), Some(0)), "{end:?}");
                // Segments that were bundled on loopback count as those of at most MSS bytes.
                let least = end.bytes_sent.unwrap().div_ceil(u64::from(mss));
                assert!(u64::from(end.data_segs_out.unwrap()) >= least, "{end:?}");
                let (rtt, least) = (end.rtt_us.unwrap(), end.min_rtt_us.unwrap());
                assert!((1..10_000_000).contains(&least) && rtt >= 1, "{end:?}");
                assert!(
                    end.cwnd.unwrap() >= 1 && end.busy_time_us.is_some(),
                    "{end:?}"
                );
            }
            assert!(client.delivery_rate_bytes_per_second.unwrap() > 0);
            // The SYN of the end that connected counts as one.
            let acked = [&client, &server].map(|end| end.bytes_acked);
            assert_eq!(acked, [Some(70_001), Some(333)], "{client:?}");
        }
    }
);

in_namespace!(
    fn times_since_the_last_data_match_the_clock() {
        let mut pair = Pair::open(Ipv4Addr::LOCALHOST);
        let connected = Instant::now();
        wait_for("tcp_info", || {
            (at_port(pair.port()).last_data_sent_ms? >= 100).then_some(())
        });
        let begun = Instant::now();
        pair.exchange(1, 0);
        let ended = Instant::now();
        let now = at_port(pair.port());
        let since = |time: Instant| u32::try_from(time.elapsed().as_millis()).unwrap();
        // The kernel counts in ticks of at most 10 ms.
        let sent = now.last_data_sent_ms.unwrap();
        assert!(sent <= since(begun) + 10, "{sent}");
        let received = now.last_data_received_ms.unwrap();
        assert!((100..=since(connected) + 10).contains(&received), "{now:?}");
        let acknowledged = now.last_ack_received_ms.unwrap();
        assert!(acknowledged <= since(begun) + 10, "{now:?}");
        wait_for("tcp_info", || {
            (at_port(pair.port()).last_data_sent_ms? >= 100).then_some(())
        });
        assert!(since(ended) >= 90);
    }
);

in_namespace!(
    fn the_congestion_control_is_the_one_that_was_set() {
        let path = "/proc/sys/net/ipv4/tcp_available_congestion_control";
        let available = std::fs::read_to_string(path).unwrap();
        let pairs: Vec<_> = available
            .split_whitespace()
            .map(|algorithm| {
                let pair = Pair::open(Ipv4Addr::LOCALHOST);
                set_tcp_congestion(&pair.client, algorithm)
                    .unwrap_or_else(|error| skip_or_fail(algorithm, &error.into()));
                (algorithm, pair)
            })
            .collect();
        assert!(available.contains("reno"));
        for (algorithm, pair) in &pairs {
            let client = at_port(pair.port());
            assert_eq!(client.congestion_control.as_deref(), Some(*algorithm));
        }
        let sort = "--sort=congestion-control:desc";
        let ran = run(["list", "--json", "--columns=cong", sort]).succeeded();
        let found: Vec<_> = Listed::all(&ran).0;
        let names: Vec<_> = found.iter().map(|s| s.congestion_control.clone()).collect();
        assert!(names.is_sorted_by(|a, b| a >= b), "{names:?}");
    }
);

in_namespace!(
    fn only_connections_have_tcp_info() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let sockets = listed();
        assert_eq!(sockets.len(), zoo.expected().total());
        for socket in &sockets {
            let known = [
                socket.cwnd.is_some(),
                socket.unacked.is_some(),
                socket.bytes_sent.is_some(),
                socket.pacing_rate_bytes_per_second.is_some() || socket.state == "SYN_SENT",
                socket.rtt_us.is_some() || socket.state == "SYN_SENT",
                socket.last_data_sent_ms.is_some() || socket.state == "SYN_SENT",
            ];
            let is_connection = !matches!(&*socket.state, "LISTEN" | "SYN_RECV" | "TIME_WAIT");
            assert_eq!(known, [is_connection; 6], "{socket:?}");
            let has_algorithm = is_connection || socket.state == "LISTEN";
            assert_eq!(socket.congestion_control.is_some(), has_algorithm);
            if socket.state == "SYN_SENT" {
                let times = (socket.rtt_us, socket.min_rtt_us, socket.last_data_sent_ms);
                assert_eq!(times, (None, None, None), "{socket:?}");
                assert_eq!(socket.unacked, Some(1), "{socket:?}");
            }
        }
    }
);

in_namespace!(
    fn unacknowledged_data_is_found_by_its_retransmissions() {
        let zoo = Zoo::open(&SocketCounts::none());
        let mut quiet = Pair::open(Ipv4Addr::LOCALHOST);
        quiet.exchange(100_000, 0);
        let (stream, written) = attributes::full_send_queue(zoo.peer(), Family::V4);
        let port = stream.local_addr().unwrap().port();
        let sort = "--sort=total-retrans:desc";
        let found = wait_for("tcp_info", || {
            let ran = run(["list", "--json", sort, "--limit=1", "--columns", ALL]).succeeded();
            let [first] = Listed::all(&ran).0.try_into().unwrap();
            Some(first).filter(|first: &Listed| first.total_retrans > Some(0))
        });
        assert_eq!((&*found.state, found.local_port), ("ESTABLISHED", port));
        assert!(
            found.unacked.unwrap() > 0 && found.lost.unwrap() > 0,
            "{found:?}"
        );
        assert!(found.bytes_sent.unwrap() > 0 && found.bytes_not_sent.unwrap() > 0);
        assert_eq!(found.bytes_received, Some(0));
        assert_eq!(found.send_queue, u32::try_from(written).ok());
        assert!(found.rwnd_limited_us.unwrap() <= found.busy_time_us.unwrap());
        assert!(found.retrans_now.unwrap() <= found.total_retrans.unwrap());
    }
);

in_namespace!(
    fn sorting_by_bytes_puts_sockets_without_a_value_last() {
        let mut pairs = [1, 2, 3, 4].map(|_| Pair::open(Ipv4Addr::LOCALHOST));
        for (pair, bytes) in pairs.iter_mut().zip([20, 4_000, 300, 1]) {
            pair.exchange(bytes, 0);
        }
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sort = "--sort=bytes-sent:desc";
        let first = run(["list", "--json", sort, "--limit=1"]).succeeded();
        let first = Listed::all(&first).0;
        assert_eq!(first[0].local_port, pairs[1].port());
        assert_eq!(first[0].bytes_sent, None, "a sort key is not a column");
        let all = run(["list", "--json", sort, "--columns=bytes_sent"]).succeeded();
        let bytes: Vec<_> = Listed::all(&all).0.iter().map(|s| s.bytes_sent).collect();
        let sent = [4_000, 300, 20, 1, 0, 0, 0, 0].map(Some);
        assert_eq!(bytes, [&sent[..], &[None]].concat());
        let csv = run([
            "list",
            "--format=csv",
            sort,
            "--limit=1",
            "--columns=bytes-sent,rtt",
        ]);
        let (header, row) = csv.stdout.split_once('\n').unwrap();
        assert!(header.ends_with(",bytes_sent,rtt_us"), "{header}");
        assert!(row.contains(",4000,"), "{row}");
        let columns = "--columns=lastsnd,pacing-rate,mss,cwnd";
        let table = run(["list", sort, "--limit=1", columns]).succeeded().stdout;
        let (heading, row) = table.split_once('\n').unwrap();
        let words: Vec<_> = heading.split_whitespace().skip(6).collect();
        let expected = ["LAST-DATA-SENT-MS", "PACING-RATE-B/S", "MSS-BYTES", "CWND"];
        assert_eq!(words, expected);
        assert_eq!(row.split_whitespace().count(), 10, "{row}");
        assert_eq!(row.trim_end().len(), heading.len(), "{table}");
        let twice = ["--watch=0.05", "--samples=2", "--columns=bytes-sent"];
        let watched = run(["list", "--json", twice[0], twice[1], twice[2], sort]).succeeded();
        assert_eq!(watched.stdout.matches("\"bytes_sent\":4000}").count(), 2);
    }
);

/// The number of bytes the kernel sent for a list, and of its sockets.
#[track_caller]
fn cost(options: [&str; 2]) -> (u64, u64) {
    let ran = run(["list", "-v", "--json", options[0], options[1]]);
    let cost = ran.stderr.lines().find(|line| line.contains("cost: "));
    let words: Vec<_> = cost.unwrap().split_whitespace().collect();
    let before = |unit: &str| words[words.iter().position(|word| *word == unit).unwrap() - 1];
    let before = |unit: &str| before(unit).parse().unwrap();
    (before("bytes;"), before("sockets"))
}

in_namespace!(
    fn tcp_info_is_requested_only_when_shown_or_sorted_by() {
        let _pairs = [1, 2, 3].map(|_| Pair::open(Ipv4Addr::LOCALHOST));
        for family in ["--state=all", "-4"] {
            let (plain, sockets) = cost([family, "--columns=inode,timer"]);
            assert_eq!(sockets, 6);
            for option in ["--columns=rtt", "--sort=rtt:desc"] {
                let (bytes, _) = cost([family, option]);
                assert!(bytes >= plain + 6 * 104, "{option}: {bytes}, {plain}");
            }
            let (bytes, _) = cost([family, "--columns=congestion-control"]);
            let more = bytes - plain;
            assert!((6 * 8..=6 * 20).contains(&more), "{bytes}, {plain}");
        }
    }
);

/// The values ss shows of each connection, by its local port: those of `key:value` words, and the
/// words after bare keys.
fn shown_by_ss() -> BTreeMap<u16, BTreeMap<String, String>> {
    let text = run_tool("ss", ["-HtniO", "state", "established"]);
    let shown = text.lines().map(|line| {
        // These change without traffic.
        let changing = ["last", "busy:", "rwnd_limited:", "sndbuf_limited:"];
        let is_still = |word: &&str| !changing.iter().any(|start| word.starts_with(start));
        let words: Vec<_> = line.split_whitespace().filter(is_still).collect();
        let port = words[2].rsplit_once(':').unwrap().1.parse().unwrap();
        let mut values = BTreeMap::new();
        for pair in words[4..].windows(2) {
            match pair[0].split_once(':') {
                Some((key, value)) => values.insert(key.to_owned(), value.to_owned()),
                None => values.insert(pair[0].to_owned(), pair[1].to_owned()),
            };
        }
        (port, values)
    });
    shown.collect()
}

in_namespace!(
    fn tcp_info_equals_that_of_ss() {
        set_loopback_mtu("1500");
        let zoo = Zoo::open(&SocketCounts::none());
        let mut pairs = [1, 2, 3].map(|_| Pair::open(Ipv4Addr::LOCALHOST));
        for (pair, bytes) in pairs.iter_mut().zip([1, 30_000, 500_000]) {
            pair.exchange(bytes, bytes / 3);
        }
        let stream = attributes::full_send_queue(zoo.peer(), Family::V4);
        // Only while no acknowledgment or retransmission changes the values.
        wait_for("tcp_info", || {
            let (before, ours) = (shown_by_ss(), listed());
            let is_quiet = shown_by_ss() == before;
            is_quiet.then(|| ours.iter().for_each(|socket| agree(socket, &before)))
        });
        drop(stream);
    }
);

/// Asserts that a socket has the values shown by ss, which omits those that are 0.
#[track_caller]
fn agree(socket: &Listed, shown: &BTreeMap<u16, BTreeMap<String, String>>) {
    let theirs = &shown[&socket.local_port];
    let number = |key: &str| {
        theirs
            .get(key)
            .map_or(0, |value| value.parse::<u64>().unwrap())
    };
    let both = |key: &str| match theirs.get(key) {
        Some(value) => value.split_once('/').unwrap(),
        None => ("0", "0"),
    };
    let microseconds = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        whole.parse::<u64>().unwrap() * 1_000 + format!("{part:0<3}").parse::<u64>().unwrap()
    };
    let context = format!("{socket:?}\n{theirs:?}");
    for (ours, theirs) in [
        (socket.cwnd, number("cwnd")),
        (socket.mss_bytes, number("mss")),
        (socket.unacked, number("unacked")),
        (socket.sacked, number("sacked")),
        (socket.lost, number("lost")),
        (socket.bytes_not_sent, number("notsent")),
        (socket.retrans_now, both("retrans").0.parse().unwrap()),
        (socket.total_retrans, both("retrans").1.parse().unwrap()),
        (socket.rtt_us, microseconds(both("rtt").0)),
        (socket.min_rtt_us, microseconds(&theirs["minrtt"])),
    ] {
        assert_eq!(ours.map(u64::from), Some(theirs), "{context}");
    }
    for (ours, key) in [
        (socket.bytes_sent, "bytes_sent"),
        (socket.bytes_acked, "bytes_acked"),
        (socket.bytes_received, "bytes_received"),
    ] {
        assert_eq!(ours, Some(number(key)), "{key}: {context}");
    }
    // ss shows bits.
    for (ours, key) in [
        (socket.pacing_rate_bytes_per_second, "pacing_rate"),
        (socket.delivery_rate_bytes_per_second, "delivery_rate"),
    ] {
        let bits = theirs.get(key).map(|text| text.trim_end_matches("bps"));
        assert_eq!(
            ours.map(|bytes| (bytes * 8).to_string()).as_deref(),
            bits,
            "{context}"
        );
    }
    let algorithm = socket.congestion_control.as_deref().unwrap();
    assert!(theirs.contains_key(algorithm), "{context}");
}

#[test]
fn tcp_info_columns_are_an_error_with_proc() {
    for field in ALL.split(',').map(str::trim) {
        for option in ["--columns", "--sort"] {
            let ran = run(["list", "--source=proc", option, field]);
            assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
            let end = format!("has no `{field}`; only netlink does\n");
            assert!(ran.stderr.ends_with(&end), "{ran:?}");
        }
    }
}
