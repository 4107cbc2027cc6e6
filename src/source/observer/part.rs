//! The sources of one network namespace, and how one of them answers about one kind of sockets.
//!
//! `source::plan` decides what is requested; over netlink first, or from the tables.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::model::{CountSink, InetEnds, Sink, Socket, SocketId, SourceName, SplitSink};
use crate::question::Question;
use crate::source::counters::{Reading, SocketCounters};
use crate::source::derive::{Doubt, Noticed, Rare, derive};
use crate::source::kinds::of_each_kind;
use crate::source::plan::{
    Derivation, Deriving, Dumps, First, Need, Plan, Planner, Reason, Sources,
};
use crate::source::proc_net::ProcNet;
use crate::source::sock_diag;
use crate::source::still::{Memory, Stillness};
use crate::source::{CannotKnow, Cost, NetlinkError, Report, SourceError, UnsupportedTest};

/// The sources of one network namespace.
#[derive(Debug)]
pub(in crate::source) struct Part {
    pub(in crate::source) sources: Sources,
    pub(in crate::source) memory: Memory,
    /// The counters, if they were read for the coming answer.
    pub(in crate::source) counters: Option<SocketCounters>,
    stillness: Option<Stillness>,
}

/// The dumps of a listing; those of a count are planned in [`Part::count_over_netlink`], which may
/// need several plans.
fn plan_dumps(
    question: &Question,
    tables: &ProcNet,
    need: Need,
    deriving: Deriving,
) -> Result<(Dumps, Reason), UnsupportedTest> {
    let planner = Planner::new(question.clone(), need, deriving, false);
    planner.plan(|| tables.read_counters())
}

/// Passes one connection on. The first record ends the request: no other one follows.
struct Only<'a> {
    sink: &'a mut dyn Sink,
    ends: &'a InetEnds,
    is_found: bool,
}

impl Sink for Only<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        // The kernel answers with a listener where there is no connection.
        if socket.internet() == Some(self.ends) {
            self.is_found = true;
            let _ = self.sink.socket(socket);
        }
        ControlFlow::Break(())
    }
}

impl Part {
    /// Passes the connections with these ends on, as [`Observer::find_each`](super::Observer::find_each) does.
    pub(super) fn find_each(
        &self,
        question: &Question,
        all: &[InetEnds],
        sink: &mut dyn Sink,
    ) -> Vec<InetEnds> {
        let tables = self.sources.tables();
        let First::Netlink(deriving) = self.sources.first() else {
            return all.to_vec();
        };
        let Ok((dumps, _)) = plan_dumps(question, tables, Need::SocketsInOrder, deriving) else {
            return all.to_vec();
        };
        let mut missing = Vec::new();
        for ends in all {
            let id = SocketId {
                kind: question.kind,
                cookie: None,
                ends: Some(*ends),
                inode: 0,
                interface: 0,
            };
            let mut only = Only {
                sink: &mut *sink,
                ends,
                is_found: false,
            };
            sock_diag::find(&dumps, tables, &id, &mut only);
            if !only.is_found {
                missing.push(*ends);
            }
        }
        missing
    }

    pub(in crate::source) fn of(sources: Sources) -> Part {
        Part {
            sources,
            memory: Memory::default(),
            counters: None,
            stillness: None,
        }
    }

    /// The counters that show whether anything happened, read once for an answer; `None` where those of
    /// sockets were not read for it, or one is not known.
    pub(in crate::source) fn stillness(&mut self) -> Option<Stillness> {
        if self.stillness.is_none() {
            self.stillness = Stillness::read(self.counters?, self.sources.tables());
        }
        self.stillness
    }

    pub(super) fn plan(&mut self, question: &Question, need: Need) -> Result<Plan, SourceError> {
        of_each_kind(self, question, |part, question| {
            part.plan_one(question, need)
        })
    }

