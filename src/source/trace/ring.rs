//! The reader's end of a BPF ring buffer: kernel/bpf/ringbuf.c, `Documentation/bpf/ringbuf.rst`
//! (5.8).

use std::io;
use std::os::fd::AsFd;

use super::kernel::Shared;

/// A record's header: its length with two flags, and a number of the kernel's.
const HEADER_LEN: usize = 8;
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;

/// A ring buffer that is read by this process alone.
#[derive(Debug)]
pub(super) struct Ring {
    /// One page: how far was read.
    consumer: Shared,
    /// One page: how far was written; behind it the records, twice in a row, so that none is cut.
    producer: Shared,
    page: usize,
    length: usize,
}

impl Ring {
    /// Maps the ring buffer behind a descriptor, of `length` bytes, a power of two.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn map(ring: impl AsFd, length: usize) -> io::Result<Ring> {
        let page = rustix::param::page_size();
        Ok(Ring {
            consumer: Shared::map(&ring, page, 0, true)?,
            producer: Shared::map(&ring, page + 2 * length, page as u64, false)?,
            page,
            length,
        })
    }

    /// Hands every record that is complete now to `take`, in the order of the ring. What is recorded
    /// meanwhile waits for the next time, so that this ends however fast events come.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&[u8])) {
        let mut position = self.consumer.load_u64(0);
        let end = self.producer.load_u64(0);
        while position < end {
            // Less than the length, which fits an address.
            let offset = position & (self.length as u64 - 1);
            let at = self.page + usize::try_from(offset).unwrap_or(0);
            let header = self.producer.load_u32(at);
            if header & BUSY != 0 {
                break;
            }
            let length = (header & !DISCARDED) as usize;
            if header & DISCARDED == 0 {
                take(self.producer.bytes(at + HEADER_LEN, length));
            }
            position += (HEADER_LEN + length).next_multiple_of(8) as u64;
            self.consumer.store_u64(0, position);
        }
    }
}
