//! Answers a question, as often as required: carries out what `source::plan` decides, over netlink or
//! from the tables of /proc.

use std::collections::HashSet;
use std::sync::Arc;

use super::counters::{Reading, SocketCounters};
use super::derive::{Doubt, Rare, derive};
use super::plan::{
    Caution, Derivation, Deriving, Dumps, First, Need, Plan, Planner, Reason, Sources,
};
use super::proc_net::ProcNet;
use super::sock_diag::{self, Outcome};
use super::{CannotKnow, Cost, NetlinkError, Report, SourceError, UnsupportedTest};
use crate::model::{CountSink, Counts, Loss, Note, ProcessQuery, Sink, SourceName, SplitSink};
use crate::question::Question;

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
        if let First::Tables(tables) = sources.first() {
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
        match self.sources.first() {
            First::Tables(tables) => Ok(Plan::tables(tables, &self.question, Reason::Requested)),
            First::Netlink(deriving) => {
                let planned = self.plan_dumps(need, deriving);
                let (dumps, reason) = planned.map_err(NetlinkError::Unsupported)?;
                Ok(Plan::netlink(dumps, reason))
            }
        }
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
        self.answer(sink, |observer, deriving, sink| {
            let (mut dumps, reason) = observer.plan_dumps(Need::SocketsInOrder, deriving)?;
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
        self.answer(sink, |observer, deriving, sink| {
            let (mut dumps, reason) = observer.plan_dumps(Need::Sockets, deriving)?;
            let outcome = sock_diag::gather(&mut dumps, sink)?;
            Ok(Report::listed(dumps, reason, outcome))
        })
    }

    /// Reads the source that is tried first, and after a refusal the one that is tried next.
    fn answer<S: Sink>(
        &mut self,
        sink: &mut S,
        over_netlink: impl FnOnce(&mut Observer, Deriving, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        let sources = self.sources.clone();
        let mut report = match sources.first() {
            First::Tables(tables) => self.read_tables(tables, None, sink)?,
            First::Netlink(deriving) => match over_netlink(self, deriving, sink) {
                Ok(report) => report,
                Err(netlink) => {
                    let (tables, netlink) = sources.after(netlink, &self.question)?;
                    self.read_tables(tables, Some(netlink), sink)?
                }
            },
        };
        for loss in &self.unseen {
            report.completeness.lose(loss.clone());
        }
        Ok(report)
    }

    /// The dumps of a listing; those of a count are planned in [`Observer::count_over_netlink`],
    /// which may need several plans.
    fn plan_dumps(
        &self,
        need: Need,
        deriving: Deriving,
    ) -> Result<(Dumps, Reason), UnsupportedTest> {
        Planner::new(self.question.clone(), need, deriving, false).plan(SocketCounters::read)
    }

    /// Counts by the first plan that can be carried out: one that derives may turn out to be
    /// impossible, and then the planner chooses another, at last a listing.
    fn count_over_netlink<S: CountSink + SplitSink>(
        &mut self,
        deriving: Deriving,
        sink: &mut S,
    ) -> Result<Report, NetlinkError> {
        let (question, doubted_lately) = (self.question.clone(), self.caution.take());
        let mut planner = Planner::new(question, Need::Counts, deriving, doubted_lately);
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

    /// Reads the tables; after `netlink` failed, with a note about it.
    ///
    /// # Errors
    /// When they cannot be read: both causes, where there are two.
    fn read_tables<S: Sink>(
        &self,
        tables: &ProcNet,
        netlink: Option<NetlinkError>,
        sink: &mut S,
    ) -> Result<Report, SourceError> {
        let (completeness, cost) = match tables.visit(&self.question, sink) {
            Ok(visited) => visited,
            Err(proc) => {
                return Err(match netlink {
                    None => SourceError::Proc(proc),
                    Some(netlink) => SourceError::Both { netlink, proc },
                });
            }
        };
        let (reason, note) = match netlink {
            None => (Reason::Requested, tables.note()),
            Some(netlink) => {
                let note = Note::FellBack {
                    directory: tables.directory(),
                    cause: netlink.to_string(),
                };
                (Reason::NetlinkClosed, Some(note))
            }
        };
        Ok(Report {
            source: SourceName::Proc,
            plan: Plan::tables(tables, &self.question, reason),
            cost,
            completeness,
            spread: Counts::default(),
            note,
        })
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
