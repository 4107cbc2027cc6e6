//! The sockets of other kinds than TCP that rules are about: which of them exist, and both samples of
//! these. Where there are none, no table is read.

use std::ops::ControlFlow;

use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{Feed, FirstSample, Host, SecondSample, SecondSink};
use crate::filter::Expression;
use crate::model::{Field, Kind, KindSet, Metric, Note, Sink, Socket, State, StateSet};
use crate::source::{Protocols, Report, Sources};

/// The selected sockets of each kind, MPTCP before TCP, whose sockets its own are again.
#[derive(Debug, Default)]
pub(super) struct Others {
    targets: Vec<(KindSet, Target)>,
}

/// Those that had sockets when the first sample was taken.
#[derive(Debug)]
pub(super) struct Existing<'a> {
    targets: Vec<&'a (KindSet, Target)>,
}

impl Others {
    /// Those of this target.
    pub(super) fn of(target: &Target) -> Others {
        let each = target.question.by_kind().into_iter();
        let kinds = each.map(|question| question.kinds());
        let others = kinds.filter(|kinds| !kinds.contains(Kind::Tcp));
        Others {
            targets: others
                .filter_map(|kinds| Some((kinds, target.only(kinds.first())?)))
                .collect(),
        }
    }

    /// The kinds.
    pub(super) fn kinds(&self) -> KindSet {
        let kinds = self.targets.iter().map(|(kinds, _)| *kinds);
        kinds.fold(KindSet::NONE, KindSet::union)
    }

    /// Those that may have sockets.
    pub(super) fn existing(&self, sources: &Sources) -> Existing<'_> {
        let protocols = match self.targets.is_empty() {
            true => Protocols::default(),
            false => Protocols::of_sources(sources).unwrap_or_default(),
        };
        let targets = self.targets.iter();
        Existing {
            targets: targets
                .filter(|(kinds, _)| kinds.iter().any(|kind| protocols.may_have(kind)))
                .collect(),
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
        let Some((_, target)) = targets.find(|(kinds, _)| kinds.contains(Kind::Mptcp)) else {
            return Ok(Report::without_namespaces());
        };
        let mut target = target.clone();
        target.question.filter = Some(filter);
        let fields = vec![Field::Metric(Metric::BytesReceived)];
        list(&target, Kind::Mptcp.states(), fields, sink)
    }

    /// Passes the UNIX sockets that are connected to a sink, each with what is known of its peer.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn list_unix(&self, sink: &mut impl Sink) -> Result<Report, Failure> {
        let mut targets = self.targets.iter();
        match targets.find(|(kinds, _)| kinds.has_unix()) {
            None => Ok(Report::without_namespaces()),
            Some((_, target)) => {
                let connected = StateSet::NONE.with(State::Established);
                list(target, connected, vec![Field::Peer], sink)
            }
        }
    }
}

impl Existing<'_> {
    /// The kinds, and TCP.
    pub(super) fn kinds(&self) -> KindSet {
        let kinds = self.targets.iter().map(|(kinds, _)| *kinds);
        kinds.fold(KindSet::TCP, KindSet::union)
    }

    /// Passes the sockets before the window to the rules. What cannot be read is not examined after it
    /// either.
    pub(super) fn first(&self, first: &mut FirstSample) -> Vec<Report> {
        let mut read = Vec::new();
        for (kinds, target) in &self.targets {
            let report = list(
                target,
                kinds
                    .iter()
                    .map(FirstSample::states)
                    .fold(StateSet::NONE, StateSet::union),
                fields(*kinds, false),
                first,
            );
            read.extend(report.ok());
        }
        read
    }

    /// The same after it; those before the `next` window are the same, where there is one. Sets how many of
    /// each there were, or why they could not be read.
    pub(super) fn feed(
        &self,
        second: &mut SecondSample,
        mut next: Option<&mut FirstSample>,
        host: &mut Host,
        feed: Feed,
        notes: &mut Vec<Note>,
    ) -> Vec<Result<Report, Failure>> {
        let mut reports = Vec::new();
        for (kinds, target) in &self.targets {
            let sink = RulesSink {
                second: SecondSink::new(second, &host.listeners, feed),
                next: next.as_deref_mut(),
            };
            let mut sink = Counting(sink, Vec::new());
            let states = target.question.states;
            // Netlink alone reports the limit.
            let listed = list(target, states, fields(*kinds, true), &mut sink)
                .or_else(|_| list(target, states, fields(*kinds, false), &mut sink));
            let Counting(sink, counts) = sink;
            host.unknown_states += sink.second.unknown_states;
            let read = match &listed {
                Ok(report) => {
                    let new = report.notes.iter().filter(|note| !notes.contains(note));
                    notes.extend(new.cloned().collect::<Vec<_>>());
                    Ok(())
                }
                Err(failure) => Err(failure.to_string()),
            };
            for kind in kinds.iter() {
                let sockets = counts.iter().find(|(counted, _)| *counted == kind);
                let sockets = sockets.map_or(0, |(_, sockets)| *sockets);
                host.others.push((kind, read.clone().map(|()| sockets)));
            }
            reports.push(listed);
        }
        reports
    }
}

/// Passes sockets to the rules: as those after a window, and before the next one, where there is one.
#[derive(Debug)]
pub(in crate::command) struct RulesSink<'a> {
    pub(super) second: SecondSink<'a>,
    pub(super) next: Option<&'a mut FirstSample>,
}

impl Sink for RulesSink<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // Neither ends a dump.
        let _ = self.next.as_mut().map(|next| next.socket(socket));
        self.second.socket(socket)
    }
}

/// Counts the sockets of each kind, of NETLINK those that a program opened: the kernel has some in each
/// network namespace.
struct Counting<'a>(RulesSink<'a>, Vec<(Kind, u64)>);

impl Sink for Counting<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let is_of_kernel = socket.kind == Kind::Netlink && socket.held_inode().is_none();
        let number = u64::from(!is_of_kernel);
        match self.1.iter_mut().find(|(kind, _)| *kind == socket.kind) {
            Some((_, sockets)) => *sockets += number,
            None => self.1.push((socket.kind, number)),
        }
        self.0.socket(socket)
    }
}

/// What rules need of the sockets of these kinds: before the window, or where that is not reported, less.
fn fields(kinds: KindSet, is_second: bool) -> Vec<Field> {
    let has_drops = kinds.contains(Kind::Udp) || kinds.contains(Kind::Netlink);
    let fields: &[Field] = match (has_drops, kinds.has_unix(), is_second) {
        (true, _, true) => &[Field::Drops, Field::ReceiveLimit],
        (true, _, false) => &[Field::Drops],
        (_, true, true) => &[
            Field::AcceptLimit,
            Field::Name,
            Field::Peer,
            Field::PeerProcess,
        ],
        (_, true, false) => &[Field::AcceptLimit, Field::Peer],
        _ => &[],
    };
    fields.to_vec()
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
        None => {
            let mut report = sample.report;
            // /proc lacks the state of NETLINK sockets, which matters to a filter for a state alone.
            if target.question.states == Kind::Netlink.states() {
                report.completeness.ignore_unknown_states();
            }
            Ok(report)
        }
        Some(missing) => Err(Failure::Proc(format!("{missing}: nothing was examined"))),
    }
}
