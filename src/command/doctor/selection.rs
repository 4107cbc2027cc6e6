//! `doctor FILTER`: the sockets that findings are about. Without a filter these are all sockets.

use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Feed, Host, SecondSample, SecondSink, SelectedListeners};
use crate::model::{Listeners, Note, Sink, State, StateSet};
use crate::source::{Report, Sources};

/// Which sockets, and where they are.
pub(super) struct Selection {
    target: Target,
    /// The filter as typed; `None` for none.
    words: Option<String>,
}

impl Selection {
    /// Those of this target, which these words select.
    pub(super) fn of(target: Target, words: &[String]) -> Selection {
        let words = (!words.is_empty()).then(|| words.join(" "));
        Selection { target, words }
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.target.sources
    }

    /// The filter as typed.
    pub(super) fn words(&self) -> Option<String> {
        self.words.clone()
    }

    /// Passes the selected sockets in these states to a sink.
    ///
    /// # Errors
    /// When no source answered, or a process that the filter names does not exist.
    pub(super) fn list(
        &self,
        states: StateSet,
        sink: &mut impl Sink,
        notes: &mut Vec<Note>,
    ) -> Result<Report, Failure> {
        let mut target = self.target.within(states);
        if target.question.states.is_empty() {
            // The sink ignores them, and the report is needed.
            target.question.states = self.target.question.states;
        }
        let mut sampler = target.sampler(Vec::new())?;
        let sample = sampler.sample(|observer, _| Ok((observer.list(sink)?, ())))?;
        if let Some(missing) = sample.no_process.first() {
            return Err(Failure::Proc(format!("{missing}: nothing was examined")));
        }
        let new = sample.notes.into_iter();
        notes.extend(new.filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        Ok(sample.report)
    }

    /// Makes findings be about the listeners that are selected, and commands select the others too.
    ///
    /// # Errors
    /// Those of [`Selection::list`].
    pub(super) fn apply(&self, host: &mut Host, notes: &mut Vec<Note>) -> Result<(), Failure> {
        let Some(words) = &self.words else {
            return Ok(());
        };
        host.filter = Some(format!("({words})"));
        let mut listeners = Listeners::default();
        let states = self.target.question.states;
        let listen = StateSet::NONE.with(State::Listen);
        if states.contains(State::Listen) {
            self.list(listen, &mut listeners, notes)?;
        }
        host.selected = Some(SelectedListeners::of(&listeners));
        Ok(())
    }

    /// Passes the sockets after the window to the rules: those selected to most, all of them to those
    /// about the network namespace and the host. Sets how many are selected.
    ///
    /// # Errors
    /// Those of [`Selection::list`].
    pub(super) fn feed(
        &self,
        second: &mut SecondSample,
        host: &mut Host,
        notes: &mut Vec<Note>,
    ) -> Result<Report, Failure> {
        let feed = match self.words {
            None => Feed::All,
            Some(_) => Feed::Selected,
        };
        let mut sink = SecondSink::new(second, &host.listeners, feed);
        let mut report = self.list(StateSet::ALL, &mut sink, notes)?;
        (host.sockets, host.unknown_states) = (sink.sockets, sink.unknown_states);
        if feed == Feed::Selected {
            let mut sink = SecondSink::new(second, &host.listeners, Feed::Wide);
            let wide = super::samples::list(
                self.sources(),
                SecondSample::WIDE_STATES,
                Vec::new(),
                &mut sink,
            )?;
            report.add(&wide);
        }
        Ok(report)
    }
}
