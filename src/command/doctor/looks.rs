//! Two looks at the sockets, the kernel's counters before and after the window between them, and
//! its settings.

use std::time::{Duration, Instant};

use super::bound_ports::bound_ports;
use super::suspects::measure;
use crate::command::outcome::Failure;
use crate::diagnose::{Facts, FirstLook, Measures, SecondLook, suspects};
use crate::model::{Field, Listeners, State, StateSet};
use crate::question::Question;
use crate::source::{Observer, Readings, Report, Sources};

/// More listeners than this are counted and not kept; some 2 MiB.
const MOST_LISTENERS: usize = 20_000;

/// All that is seen before anybody thinks about it.
pub(super) struct Looks {
    pub(super) first: FirstLook,
    pub(super) second: SecondLook,
    pub(super) facts: Facts,
    /// How long the second look took.
    pub(super) took: Duration,
}

impl Looks {
    /// Takes both, `window` apart. The report is of the second look, with what was lost in all of
    /// them.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn take(sources: Sources, window: Duration) -> Result<(Report, Looks), Failure> {
        let readings = Readings::of(&sources);
        let begin = Instant::now();
        let before = readings.counters();
        let mut first = FirstLook::default();
        let listened_before = look_at_listeners(&sources, vec![Field::Drops]);
        let seen_before = ask(&sources, FirstLook::STATES, Vec::new())?.list(&mut first)?;
        let measured = Instant::now();
        let measures_before = measure(&sources, &first.suspects());
        std::thread::sleep(window.saturating_sub(begin.elapsed()));
        let look = Instant::now();
        // Before the counters: what was dropped in between is in their growth too.
        let (listeners, listening, drops_unknown) = listeners_since(listened_before, &sources)?;
        let after = readings.counters();
        let mut facts = Facts {
            source: seen_before.source,
            window: begin.elapsed(),
            before,
            after,
            settings: readings.settings(),
            listeners,
            drops_unknown,
            measures_before,
            measured_over: Duration::ZERO,
            measures: Measures::default(),
            page_size: match readings.are_copied() {
                true => None,
                false => u64::try_from(rustix::param::page_size()).ok(),
            },
            copied: readings.are_copied(),
        };
        let mut second = SecondLook::new(&facts).after(&mut first);
        let mut sink = second.sink(&facts.listeners);
        let mut report = ask(&sources, StateSet::ALL, Vec::new())?.list(&mut sink)?;
        drop(sink);
        if second.wants_bound_ports() {
            second.set_bound_ports(bound_ports(&sources));
        }
        for earlier in [seen_before, listening] {
            report.add(&earlier);
        }
        facts.source = report.source;
        facts.measured_over = measured.elapsed();
        facts.measures = measure(&sources, &suspects(&first, &second, &facts));
        let looks = Looks {
            first,
            second,
            facts,
            took: look.elapsed(),
        };
        Ok((report, looks))
    }
}

/// The listeners, of each of which `fields` must be known. They have a table of their own, so that no
/// connection is read.
fn look_at_listeners(
    sources: &Sources,
    fields: Vec<Field>,
) -> Result<(Listeners, Report), Failure> {
    let mut listeners = Listeners::at_most(MOST_LISTENERS);
    let listen = StateSet::NONE.with(State::Listen);
    let report = ask(sources, listen, fields)?.list(&mut listeners)?;
    Ok((listeners, report))
}

/// The listeners now, with what each dropped since `before`; or without it, and why so.
fn listeners_since(
    before: Result<(Listeners, Report), Failure>,
    sources: &Sources,
) -> Result<(Listeners, Report, Option<String>), Failure> {
    let now = |fields: &[Field]| look_at_listeners(sources, fields.to_vec());
    let compared = before.and_then(|(before, _)| {
        let (now, report) = now(&[Field::Direction, Field::Drops])?;
        Ok((now.since(&before), report))
    });
    match compared {
        Ok((listeners, report)) => Ok((listeners, report, None)),
        Err(failure) => {
            let (listeners, report) = now(&[Field::Direction])?;
            Ok((listeners, report, Some(failure.to_string())))
        }
    }
}

/// Somebody who tells of the sockets in these states.
pub(super) fn ask(
    sources: &Sources,
    states: StateSet,
    fields: Vec<Field>,
) -> Result<Observer, Failure> {
    let question = Question {
        fields,
        ..Question::about(states)
    };
    Ok(Observer::new(question, sources.clone())?)
}
