//! Several threads for one walk: each takes the next process, and what they found is joined.
//!
//! One descriptor costs a system call, so a host with many of them keeps every core busy. The first
//! processes are read without other threads: most hosts need none.
//!
//! Must not read a process itself; `walk` does.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

use super::walk::Walk;

/// More threads than this wait for each other in the kernel.
const MOST_THREADS: usize = 4;

/// How many descriptors are read before other threads start: a few milliseconds.
const ALONE: u64 = 8_192;

/// A process, and the position in its directory of descriptors where reading begins.
pub(super) type Start = (u32, u64);

impl Walk<'_> {
    /// Reads `most` descriptors of each of these processes, in any order; returns those that have
    /// more. One thread does it where others are refused.
    pub(super) fn each(&mut self, starts: &[Start], most: u64) -> Vec<Start> {
        let next = AtomicUsize::new(0);
        let mut rest = self.take(starts, &next, most, self.effort.descriptors + ALONE);
        let left = starts.len().saturating_sub(next.load(Ordering::Relaxed));
        if left == 0 {
            return rest;
        }
        let threads =
            thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
        thread::scope(|scope| {
            let spawn = |_| {
                let mut other = self.another();
                let next = &next;
                let take = move || {
                    let rest = other.take(starts, next, most, u64::MAX);
                    (other, rest)
                };
                Builder::new().spawn_scoped(scope, take).ok()
            };
            let others: Vec<_> = (1..threads.min(left)).map_while(spawn).collect();
            rest.extend(self.take(starts, &next, most, u64::MAX));
            for other in others {
                let (walk, more) = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                self.join(walk);
                rest.extend(more);
            }
        });
        rest
    }

    /// Takes the next processes until none is left or `enough` descriptors have been read.
    fn take(&mut self, starts: &[Start], next: &AtomicUsize, most: u64, enough: u64) -> Vec<Start> {
        let mut rest = Vec::new();
        while self.effort.descriptors < enough && !self.effort.cut {
            let Some((pid, from)) = starts.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            let more = self.process(*pid, *from, most);
            rest.extend(more.map(|from| (*pid, from)));
        }
        rest
    }
}
