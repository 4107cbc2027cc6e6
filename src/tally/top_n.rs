//! The first of all sockets in some order: all of them sorted, or the first few.
//!
//! With a limit it keeps no more than twice that many, or a thousand; without one its memory grows
//! with the table, and with keys by 8 bytes more a socket than [`BufferedSockets`] needs.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::BufferedSockets;
use crate::model::{Field, NamespaceList, Netns, Sink, Socket, SortKey, SplitSink};

/// Fewer sockets than this are not worth a cut.
const LEAST_CUT: usize = 1_000;

/// Keeps the sockets that are first by some keys.
#[derive(Debug)]
pub struct TopN {
    keys: Vec<SortKey>,
    limit: Option<NonZeroUsize>,
    sockets: BufferedSockets,
    /// Without keys it is empty, and the order is that of arrival.
    order: Vec<Position>,
    /// The prefix of the last socket that the last cut kept.
    worst: Option<u32>,
    namespaces: Option<Ranked>,
}

/// Network namespaces that are sorted by their names: in the sockets that are kept, each has its place
/// among them as its number.
#[derive(Debug)]
struct Ranked {
    list: Arc<NamespaceList>,
    /// Known with the first socket.
    places: HashMap<Netns, u32>,
    by_place: HashMap<u32, Netns>,
}

/// The prefix of a socket in the order, and its place among the sockets kept.
type Position = (u32, u32);

impl TopN {
    /// Sorts by the first key, then by the next where that is equal, then by arrival; keeps `limit`
    /// sockets, and of each `fields`. Without keys, it wants no more sockets than the limit.
    pub fn new(keys: &[SortKey], limit: Option<NonZeroUsize>, fields: &[Field]) -> TopN {
        TopN {
            keys: keys.to_vec(),
            limit,
            sockets: BufferedSockets::new(fields),
            order: Vec::new(),
            worst: None,
            namespaces: None,
        }
    }

    /// The same for sockets of these network namespaces, by whose names they may be sorted.
    #[must_use]
    pub fn among(self, list: Option<&Arc<NamespaceList>>) -> TopN {
        let is_sorted = self.keys.iter().any(|key| key.field == Field::Netns);
        let list = list.filter(|_| is_sorted);
        TopN {
            namespaces: list.map(|list| Ranked {
                list: Arc::clone(list),
                places: HashMap::new(),
                by_place: HashMap::new(),
            }),
            ..self
        }
    }

    /// Sorts the sockets, to be called once all have arrived.
    pub fn sort(&mut self) {
        let (keys, sockets) = (&self.keys, &self.sockets);
        self.order
            .sort_unstable_by(|a, b| compare(keys, sockets, *a, *b));
        let limit = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        self.order.truncate(limit);
    }

    /// The sockets kept; in their order once they are sorted.
    pub fn sockets(&self) -> impl Iterator<Item = Socket> {
        let all = self.keys.is_empty().then(|| self.sockets.sockets());
        let sorted = self.order.iter();
        let sorted = sorted.filter_map(|place| self.sockets.get(place.1 as usize));
        all.into_iter()
            .flatten()
            .chain(sorted)
            .map(|socket| match &self.namespaces {
                Some(namespaces) => namespaces.restored(socket),
                None => socket,
            })
    }

    /// Drops all but the first `limit` sockets.
    fn cut(&mut self, limit: usize) {
        let (keys, sockets) = (&self.keys, &self.sockets);
        self.order
            .select_nth_unstable_by(limit - 1, |a, b| compare(keys, sockets, *a, *b));
        self.order.truncate(limit);
        self.worst = self.order.last().map(|place| place.0);
        // The places stay in the order of arrival, which decides between equals.
        self.order.sort_unstable_by_key(|place| place.1);
        let mut kept = self.sockets.split();
        for (number, place) in (0..).zip(&mut self.order) {
            if let Some(socket) = self.sockets.get(place.1 as usize) {
                kept.push(&socket);
            }
            place.1 = number;
        }
        self.sockets = kept;
    }
}

impl Ranked {
    fn ranked(&mut self, socket: &Socket) -> Socket {
        if self.places.is_empty() {
            self.places = self.list.places();
            let places = self.places.iter();
            self.by_place = places.map(|(netns, place)| (*place, *netns)).collect();
        }
        let place = self.places.get(&socket.netns).copied();
        Socket {
            netns: place.map_or(socket.netns, Netns),
            ..socket.clone()
        }
    }

    fn restored(&self, socket: Socket) -> Socket {
        let netns = self.by_place.get(&socket.netns.0).copied();
        Socket {
            netns: netns.unwrap_or(socket.netns),
            ..socket
        }
    }
}

