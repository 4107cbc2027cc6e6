//! The first of all sockets in some order: all of them sorted, or the best few.
//!
//! The one sink that keeps sockets. With a limit it keeps no more than that many, in a heap whose
//! top is the next one to go; without one its memory grows with the table, as sorting must.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::model::{Sink, Socket, SortKey};

/// Keeps the sockets that come first by some keys.
#[derive(Debug)]
pub struct Best {
    keys: Rc<[SortKey]>,
    limit: Option<NonZeroUsize>,
    /// How many sockets came by so far: of two that are alike, the earlier comes first.
    seen: u64,
    kept: BinaryHeap<Ranked>,
}

impl Best {
    /// Sorts by the first key, then by the next where that is alike, and keeps `limit` sockets.
    pub fn new(keys: &[SortKey], limit: Option<NonZeroUsize>) -> Best {
        Best {
            keys: keys.into(),
            limit,
            seen: 0,
            kept: BinaryHeap::new(),
        }
    }

    /// The sockets kept, the first first.
    pub fn into_sorted(self) -> impl Iterator<Item = Socket> {
        let ranked = self.kept.into_sorted_vec();
        ranked.into_iter().map(|ranked| ranked.socket)
    }
}

impl Sink for Best {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.seen += 1;
        let is_full = self
            .limit
            .is_some_and(|limit| self.kept.len() >= limit.get());
        let ranked = || Ranked {
            socket: socket.clone(),
            number: self.seen,
            keys: Rc::clone(&self.keys),
        };
        if !is_full {
            self.kept.push(ranked());
        } else if let Some(mut last) = self.kept.peek_mut()
            && compare(&self.keys, socket, &last.socket).is_lt()
        {
            *last = ranked();
        }
        ControlFlow::Continue(())
    }
}

fn compare(keys: &[SortKey], a: &Socket, b: &Socket) -> Ordering {
    keys.iter()
        .map(|key| key.compare(a, b))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A socket in its order; the greatest is the last.
#[derive(Debug)]
struct Ranked {
    socket: Socket,
    number: u64,
    keys: Rc<[SortKey]>,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        compare(&self.keys, &self.socket, &other.socket).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Field, InetEnds, State};

    fn socket(state: State, send_queue: u32, port: u16) -> Socket {
        let local = ([127, 0, 0, 1], port).into();
        let remote = ([127, 0, 0, 1], 9).into();
        Socket {
            send_queue,
            full: Some(true),
            ..Socket::bare(
                state,
                InetEnds {
                    family: Family::V4,
                    local,
                    remote,
                },
            )
        }
    }

    /// Queues that repeat, so that ties occur; a listener, which has none.
    fn sockets() -> Vec<Socket> {
        let mut sockets: Vec<_> = (0..200)
            .map(|n| socket(State::Established, u32::from(n) * 7919 % 50, n))
            .collect();
        sockets.push(socket(State::Listen, 9999, 7));
        sockets
    }

    fn ports(sockets: impl IntoIterator<Item = Socket>) -> Vec<u16> {
        sockets
            .into_iter()
            .map(|s| s.internet().unwrap().local.port())
            .collect()
    }

    #[test]
    fn the_best_few_are_the_first_of_a_plain_sort_of_everything() {
        for (field, descending) in [
            (Field::SendQueue, true),
            (Field::SendQueue, false),
            (Field::LocalPort, true),
        ] {
            let key = SortKey { field, descending };
            let mut all = sockets();
            all.sort_by(|a, b| key.compare(a, b));
            let all = ports(all);
            for limit in [1, 2, 20, 200, 201, 1000] {
                let mut best = Best::new(&[key], NonZeroUsize::new(limit));
                for socket in &sockets() {
                    assert!(best.socket(socket).is_continue());
                }
                let expected: Vec<_> = all.iter().copied().take(limit).collect();
                assert_eq!(ports(best.into_sorted()), expected, "{field:?} {limit}");
            }
        }
    }

    #[test]
    fn who_lacks_the_field_comes_last_in_either_direction() {
        for descending in [false, true] {
            let field = Field::SendQueue;
            let mut best = Best::new(&[SortKey { field, descending }], None);
            for socket in &sockets() {
                let _ = best.socket(socket);
            }
            let last = best.into_sorted().last().unwrap();
            assert_eq!(last.state, State::Listen);
        }
    }

    #[test]
    fn a_second_key_decides_where_the_first_is_equal() {
        let key = |field, descending| SortKey { field, descending };
        let keys = [key(Field::State, false), key(Field::LocalPort, true)];
        let mut best = Best::new(&keys, NonZeroUsize::new(2));
        for port in [3, 5, 4] {
            let _ = best.socket(&socket(State::Established, 0, port));
        }
        assert_eq!(ports(best.into_sorted()), [5, 4]);
    }
}
