//! The trace pane: the last closes and transitions of each state, and those that are shown.
//!
//! Receives what was traced, in the order of time; it neither traces nor knows a clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::key::moved;
use super::{Answer, Below, DetailResult, Key, View};
use crate::model::State;
use crate::model::screen::{TracePane, TraceRows};
use crate::model::trace::{Story, Transition};

/// Rows of each kind that are kept of each state: more than a screen has lines.
const KEPT: usize = 100;

/// The last closes and transitions of each state, so that another state can be selected without
/// tracing anew. Bounded by the number of states.
#[derive(Clone, Debug, Default)]
pub struct TraceLog {
    /// `None` for those of any state.
    states: BTreeMap<Option<State>, TraceRows>,
}

impl TraceLog {
    /// Adds a transition to the state before and the state after.
    pub fn transition(&mut self, row: &Transition) {
        for state in [None, Some(row.from), Some(row.to)] {
            let rows = self.states.entry(state).or_default();
            push(&mut rows.transitions, row.clone());
            rows.changes += 1;
        }
    }

    /// Adds a close to the states in which either end was seen.
    pub fn close(&mut self, story: Story) {
        let ends = || std::iter::once(&story.first).chain(&story.other);
        let lived = ends().flat_map(|end| end.states.iter().map(|state| state.0));
        let closes = ends().filter_map(|end| end.close.as_ref());
        let closed = closes.flat_map(|close| close.steps.iter().map(|step| step.1));
        let states: BTreeSet<State> = lived.chain(closed).collect();
        let shape = story.shape();
        let story = Arc::new(story);
        for state in states.into_iter().map(Some).chain([None]) {
            let rows = self.states.entry(state).or_default();
            push(&mut rows.closes, Arc::clone(&story));
            *rows.shapes.entry(shape).or_default() += 1;
        }
    }

    /// The rows of a state; with `None` those of any.
    pub fn rows(&self, state: Option<State>) -> TraceRows {
        self.states.get(&state).cloned().unwrap_or_default()
    }
}

/// Adds the newest row; the oldest one of too many is dropped.
fn push<T>(rows: &mut VecDeque<T>, row: T) {
    rows.truncate(KEPT - 1);
    rows.push_front(row);
}

impl View {
    /// The pane of the selected state.
    pub(super) fn trace_pane(&self) -> TracePane<'_> {
        let answer = &self.shown().trace;
        TracePane {
            state: self.selected,
            traced: if let Some((DetailResult::Trace(traced), ..)) = &answer.found {
                Some(&**traced)
            } else {
                None
            },
            first: self.first_traced,
            failure: answer.failure.as_deref(),
        }
    }

    /// Forgets the rows, which are about something else than what is shown from now on.
    pub(super) fn restart_trace(&mut self) {
        self.first_traced = 0;
        self.change(|data| data.trace = Answer::default());
    }

    /// Scrolls the rows, if the key goes by pages; `None` if it does not.
    pub(super) fn scroll_trace(&mut self, key: Key) -> Option<()> {
        let is_page = matches!(
            key,
            Key::PageUp | Key::PageDown | Key::Control('b' | 'u' | 'f' | 'd')
        );
        if self.below != Below::Trace || !self.levels.is_empty() || !is_page {
            return None;
        }
        let traced = self.trace_pane().traced.map(|traced| &traced.rows);
        let rows = traced.map_or(0, |rows| rows.closes.len().max(rows.transitions.len()));
        // Less than the lines that each kind has.
        let page = usize::from(self.height / 5).max(1);
        self.first_traced = moved(key, self.first_traced, rows, page)?;
        Some(())
    }
}
