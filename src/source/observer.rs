//! Answers a question, as often as required: carries out what `source::plan` decides, over netlink or
//! from the tables of /proc.

mod lookups;

use std::borrow::Cow;

use rustix::time::{ClockId, clock_gettime};

use super::counters::{Reading, SocketCounters};
use super::derive::{Doubt, Noticed, Rare, derive};
use super::kinds::of_each_kind;
use super::plan::{
    Derivation, Deriving, Dumps, First, Need, Plan, Planner, Reason, Several, Sources,
};
use super::proc_net::ProcNet;
use super::several::{Memories, in_each};
use super::sock_diag;
use super::still::{Memory, count_unless_still};
use super::walk::Walk;
use super::{CannotKnow, Cost, NetlinkError, Report, SourceError, UnsupportedTest};
use crate::model::{CountSink, Loss, Sink, SocketId, SourceName, SplitSink};
use crate::question::Question;

/// A question to its sources, answered once or repeatedly; remembers between observations that the
/// counters were unreliable.
#[derive(Debug)]
pub struct Observer {
    question: Question,
    parts: Parts,
    /// What is unknown of the processes that the filter tests for.
    unseen: Vec<Loss>,
}

/// The network namespaces that it is about.
#[derive(Debug)]
enum Parts {
    One(Box<Part>),
    Several(Several, Memories),
    /// Those whose sockets a program in the kernel counts.
    Walked(Walk),
}

/// The sources of one network namespace.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) sources: Sources,
    pub(super) memory: Memory,
    /// The counters, if they were read for the coming answer.
    pub(super) counters: Option<SocketCounters>,
}

impl Observer {
    /// An observer of what `question` asks about.
    ///
    /// # Errors
    /// When only one source may answer, and it does not have the answer.
    pub fn new(question: Question, sources: Sources) -> Result<Observer, CannotKnow> {
        match sources.first() {
            First::Tables => CannotKnow::check(&question, sources.tables())?,
            First::Walk => CannotKnow::check_walk(&question)?,
            First::Netlink(_) => {}
        }
        let is_walked = sources.first() == First::Walk;
        Ok(Observer {
            question,
            parts: match sources.into_several() {
                sources if is_walked => Parts::Walked(Walk::of(sources)),
                Ok(several) => Parts::Several(several, Memories::default()),
                Err(one) => Parts::One(Box::new(Part::of(one))),
            },
            unseen: Vec::new(),
        })
    }

    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// How an answer of this shape would be obtained now. Reads the kernel's counters at most, and
    /// no sockets.
    ///
    /// # Errors
    /// The filter cannot be evaluated.
    pub fn plan(&self, need: Need) -> Result<Plan, SourceError> {
        match &self.parts {
            Parts::Walked(_) => Ok(Plan::walk(&self.question)),
            Parts::One(part) => Part::of(part.sources.clone()).plan(&self.question, need),
            Parts::Several(several, _) => {
                let plan = |part: &mut Part, question: &Question| part.plan(question, need);
                let (plan, _) = in_each(several, &mut Memories::new(), &self.question, plan)?;
                Ok(plan)
            }
        }
    }

