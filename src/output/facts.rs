//! Everything known of one socket, in words: names and values, one a line. What is unknown is left out.

use std::time::Duration;

use super::escape;
use super::owners::{self, Shown};
use super::text::{push_host, push_port};
use crate::model::screen::brief;
use crate::model::{
    Field, Kind, Metric, Names, Socket, State, Timer, TimerKind, Unit, UnixShutdown, counted,
    thousands,
};

/// The title, and the lines.
pub fn render_facts(
    socket: &Socket,
    names: &mut dyn Names,
) -> (String, Vec<(&'static str, String)>) {
    let mut facts = Facts {
        socket,
        lines: Vec::new(),
    };
    let ends = facts.ends();
    facts.add("state", Some(state_words(socket)));
    facts.add("queues", Some(queue_words(socket)));
    facts.add(
        "timer",
        socket
            .timer
            .map(|timer| timer_words(timer, socket.retransmits)),
    );
    let peers = owners::line(Shown::PeerProcesses, &names.peer_held(socket));
    facts.add("peer process", Some(peers).filter(|text| !text.is_empty()));
    for (name, field) in [
        ("process", Field::Process),
        ("descriptors", Field::Fd),
        ("command line", Field::CommandLine),
        ("unit", Field::Unit),
        ("container", Field::Container),
        ("pod", Field::Pod),
    ] {
        let text = Shown::of(field).map(|shown| owners::line(shown, &names.held(socket)));
        facts.add(name, text.filter(|text| !text.is_empty()));
    }
    let user = socket.owner().map(|uid| {
        let name = escape::line(names.user(uid));
        format!("{name}, uid {uid}")
    });
    facts.add("user", user);
    let cgroup = socket.cgroup.map(|id| escape::line(names.cgroup(id)));
    facts.add("control group", cgroup);
    facts.connection();
    facts.add("inode", socket.held_inode().map(|inode| inode.to_string()));
    facts.add("cookie", socket.cookie.map(|cookie| cookie.to_string()));
    let mark = socket.mark.filter(|mark| *mark != 0);
    facts.add("mark", mark.map(|mark| format!("{mark:#x}")));
    let interface = socket
        .bound_to()
        .map(|index| escape::line(names.interface(index)));
    facts.add("interface", interface);
    facts.add("dropped", socket.drops.map(thousands));
    (format!("{} {ends}", socket.state), facts.lines)
}

struct Facts<'a> {
    socket: &'a Socket,
    lines: Vec<(&'static str, String)>,
}

impl Facts<'_> {
    fn add(&mut self, name: &'static str, text: Option<String>) {
        self.lines.extend(text.map(|text| (name, text)));
    }

    /// The addresses; both together for the title.
    fn ends(&mut self) -> String {
        let Some(ends) = self.socket.internet().copied() else {
            return self.unix_ends();
        };
        let end = |address: std::net::SocketAddr| {
            let mut text = Vec::new();
            push_host(&mut text, address.ip());
            push_port(&mut text, address.port());
            String::from_utf8_lossy(&text).into_owned()
        };
        let (local, remote) = (end(ends.local), end(ends.remote));
        self.add("local", Some(format!("{local}, {}", ends.class().name())));
        if ends.remote.port() == 0 {
            return local;
        }
        self.add("remote", Some(remote.clone()));
        format!("{local} to {remote}")
    }

    /// The same of a UNIX socket.
    fn unix_ends(&mut self) -> String {
        let Some(unix) = self.socket.unix() else {
            return String::new();
        };
        let name = unix.name.bytes().map(|_| escape::unix_name(&unix.name));
        let shutdown = unix.shutdown.filter(|shut| *shut != UnixShutdown::None);
        self.add("name", name.clone());
        self.add("peer", unix.peer.map(|peer| peer.to_string()));
        self.add("shut down", shutdown.map(|shut| shut.name().to_owned()));
        name.unwrap_or_default()
    }

    fn metric(&self, metric: Metric) -> Option<String> {
        let value = self.socket.info.as_ref()?.get(metric)?;
        Some(match metric.unit() {
            Unit::Count => thousands(value),
            Unit::Bytes => counted(value, "byte", "bytes"),
            Unit::BytesPerSecond => format!("{} bytes/s", thousands(value)),
            Unit::Milliseconds => brief(Duration::from_millis(value)),
            Unit::Microseconds => {
                let (whole, rest) = (value / 1_000, value % 1_000);
                format!("{}.{rest:03} ms", thousands(whole))
            }
        })
    }

    /// Metrics that are known, each with its words before or after, in one line.
    fn joined(&mut self, name: &'static str, parts: &[(&str, Metric, &str)]) {
        let parts = parts.iter().filter_map(|(before, metric, after)| {
            let value = self.metric(*metric)?;
            Some(format!("{before}{value}{after}"))
        });
        let text = parts.collect::<Vec<_>>().join(", ");
        self.add(name, Some(text).filter(|text| !text.is_empty()));
    }

    /// What TCP measures of the connection.
    fn connection(&mut self) {
        self.joined(
            "round trip",
            &[
                ("", Metric::RoundTripTime, " smoothed"),
                ("", Metric::MinRoundTripTime, " at least"),
            ],
        );
        self.joined(
            "window",
            &[
                ("congestion window ", Metric::CongestionWindow, " segments"),
                ("segments of ", Metric::Mss, ""),
                ("", Metric::Unacked, " segments not acknowledged"),
            ],
        );
        self.joined(
            "retransmitted",
            &[
                ("", Metric::TotalRetrans, " segments since the start"),
                ("", Metric::RetransNow, " on their way again"),
                ("", Metric::Lost, " taken for lost"),
            ],
        );
        self.joined(
            "sent",
            &[
                ("", Metric::BytesSent, " with retransmissions"),
                ("", Metric::BytesAcked, " acknowledged"),
                ("", Metric::BytesNotSent, " not sent yet"),
            ],
        );
        self.joined("received", &[("", Metric::BytesReceived, "")]);
        self.joined(
            "last",
            &[
                ("data sent ", Metric::LastDataSent, " ago"),
                ("data received ", Metric::LastDataReceived, " ago"),
                ("acknowledgment received ", Metric::LastAckReceived, " ago"),
            ],
        );
        self.joined(
            "rates",
            &[
                ("delivery ", Metric::DeliveryRate, ""),
                ("pacing ", Metric::PacingRate, ""),
                ("busy for ", Metric::BusyTime, ""),
            ],
        );
        let algorithm = self.socket.congestion_control;
        self.add("algorithm", algorithm.map(|name| escape::line(name.name())));
    }
}

