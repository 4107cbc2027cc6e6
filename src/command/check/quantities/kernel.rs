//! `listen-drops`, `retransmission`, `orphans`, `memory`: from the kernel's counters and limits.
//! Reads no sockets.

use std::time::Duration;

use super::Measured;
use crate::command::clock::Clock;
use crate::model::{Counter, Counters, Measure, Setting, Settings};
use crate::source::Readings;

/// Why nothing is known that grows.
const COPIED: &str = "counters do not grow in a copied tree";

/// The counters before and after the window, and the limits.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    before: Counters,
    after: Counters,
    elapsed: Duration,
    pub(super) settings: Settings,
    /// The size of a memory page, in bytes; `None` where the pages are another host's.
    page_size: Option<u64>,
    /// Why nothing grows, where all of it is of one time.
    still: Option<&'static str>,
}

impl Kernel {
    /// Reads the counters, which were `before` when the clock began, and the limits.
    pub(super) fn read(readings: &Readings, before: Counters, clock: &Clock) -> Kernel {
        let after = readings.counters();
        Kernel {
            before,
            after,
            elapsed: clock.elapsed(),
            settings: readings.settings(),
            page_size: readings.page_size(),
            still: readings.are_copied().then(|| match clock.is_recorded() {
                true => "the record has nothing before this time to compare with",
                false => COPIED,
            }),
        }
    }

    /// Refuses to measure what grows.
    ///
    /// # Errors
    /// Where it is a copied tree, or the first moment of a record.
    pub(super) fn refuse_copies(&self) -> Result<(), String> {
        self.still.map_or(Ok(()), |why| Err(why.to_owned()))
    }

    /// TcpExtListenDrops per second.
    pub(super) fn listen_drops(&self) -> Result<Measured, String> {
        self.refuse_copies()?;
        let grown = self.after.grown_since(&self.before, Counter::ListenDrops)?;
        Ok(Measured::rate(grown, self.elapsed))
    }

    /// Retransmitted segments in percent of those sent in the window.
    pub(super) fn retransmission(&self) -> Result<Measured, String> {
        self.refuse_copies()?;
        let sent = self.after.segments_since(&self.before)?;
        Ok(Measured::share(sent.again, sent.all))
    }

    /// `TCP: orphan` of sockstat, and `tcp_max_orphans`.
    pub(super) fn orphans(&self, measure: Measure) -> Result<Measured, String> {
        let orphans = self.after.get(Counter::Orphans)?;
        let limit = || self.settings.number(Setting::MaxOrphans);
        Measured::of_limit(measure, orphans, limit)
    }

    /// `TCP: mem` of sockstat in bytes, or in percent of the third number of `tcp_mem`.
    pub(super) fn memory(&self, measure: Measure) -> Result<Measured, String> {
        let pages = self.after.get(Counter::MemoryPages)?;
        if measure == Measure::Share {
            let [.., high] = self.settings.numbers::<3>(Setting::Mem)?;
            return Ok(Measured::share(pages, high));
        }
        let size = self
            .page_size
            .ok_or("the size of a page of the copied host is unknown; compare a percentage")?;
        Ok(Measured::number(pages.saturating_mul(size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(by: &[(Counter, u64)]) -> Kernel {
        let mut kernel = Kernel {
            elapsed: Duration::from_millis(500),
            page_size: Some(4_096),
            ..Kernel::default()
        };
        for (counter, growth) in by {
            kernel.before.set(*counter, Ok(1_000));
            kernel.after.set(*counter, Ok(1_000 + growth));
        }
        kernel
    }

    #[test]
    fn drops_are_a_rate_and_retransmissions_a_share_of_the_window() {
        let drops = grown(&[(Counter::ListenDrops, 93)]).listen_drops();
        assert_eq!(drops.unwrap().value, 186.0);
        for (retransmitted, syns, sent, percent) in [
            (5, 0, 95, 5.0),
            (5, 5, 95, 0.0),
            (0, 0, 0, 0.0),
            (3, 1, 0, 100.0),
        ] {
            let kernel = grown(&[
                (Counter::RetransSegs, retransmitted),
                (Counter::SynRetrans, syns),
                (Counter::OutSegs, sent),
            ]);
            let share = kernel.retransmission().unwrap();
            assert_eq!(share.value, percent, "{retransmitted} {syns} {sent}");
        }
    }

    #[test]
    fn a_counter_that_is_absent_went_back_or_is_a_copy_is_unknown() {
        assert!(grown(&[]).listen_drops().is_err());
        let mut kernel = grown(&[(Counter::ListenDrops, 1)]);
        kernel.still = Some(COPIED);
        let reason = kernel.listen_drops().unwrap_err();
        assert_eq!(reason, COPIED);
        kernel.still = None;
        kernel.after.set(Counter::ListenDrops, Ok(1));
        assert!(kernel.listen_drops().unwrap_err().contains("went back"));
    }

    #[test]
    fn orphans_and_memory_are_numbers_or_shares_of_their_limits() {
        let mut kernel = grown(&[]);
        kernel.after.set(Counter::Orphans, Ok(50));
        kernel.after.set(Counter::MemoryPages, Ok(30));
        assert_eq!(kernel.orphans(Measure::Count).unwrap().value, 50.0);
        assert_eq!(kernel.memory(Measure::Count).unwrap().value, 122_880.0);
        let reason = kernel.orphans(Measure::Share).unwrap_err();
        assert!(reason.contains("tcp_max_orphans"), "{reason}");
        kernel
            .settings
            .set(Setting::MaxOrphans, Ok("200".to_owned()));
        kernel
            .settings
            .set(Setting::Mem, Ok("10\t20\t40".to_owned()));
        let orphans = kernel.orphans(Measure::Share).unwrap();
        assert_eq!((orphans.value, orphans.parts), (25.0, Some((50, 200))));
        assert_eq!(kernel.memory(Measure::Share).unwrap().value, 75.0);
        kernel.page_size = None;
        assert!(kernel.memory(Measure::Count).is_err());
    }
}
