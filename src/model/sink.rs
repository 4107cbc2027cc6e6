//! Where a source pours what it finds.

use std::ops::ControlFlow;

use super::{Socket, State};

/// Takes sockets one at a time, in the order the kernel reports them (its hash order).
pub trait Sink {
    /// Takes one socket. `Break` ends the walk early; the kernel is asked for nothing more.
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()>;

    /// The walk was interrupted and can be made again from the start. A sink that adds up forgets
    /// everything and answers true; one that has already shown sockets answers false, and the
    /// observation ends incomplete.
    fn restart(&mut self) -> bool;
}

/// A sink that wants numbers only, so that sockets need not be listed to be counted.
pub trait CountSink: Sink {
    /// Takes `sockets` sockets in `state` at once.
    fn count(&mut self, state: State, sockets: u64);
}

/// A sink that can be filled in parts, side by side, because it makes no difference in which order
/// sockets come.
pub trait SplitSink: Sink + Send {
    /// An empty one for a part of the sockets.
    #[must_use]
    fn split(&self) -> Self;

    /// Adds what a part took; false where the sum would not be exact, and the sockets must come
    /// in one.
    #[must_use]
    fn join(&mut self, part: Self) -> bool;
}
