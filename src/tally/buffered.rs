//! Sockets in the order they arrived, until their holders are known or they are sorted.
//!
//! The memory grows with their number, by 60 bytes each and what the question needs besides; in
//! pieces, so that growing copies nothing.

use std::ops::ControlFlow;

use super::compact::{Piece, extras};
use crate::model::{Field, Sink, Socket, SplitSink};

/// The sockets of a piece: a small part of many, and so large that the memory allocator takes whole pages for
/// it, which cost nothing until they are written to.
const PIECE: usize = 4096;

/// Keeps all sockets.
#[derive(Debug)]
pub struct BufferedSockets {
    extras: Vec<Field>,
    pieces: Vec<Piece>,
}

impl BufferedSockets {
    /// Keeps of each socket what every list shows, and these fields.
    pub fn new(fields: &[Field]) -> BufferedSockets {
        BufferedSockets {
            extras: extras(fields),
            pieces: Vec::new(),
        }
    }

    /// The sockets, in the order of arrival.
    pub fn sockets(&self) -> impl Iterator<Item = Socket> {
        let places = self.pieces.iter().flat_map(|piece| {
            let places = 0..piece.len();
            places.map(move |at| (piece, at))
        });
        places.filter_map(|(piece, at)| piece.get(at, &self.extras))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(Piece::len).sum()
    }

    /// The socket that came so many after the first; not for buffers that were joined.
    pub(super) fn get(&self, number: usize) -> Option<Socket> {
        let piece = self.pieces.get(number / PIECE)?;
        piece.get(number % PIECE, &self.extras)
    }

    pub(super) fn push(&mut self, socket: &Socket) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(socket, &self.extras),
            _ => {
                let mut piece = Piece::with_room_for(PIECE, self.extras.len());
                piece.push(socket, &self.extras);
                self.pieces.push(piece);
            }
        }
    }
}

impl Sink for BufferedSockets {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.push(socket);
        ControlFlow::Continue(())
    }
}

impl SplitSink for BufferedSockets {
    fn split(&self) -> BufferedSockets {
        BufferedSockets {
            extras: self.extras.clone(),
            pieces: Vec::new(),
        }
    }

    /// The sockets of the parts follow those that are here.
    fn join(&mut self, parts: [BufferedSockets; 2]) -> bool {
        let pieces = parts.into_iter().flat_map(|part| part.pieces);
        self.pieces.extend(pieces);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::compact::tests::{all_extras, sockets};

    #[test]
    fn many_sockets_come_out_in_the_order_they_arrived() {
        let mut buffered = BufferedSockets::new(&all_extras());
        let sockets = sockets();
        let many = || sockets.iter().cycle().take(10_000);
        for socket in many() {
            assert!(buffered.socket(socket).is_continue());
        }
        assert_eq!((buffered.pieces.len(), buffered.len()), (3, 10_000));
        assert!(buffered.sockets().eq(many().cloned()));
        assert_eq!(buffered.get(9_999), many().last().cloned());
        assert_eq!(buffered.get(10_000), None);
    }

    #[test]
    fn parts_are_joined_one_after_the_other() {
        let mut buffered = BufferedSockets::new(&all_extras());
        let (mut first, mut second) = (buffered.split(), buffered.split());
        let sockets = sockets();
        first.push(&sockets[0]);
        second.push(&sockets[1]);
        assert!(buffered.join([first, second]));
        assert!(buffered.sockets().eq(sockets[..2].to_vec()));
    }
}