fn state_words(socket: &Socket) -> String {
    let what = if socket.was_never_accepted() {
        ", not accepted yet"
    } else if socket.owner().is_none() && socket.state != State::Listen {
        ", held by no process"
    } else {
        ""
    };
    format!("{}{what}", socket.state)
}

fn queue_words(socket: &Socket) -> String {
    let Some((received, sent)) = socket.byte_queues() else {
        let waiting = counted(socket.receive_queue.into(), "connection", "connections");
        let limit = socket.accept_limit();
        let limit = limit.map_or(String::new(), |limit| format!(", limit {limit}"));
        return format!("{waiting} waiting to be accepted{limit}");
    };
    let [received, sent] = [received, sent].map(|bytes| counted(bytes.into(), "byte", "bytes"));
    match socket.kind {
        Kind::Tcp | Kind::Mptcp => {
            format!("{received} received and not read, {sent} sent and not acknowledged")
        }
        // `unix_inq_len` and `unix_outq_len`, net/unix/af_unix.c.
        Kind::UnixStream | Kind::UnixSeqpacket => {
            format!("{received} received and not read, {sent} of memory to send")
        }
        Kind::UnixDgram => {
            format!("{received} in the next message to read, {sent} of memory to send")
        }
        // `sk_rmem_alloc_get` and `sk_wmem_alloc_get`, include/net/sock.h.
        Kind::Udp | Kind::UdpLite | Kind::Raw | Kind::Ping | Kind::Packet | Kind::Netlink => {
            format!("{received} of memory received and not read, {sent} of memory to send")
        }
    }
}

/// `retransmission in 340 ms, after 3 without an answer`.
fn timer_words(timer: Timer, fired: Option<u32>) -> String {
    let what = match timer.kind {
        TimerKind::Retransmit => "retransmission".into(),
        TimerKind::KeepAlive => "keepalive probe".into(),
        TimerKind::TimeWait => "end of TIME_WAIT or of an orphan".into(),
        TimerKind::Persist => "probe of a closed window".into(),
        TimerKind::Unknown(_) => timer.kind.name(),
    };
    let fired = match fired {
        None | Some(0) => String::new(),
        Some(fired) => format!(", after {fired} without an answer"),
    };
    format!("{what} in {}{fired}", brief(timer.remaining))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::SameNames;
    use crate::model::{Family, InetEnds, Kind, TcpInfo};

    #[test]
    fn values_have_units_and_words_and_what_is_unknown_is_left_out() {
        let ends = InetEnds {
            family: Family::V4,
            local: "192.0.2.1:443".parse().unwrap(),
            remote: "192.0.2.2:40000".parse().unwrap(),
        };
        let info = TcpInfo::default()
            .with(Metric::RoundTripTime, 1_234)
            .with(Metric::LastDataSent, 3_200)
            .with(Metric::BytesSent, 1);
        let socket = Socket {
            receive_queue: 1,
            timer: Some(Timer {
                kind: TimerKind::Retransmit,
                remaining: Duration::from_millis(340),
            }),
            retransmits: Some(3),
            info: Some(Box::new(info)),
            ..Socket::bare(Kind::Tcp, State::Established, ends)
        };
        let mut names = SameNames;
        let (title, lines) = render_facts(&socket, &mut names);
        assert_eq!(title, "ESTABLISHED 192.0.2.1:443 to 192.0.2.2:40000");
        let expected = [
            ("local", "192.0.2.1:443, ipv4"),
            ("remote", "192.0.2.2:40000"),
            ("state", "ESTABLISHED, not accepted yet"),
            (
                "queues",
                "1 byte received and not read, 0 bytes sent and not acknowledged",
            ),
            (
                "timer",
                "retransmission in 340 ms, after 3 without an answer",
            ),
            ("round trip", "1.234 ms smoothed"),
            ("sent", "1 byte with retransmissions"),
            ("last", "data sent 3.2 s ago"),
        ];
        let lines: Vec<_> = lines.iter().map(|(name, text)| (*name, &**text)).collect();
        assert_eq!(lines, expected);
    }
}
