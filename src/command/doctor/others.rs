//! The sockets of other kinds than TCP that rules are about: which of them exist, and both samples of
//! these. Where there are none, no table is read.

use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Feed, FirstSample, Host, SecondSample, SecondSink};
use crate::filter::Expression;
use crate::model::{Family, Field, Kind, KindSet, Metric, Note, Sink, StateSet};
use crate::source::{Protocols, Report, Sources};

/// The selected sockets of each kind, MPTCP before TCP, whose sockets its own are again.
#[derive(Debug, Default)]
pub(super) struct Others {
    targets: Vec<(Kind, Target)>,
}

/// Those of which there were any when the first sample was taken.
#[derive(Debug)]
pub(super) struct Existing<'a> {
    targets: Vec<&'a (Kind, Target)>,
}

impl Others {
    /// Those of this target.
    pub(super) fn of(target: &Target) -> Others {
        let kinds = target.question.kinds().iter();
        let others = kinds.filter(|kind| *kind != Kind::Tcp);
        Others {
            targets: others
                .filter_map(|kind| Some((kind, target.only(kind)?)))
                .collect(),
        }
    }

    /// The kinds.
    pub(super) fn kinds(&self) -> KindSet {
        let kinds = self.targets.iter().map(|(kind, _)| *kind);
        kinds.fold(KindSet::NONE, KindSet::with)
    }

    /// Those of which there are any. Where that is unknown, those that have tables in /proc.
    pub(super) fn existing(&self, sources: &Sources) -> Existing<'_> {
        let protocols = match self.targets.is_empty() {
            true => None,
            false => Protocols::of_sources(sources).ok(),
        };
        let number = |kind| protocols.as_ref().and_then(|read| read.sockets(kind));
        let exists = |kind: Kind| {
            number(kind).map_or(kind.table(Family::V4).is_some(), |sockets| sockets > 0)
        };
        let targets = self.targets.iter();
        Existing {
            targets: targets.filter(|(kind, _)| exists(*kind)).collect(),
        }
    }

    /// Passes those MPTCP sockets that pass `filter` to a sink, with what MPTCP measures of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn measure_mptcp(
        &self,
        filter: Expression,
        sink: &mut impl Sink,
    ) -> Result<Report, Failure> {
        let mut targets = self.targets.iter();
        let Some((_, target)) = targets.find(|(kind, _)| *kind == Kind::Mptcp) else {
            return Ok(Report::without_namespaces());
        };
        let mut target = target.clone();
        target.question.filter = Some(filter);
        let fields = vec![Field::Metric(Metric::BytesReceived)];
        list(&target, Kind::Mptcp.states(), fields, sink)
    }
}

impl Existing<'_> {
    /// The kinds, and TCP.
    pub(super) fn kinds(&self) -> KindSet {
        let kinds = self.targets.iter().map(|(kind, _)| *kind);
        kinds.fold(KindSet::TCP, KindSet::with)
    }

    /// Passes the sockets before the window to the rules. What cannot be read is not examined after it
    /// either.
    pub(super) fn first(&self, first: &mut FirstSample) -> Vec<Report> {
        let mut read = Vec::new();
        for (kind, target) in &self.targets {
            let report = list(
                target,
                FirstSample::states(*kind),
                fields(*kind, false),
                first,
            );
            read.extend(report.ok());
        }
        read
    }

    /// The same after it. Sets how many of each there were, or why they could not be read.
    pub(super) fn feed(
        &self,
        second: &mut SecondSample,
        host: &mut Host,
        feed: Feed,
        notes: &mut Vec<Note>,
    ) -> Vec<Result<Report, Failure>> {
        let mut reports = Vec::new();
        for (kind, target) in &self.targets {
            let mut sink = SecondSink::new(second, &host.listeners, feed);
            let states = target.question.states;
            // Netlink alone reports the limit.
            let listed = list(target, states, fields(*kind, true), &mut sink)
                .or_else(|_| list(target, states, fields(*kind, false), &mut sink));
            let (sockets, unknown) = (sink.sockets, sink.unknown_states);
            host.unknown_states += unknown;
            let read = match &listed {
                Ok(report) => {
                    let new = report.notes.iter().filter(|note| !notes.contains(note));
                    notes.extend(new.cloned().collect::<Vec<_>>());
                    Ok(sockets)
                }
                Err(failure) => Err(failure.to_string()),
            };
            host.others.push((*kind, read));
            reports.push(listed);
        }
        reports
    }
}

/// What rules need of the sockets of a kind.
fn fields(kind: Kind, with_limit: bool) -> Vec<Field> {
    let fields = match kind == Kind::Udp {
        true => [Field::Drops, Field::ReceiveLimit].as_slice(),
        false => &[],
    };
    let fields = fields.iter().copied();
    fields
        .filter(|field| with_limit || *field != Field::ReceiveLimit)
        .collect()
}

/// Passes the sockets of a target in these states to a sink.
fn list(
    target: &Target,
    states: StateSet,
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Report, Failure> {
    let target = target.within(states);
    if target.question.states.is_empty() {
        return Ok(Report::without_namespaces());
    }
    let mut sampler = target.sampler(fields)?;
    let sample = sampler.sample(|observer, _| Ok((observer.list(sink)?, ())))?;
    match sample.no_process.first() {
        None => Ok(sample.report),
        Some(missing) => Err(Failure::Proc(format!("{missing}: nothing was examined"))),
    }
}
