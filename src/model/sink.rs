//! What a source passes the sockets it reads to.

use std::ops::ControlFlow;

use super::{Netns, Socket, State, StateSet};

/// Takes sockets one at a time, in the order the kernel reports them (its hash order).
pub trait Sink {
    /// Takes one socket. `Break` ends the dump early; no more sockets are requested.
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()>;

    /// Takes `number` sockets that are known only by what they have in common with `socket`:
    /// state, family and network namespace.
    fn alike(&mut self, socket: &Socket, number: u64) -> ControlFlow<()> {
        (0..number).try_for_each(|_| self.socket(socket))
    }
}

/// A sink that needs numbers only, so that sockets need not be listed to be counted.
pub trait CountSink: Sink {
    /// The states of the sockets that [`CountSink::notice`] does something with.
    const NOTICED: StateSet = StateSet::NONE;

    /// Takes `sockets` sockets in `state` at once, of this network namespace.
    fn count(&mut self, netns: Netns, state: State, sockets: u64);

    /// Takes a socket that is listed because it is in one of the rarer states; `count` counts it too.
    fn notice(&mut self, _socket: &Socket) {}

    /// Adds what another sink noticed, which has counted nothing.
    fn add_noticed(&mut self, _part: Self)
    where
        Self: Sized,
    {
    }
}

/// A sink that can be filled in parallel parts, because the order of the sockets does not matter.
pub trait SplitSink: Sink + Send + Sized {
    /// An empty sink for a part of the sockets.
    #[must_use]
    fn split(&self) -> Self;

    /// Adds both parts. False, with nothing added, where the sum would not be exact: the sockets
    /// must then come in one dump.
    #[must_use]
    fn join(&mut self, parts: [Self; 2]) -> bool;
}
