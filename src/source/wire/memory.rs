//! `struct sock`'s memory: the `SK_MEMINFO_VARS` 32-bit numbers of linux/sock_diag.h (since 3.7).

use crate::model::Socket;

/// The places of numbers. `SK_MEMINFO_DROPS` came with 4.6.
const RMEM_ALLOC: usize = 0;
const RCVBUF: usize = 1;
const WMEM_ALLOC: usize = 2;
const DROPS: usize = 8;

/// The value of the attribute.
pub(super) struct SocketMemory<'a>(pub(super) &'a [u8]);

impl SocketMemory<'_> {
    /// What the kernel dropped that was meant for the socket; `None` where it does not say.
    pub(super) fn drops(&self) -> Option<u32> {
        self.number(DROPS)
    }

    /// How many bytes of memory what is received and not read may take.
    pub(super) fn receive_limit(&self) -> Option<u32> {
        self.number(RCVBUF)
    }

    /// Sets the queues, which the record has nowhere else, their limit, and the drops.
    pub(super) fn fill(&self, socket: &mut Socket) {
        socket.receive_queue = self.number(RMEM_ALLOC).unwrap_or_default();
        socket.send_queue = self.number(WMEM_ALLOC).unwrap_or_default();
        socket.receive_limit = self.receive_limit();
        socket.drops = self.drops();
    }

    fn number(&self, at: usize) -> Option<u32> {
        let numbers = self.0.as_chunks::<4>().0;
        numbers.get(at).copied().map(u32::from_ne_bytes)
    }
}
