//! Paths on which full segments vanish while small ones arrive: a router drops what is too large for
//! its next link, and its `fragmentation needed` or `packet too big` does not reach this host
//! (RFC 2923, 2.1, a black hole of path MTU discovery).
//!
//! The handshake and small requests work. Of the first full segment nothing is ever acknowledged, and
//! it is retransmitted; `net.ipv4.tcp_mtu_probing` decides whether smaller ones are tried
//! (`tcp_mtu_probing`, net/ipv4/tcp_timer.c).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::diagnose::stalled::StalledService;
use crate::diagnose::subject::{address_word, counted_connections};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled, Suspects};
use crate::model::Setting::MtuProbing;
use crate::model::{
    Command, Finding, InetEnds, Metric, Service, Severity, SourceName, State, StateSet, TimerKind,
    counted, thousands,
};

/// How often a segment must have been retransmitted in a row: once may be loss.
const RETRANSMITS: u32 = 2;

/// A suspect has this many bytes in its send queue, at least one full segment of the smallest MTU that
/// IPv4 hosts must accept (RFC 9293, 3.7.1).
const LEAST_QUEUE: u32 = 536;

/// From this many connections to one address on it warns: single peers vanish, and some of them between
/// a request and its answer.
const OF_ONE_PEER: u64 = 3;

/// From this many to any addresses on.
const OF_ALL: u64 = 10;

/// They must be this part of the measured ones, of one address or of all.
const HALF: f64 = 0.5;

/// How many connections are measured.
const MEASURED: usize = 64;

/// How many addresses are named.
const NAMED: usize = 3;

const WHY: &str = "Small segments get through, so connections open and requests arrive; answers that need a full segment hang until the kernel gives up. A router on the path, often the entry of a tunnel, drops packets that are too large, and the ICMP message that says so does not arrive.";

/// A connection that retransmits.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    ends: InetEnds,
    inode: u64,
    queue: u64,
}

impl Suspect {
    fn peer(&self) -> IpAddr {
        self.ends.remote.ip().to_canonical()
    }
}

/// Some connections that retransmit what may be full segments.
#[derive(Debug, Default)]
pub(super) struct PathMtu {
    suspects: Vec<Suspect>,
}

/// The connections to one address that were measured, and those of them that are in a black hole.
#[derive(Clone, Debug, Default)]
struct Path {
    measured: u64,
    stuck: Vec<(Suspect, u64)>,
}

impl Path {
    fn stuck(&self) -> u64 {
        self.stuck.len() as u64
    }

    fn is_at_least(&self, least: u64) -> bool {
        self.stuck() >= least && self.stuck() as f64 >= self.measured as f64 * HALF
    }
}

impl Rule for PathMtu {
    const ID: &'static str = "path-mtu";

    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait)
        .with(State::FinWait1)
        .with(State::LastAck);

    type Before = ();

    const SUSPECTS: Option<Suspects<Self>> = Some(PathMtu::suspects);

    fn begin(&mut self, (): (), _: &Host) {}

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        let runs = socket
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::Retransmit);
        let is_suspect = runs
            && socket.send_queue >= LEAST_QUEUE
            && socket.retransmits.is_some_and(|times| times >= RETRANSMITS);
        if is_suspect && self.suspects.len() < MEASURED {
            self.suspects.push(Suspect {
                ends: *ends,
                inode: socket.inode,
                queue: socket.send_queue.into(),
            });
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if self.suspects.len() as u64 >= OF_ONE_PEER && host.source == SourceName::Proc {
            return Examined::lacking(
                "/proc does not report how much of what was sent is acknowledged",
            );
        }
        let mut paths: HashMap<IpAddr, Path> = HashMap::new();
        let mut all = Path::default();
        for suspect in &self.suspects {
            let Some(segment) = full_segment(suspect, host) else {
                continue;
            };
            let path = paths.entry(suspect.peer()).or_default();
            for sum in [path, &mut all] {
                sum.measured += 1;
                sum.stuck.extend(segment.map(|segment| (*suspect, segment)));
            }
        }
        let mut found: Vec<(IpAddr, Path)> = paths
            .into_iter()
            .filter(|(_, path)| path.stuck() > 0)
            .filter(|(_, path)| path.is_at_least(OF_ONE_PEER) || all.is_at_least(OF_ALL))
            .collect();
        found.sort_by_key(|(peer, path)| (std::cmp::Reverse(path.stuck()), *peer));
        Examined::found((!found.is_empty()).then(|| finding(&found, host)))
    }
}

