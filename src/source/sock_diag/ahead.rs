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

/// How many datagrams are passed on at once: threads that wait for each other for every one take a tenth longer.
const BATCH: usize = 4;

/// How many of these are received before the first of them is decoded, at most.
const AHEAD: usize = 3;

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
            give_back.send(vec![vec![0; BUFFER_LEN]; BATCH]).ok()?;
        }
        let receive = move || {
            // When the dump has ended, nothing takes what it sends.
            while let Ok(mut buffers) = empty.recv() {
                let (mut datagrams, mut is_over) = (Vec::with_capacity(BATCH), false);
                for buffer in &mut buffers {
                    let datagram = transport.receive(buffer);
                    is_over = is_last(&datagram, buffer, address);
                    datagrams.push(datagram);
                    if is_over {
                        break;
                    }
                }
                if pass.send((datagrams, buffers)).is_err() || is_over {
                    return;
                }
            }
        };
        let builder = Builder::new().name("receive".to_owned());
        builder.spawn_scoped(scope, receive).ok()?;
        for (datagrams, buffers) in received {
            for (datagram, buffer) in datagrams.into_iter().zip(&buffers) {
                let progress = decode(datagram, buffer);
                if progress.is_break() {
                    return Some(progress);
                }
            }
            // The thread may have ended.
            let _ = give_back.send(buffers);
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
