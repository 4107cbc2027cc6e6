//! One thing that happened to a TCP socket.

use super::ResetReason;
use crate::model::{InetEnds, State};

/// An event, as the kernel recorded it while it held the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The kernel's number for the socket, unique since boot; 0 where it had none yet.
    pub cookie: u64,
    /// The inode number of the socket's network namespace.
    pub netns: u32,
    /// Both ends.
    pub ends: InetEnds,
    /// What happened.
    pub kind: EventKind,
    /// The task that was running on the processor, which is not always the socket's owner.
    pub task: Task,
    /// The inode of the socket; 0 where no process holds it.
    pub inode: u64,
    /// The user who created the socket.
    pub uid: u32,
    /// What TCP had counted.
    pub counters: Counters,
    /// Whether the peer's FIN was received (`SOCK_DONE`).
    pub fin_received: bool,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The state changed.
    Transition {
        /// The state before.
        from: State,
        /// The state after.
        to: State,
        /// The socket's error, an errno; 0 for none.
        error: u32,
    },
    /// A reset was sent for the socket.
    ResetSent {
        /// Why; `None` where the kernel does not say (before 6.10), or does not know.
        reason: Option<ResetReason>,
    },
    /// A reset was received.
    ResetReceived,
    /// A segment was sent again.
    Retransmit,
}

/// A task of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The number of its process.
    pub pid: u32,
    /// Its name, followed by NULs; any bytes.
    pub name: [u8; 16],
}

impl Task {
    /// Its name as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        let end = self.name.iter().position(|byte| *byte == 0);
        let name = self.name.get(..end.unwrap_or(self.name.len()));
        String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
    }
}

/// The numbers of `struct tcp_sock` at the time of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of data sent, retransmissions included.
    pub bytes_sent: u64,
    /// Bytes of data received.
    pub bytes_received: u64,
    /// Segments sent.
    pub segments_out: u32,
    /// Segments with data sent.
    pub data_segments_out: u32,
    /// Segments received.
    pub segments_in: u32,
    /// Segments with data received.
    pub data_segments_in: u32,
    /// The next sequence number expected (`rcv_nxt`).
    pub receive_next: u32,
    /// The next sequence number as it was last acknowledged to the peer (`rcv_wup`).
    pub receive_acknowledged: u32,
    /// Segments sent again.
    pub total_retrans: u32,
    /// The smoothed round trip, in microseconds; 0 before it is measured.
    pub rtt_us: u32,
}
