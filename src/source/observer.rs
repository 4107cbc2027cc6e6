//! Answers a question, as often as required: plans, carries the plan out over netlink, and reads
//! the tables of /proc where netlink is not available.

use std::collections::HashSet;
use std::sync::Arc;

use super::counters::{Reading, SocketCounters};
use super::derive::{Doubt, Rare, derive};
use super::plan::{Caution, Derivation, Deriving, Dumps, Need, Plan, Planner, Reason};
use super::proc_net::ProcNet;
use super::sock_diag::{self, NetlinkError, Outcome};
use super::{CannotKnow, Cost, ProcError, Report, SourceError, UnsupportedTest};
use crate::model::{
    CountSink, Counts, Loss, Note, ProcessQuery, Sink, SourceName, SplitSink, Where,
};
use crate::question::Question;

/// Which sources may answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Sources {
    /// Netlink, with counters where they are cheaper, or this proc file system's tables where
    /// netlink is not available.
    Auto(ProcNet),
    /// Netlink or nothing, and every socket listed.
    Netlink,
    /// Netlink or nothing, with counters wherever possible.
    NetlinkAndCounters,
    /// These tables only.
    Proc(ProcNet),
}

impl Sources {
    /// Whose sockets they report.
    pub fn place(&self) -> Where {
        self.tables().place().clone()
    }

    /// The tables of the network namespace whose sockets they report, whether these are read or not.
    pub(super) fn tables(&self) -> ProcNet {
        match self {
            Sources::Auto(tables) | Sources::Proc(tables) => tables.clone(),
            Sources::Netlink | Sources::NetlinkAndCounters => ProcNet::own(),
        }
    }

    fn deriving(&self) -> Deriving {
        match self {
            Sources::Netlink | Sources::Proc(_) => Deriving::Never,
            Sources::NetlinkAndCounters => Deriving::WherePossible,
            Sources::Auto(_) => Deriving::WhereCheaper,
        }
    }
}

/// A question to its sources, answered once or repeatedly; remembers between observations that the
/// counters were unreliable.
#[derive(Debug)]
pub struct Observer {
    question: Question,
    sources: Sources,
    caution: Caution,
    /// What is unknown of the processes that the filter tests for.
    unseen: Vec<Loss>,
}

impl Observer {
    /// An observer of what `question` asks about.
    ///
    /// # Errors
    /// When only /proc may answer and its tables do not contain the answer.
    pub fn new(question: Question, sources: Sources) -> Result<Observer, CannotKnow> {
        if let Sources::Proc(tables) = &sources {
            CannotKnow::check(&question, tables)?;
        }
        Ok(Observer {
            question,
            sources,
            caution: Caution::default(),
            unseen: Vec::new(),
        })
    }

    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Sets the sockets of the processes that the filter tests for, each with its inodes, and what
    /// could not be found out about them: every answer lacks it.
    pub fn set_holders(&mut self, found: &[(ProcessQuery, Arc<HashSet<u64>>)], unseen: Vec<Loss>) {
        if let Some(filter) = &mut self.question.filter {
            for (query, inodes) in found {
                filter.set_inodes(*query, inodes);
            }
        }
        self.unseen = unseen;
    }

    /// How an answer of this shape would be obtained now. Reads the kernel's counters at most, and
    /// no sockets.
    ///
    /// # Errors
    /// The filter cannot be evaluated.
    pub fn plan(&self, need: Need) -> Result<Plan, SourceError> {
        if let Sources::Proc(tables) = &self.sources {
            return Ok(Plan::tables(tables, &self.question, Reason::Requested));
        }
        let planned = self.plan_dumps(need);
        let (dumps, reason) = planned.map_err(NetlinkError::Unsupported)?;
        Ok(Plan::netlink(dumps, reason))
    }