    /// Counts the selected sockets into `sink`; those whose number can be derived are not listed.
    ///
    /// # Errors
    /// When no allowed source answered; of one network namespace, the sink then holds nothing.
    pub fn count<S: CountSink + SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(sink, count_unless_still)
    }

    /// Passes every selected socket to `sink`.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn list<S: Sink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        if let Parts::Walked(_) = self.parts {
            return Err(SourceError::CountsOnly);
        }
        self.answer_over_netlink(sink, |part, question, deriving, sink| {
            let tables = part.sources.tables();
            let need = Need::SocketsInOrder;
            let (mut dumps, reason) = plan_dumps(question, tables, need, deriving)?;
            let outcome = sock_diag::list(&mut dumps, tables, sink)?;
            Ok(Report::listed(dumps, reason, outcome, tables))
        })
    }

    /// Passes the socket with this id to `sink`, which ends the search when it has it: requested alone
    /// where it has a cookie; where that does not find it, from a list.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn find<S: Sink>(&mut self, id: &SocketId, sink: &mut S) -> Result<Report, SourceError> {
        let id = *id;
        self.answer_over_netlink(sink, |part, question, deriving, sink| {
            let tables = part.sources.tables();
            let need = Need::SocketsInOrder;
            let (mut dumps, reason) = plan_dumps(question, tables, need, deriving)?;
            let found = id.cookie.and_then(|_| {
                let dumps = &dumps;
                sock_diag::find(dumps, tables, &id, sink)
            });
            let outcome = match found {
                Some(outcome) => outcome,
                None => sock_diag::list(&mut dumps, tables, sink)?,
            };
            Ok(Report::listed(dumps, reason, outcome, tables))
        })
    }

    /// Passes every selected socket to `sink`, in any order: those of a large table in two dumps
    /// at the same time.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn gather<S: SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer_over_netlink(sink, |part, question, deriving, sink| {
            let tables = part.sources.tables();
            let (mut dumps, reason) = plan_dumps(question, tables, Need::Sockets, deriving)?;
            let outcome = sock_diag::gather(&mut dumps, tables, sink)?;
            Ok(Report::listed(dumps, reason, outcome, tables))
        })
    }

    /// Answers from the tables or by `over_netlink`.
    fn answer_over_netlink<S: Sink>(
        &mut self,
        sink: &mut S,
        over_netlink: impl Fn(&mut Part, &Question, Deriving, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        self.answer(sink, |part, question, sink| {
            part.answer(question, sink, &over_netlink)
        })
    }

    /// Answers in one network namespace after the other, until the sink takes no more.
    fn answer<S: Sink>(
        &mut self,
        sink: &mut S,
        act: impl Fn(&mut Part, &Question, &mut S) -> Result<Report, SourceError>,
    ) -> Result<Report, SourceError> {
        let question = &self.question;
        let mut report = match &mut self.parts {
            Parts::Walked(walk) => walk.answer(question, sink)?,
            Parts::One(part) => {
                of_each_kind(part, question, |part, question| act(part, question, sink))?
            }
            Parts::Several(several, memories) => {
                let begin = clock_gettime(ClockId::ProcessCPUTime);
                let (mut report, namespaces) =
                    in_each(several, memories, question, |part, question| {
                        of_each_kind(part, question, |part, question| act(part, question, sink))
                    })?;
                report.completeness.set_namespaces(namespaces);
                let cpu = clock_gettime(ClockId::ProcessCPUTime) - begin;
                report.advise(cpu.try_into().unwrap_or_default(), question);
                if several.are_every() {
                    report.join_notes_about_tables(std::iter::empty());
                }
                report
            }
        };
        for loss in &self.unseen {
            report.completeness.lose(loss.clone());
        }
        Ok(report)
    }
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

impl Part {
    pub(super) fn of(sources: Sources) -> Part {
        Part {
            sources,
            memory: Memory::default(),
            counters: None,
        }
    }

    fn plan(&mut self, question: &Question, need: Need) -> Result<Plan, SourceError> {
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
            First::Netlink(deriving) => {
                let planned = plan_dumps(question, tables, need, deriving);
                let (dumps, reason) = planned.map_err(NetlinkError::Unsupported)?;
                Ok(Plan::netlink(dumps, reason, tables))
            }
        }
    }

    /// Reads the source that is tried first, and after a refusal the one that is tried next.
    fn answer<S: Sink>(
        &mut self,
        question: &Question,
        sink: &mut S,
        over_netlink: impl Fn(&mut Part, &Question, Deriving, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        let First::Netlink(deriving) = self.sources.first() else {
            let tables = self.sources.tables();
            CannotKnow::check(question, tables)?;
            return Report::of_tables(tables, &self.of_tables(question), None, sink);
        };
        match over_netlink(self, question, deriving, sink) {
            Ok(report) => Ok(report),
            Err(netlink) => {
                let netlink = self.sources.after(netlink, question)?;
                let question = self.of_tables(question);
                Report::of_tables(self.sources.tables(), &question, Some(netlink), sink)
            }
        }
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
    pub(super) fn count<S: CountSink + SplitSink>(
        &mut self,
        question: &Question,
        sink: &mut S,
    ) -> Result<Report, SourceError> {
        self.answer(question, sink, Part::count_over_netlink)
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