    fn plan_one(&self, question: &Question, need: Need) -> Result<Plan, SourceError> {
        let tables = self.sources.tables();
        match self.sources.first() {
            First::Tables => {
                CannotKnow::check(question, tables)?;
                Ok(Plan::tables(tables, &self.of_tables(question), false))
            }
            First::Walk => Ok(Plan::walk(question)),
            First::Record => Ok(Plan::record(tables, question)),
            First::Netlink(deriving) => {
                let planned = plan_dumps(question, tables, need, deriving);
                let (dumps, reason) = planned.map_err(NetlinkError::Unsupported)?;
                Ok(Plan::netlink(dumps, reason, tables))
            }
        }
    }

    /// Passes every selected socket to `sink`, or searches for one.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn list(
        &mut self,
        question: &Question,
        id: Option<&SocketId>,
        sink: &mut dyn Sink,
    ) -> Result<Report, SourceError> {
        if let Some(record) = self.sources.record()
            && let Some(counted) = record.counted()
        {
            return Err(CannotKnow::sockets_of(record, counted).into());
        }
        let listed = self.over_netlink(question, |part, deriving| {
            let tables = part.sources.tables();
            let need = Need::SocketsInOrder;
            let (mut dumps, reason) = plan_dumps(question, tables, need, deriving)?;
            let with_cookie = id.filter(|id| id.cookie.is_some());
            let found = with_cookie.and_then(|id| sock_diag::find(&dumps, tables, id, sink));
            let outcome = match found {
                Some(outcome) => outcome,
                None => sock_diag::list(&mut dumps, tables, sink)?,
            };
            Ok(Report::listed(dumps, reason, outcome, tables))
        })?;
        self.or_tables(listed, question, sink)
    }

    /// Passes every selected socket to `sink`, in any order.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn gather<S: SplitSink>(
        &mut self,
        question: &Question,
        sink: &mut S,
    ) -> Result<Report, SourceError> {
        let gathered = self.over_netlink(question, |part, deriving| {
            let tables = part.sources.tables();
            let (mut dumps, reason) = plan_dumps(question, tables, Need::Sockets, deriving)?;
            let outcome = sock_diag::gather(&mut dumps, tables, sink)?;
            Ok(Report::listed(dumps, reason, outcome, tables))
        })?;
        self.or_tables(gathered, question, sink)
    }

    /// What `act` answers over netlink; without netlink, why the tables are read instead, or the record: they
    /// are tried first, or netlink refused.
    ///
    /// # Errors
    /// When the tables cannot or may not answer instead.
    fn over_netlink(
        &mut self,
        question: &Question,
        act: impl FnOnce(&mut Part, Deriving) -> Result<Report, NetlinkError>,
    ) -> Result<Result<Report, Option<NetlinkError>>, SourceError> {
        let tables = self.sources.tables();
        let First::Netlink(deriving) = self.sources.first() else {
            match self.sources.record() {
                Some(_) => CannotKnow::check_record(question, tables)?,
                None => CannotKnow::check(question, tables)?,
            }
            return Ok(Err(None));
        };
        match act(self, deriving) {
            Ok(report) => Ok(Ok(report)),
            Err(netlink) => Ok(Err(Some(self.sources.after(netlink, question)?))),
        }
    }

    /// The answer over netlink, or that of the tables or of the record.
    fn or_tables(
        &self,
        answer: Result<Report, Option<NetlinkError>>,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Result<Report, SourceError> {
        let tables = self.sources.tables();
        answer.or_else(|netlink| match self.sources.record() {
            Some(record) => Report::of_record(tables, record, question, sink),
            None => Report::of_tables(tables, &self.of_tables(question), netlink, sink),
        })
    }

    /// The question without the family of a table that has no such sockets by the counters, where these
    /// were read: the kernel walks through all sockets of the host for each table.
    fn of_tables<'a>(&self, question: &'a Question) -> Cow<'a, Question> {
        let counters = self.counters.filter(|_| question.kind.has_counters());
        match counters.and_then(|counters| counters.families(question)) {
            Some(families) if families != question.families => Cow::Owned(Question {
                families,
                ..question.clone()
            }),
            _ => Cow::Borrowed(question),
        }
    }

    /// Counts the selected sockets.
    ///
    /// # Errors
    /// When no source answered.
    pub(in crate::source) fn count<S: CountSink + SplitSink>(
        &mut self,
        question: &Question,
        sink: &mut S,
    ) -> Result<Report, SourceError> {
        let tables = self.sources.tables();
        if let Some(report) = Report::of_numbers(tables, question, sink) {
            return Ok(report);
        }
        let counted = self.over_netlink(question, |part, deriving| {
            part.count_over_netlink(question, deriving, sink)
        })?;
        self.or_tables(counted, question, sink)
    }

    /// Counts by the first plan that can be carried out: one that derives may turn out to be
    /// impossible, and then the planner chooses another, at last a listing.
    fn count_over_netlink<S: CountSink + SplitSink>(
        &mut self,
        question: &Question,
        deriving: Deriving,
        sink: &mut S,
    ) -> Result<Report, NetlinkError> {
        let (tables, doubted_lately) = (self.sources.tables(), self.memory.caution.take());
        let mut planner = Planner::new(question.clone(), Need::Counts, deriving, doubted_lately);
        let mut wasted = Cost::default();
        let mut counters = self.counters.take();
        let mut report = loop {
            let known = counters.take();
            let read = || known.map_or_else(|| tables.read_counters(), Ok);
            let (mut dumps, reason) = planner.plan(read)?;
            let Some(derivation) = dumps.derivation else {
                let outcome = sock_diag::gather(&mut dumps, tables, sink)?;
                break Report::listed(dumps, reason, outcome, tables);
            };
            match derive_over_netlink(dumps, derivation, reason, tables, sink)? {
                Ok(report) => {
                    self.memory.caution.trust();
                    break report;
                }
                Err((doubt, cost)) => {
                    wasted.add(cost);
                    planner.fail(derivation, doubt);
                    if planner.has_failed() {
                        self.memory.caution.doubt();
                    }
                }
            }
        };
        report.cost.add(wasted);
        Ok(report)
    }
}