impl PathMtu {
    fn suspects(&self, _: &Host) -> Vec<InetEnds> {
        match self.suspects.len() as u64 >= OF_ONE_PEER {
            true => self.suspects.iter().map(|suspect| suspect.ends).collect(),
            false => Vec::new(),
        }
    }
}

/// The size of the full segment that is lost again and again, `Some(None)` where the connection has
/// another fault, `None` where that is unknown.
fn full_segment(suspect: &Suspect, host: &Host) -> Option<Option<u64>> {
    lost_segment(suspect.queue, |metric| {
        host.measures.get(suspect.ends, metric)
    })
}

/// The same of a connection with such a send queue and these measures.
pub(super) fn lost_segment(queue: u64, of: impl Fn(Metric) -> Option<u64>) -> Option<Option<u64>> {
    let (segment, acknowledged) = (of(Metric::Mss)?, of(Metric::BytesAcked)?);
    let received = of(Metric::BytesReceived)?;
    let is_full = of(Metric::Unacked)? > 0 && queue >= segment;
    // The peer's SYN-ACK counts as one byte.
    let small_arrive = received > 0 || acknowledged > 1;
    let is_stuck = is_full && small_arrive && acknowledged < segment;
    Some(is_stuck.then_some(segment))
}

/// A finding about connections of one service that get no acknowledgment, as one about their path: small
/// segments got through on all of them that were measured.
pub(super) fn of_service(finding: Finding, found: &StalledService, host: &Host) -> Finding {
    let stalled = found.stalled.len() as u64;
    let connections = counted_connections(found.all, found.service);
    let few = (stalled < OF_ONE_PEER)
        .then(|| "a peer that vanished after its last small segment looks the same".to_owned());
    // Everything that needs the service hangs.
    let is_critical =
        found.is_dead() && (matches!(found.service, Service::Used(_)) || stalled >= OF_ONE_PEER);
    Finding {
        id: PathMtu::ID,
        title: format!(
            "path MTU: full segments are not acknowledged and small ones were, on {} of {connections}",
            thousands(stalled)
        ),
        severity: match is_critical {
            true => Severity::Critical,
            false => finding.severity,
        },
        why: WHY,
        causes: &[],
        ..finding
    }
    .with_evidence(probing(host))
    .with_evidence(few)
    .with_remedy(remedy())
}

/// Whether smaller segments are tried.
fn probing(host: &Host) -> Option<String> {
    host.setting(MtuProbing).map(|probing| {
        let effect = match probing {
            0 => "smaller segments are not tried",
            _ => "smaller segments are tried after some retransmissions",
        };
        format!("{MtuProbing} is {probing}: {effect}")
    })
}

fn remedy() -> [String; 4] {
    [
        "Find the link with the smaller MTU: `ping -M do -s SIZE PEER` with a SIZE of 28 less than this host's MTU (1472 for 1500) gets no answer, and a smaller one does; `tracepath PEER` shows where.".to_owned(),
        "Let its ICMP messages through: type 3 code 4 of ICMP, type 2 of ICMPv6, in firewalls and security groups on the path and on this host.".to_owned(),
        "Or make the router that enters the tunnel lower the segment size of connections (`tcp option maxseg size set rt mtu` in nftables), or lower the MTU of this host's route.".to_owned(),
        format!("Set {MtuProbing} to 1 on this host, so that TCP finds the size itself."),
    ]
}

