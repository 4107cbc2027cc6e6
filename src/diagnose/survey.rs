//! How much was retransmitted to each peer, on the connections that are open and since each began.
//!
//! One listing with `tcp_info`. It finds the peers whose connections are worth listing again, and proves
//! nothing about the present.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::model::{Metric, Sink, Socket, State, StateSet};

/// The connections to more peers than this are only counted; 1 MB.
const ROOM: usize = 20_000;

/// How many peers have their connections listed again, at most.
const SUSPECTS: usize = 16;

/// A peer with a smaller part of the connections and of the segments is one of many, some of which are
/// behind lossy paths at any time.
const NOTABLE: f64 = 0.01;

/// The SYN counts as an acknowledged byte (`tcp_snd_una_update`, net/ipv4/tcp_input.c).
const SYN: u64 = 1;

/// Segments with data that were sent on some connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) connections: u64,
    /// Retransmissions.
    pub(super) again: u64,
    /// All of them.
    pub(super) all: u64,
}

impl Sent {
    pub(super) fn add(&mut self, other: Sent) {
        self.connections += other.connections;
        self.again += other.again;
        self.all += other.all;
    }

    /// Whether at least this number were retransmissions, and this part of all.
    pub(super) fn are_again(&self, least: u64, share: f64) -> bool {
        self.again >= least && self.again as f64 >= self.all as f64 * share
    }

    /// The part of `whole` that these are: of the connections, or of the segments.
    fn part_of(&self, whole: &Sent) -> f64 {
        let part = |this: u64, all: u64| this as f64 / all.max(1) as f64;
        part(self.connections, whole.connections).max(part(self.all, whole.all))
    }
}

/// What was sent to each peer.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    peers: HashMap<IpAddr, Sent>,
    all: Sent,
    /// How many connections have no count of segments: the kernel is older than 4.6.
    pub(super) unmeasured: u64,
}

impl Survey {
    /// The states of the connections that it reads.
    pub const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    /// What was sent to a peer.
    pub(super) fn to(&self, peer: IpAddr) -> Sent {
        self.peers.get(&peer).copied().unwrap_or_default()
    }

    /// The part of all connections, or of all segments, that a peer has.
    pub(super) fn part(&self, peer: IpAddr) -> f64 {
        self.to(peer).part_of(&self.all)
    }

    /// The notable peers to which anything was retransmitted.
    pub fn lossiest(&self) -> Vec<IpAddr> {
        self.suspects(|sent| sent.again > 0)
    }

    /// The notable peers that `selects`, those with most retransmissions first.
    pub(super) fn suspects(&self, selects: impl Fn(&Sent) -> bool) -> Vec<IpAddr> {
        let is_notable = |sent: &Sent| sent.part_of(&self.all) >= NOTABLE;
        let peers = self.peers.iter();
        let peers = peers.filter(|(_, sent)| selects(sent) && is_notable(sent));
        let mut peers: Vec<(IpAddr, Sent)> = peers.map(|(peer, sent)| (*peer, *sent)).collect();
        peers.sort_unstable_by_key(|(peer, sent)| (std::cmp::Reverse(sent.again), *peer));
        peers.truncate(SUSPECTS);
        peers.into_iter().map(|(peer, _)| peer).collect()
    }
}

impl Sink for Survey {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let (Some(ends), Some(info)) = (socket.internet(), &socket.info) else {
            return ControlFlow::Continue(());
        };
        let Some(all) = info.get(Metric::DataSegsOut) else {
            self.unmeasured += 1;
            return ControlFlow::Continue(());
        };
        // What a peer never acknowledges is retransmitted however good the path is, and so are SYNs.
        let is_used = info.get(Metric::BytesAcked).is_none_or(|acked| acked > SYN);
        let again = info.get(Metric::TotalRetrans).unwrap_or(0).min(all);
        let sent = Sent {
            connections: 1,
            again: if is_used { again } else { 0 },
            all,
        };
        self.all.add(sent);
        let peer = ends.remote.ip().to_canonical();
        if self.peers.len() < ROOM || self.peers.contains_key(&peer) {
            self.peers.entry(peer).or_default().add(sent);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{seen, socket};

    fn sent(peer: u8, again: u64, all: u64) -> Socket {
        let socket = socket(
            State::Established,
            "192.0.2.1:80",
            &format!("192.0.2.{peer}:1"),
        );
        let measures = [(Metric::TotalRetrans, again), (Metric::DataSegsOut, all)];
        seen(socket, &measures)
    }

    fn survey(sockets: impl IntoIterator<Item = Socket>) -> Survey {
        let mut survey = Survey::default();
        for socket in sockets {
            assert!(survey.socket(&socket).is_continue());
        }
        survey
    }

    #[test]
    fn the_peers_with_most_retransmissions_come_first_and_are_few() {
        let survey = survey((1..=40).map(|peer| sent(peer, peer.into(), 100)));
        let suspects = survey.suspects(|sent| sent.again > 1);
        assert_eq!(suspects.len(), SUSPECTS);
        assert_eq!(suspects[0], IpAddr::from([192, 0, 2, 40]));
        assert_eq!(survey.suspects(|sent| sent.again > 39).len(), 1);
    }

    #[test]
    fn one_of_more_than_a_hundred_peers_is_no_suspect_unless_much_is_sent_to_it() {
        let many = |peer| (0..199).map(move |_| sent(2, 0, 100)).chain([peer]);
        let suspects = |peer| survey(many(peer)).suspects(|sent| sent.again > 0).len();
        assert_eq!(suspects(sent(1, 10, 100)), 0);
        assert_eq!(suspects(sent(1, 10, 1_000)), 1);
    }

    #[test]
    fn nothing_is_lost_where_only_the_handshake_was_acknowledged() {
        let again = |acknowledged| {
            let measures = [
                (Metric::TotalRetrans, 44),
                (Metric::DataSegsOut, 38),
                (Metric::BytesAcked, acknowledged),
            ];
            let survey = survey([seen(sent(1, 0, 0), &measures)]);
            survey.to(IpAddr::from([192, 0, 2, 1])).again
        };
        assert_eq!((again(1), again(2)), (0, 38));
    }

    #[test]
    fn a_connection_without_a_count_of_segments_is_not_measured() {
        let old = socket(State::Established, "192.0.2.1:80", "192.0.2.9:1");
        let old = seen(old, &[(Metric::TotalRetrans, 9)]);
        assert_eq!(survey([old, sent(1, 0, 1)]).unmeasured, 1);
    }
}