/// Counts with the help of the counters, or says why they cannot be trusted and at what cost that
/// was found out, with `sink` untouched.
fn derive_over_netlink<S: CountSink + SplitSink>(
    mut dumps: Dumps,
    derivation: Derivation,
    reason: Reason,
    tables: &ProcNet,
    sink: &mut S,
) -> Result<Result<Report, (Reason, Cost)>, NetlinkError> {
    let mut noticed = Noticed {
        rare: Rare::default(),
        part: sink.split(),
    };
    let read_with = |counters| Reading::read_with(counters, tables);
    let before = read_with(derivation.before);
    let outcome = sock_diag::list(&mut dumps, tables, &mut noticed)?;
    let Noticed { rare, part } = noticed;
    let after = tables.read_counters().and_then(read_with);
    let estimates = match (before, after) {
        (Ok(_), Ok(_)) if !outcome.completeness.is_complete() => {
            Err(Reason::Doubt(Doubt::IncompleteDump))
        }
        (Ok(before), Ok(after)) => {
            derive(derivation.states, &rare, &before, &after).map_err(Reason::Doubt)
        }
        (Err(error), _) | (_, Err(error)) => Err(Reason::Unreadable(error)),
    };
    let estimates = match estimates {
        Ok(estimates) => estimates,
        Err(doubt) => return Ok(Err((doubt, outcome.cost))),
    };
    sink.add_noticed(part);
    for state in dumps.question.states.iter() {
        sink.count(tables.netns(), state, rare.all.get(state));
    }
    let mut report = Report::listed(dumps, reason, outcome, tables);
    report.source = SourceName::NetlinkAndCounters;
    for (state, estimate) in estimates {
        sink.count(tables.netns(), state, estimate.sockets);
        report.spread.add(state, estimate.spread);
        report.cost.derived += estimate.sockets;
    }
    Ok(Ok(report))
}