fn finding(paths: &[(IpAddr, Path)], host: &Host) -> Finding {
    let stuck: Vec<&(Suspect, u64)> = paths.iter().flat_map(|(_, path)| &path.stuck).collect();
    let measured: u64 = paths.iter().map(|(_, path)| path.measured).sum();
    let number = stuck.len() as u64;
    let some = thousands(number);
    let of = counted(
        measured,
        "connection that retransmits",
        "connections that retransmit",
    );
    let title = match paths {
        [(peer, _)] => format!("full segments to {peer} do not arrive, on {some} of {of}"),
        _ => format!("full segments do not arrive, on {some} of {of}"),
    };
    let sizes = stuck.iter().map(|(_, segment)| *segment);
    let largest = sizes.max().unwrap_or(0);
    let inodes = stuck.iter().map(|(suspect, _)| suspect.inode);
    let inodes = inodes.filter(|inode| *inode != 0).collect();
    let list = "--process --columns timer,retransmits,mss,unacked,bytes-acked,bytes-received";
    let show = Command::list(list).of(format!("retransmits ge {RETRANSMITS}"));
    let show = match paths {
        [(peer, _)] => show.of(format!("dst {}", address_word(*peer))),
        _ => show,
    };
    let named = paths.iter().take(NAMED);
    let named = named.map(|(peer, path)| {
        let connections = counted(path.stuck(), "connection", "connections");
        format!("{connections} to {}", address_word(*peer))
    });
    Finding::new(Severity::Warning, title, number as f64, inodes, WHY)
        .with_evidence([format!(
            "on each, less than one segment of up to {} bytes was ever acknowledged, but small ones arrive in both directions: {}",
            thousands(largest),
            named.collect::<Vec<_>>().join(", ")
        )])
        .with_evidence(probing(host))
        .with_commands([show])
        .with_remedy(remedy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host, socket};
    use crate::model::{Setting, Socket, Timer};
    use std::time::Duration;

    fn retransmitting(peer: u8, port: u16) -> Socket {
        Socket {
            retransmits: Some(RETRANSMITS),
            send_queue: 20_000,
            timer: Some(Timer {
                kind: TimerKind::Retransmit,
                remaining: Duration::from_secs(1),
            }),
            ..socket(
                State::Established,
                "192.0.2.9:80",
                &format!("192.0.2.{peer}:{port}"),
            )
        }
    }

    /// A host that measured these connections, with so many bytes acknowledged and received on each.
    fn measured(sockets: &[(Socket, u64, u64)]) -> Host {
        let mut host = host().with_setting(Setting::MtuProbing, "0");
        for (socket, acknowledged, received) in sockets {
            let ends = *socket.internet().unwrap();
            for (metric, value) in [
                (Metric::Mss, 1_448),
                (Metric::Unacked, 11),
                (Metric::BytesAcked, *acknowledged),
                (Metric::BytesReceived, *received),
            ] {
                host.measures = host.measures.with(ends, metric, value);
            }
        }
        host
    }

    fn found(sockets: &[(Socket, u64, u64)]) -> Option<Finding> {
        let all: Vec<Socket> = sockets.iter().map(|(socket, ..)| socket.clone()).collect();
        let host = measured(sockets);
        let rule: PathMtu = host.read(&[], &all);
        host.examine(&rule).findings.pop()
    }

    fn to_one(number: u16, acknowledged: u64, received: u64) -> Vec<(Socket, u64, u64)> {
        let sockets = (0..number).map(|n| retransmitting(1, 5_000 + n));
        sockets.map(|one| (one, acknowledged, received)).collect()
    }

    #[test]
    fn three_connections_to_one_address_without_a_full_segment_warn() {
        assert!(found(&to_one(2, 0, 18)).is_none());
        let three = found(&to_one(3, 0, 18)).unwrap();
        let title =
            "full segments to 192.0.2.1 do not arrive, on 3 of 3 connections that retransmit";
        assert_eq!((three.severity, &*three.title), (Severity::Warning, title));
        assert_names_settings(&three);
        assert!(found(&to_one(3, 1_447, 0)).is_some());
        assert!(
            found(&to_one(3, 1_448, 18)).is_none(),
            "a full segment arrived"
        );
        assert!(found(&to_one(3, 1, 0)).is_none(), "nothing arrives");
        let mut some = to_one(3, 0, 18);
        some.extend(to_one(7, 9_000, 18).into_iter().skip(3));
        assert!(found(&some).is_none(), "less than half");
    }

    #[test]
    fn ten_to_any_addresses_warn() {
        let to_all = |number: u8| -> Vec<(Socket, u64, u64)> {
            let sockets = (1..=number).map(|peer| retransmitting(peer, 5_000));
            sockets.map(|one| (one, 0, 18)).collect()
        };
        assert!(found(&to_all(9)).is_none());
        let ten = found(&to_all(10)).unwrap();
        assert!(
            ten.title
                .starts_with("full segments do not arrive, on 10 of 10")
        );
    }

    #[test]
    fn what_is_small_or_hardly_retransmitted_is_no_suspect() {
        let short = Socket {
            send_queue: 1_447,
            ..retransmitting(1, 5_000)
        };
        let short: Vec<_> = (0..5).map(|_| (short.clone(), 0, 18)).collect();
        assert!(found(&short).is_none());
        let first = Socket {
            retransmits: Some(1),
            ..retransmitting(1, 5_000)
        };
        let rule: PathMtu = host().read(&[], &vec![first; 9]);
        assert!(rule.suspects(&host()).is_empty());
    }
}