    /// Counts the selected sockets into `sink`; those whose number can be derived are not listed.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn count<S: CountSink + SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(sink, Observer::count_over_netlink)
    }

    /// Passes every selected socket to `sink`.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn list<S: Sink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(sink, |observer, sink| {
            let (mut dumps, reason) = observer.plan_dumps(Need::SocketsInOrder)?;
            let outcome = sock_diag::list(&mut dumps, sink)?;
            Ok(Report::listed(dumps, reason, outcome))
        })
    }

    /// Passes every selected socket to `sink`, in any order: those of a large table in two dumps
    /// at the same time.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn gather<S: SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(sink, |observer, sink| {
            let (mut dumps, reason) = observer.plan_dumps(Need::Sockets)?;
            let outcome = sock_diag::gather(&mut dumps, sink)?;
            Ok(Report::listed(dumps, reason, outcome))
        })
    }

    /// Reads the source that is allowed: netlink in one of its ways, or /proc where netlink is not
    /// available.
    fn answer<S: Sink>(
        &mut self,
        sink: &mut S,
        over_netlink: impl FnOnce(&mut Observer, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        let mut report = match self.sources.clone() {
            Sources::Proc(tables) => self.read_tables(&tables, Reason::Requested, sink)?,
            Sources::Netlink | Sources::NetlinkAndCounters => {
                over_netlink(self, sink).map_err(|error| match error.permits_fallback() {
                    true => SourceError::NetlinkOnly(error),
                    false => SourceError::Netlink(error),
                })?
            }
            Sources::Auto(tables) => match over_netlink(self, sink) {
                Err(netlink) if netlink.permits_fallback() => {
                    self.fall_back(netlink, &tables, sink)?
                }
                answer => answer?,
            },
        };
        for loss in &self.unseen {
            report.completeness.lose(loss.clone());
        }
        Ok(report)
    }

    /// The dumps of a listing; those of a count are planned in [`Observer::count_over_netlink`],
    /// which may need several plans.
    fn plan_dumps(&self, need: Need) -> Result<(Dumps, Reason), UnsupportedTest> {
        let deriving = self.sources.deriving();
        Planner::new(self.question.clone(), need, deriving, false).plan(SocketCounters::read)
    }

    /// Counts by the first plan that can be carried out: one that derives may turn out to be
    /// impossible, and then the planner chooses another, at last a listing.
    fn count_over_netlink<S: CountSink + SplitSink>(
        &mut self,
        sink: &mut S,
    ) -> Result<Report, NetlinkError> {
        let (question, deriving) = (self.question.clone(), self.sources.deriving());
        let mut planner = Planner::new(question, Need::Counts, deriving, self.caution.take());
        let mut wasted = Cost::default();
        let mut report = loop {
            let (mut dumps, reason) = planner.plan(SocketCounters::read)?;
            let Some(derivation) = dumps.derivation else {
                let outcome = sock_diag::gather(&mut dumps, sink)?;
                break Report::listed(dumps, reason, outcome);
            };
            match derive_over_netlink(dumps, derivation, reason, sink)? {
                Ok(report) => {
                    self.caution.trust();
                    break report;
                }
                Err((doubt, cost)) => {
                    wasted.add(cost);
                    planner.fail(derivation, doubt);
                    if planner.has_failed() {
                        self.caution.doubt();
                    }
                }
            }
        };
        report.cost.add(wasted);
        Ok(report)
    }

    fn read_tables<S: Sink>(
        &self,
        tables: &ProcNet,
        reason: Reason,
        sink: &mut S,
    ) -> Result<Report, ProcError> {
        let (completeness, cost) = tables.visit(&self.question, sink)?;
        Ok(Report {
            source: SourceName::Proc,
            plan: Plan::tables(tables, &self.question, reason),
            cost,
            completeness,
            spread: Counts::default(),
            note: tables.note(),
        })
    }

    /// Reads the tables after netlink was refused, with a note about it.
    ///
    /// # Errors
    /// Both causes, where the tables do not have the answer either.
    fn fall_back<S: Sink>(
        &self,
        netlink: NetlinkError,
        tables: &ProcNet,
        sink: &mut S,
    ) -> Result<Report, SourceError> {
        if let Err(cannot_know) = CannotKnow::check(&self.question, tables) {
            return Err(SourceError::OnlyNetlinkKnows {
                netlink,
                cannot_know,
            });
        }
        match self.read_tables(tables, Reason::NetlinkClosed, sink) {
            Ok(mut report) => {
                report.note = Some(Note::FellBack {
                    directory: tables.directory(),
                    cause: netlink.to_string(),
                });
                Ok(report)
            }
            Err(proc) => Err(SourceError::Both { netlink, proc }),
        }
    }
}

/// Counts with the help of the counters, or says why they cannot be trusted and at what cost that
/// was found out, with `sink` untouched.
fn derive_over_netlink<S: CountSink>(
    mut dumps: Dumps,
    derivation: Derivation,
    reason: Reason,
    sink: &mut S,
) -> Result<Result<Report, (Reason, Cost)>, NetlinkError> {
    let mut rare = Rare::default();
    let before = Reading::read_with(derivation.before);
    let outcome = sock_diag::list(&mut dumps, &mut rare)?;
    let after = SocketCounters::read().and_then(Reading::read_with);
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
    for state in dumps.question.states.iter() {
        sink.count(state, rare.all.get(state));
    }
    let mut report = Report::listed(dumps, reason, outcome);
    report.source = SourceName::NetlinkAndCounters;
    for (state, estimate) in estimates {
        sink.count(state, estimate.sockets);
        report.spread.add(state, estimate.spread);
        report.cost.derived += estimate.sockets;
    }
    Ok(Ok(report))
}

impl Report {
    /// An answer over netlink in which every socket was listed.
    fn listed(dumps: Dumps, reason: Reason, outcome: Outcome) -> Report {
        Report {
            source: SourceName::Netlink,
            plan: Plan::netlink(dumps, reason),
            cost: outcome.cost,
            completeness: outcome.completeness,
            spread: Counts::default(),
            note: None,
        }
    }
}
