//! Two looks at the sockets, the kernel's counters before and after the window between them, and
//! its settings.

use std::time::{Duration, Instant};

use super::bound_ports::bound_ports;
use super::suspects::measure;
use crate::command::failure::Failure;
use crate::diagnose::{Facts, FirstLook, ListenerDrops, Measures, SecondLook, suspects};
use crate::model::{Field, Listeners, State, StateSet};
use crate::question::Question;
use crate::source::{Observer, Readings, Report, Sources};

/// All that is seen before anybody thinks about it.
pub(super) struct Looks {
    pub(super) first: FirstLook,
    pub(super) second: SecondLook,
    pub(super) facts: Facts,
    /// Of the second look, with what was lost in all of them.
    pub(super) report: Report,
    /// How long the second look took.
    pub(super) took: Duration,
}

impl Looks {
    /// Takes both, `window` apart.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn take(sources: Sources, window: Duration) -> Result<Looks, Failure> {
        let readings = Readings::of(&sources);
        let begin = Instant::now();
        let before = readings.counters();
        let mut first = FirstLook::default();
        let dropped_before = look_at_drops(&sources);
        let seen_before = ask(&sources, FirstLook::STATES, Vec::new())?.list(&mut first)?;
        let measured = Instant::now();
        let measures_before = measure(&sources, &first.suspects());
        std::thread::sleep(window.saturating_sub(begin.elapsed()));
        let look = Instant::now();
        // Before the counters: what was dropped in between is in their growth too.
        let dropped = look_at_drops(&sources);
        let after = readings.counters();
        let window = begin.elapsed();

        let listen = StateSet::NONE.with(State::Listen);
        let mut listeners = Listeners::default();
        let listening = ask(&sources, listen, vec![Field::Direction])?.list(&mut listeners)?;
        let settings = readings.settings();
        let mut second = SecondLook::new(listeners, &settings).after(&mut first);
        let mut report = ask(&sources, StateSet::ALL, Vec::new())?.list(&mut second)?;
        if second.wants_bound_ports() {
            second.set_bound_ports(bound_ports(&sources));
        }
        for earlier in [seen_before, listening] {
            report.add(&earlier);
        }
        let mut facts = Facts {
            source: report.source,
            window,
            before,
            after,
            settings,
            listener_drops: dropped.and_then(|now| Ok(now.since(&dropped_before?))),
            measures_before,
            measured_over: Duration::ZERO,
            measures: Measures::default(),
            page_size: match readings.are_copied() {
                true => None,
                false => u64::try_from(rustix::param::page_size()).ok(),
            },
            copied: readings.are_copied(),
        };
        facts.measured_over = measured.elapsed();
        facts.measures = measure(&sources, &suspects(&first, &second, &facts));
        Ok(Looks {
            first,
            second,
            facts,
            report,
            took: look.elapsed(),
        })
    }
}

/// What each listener dropped since it was made, or why that is not known. Listeners have a table of
/// their own, so that connections are not looked at.
fn look_at_drops(sources: &Sources) -> Result<ListenerDrops, String> {
    let mut drops = ListenerDrops::default();
    let listen = StateSet::NONE.with(State::Listen);
    let asked = ask(sources, listen, vec![Field::Drops]);
    let listed = asked.and_then(|mut observer| Ok(observer.list(&mut drops)?));
    match listed {
        Ok(_) => Ok(drops),
        Err(failure) => Err(failure.to_string()),
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
