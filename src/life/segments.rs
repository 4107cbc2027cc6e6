//! Captured segments, until the connections they belong to have ended.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::stories::canonical;
use super::verdict::of_segments;
use crate::model::trace::{Flags, Segment, Side, Story};

/// Segments of more connections than this are not kept at once.
const MOST_CONNECTIONS: usize = 65_536;

/// As many segments of one connection are kept: the last ones, since those of the close are.
const MOST_SEGMENTS: usize = 24;

/// Both ends, the lower address first, IPv4 on IPv6 sockets as the IPv4 it is on the wire.
type Pair = (SocketAddr, SocketAddr);

/// One segment, with its sender.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub destination: SocketAddr,
    /// Its flags.
    pub flags: Flags,
    /// Its sequence number.
    pub seq: u32,
    /// The number it acknowledges.
    pub ack: u32,
    /// Bytes of data.
    pub length: u32,
}

/// The segments of the connections that live.
#[derive(Debug, Default)]
pub struct Segments {
    connections: HashMap<Pair, Vec<Sent>>,
    /// Segments of connections for which there was no room.
    left_out: u64,
}

impl Segments {
    /// Takes a segment.
    pub fn add(&mut self, segment: Sent) {
        let pair = pair(segment.source, segment.destination);
        let has_room = self.connections.len() < MOST_CONNECTIONS;
        if !has_room && !self.connections.contains_key(&pair) {
            self.left_out += 1;
            return;
        }
        let sent = self.connections.entry(pair).or_default();
        if segment.flags.syn && !segment.flags.ack {
            // A new connection between the same ports.
            sent.clear();
        }
        let is_closing = sent.iter().any(|one| one.flags.fin || one.flags.rst);
        if sent.len() == MOST_SEGMENTS && !is_closing {
            sent.remove(0);
        }
        if sent.len() < MOST_SEGMENTS {
            sent.push(segment);
        }
    }

    /// How many segments there was no room for.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Gives a story the segments of its close. False where more are to come: the last FIN is not
    /// acknowledged yet; the story is then as it was, unless it is not to wait any longer.
    pub fn complete(&mut self, story: &mut Story, waits: bool) -> bool {
        let (local, remote) = (story.first.ends.local, story.first.ends.remote);
        let pair = pair(local, remote);
        let sent = self.connections.get(&pair).map(Vec::as_slice);
        let sent = sent.unwrap_or_default();
        let begin = sent.iter().position(|one| one.flags.fin || one.flags.rst);
        let close = begin.and_then(|begin| sent.get(begin..));
        let close = close.unwrap_or_default();
        if waits && !is_over(close) {
            return false;
        }
        let own = canonical(local);
        story.segments = close.iter().map(|one| seen_from(own, one)).collect();
        story.captured = of_segments(&story.segments);
        self.connections.remove(&pair);
        true
    }
}

fn seen_from(own: SocketAddr, sent: &Sent) -> Segment {
    Segment {
        time_ns: sent.time_ns,
        from: match canonical(sent.source) == own {
            true => Side::Local,
            false => Side::Remote,
        },
        flags: sent.flags,
        seq: sent.seq,
        ack: sent.ack,
        length: sent.length,
    }
}

/// Whether both FINs are there and acknowledged, or a reset.
fn is_over(close: &[Sent]) -> bool {
    if close.iter().any(|one| one.flags.rst) {
        return true;
    }
    let mut fins = close.iter().filter(|one| one.flags.fin);
    let Some(first) = fins.next() else {
        return false;
    };
    let second = fins.find(|one| one.source != first.source);
    second.is_some_and(|second| {
        [first, second].iter().all(|fin| {
            let end = fin.seq.wrapping_add(fin.length).wrapping_add(1);
            let acknowledges =
                |one: &&Sent| one.source != fin.source && one.flags.ack && one.ack == end;
            close.iter().any(|one| acknowledges(&one))
        })
    })
}

fn pair(one: SocketAddr, two: SocketAddr) -> Pair {
    let (one, two) = (canonical(one), canonical(two));
    (one.min(two), one.max(two))
}
