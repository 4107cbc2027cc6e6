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

/// How many datagrams are passed on at once: else the threads wait for each other for every one, which is more
/// than ten switches between them for each here.
const BATCH: usize = 4;

/// How many batches are received before the first of them is decoded, at most.
const AHEAD: usize = 3;

/// A datagram, or why there is none.
type Received = Result<Datagram, NetlinkError>;

/// What is passed on, and given back to be filled again.
struct Batch {
    datagrams: Vec<Received>,
    /// One for each of them.
    buffers: Vec<Vec<u8>>,
}

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
    decode: &mut dyn FnMut(Received, &[u8]) -> Progress,
) -> Option<Progress> {
    thread::scope(|scope| {
        let (pass, received) = channel();
        let (give_back, empty) = channel();
        for _ in 0..AHEAD {
            let (datagrams, buffers) = (Vec::new(), vec![vec![0; BUFFER_LEN]; BATCH]);
            give_back.send(Batch { datagrams, buffers }).ok()?;
        }
        let receive = move || {
            // When the dump has ended, nothing takes what it sends.
            while let Ok(mut batch) = empty.recv() {
                let mut is_over = false;
                for buffer in &mut batch.buffers {
                    let datagram = transport.receive(buffer);
                    is_over = is_last(&datagram, buffer, address);
                    batch.datagrams.push(datagram);
                    if is_over {
                        break;
                    }
                }
                if pass.send(batch).is_err() || is_over {
                    return;
                }
            }
        };
        let builder = Builder::new().name("receive".to_owned());
        builder.spawn_scoped(scope, receive).ok()?;
        for mut batch in received {
            for (datagram, buffer) in batch.datagrams.drain(..).zip(&batch.buffers) {
                let progress = decode(datagram, buffer);
                if progress.is_break() {
                    return Some(progress);
                }
            }
            // The thread may have ended.
            let _ = give_back.send(batch);
        }
        None
    })
}

/// Whether nothing can follow in the dump: it has ended, or what follows cannot be read.
fn is_last(datagram: &Received, buffer: &[u8], address: Address) -> bool {
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
