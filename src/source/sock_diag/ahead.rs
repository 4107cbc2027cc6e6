//! Receives the datagrams of a long dump in a thread of its own, while those before are decoded: with what TCP
//! measures of each socket, decoding takes as long as it takes the kernel to make the messages, which it does
//! in the call that receives them.
//!
//! Does not read the datagrams beyond whether they end the dump: after that no other one comes.

use std::sync::mpsc::channel;
use std::thread::{self, Builder};

use super::dump::{BUFFER_LEN, Progress};
use super::transport::{Datagram, Transport};
use crate::source::NetlinkError;
use crate::source::wire::{Message, Messages, Payload};

/// How many datagrams a dump has before the thread starts: about a thousand sockets, a millisecond.
pub(super) const ALONE: u64 = 16;

/// How many datagrams are received before the first of them is decoded, at most.
const AHEAD: usize = 4;

/// Which messages belong to a dump.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    /// The number of the request.
    pub(super) sequence: u32,
    /// The port that the answer is sent to.
    pub(super) port: u32,
}

impl Address {
    /// Whether a message is sent to it.
    pub(super) fn is_of(self, message: &Message<'_>) -> bool {
        (message.sequence, message.port) == (self.sequence, self.port)
    }
}

/// Passes what is received, with its buffer, to `decode` until that ends the dump. `None` where the thread is
/// refused, or has stopped before: then the caller receives what is left.
pub(super) fn receive_ahead(
    transport: &mut impl Transport,
    address: Address,
    mut decode: impl FnMut(Result<Datagram, NetlinkError>, &[u8]) -> Progress,
) -> Option<Progress> {
    thread::scope(|scope| {
        let (pass, received) = channel();
        let (give_back, empty) = channel();
        for _ in 0..AHEAD {
            give_back.send(vec![0; BUFFER_LEN]).ok()?;
        }
        let receive = move || {
            // When the dump has ended, nothing takes what it sends.
            while let Ok(mut buffer) = empty.recv() {
                let datagram = transport.receive(&mut buffer);
                let is_last = is_last(&datagram, &buffer, address);
                if pass.send((datagram, buffer)).is_err() || is_last {
                    return;
                }
            }
        };
        let builder = Builder::new().name("receive".to_owned());
        builder.spawn_scoped(scope, receive).ok()?;
        for (datagram, buffer) in received {
            let progress = decode(datagram, &buffer);
            if progress.is_break() {
                return Some(progress);
            }
            // The thread may have ended.
            let _ = give_back.send(buffer);
        }
        None
    })
}

/// Whether nothing can follow in the dump: it has ended, or what follows cannot be read.
fn is_last(datagram: &Result<Datagram, NetlinkError>, buffer: &[u8], address: Address) -> bool {
    let Ok(datagram) = datagram else {
        return true;
    };
    if datagram.sender != 0 {
        return false;
    }
    let Some(received) = buffer.get(..datagram.length) else {
        return true;
    };
    let ends = |message: Result<Message<'_>, String>| {
        message.map_or(true, |message| {
            let is_end = matches!(
                message.payload,
                Payload::Done { .. } | Payload::Error { errno: 1.. }
            );
            is_end && address.is_of(&message)
        })
    };
    Messages::new(received).any(ends)
}
