//! What is remembered of the samples of one question: the last one, and each state's history.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::Sample;
use super::history::{History, REMEMBERED, STEPS};
use crate::model::screen::StateRow;
use crate::model::{Snapshot, State};

/// The samples of one question. Bounded: by the states there can be, and by what each remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The last sample.
    pub(super) last: Option<Sample>,
    /// Each state seen or asked for; `None` for the sum of all, last.
    states: BTreeMap<Place, Track>,
    /// When the samples remembered were taken.
    times: VecDeque<(Instant, SystemTime)>,
}

/// Where a row stands: states in their order, the sum behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    One(State),
    All,
}

/// One state's numbers.
#[derive(Clone, Debug)]
struct Track {
    history: History,
    min: u64,
    max: u64,
}

impl Record {
    /// Takes a sample.
    pub(super) fn push(&mut self, sample: Sample) {
        if self.times.len() == REMEMBERED {
            self.times.pop_front();
        }
        self.times
            .push_back((sample.at, sample.snapshot.observation.time));
        let seen: Vec<State> = sample.snapshot.states().collect();
        let samples = self.times.len();
        for state in seen {
            // What was not seen before was not there.
            self.states
                .entry(Place::One(state))
                .or_insert_with(|| Track::of_zeros(samples - 1));
        }
        self.states
            .entry(Place::All)
            .or_insert_with(|| Track::of_zeros(samples - 1));
        for (place, track) in &mut self.states {
            track.push(place.number(&sample.snapshot));
        }
        self.last = Some(sample);
    }

    /// Forgets the fewest and the most.
    pub(super) fn reset_extremes(&mut self) {
        for track in self.states.values_mut() {
            (track.min, track.max) = (track.history.last(), track.history.last());
        }
    }

    /// The rows there are, the sum last.
    pub(super) fn places(&self) -> impl Iterator<Item = Option<State>> {
        self.states.keys().map(|place| place.state())
    }

    /// A row for each, the sum last; `selected` stands out.
    pub(super) fn rows(&self, selected: Option<State>) -> Vec<StateRow> {
        let Some(last) = &self.last else {
            return Vec::new();
        };
        let row = |(place, track): (&Place, &Track)| {
            let state = place.state();
            let spread = match place {
                Place::One(state) => last.snapshot.spread.get(*state),
                Place::All => last.snapshot.spread.total(),
            };
            StateRow {
                state,
                sockets: track.history.last(),
                spread,
                change: self.change(track, 1),
                rate: self.rate(track),
                min: track.min,
                max: track.max,
                history: track.history.numbers(),
                is_growing: track.history.grows(spread),
                is_at_limit: last.limits.iter().any(|limit| Some(limit.state) == state),
                is_selected: state == selected,
            }
        };
        self.states.iter().map(row).collect()
    }

    /// The numbers of one state and when the first and the last of them were taken.
    pub(super) fn history(
        &self,
        state: Option<State>,
    ) -> (Vec<u64>, Option<(SystemTime, SystemTime)>) {
        let track = self.states.get(&Place::of(state));
        let numbers = track.map_or(Vec::new(), |track| track.history.numbers());
        let span = self.times.front().zip(self.times.back());
        (numbers, span.map(|(first, last)| (first.1, last.1)))
    }

    fn change(&self, track: &Track, samples: usize) -> Option<i128> {
        let before = track.history.before(samples)?;
        Some(i128::from(track.history.last()) - i128::from(before))
    }

    /// Over the last ten steps, or as many as there are.
    fn rate(&self, track: &Track) -> Option<f64> {
        let steps = STEPS.min(self.times.len().checked_sub(1)?);
        let change = self.change(track, steps).filter(|_| steps > 0)?;
        let begin = self.times.get(self.times.len() - 1 - steps)?;
        let took = self.times.back()?.0.saturating_duration_since(begin.0);
        per_second(change, took)
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a rate is shown with one digit behind the point"
)]
fn per_second(change: i128, took: Duration) -> Option<f64> {
    (took > Duration::ZERO).then(|| change as f64 / took.as_secs_f64())
}

impl Place {
    fn of(state: Option<State>) -> Place {
        state.map_or(Place::All, Place::One)
    }

    fn state(self) -> Option<State> {
        match self {
            Place::One(state) => Some(state),
            Place::All => None,
        }
    }

    fn number(self, snapshot: &Snapshot) -> u64 {
        match self {
            Place::One(state) => snapshot.counts.get(state),
            Place::All => snapshot.counts.total(),
        }
    }
}

impl Track {
    fn of_zeros(samples: usize) -> Track {
        let mut history = History::default();
        (0..samples).for_each(|_| history.push(0));
        Track {
            history,
            min: if samples == 0 { u64::MAX } else { 0 },
            max: 0,
        }
    }

    fn push(&mut self, sockets: u64) {
        self.history.push(sockets);
        self.min = self.min.min(sockets);
        self.max = self.max.max(sockets);
    }
}
