//! Sockets kept in the order they came in, until something more is known about them.
//!
//! The memory grows with their number, as it must, but by a quarter or less of what they take unpacked;
//! in pieces, so that it is never copied to grow.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use super::packed::{pack, unpack};
use crate::model::{Sink, Socket, SplitSink};

/// The size of a piece, in bytes: much more than one socket, much less than many.
const PIECE: usize = 64 * 1024;

/// More than any socket takes, packed.
const SOCKET_MOST: usize = 352;

/// Keeps all sockets, or the first few.
#[derive(Debug, Default)]
pub struct Kept {
    limit: Option<NonZeroUsize>,
    /// Whether what no group is made by is left out.
    for_groups: bool,
    kept: usize,
    pieces: Vec<Vec<u8>>,
}

impl Kept {
    /// Keeps no more than `limit` sockets, and then wants no more.
    pub fn new(limit: Option<NonZeroUsize>) -> Kept {
        Kept {
            limit,
            ..Kept::default()
        }
    }

    /// Keeps all sockets, but of each only what groups are made by: a third less.
    pub fn for_groups() -> Kept {
        Kept {
            for_groups: true,
            ..Kept::default()
        }
    }

    /// The sockets, as they came.
    pub fn sockets(&self) -> impl Iterator<Item = Socket> {
        self.pieces.iter().flat_map(|piece| {
            let mut rest = piece.as_slice();
            std::iter::from_fn(move || unpack(&mut rest))
        })
    }
}

/// A socket without what no group is made by.
fn lean(socket: &Socket) -> Socket {
    Socket {
        kind: socket.kind,
        uid: socket.uid,
        full: socket.full,
        inode: socket.inode,
        interface: socket.interface,
        cgroup: socket.cgroup,
        ..Socket::bare(socket.state, socket.ends.clone())
    }
}

impl Sink for Kept {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let lean = self.for_groups.then(|| lean(socket));
        let socket = lean.as_ref().unwrap_or(socket);
        match self.pieces.last_mut() {
            Some(piece) if piece.len() + SOCKET_MOST <= PIECE => pack(piece, socket),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                pack(&mut piece, socket);
                self.pieces.push(piece);
            }
        }
        self.kept += 1;
        if self.limit.is_some_and(|limit| self.kept >= limit.get()) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl SplitSink for Kept {
    fn split(&self) -> Kept {
        Kept {
            limit: self.limit,
            for_groups: self.for_groups,
            ..Kept::default()
        }
    }

    /// The sockets of the parts follow those that are here.
    fn join(&mut self, parts: [Kept; 2]) -> bool {
        for part in parts {
            self.kept += part.kept;
            self.pieces.extend(part.pieces);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::packed::tests::sockets;

    #[test]
    fn many_sockets_come_out_in_the_order_they_came_in() {
        let mut kept = Kept::new(None);
        for socket in sockets().iter().cycle().take(10_000) {
            assert!(kept.socket(socket).is_continue());
        }
        assert!(kept.pieces.len() > 1);
        assert!(kept.pieces.iter().all(|piece| piece.capacity() == PIECE));
        assert!(
            kept.sockets()
                .eq(sockets().into_iter().cycle().take(10_000))
        );
    }

    #[test]
    fn what_is_kept_for_groups_is_what_they_are_made_by() {
        let mut kept = Kept::for_groups().split();
        let everything = &sockets()[1];
        assert!(kept.socket(everything).is_continue());
        let socket = kept.sockets().next().unwrap();
        assert_eq!(socket, lean(everything));
        assert_eq!(socket.owner(), everything.owner());
        assert_eq!((socket.cookie, socket.timer), (None, None));
    }

    #[test]
    fn with_a_limit_no_more_are_wanted() {
        let mut kept = Kept::new(NonZeroUsize::new(2));
        assert!(kept.socket(&sockets()[0]).is_continue());
        assert!(kept.socket(&sockets()[1]).is_break());
        assert_eq!(kept.sockets().count(), 2);
    }
}