impl Sink for TopN {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let ranked = self.namespaces.as_mut().map(|one| one.ranked(socket));
        let socket = ranked.as_ref().unwrap_or(socket);
        let Some(prefix) = self.keys.first().map(|key| key.prefix(socket)) else {
            self.sockets.push(socket);
            return match self.limit {
                Some(limit) if self.sockets.len() >= limit.get() => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
        };
        let is_late =
            |worst| prefix > worst || prefix == worst && is_decided_by_prefix(&self.keys, prefix);
        if self.worst.is_some_and(is_late) {
            return ControlFlow::Continue(());
        }
        // The kernel has no room for that many.
        let Ok(number) = u32::try_from(self.order.len()) else {
            return ControlFlow::Break(());
        };
        self.order.push((prefix, number));
        self.sockets.push(socket);
        let Some(limit) = self.limit.map(NonZeroUsize::get) else {
            return ControlFlow::Continue(());
        };
        if self.order.len() >= limit.saturating_mul(2).max(LEAST_CUT) {
            self.cut(limit);
        }
        ControlFlow::Continue(())
    }
}

/// Whether two sockets of the same prefix are equal by all keys.
fn is_decided_by_prefix(keys: &[SortKey], prefix: u32) -> bool {
    match keys {
        [] => true,
        [key] => key.is_decided_by(prefix),
        _ => false,
    }
}

fn compare(keys: &[SortKey], sockets: &BufferedSockets, a: Position, b: Position) -> Ordering {
    let by_keys = || {
        let socket = |place: Position| sockets.get(place.1 as usize);
        let (a, b) = (socket(a)?, socket(b)?);
        let orders = keys.iter().map(|key| key.compare(&a, &b));
        orders.into_iter().find(|order| order.is_ne())
    };
    let is_decided = a.0 != b.0 || is_decided_by_prefix(keys, a.0);
    let by_keys = (!is_decided).then(by_keys).flatten();
    a.0.cmp(&b.0)
        .then(by_keys.unwrap_or(Ordering::Equal))
        .then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, InetEnds, Kind, State};
    use crate::tally::compact::tests::{all_extras, sockets as every_kind};

    fn socket(state: State, send_queue: u32, port: u16) -> Socket {
        let local = ([127, 0, 0, 1], port).into();
        let remote = ([127, 0, 0, 1], 9).into();
        Socket {
            send_queue,
            full: Some(true),
            ..Socket::bare(
                Kind::Tcp,
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
        let mut sockets: Vec<_> = (0..1_500)
            .map(|n| socket(State::Established, u32::from(n) * 7919 % 50, n))
            .collect();
        sockets.insert(9, socket(State::Listen, 9999, 7));
        sockets
    }

    /// The first of `sockets`.
    fn first(keys: &[SortKey], limit: usize, sockets: &[Socket]) -> Vec<Socket> {
        let mut top = TopN::new(keys, NonZeroUsize::new(limit), &all_extras());
        for socket in sockets {
            assert!(top.socket(socket).is_continue());
        }
        top.sort();
        top.sockets().collect()
    }

    #[test]
    fn the_top_n_are_the_first_of_a_plain_sort_of_everything() {
        let every_kind: Vec<_> = every_kind().into_iter().cycle().take(1_200).collect();
        let fields = [
            Field::SendQueue,
            Field::LocalPort,
            Field::State,
            Field::Family,
            Field::LocalAddr,
            Field::RemoteAddr,
        ];
        for field in fields.into_iter().chain(all_extras()) {
            for descending in [true, false] {
                let key = SortKey { field, descending };
                for sockets in [&sockets(), &every_kind] {
                    let mut all = sockets.clone();
                    all.sort_by(|a, b| key.compare(a, b));
                    for limit in [0, 1, 20, 700, 1_600] {
                        let top = first(&[key], limit, sockets);
                        let limit = if limit == 0 { usize::MAX } else { limit };
                        assert!(
                            top.iter().eq(all.iter().take(limit)),
                            "{field:?} {descending} {limit}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_socket_without_the_field_is_last_in_either_direction() {
        for descending in [false, true] {
            let field = Field::SendQueue;
            let sorted = first(&[SortKey { field, descending }], 0, &sockets());
            assert_eq!(sorted.last().unwrap().state, State::Listen);
        }
    }

    #[test]
    fn a_second_key_decides_where_the_first_is_equal() {
        let key = |field, descending| SortKey { field, descending };
        let keys = [key(Field::State, false), key(Field::LocalPort, true)];
        let sockets = [3, 5, 4].map(|port| socket(State::Established, 0, port));
        let ports = first(&keys, 2, &sockets);
        let ports = ports.iter().map(|s| s.internet().unwrap().local.port());
        assert!(ports.eq([5, 4]));
    }

    #[test]
    fn memory_is_bounded_by_the_limit_and_not_by_the_table() {
        let keys = [SortKey {
            field: Field::LocalAddr,
            descending: false,
        }];
        let mut top = TopN::new(&keys, NonZeroUsize::new(600), &[]);
        for socket in &sockets() {
            let _ = top.socket(socket);
            assert!(top.order.len() < 1_200 && top.sockets.sockets().count() < 1_200);
        }
    }

    #[test]
    fn without_keys_the_first_to_arrive_are_kept_and_no_more_wanted() {
        let mut top = TopN::new(&[], NonZeroUsize::new(2), &[]);
        let sockets = sockets();
        assert!(top.socket(&sockets[0]).is_continue());
        assert!(top.socket(&sockets[1]).is_break());
        top.sort();
        assert!(top.sockets().eq(sockets[..2].to_vec()));
    }
}
