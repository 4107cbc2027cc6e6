//! The thread that finds out what is shown besides the counts: groups, or the sockets of a state.
//!
//! Once at once when something else is wanted, since a key asked for it; then as often as a tenth
//! of a core allows.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::news::{News, Post};
use super::{duty, listing};
use crate::cli::Summary;
use crate::command::failure::Failure;
use crate::command::grouped::{Arrangement, Sampler};
use crate::command::notes::Notes;
use crate::live::{Detail, Found, Wanted};
use crate::model::{Grouped, Key, State, StateSet};
use crate::question::Question;
use std::num::NonZeroUsize;

/// A wish that another one follows within this time was on the way to that one.
const SETTLING: Duration = Duration::from_millis(120);

/// More groups than these are not told apart: they could take all the memory the view may have.
/// As many as a hash table of 16,384 buckets holds before it doubles.
const MOST_GROUPS: usize = 14_336;

/// More groups than any screen has lines.
const SHOWN_GROUPS: usize = 200;

/// What is wanted, and of what.
#[derive(Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) wanted: Wanted,
    pub(super) question: Question,
    /// The number of the filter.
    pub(super) filter: u64,
    /// The time between two samples.
    pub(super) interval: Duration,
    /// The columns of the terminal.
    pub(super) width: usize,
}

/// Groups by some keys, and what they were before.
struct Grouping {
    sampler: Sampler,
    arrangement: Arrangement,
}

/// Fulfils wishes until there are no more.
pub(super) fn run(typed: &Arc<Summary>, post: &Post, wishes: &Receiver<Wish>) {
    let Ok(mut wish) = wishes.recv() else {
        return;
    };
    loop {
        // The last of several wishes that come at once.
        loop {
            match wishes.recv_timeout(SETTLING) {
                Ok(other) => wish = other,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        match fulfil(typed, post, wishes, &wish) {
            Some(other) => wish = other,
            None => return,
        }
    }
}

/// Finds out what is wished, again and again, until something else is; `None` where nobody wishes
/// any more.
fn fulfil(typed: &Summary, post: &Post, wishes: &Receiver<Wish>, wish: &Wish) -> Option<Wish> {
    let mut grouping = None;
    loop {
        let (begin, cpu) = (Instant::now(), duty::cpu_time());
        let found = find(typed, wish, &mut grouping).transpose();
        let cpu = duty::cpu_time().saturating_sub(cpu);
        if let Some(found) = found {
            let detail = Detail {
                wanted: wish.wanted.clone(),
                filter: wish.filter,
                at: begin,
                cpu,
                found: found.map_err(|failure| failure.to_string()),
            };
            if !post.send(News::Detail(Box::new(detail))) {
                return None;
            }
        }
        let pause = match wish.wanted {
            Wanted::Nothing => Duration::MAX,
            Wanted::Groups { .. } | Wanted::Sockets { .. } => duty::pause(cpu, wish.interval),
        };
        let pause = pause.saturating_sub(begin.elapsed());
        match wishes.recv_timeout(pause) {
            Ok(other) => return Some(other),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn find(
    typed: &Summary,
    wish: &Wish,
    grouping: &mut Option<Grouping>,
) -> Result<Option<Found>, Failure> {
    Ok(match &wish.wanted {
        Wanted::Nothing => None,
        Wanted::Groups { state, keys } => {
            let grouping = match grouping {
                Some(grouping) => grouping,
                None => grouping.insert(Grouping::new(typed, wish, *state, keys)?),
            };
            Some(Found::Groups(Arc::new(grouping.sample()?)))
        }
        Wanted::Sockets { state, sort } => {
            let question = narrow(&wish.question, *state)?;
            let listing = listing::list(typed, question, *sort, wish.width)?;
            Some(Found::Sockets(Arc::new(listing)))
        }
    })
}

/// The same question about one state.
fn narrow(question: &Question, state: Option<State>) -> Result<Question, Failure> {
    let states = match state {
        None => question.states,
        Some(state) => question.states.intersection(StateSet::NONE.with(state)),
    };
    if states.is_empty() {
        return Err(Failure::Usage(
            "the kernel cannot be asked for this state alone".to_owned(),
        ));
    }
    Ok(Question {
        states,
        ..question.clone()
    })
}

impl Grouping {
    fn new(
        typed: &Summary,
        wish: &Wish,
        state: Option<State>,
        keys: &[Key],
    ) -> Result<Grouping, Failure> {
        let question = narrow(&wish.question, state)?;
        let mut sampler = Sampler::over(
            question,
            &typed.selection,
            &typed.sourcing,
            &typed.owning,
            keys,
        )?;
        sampler.tell_apart(MOST_GROUPS);
        let top = typed.grouping.top.or(NonZeroUsize::new(SHOWN_GROUPS));
        let arrangement = Arrangement::new(sampler.fields(), top, true);
        Ok(Grouping {
            sampler,
            arrangement,
        })
    }

    fn sample(&mut self) -> Result<Grouped, Failure> {
        let mut notes = Notes::new(std::io::sink());
        let sample = self.sampler.sample(&mut notes)?;
        Ok(self.arrangement.arrange(sample, self.sampler.asked()))
    }
}
