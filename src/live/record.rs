//! The samples of one question: the last one, and the history of each state.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::StateSample;
use super::history::{History, KEPT, STEPS};
use crate::model::screen::StateRow;
use crate::model::{Counts, Snapshot, State};

/// The samples of one question. Bounded by the number of states and the length of a history.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The last sample.
    pub(super) last: Option<StateSample>,
    /// The history of each state seen or selected, and of the sum of all.
    histories: BTreeMap<RowKey, History>,
    /// When the samples of the histories were taken; of a record, by the clock of its host only.
    times: VecDeque<(Option<Instant>, SystemTime)>,
}

/// States in their order, then the sum of all, `None`.
type RowKey = (bool, Option<State>);

fn row_key(state: Option<State>) -> RowKey {
    (state.is_none(), state)
}

impl Record {
    /// The numbers of samples of a record, the oldest first. The clock is never set back between them.
    pub(super) fn of(samples: Vec<(SystemTime, Counts)>) -> Record {
        let mut record = Record::default();
        for (time, counts) in samples {
            let states: Vec<State> = counts.present().map(|(state, _)| state).collect();
            record.push_numbers(states.into_iter(), &counts, None, time);
        }
        record
    }

    /// Adds a sample.
    pub(super) fn push(&mut self, sample: StateSample) {
        let Snapshot {
            observation,
            counts,
            ..
        } = &sample.snapshot;
        let states = sample.snapshot.states();
        self.push_numbers(states, counts, Some(sample.at), observation.time);
        self.last = Some(sample);
    }

    fn push_numbers(
        &mut self,
        states: impl Iterator<Item = State>,
        counts: &Counts,
        at: Option<Instant>,
        time: SystemTime,
    ) {
        if self.times.len() == KEPT {
            self.times.pop_front();
        }
        let before = self.times.len();
        self.times.push_back((at, time));
        for state in states.map(Some).chain([None]) {
            // A state that was not seen before had no sockets.
            let new = || History::of_zeros(before);
            self.histories.entry(row_key(state)).or_insert_with(new);
        }
        for ((_, state), history) in &mut self.histories {
            history.push(counts.number(*state));
        }
    }

    pub(super) fn reset_extremes(&mut self) {
        let histories = self.histories.values_mut();
        histories.for_each(History::reset_extremes);
    }

    /// The states of the rows, the sum last.
    pub(super) fn states(&self) -> impl Iterator<Item = Option<State>> {
        self.histories.keys().map(|(_, state)| *state)
    }

    /// How many rows have something to show; see [`StateRow::is_needed`].
    pub(super) fn needed_rows(&self, selected: Option<State>) -> usize {
        let is_needed = |((_, state), history): &(&RowKey, &History)| {
            let has_sockets = history.last() > 0 || history.before(1).unwrap_or(0) > 0;
            has_sockets || state.is_none() || *state == selected
        };
        self.histories.iter().filter(is_needed).count()
    }

    /// A row for each state, the sum last.
    pub(super) fn rows(&self, selected: Option<State>) -> Vec<StateRow> {
        let Some(last) = &self.last else {
            return Vec::new();
        };
        let row = |(&(_, state), history): (&RowKey, &History)| {
            let spread = last.snapshot.spread.number(state);
            StateRow {
                state,
                sockets: history.last(),
                spread,
                change: change(history, 1),
                rate: self.rate(history),
                min: history.min,
                max: history.max,
                history: history.numbers(),
                is_growing: history.grows(spread),
                is_at_limit: last.limits.iter().any(|limit| Some(limit.state) == state),
                is_selected: state == selected,
            }
        };
        self.histories.iter().map(row).collect()
    }

    /// The numbers of one state, and when each was taken.
    pub(super) fn history(&self, state: Option<State>) -> Vec<(SystemTime, u64)> {
        let history = self.histories.get(&row_key(state));
        let numbers = history.map_or(Vec::new(), History::numbers);
        let times = self.times.iter().map(|(_, time)| *time);
        times.zip(numbers).collect()
    }

    /// Per second, over the last ten steps, or as many as there are.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a rate is shown with one digit after the point"
    )]
    fn rate(&self, history: &History) -> Option<f64> {
        let steps = STEPS.min(self.times.len().checked_sub(1)?);
        let change = change(history, steps).filter(|_| steps > 0)?;
        let start = self.times.get(self.times.len() - 1 - steps)?;
        let end = self.times.back()?;
        let took = match (start.0, end.0) {
            (Some(start), Some(end)) => end.saturating_duration_since(start),
            _ => end.1.duration_since(start.1).unwrap_or_default(),
        };
        (took > Duration::ZERO).then(|| change as f64 / took.as_secs_f64())
    }
}

/// The change over the last `steps` samples.
fn change(history: &History, steps: usize) -> Option<i128> {
    let before = history.before(steps)?;
    Some(i128::from(history.last()) - i128::from(before))
}
