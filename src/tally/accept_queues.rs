//! The accept queues of a host's listeners, one for each address and port. Keeps no sockets.
//!
//! Listeners that share an address and port (SO_REUSEPORT, or bound to different interfaces) have a
//! queue each; the fullest one counts, because a sum would hide one whose program does not accept.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::model::{Netns, Sink, Socket, State};

/// More addresses and ports than this have no queue here; some 6 MB.
const MOST: usize = 65_536;

/// The fullest accept queue at an address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// The network namespace.
    pub netns: Netns,
    /// The address and port; the unspecified address for all addresses.
    pub local: SocketAddr,
    /// How many connections wait to be accepted.
    pub waiting: u32,
    /// How many may wait; `None` from /proc.
    pub limit: Option<u32>,
    /// What the listeners at this address and port dropped since they were created; `None` where that is
    /// unknown of one.
    pub drops: Option<u64>,
}

impl AcceptQueue {
    /// Orders queues by how full they are. A limit of 0 counts as 1, and so does an unknown one.
    fn fullness(&self) -> (u64, u32) {
        let limit = u64::from(self.limit.unwrap_or(1)).max(1);
        ((u64::from(self.waiting) << 32) / limit, self.waiting)
    }
}

/// The fullest accept queues.
#[derive(Clone, Debug, Default)]
pub struct FullestQueues {
    /// The fullest one first.
    pub queues: Vec<AcceptQueue>,
    /// How many there are besides.
    pub others: u64,
    /// Whether there was room for every queue, so that none of the others is fuller.
    pub were_all_compared: bool,
}

/// The accept queues of listeners. A sink of a dump of LISTEN, or of every state.
#[derive(Clone, Debug, Default)]
pub struct AcceptQueues {
    queues: HashMap<(Netns, SocketAddr), AcceptQueue>,
    /// Listeners for which there was no room.
    beyond: u64,
}

impl Sink for AcceptQueues {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if socket.state == State::Listen
            && let Some(ends) = socket.internet()
        {
            self.add(AcceptQueue {
                netns: socket.netns,
                local: ends.local,
                waiting: socket.accept_queue().unwrap_or(0),
                limit: socket.accept_limit(),
                drops: socket.drops.map(u64::from),
            });
        }
        ControlFlow::Continue(())
    }
}

impl AcceptQueues {
    fn add(&mut self, queue: AcceptQueue) {
        let place = (queue.netns, queue.local);
        let has_room = self.queues.len() < MOST;
        match self.queues.get_mut(&place) {
            Some(known) => {
                let drops = known.drops.zip(queue.drops);
                let drops = drops.map(|(all, more)| all.saturating_add(more));
                if queue.fullness() > known.fullness() {
                    *known = queue;
                }
                known.drops = drops;
            }
            None if has_room => {
                self.queues.insert(place, queue);
            }
            None => self.beyond += 1,
        }
    }

    /// Adds those of another part of the sockets.
    pub fn join(&mut self, other: AcceptQueues) {
        self.beyond += other.beyond;
        other.queues.into_values().for_each(|queue| self.add(queue));
    }

    /// The `most` fullest queues, the fullest first, then by port and address.
    pub fn fullest(self, most: usize) -> FullestQueues {
        let mut queues: Vec<AcceptQueue> = self.queues.into_values().collect();
        queues.sort_unstable_by_key(|queue| {
            let place = (queue.local.port(), queue.local.ip(), queue.netns);
            (Reverse(queue.fullness()), place)
        });
        let others = queues.len().saturating_sub(most) as u64;
        queues.truncate(most);
        queues.shrink_to_fit();
        FullestQueues {
            queues,
            others: others + self.beyond,
            were_all_compared: self.beyond == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use crate::model::testing::ends;

    fn listener(local: &str, waiting: u32, limit: u32, drops: Option<u32>) -> Socket {
        Socket {
            receive_queue: waiting,
            send_queue: limit,
            full: Some(true),
            drops,
            ..Socket::bare(Kind::Tcp, State::Listen, ends(local, "0.0.0.0:0"))
        }
    }

    fn queues(listeners: &[Socket]) -> AcceptQueues {
        let mut queues = AcceptQueues::default();
        for socket in listeners {
            assert!(queues.socket(socket).is_continue());
        }
        queues
    }

    #[test]
    fn of_listeners_at_one_place_the_fullest_queue_counts_and_all_drops() {
        let queues = queues(&[
            listener("192.0.2.1:80", 3, 128, Some(1)),
            listener("192.0.2.1:80", 2, 2, Some(4)),
            listener("192.0.2.1:80", 0, 128, Some(0)),
        ]);
        let fullest = queues.fullest(10);
        let [queue] = fullest.queues[..] else {
            panic!("{fullest:?}");
        };
        assert_eq!(
            (queue.waiting, queue.limit, queue.drops),
            (2, Some(2), Some(5))
        );
        assert_eq!(fullest.others, 0);
    }

    #[test]
    fn the_fullest_come_first_then_ports_in_order_and_the_others_are_counted() {
        let queues = queues(&[
            listener("192.0.2.1:90", 0, 128, None),
            listener("192.0.2.1:80", 0, 128, None),
            listener("192.0.2.1:443", 64, 128, None),
            listener("192.0.2.1:22", 1, 0, None),
        ]);
        let FullestQueues { queues, others, .. } = queues.fullest(3);
        let ports: Vec<u16> = queues.iter().map(|queue| queue.local.port()).collect();
        assert_eq!((ports, others), (vec![22, 443, 80], 1));
    }

    #[test]
    fn a_queue_from_proc_has_no_limit_and_unknown_drops() {
        let from_proc = Socket {
            full: None,
            ..listener("192.0.2.1:80", 3, 0, None)
        };
        let fullest = queues(&[from_proc]).fullest(1).queues;
        assert_eq!(
            (fullest[0].waiting, fullest[0].limit, fullest[0].drops),
            (3, None, None)
        );
    }

    #[test]
    fn beyond_the_room_listeners_are_counted() {
        let mut all = AcceptQueues::default();
        for number in 0..u32::try_from(MOST).unwrap() + 5 {
            let ip = std::net::Ipv4Addr::from(number);
            let _ = all.socket(&listener(&format!("{ip}:80"), 0, 1, None));
        }
        let fullest = all.fullest(100);
        assert!(!fullest.were_all_compared);
        assert_eq!(fullest.others, MOST as u64 - 100 + 5);
    }
}
