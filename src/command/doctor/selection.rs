//! `doctor FILTER`: the sockets that findings are about. Without a filter these are all sockets.

use super::others::{Existing, Others};
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Feed, FirstSample, Host, SecondSample, SecondSink, SelectedListeners};
use crate::filter::Expression;
use crate::model::{
    Field, Kind, KindSet, Listeners, Metric, Note, Sink, State, StateSet, Unlisted,
};
use crate::source::{Report, Sources, read_mptcp, read_unlisted};

/// Which sockets, and where they are.
#[derive(Debug)]
pub(super) struct Selection {
    sources: Sources,
    /// TCP sockets; `None` if none are selected.
    target: Option<Target>,
    others: Others,
    /// The filter as typed; `None` for none.
    words: Option<String>,
    /// Whether only its states are read, and nothing that costs more.
    is_glance: bool,
    /// Whether other network namespaces are examined too.
    is_one_of_several: bool,
}

impl Selection {
    /// Those of this target.
    pub(super) fn of(target: Target) -> Selection {
        let words = target.typed_words();
        Selection {
            sources: target.sources.clone(),
            others: Others::of(&target),
            target: target.only(Kind::Tcp),
            words,
            is_glance: false,
            is_one_of_several: false,
        }
    }

    /// Those of this target, and no other sockets for any rule.
    pub(super) fn glance(target: Target, filter: &str) -> Selection {
        Selection {
            sources: target.sources.clone(),
            target: Some(target),
            others: Others::default(),
            words: Some(filter.to_owned()).filter(|filter| !filter.trim().is_empty()),
            is_glance: true,
            is_one_of_several: false,
        }
    }

    /// Those of this target, which is about one of several network namespaces.
    pub(super) fn one_of_several(target: Target) -> Selection {
        Selection {
            is_one_of_several: true,
            ..Selection::of(target)
        }
    }

    /// Whether only these sockets are read, no process, and no connection more closely.
    pub(super) fn is_glance(&self) -> bool {
        self.is_glance
    }

    /// Sockets that are in no table of TCP.
    pub(super) fn unlisted(&self) -> Unlisted {
        match (self.is_glance, self.is_one_of_several) {
            (true, _) => Unlisted::default(),
            (false, false) => read_unlisted(self.sources()),
            (false, true) => Unlisted {
                mptcp: read_mptcp(self.sources()),
                ..Unlisted::default()
            },
        }
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The kinds of sockets that are examined.
    pub(super) fn kinds(&self) -> KindSet {
        match self.target {
            Some(_) => self.others.kinds().with(Kind::Tcp),
            None => self.others.kinds(),
        }
    }

    /// The kinds besides TCP that have sockets now.
    pub(super) fn existing(&self) -> Existing<'_> {
        self.others.existing(&self.sources)
    }

    /// Passes the selected TCP sockets in these states to a sink.
    ///
    /// # Errors
    /// When no source answered, or a process that the filter names does not exist.
    pub(super) fn list(
        &self,
        states: StateSet,
        sink: &mut impl Sink,
        notes: &mut Vec<Note>,
    ) -> Result<Report, Failure> {
        let Some(selected) = &self.target else {
            return Ok(Report::without_namespaces());
        };
        let mut target = selected.within(states);
        if target.question.states.is_empty() {
            // The sink ignores them, and the report is needed.
            target.question.states = selected.question.states;
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

    /// Passes what TCP measures of those selected sockets that pass `filter` too to a sink.
    ///
    /// # Errors
    /// Those of [`Selection::list`].
    pub(super) fn measure(
        &self,
        states: StateSet,
        filter: Option<Expression>,
        sink: &mut impl Sink,
    ) -> Result<Report, Failure> {
        let Some(target) = &self.target else {
            return Ok(Report::without_namespaces());
        };
        let mut target = target.within(states);
        let filters = target.question.filter.into_iter().chain(filter);
        target.question.filter = filters.reduce(Expression::and);
        let fields = vec![Field::Metric(Metric::RoundTripTime)];
        let mut sampler = target.sampler(fields)?;
        let sample = sampler.sample(|observer, _| Ok((observer.list(sink)?, ())))?;
        Ok(sample.report)
    }

    /// The same of the MPTCP sockets.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn measure_mptcp(
        &self,
        filter: Expression,
        sink: &mut impl Sink,
    ) -> Result<Report, Failure> {
        self.others.measure_mptcp(filter, sink)
    }

    /// Passes the UNIX sockets that are connected to a sink, each with what is known of its peer.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn list_unix(&self, sink: &mut impl Sink) -> Result<Report, Failure> {
        self.others.list_unix(sink)
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
        let listen = StateSet::NONE.with(State::Listen);
        let mut target = self.target.iter();
        if target.any(|target| target.question.states.contains(State::Listen)) {
            self.list(listen, &mut listeners, notes)?;
        }
        host.selected = Some(SelectedListeners::of(&listeners));
        Ok(())
    }

    /// Passes the sockets before the window to the rules, as [`Selection::feed`] does those after it.
    ///
    /// # Errors
    /// Those of [`Selection::list`].
    pub(super) fn first(
        &self,
        first: &mut FirstSample,
        existing: &Existing,
        notes: &mut Vec<Note>,
    ) -> Result<Report, Failure> {
        first.feed = self.own_feed();
        let others = existing.first(first);
        let mut report = self.list(FirstSample::states(Kind::Tcp), first, notes)?;
        others.iter().for_each(|other| report.add(other));
        if self.feeds_wide_rules() && !FirstSample::WIDE_STATES.is_empty() {
            first.feed = Feed::Wide;
            let states = FirstSample::WIDE_STATES;
            report.add(&super::listing::list(
                self.sources(),
                states,
                Vec::new(),
                first,
            )?);
        }
        Ok(report)
    }

    /// The rules that take the selected sockets.
    pub(super) fn own_feed(&self) -> Feed {
        match self.words {
            None => Feed::All,
            Some(_) => Feed::Selected,
        }
    }

    /// Whether the others take every socket from a dump of their own.
    fn feeds_wide_rules(&self) -> bool {
        self.words.is_some() && self.target.is_some() && !self.is_glance
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
        existing: &Existing,
        notes: &mut Vec<Note>,
    ) -> Result<Report, Failure> {
        let others = existing.feed(second, None, host, self.own_feed(), notes);
        let mut sink = SecondSink::new(second, &host.listeners, self.own_feed());
        let mut report = self.list(StateSet::ALL, &mut sink, notes)?;
        let (sockets, unknown) = (sink.sockets, sink.unknown_states);
        host.sockets = sockets;
        host.unknown_states += unknown;
        for other in others {
            match other {
                Ok(other) => report.add(&other),
                // Without TCP nothing is left.
                Err(failure) if self.target.is_none() => return Err(failure),
                Err(_) => {}
            }
        }
        if self.feeds_wide_rules() {
            let mut sink = SecondSink::new(second, &host.listeners, Feed::Wide);
            let wide = super::listing::list(
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
