//! What a record has over time: its moments and samples in the order of the file, and the numbers of the
//! samples that were read so far.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Counts, State, Stretch};

/// What a record has, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Its moments and its members of samples.
    pub parts: Vec<TimelinePart>,
}

/// A moment, or samples one after the other.
#[derive(Clone, Debug)]
pub struct TimelinePart {
    /// Where it is, and from when until when.
    pub stretch: Stretch,
    /// Which run of the recorder it is of, from 0.
    pub run: usize,
    /// Its samples; `None` until they were read. A moment is one.
    pub ticks: Option<Arc<Ticks>>,
}

/// The samples of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// When each was taken.
    pub times: Vec<SystemTime>,
    /// How many sockets each has by state; no state where that is not known.
    numbers: BTreeMap<State, Vec<u64>>,
    /// Whether it is known: not of moments with their sockets, nor if a sample cannot answer the question.
    pub are_counted: bool,
    /// Why the part ends early.
    pub cut: Option<String>,
}

/// A moment or sample of a record: the number of its part, and its own in that part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The part.
    pub part: usize,
    /// The sample in it.
    pub tick: usize,
}

impl Ticks {
    /// A moment with its sockets.
    pub fn of_moment(time: SystemTime) -> Ticks {
        Ticks {
            times: vec![time],
            ..Ticks::default()
        }
    }

    /// Samples whose numbers are known; none yet.
    pub fn of_samples() -> Ticks {
        Ticks {
            are_counted: true,
            ..Ticks::default()
        }
    }

    /// Adds a sample.
    pub fn push(&mut self, time: SystemTime, counts: &Counts) {
        let before = self.times.len();
        for (state, _) in counts.present() {
            // A state that was not seen before had no sockets.
            let zeros = || vec![0; before];
            self.numbers.entry(state).or_insert_with(zeros);
        }
        for (state, numbers) in &mut self.numbers {
            numbers.push(counts.get(*state));
        }
        self.times.push(time);
    }

    /// How many sockets of a state, or in all, a sample has.
    pub fn number(&self, tick: usize, state: Option<State>) -> u64 {
        let of = |numbers: &Vec<u64>| numbers.get(tick).copied().unwrap_or(0);
        match state {
            Some(state) => self.numbers.get(&state).map_or(0, of),
            None => self.numbers.values().map(of).fold(0, u64::saturating_add),
        }
    }

    fn counts(&self, tick: usize) -> Counts {
        let mut counts = Counts::default();
        for (state, numbers) in &self.numbers {
            counts.add(*state, numbers.get(tick).copied().unwrap_or(0));
        }
        counts
    }
}

impl TimelinePart {
    /// How many moments or samples it has, as far as they were read.
    pub fn len(&self) -> usize {
        self.ticks.as_ref().map_or(0, |ticks| ticks.times.len())
    }

    /// Whether it has none, as far as they were read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is a moment with all sockets: the first of a pair is one too.
    pub fn is_mark(&self) -> bool {
        self.stretch.has_sockets
    }

    /// How long it takes.
    pub fn duration(&self) -> Duration {
        let Stretch { first, last, .. } = self.stretch;
        last.duration_since(first).unwrap_or_default()
    }
}

impl Timeline {
    /// When a moment or sample was taken.
    pub fn time(&self, at: Position) -> Option<SystemTime> {
        let ticks = self.parts.get(at.part)?.ticks.as_ref()?;
        ticks.times.get(at.tick).copied()
    }

    /// Why samples are missing between two parts, the first of them included, where they are damaged.
    pub fn damage(&self, from: usize, until: usize) -> Option<String> {
        let last = self.parts.len().saturating_sub(1);
        // At the end of the record, nothing follows.
        let until = if from == until { last + 1 } else { until };
        let parts = self.parts.get(from..until).unwrap_or_default().iter();
        let mut cut = parts.filter_map(|part| part.ticks.as_ref()?.cut.as_ref());
        cut.next().map(|why| format!("samples are damaged: {why}"))
    }

    /// Whether the time before a part is unknown: the recorder was started anew, or the clock was set back.
    pub fn is_break(&self, part: usize) -> bool {
        let Some(before) = part.checked_sub(1).and_then(|at| self.parts.get(at)) else {
            return false;
        };
        let is_later = |part: &TimelinePart| {
            part.run != before.run || part.stretch.first < before.stretch.last
        };
        self.parts.get(part).is_some_and(is_later)
    }

    /// Whether the clock was set back before a part.
    fn is_set_back(&self, part: usize) -> bool {
        let before = part.checked_sub(1).and_then(|at| self.parts.get(at));
        let part = self.parts.get(part);
        before
            .zip(part)
            .is_some_and(|(before, part)| part.stretch.first < before.stretch.last)
    }

    /// The samples before one, no more than `most`, the oldest first: as far as they were read, and the clock was not
    /// set back.
    pub fn before(&self, at: Position, most: usize) -> Vec<(SystemTime, Counts)> {
        let mut found = Vec::new();
        let (mut number, mut end) = (at.part, at.tick);
        while let Some(ticks) = self.parts.get(number).and_then(|part| part.ticks.as_ref()) {
            for tick in (0..end.min(ticks.times.len())).rev() {
                if found.len() == most {
                    break;
                }
                if let Some(time) = ticks.times.get(tick).filter(|_| ticks.are_counted) {
                    found.push((*time, ticks.counts(tick)));
                }
            }
            if found.len() == most || number == 0 || self.is_set_back(number) {
                break;
            }
            (number, end) = (number - 1, usize::MAX);
        }
        found.reverse();
        found
    }
}
