//! Carries out a question, as often as it is asked: netlink first, counters where they serve,
//! the tables of /proc where netlink is closed.

use std::collections::HashSet;
use std::sync::Arc;

use super::counters::{SocketCounters, read_established};
use super::derive::{Doubt, Estimate, Rare, Reading, derive_established, derive_time_wait};
use super::divide::Share;
use super::fallback::is_refusal;
use super::halves;
use super::plan::{Caution, Derivation, Deriving, Plan, Why, choose};
use super::proc_net::ProcNet;
use super::sock_diag::{self, NetlinkError, Outcome};
use super::{CannotKnow, Cost, ProcError, Report, SourceError};
use crate::model::{
    Completeness, CountSink, Counts, Loss, ProcessQuery, Sink, SourceName, SplitSink, State,
    StateSet, Where,
};
use crate::question::Question;

/// How often to derive before listing everything. Connections come in bursts, so a second look
/// often finds the counters still, and a state of few sockets can be listed beside the others.
const TRIES: u32 = 2;

/// Which sources may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// Netlink, with counters where that pays, or this proc file system's tables where the
    /// kernel refuses it.
    Auto(ProcNet),
    /// Netlink or nothing, and every socket listed.
    Netlink,
    /// Netlink or nothing, with counters wherever they can serve.
    NetlinkAndCounters,
    /// These tables only.
    Proc(ProcNet),
}

impl Sources {
    /// Whose sockets they report.
    pub fn place(&self) -> Where {
        match self {
            Sources::Auto(tables) | Sources::Proc(tables) => tables.place().clone(),
            Sources::Netlink | Sources::NetlinkAndCounters => Where::Here,
        }
    }
}

/// A question put to its sources, once or repeatedly; remembers between observations what proved
/// not to be worth trying.
#[derive(Debug)]
pub struct Observer {
    question: Question,
    sources: Sources,
    caution: Caution,
    /// What is not known of the processes that the filter tests for.
    unseen: Vec<Loss>,
}

impl Observer {
    /// An observer of what `question` asks about.
    ///
    /// # Errors
    /// When only /proc may answer and it cannot know.
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

    /// What is asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Takes note of the sockets of the processes that the filter tests for, each with its inodes,
    /// and of what could not be seen of them: every answer lacks it.
    pub fn set_holders(&mut self, found: &[(ProcessQuery, Arc<HashSet<u64>>)], unseen: Vec<Loss>) {
        if let Some(filter) = &mut self.question.filter {
            for (query, inodes) in found {
                filter.set_inodes(*query, inodes);
            }
        }
        self.unseen = unseen;
    }

    /// Who would judge what of the filter, for each dump; nothing without a filter.
    ///
    /// # Errors
    /// Where only the kernel can judge, and it cannot be asked to.
    pub fn explain(&self) -> Result<Vec<Share>, SourceError> {
        if let (Sources::Proc(_), Some(filter)) = (&self.sources, &self.question.filter) {
            return Ok(vec![Share {
                ports: None,
                bytecode: Vec::new(),
                here: Some(filter.to_string()),
            }]);
        }
        Share::over_netlink(&self.question)
            .map_err(|error| SourceError::Netlink(NetlinkError::Unanswered(error)))
    }

    /// Counts the sockets asked for into `sink`; those whose number can be derived are not listed.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn count<S: CountSink + SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.ask(sink, Observer::count_over_netlink)
    }

    /// Pours every socket asked for into `sink`.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn list<S: Sink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.ask(sink, |observer, sink| {
            observer.list_over_netlink(&Why::Needed, sink)
        })
    }

    /// Pours every socket asked for into `sink`, in no order: of a large table both halves at once.
    ///
    /// # Errors
    /// When no allowed source answered; the sink then holds nothing.
    pub fn gather<S: SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.ask(sink, |observer, sink| {
            observer.gather_over_netlink(&Why::Needed, sink)
        })
    }

    /// Asks whoever may answer.
    fn ask<S: Sink>(
        &mut self,
        sink: &mut S,
        over_netlink: impl FnOnce(&mut Observer, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        let mut report = self.ask_source(sink, over_netlink)?;
        for loss in &self.unseen {
            report.completeness.lose(loss.clone());
        }
        Ok(report)
    }

    /// Asks netlink in one of its ways, or /proc where that is allowed and netlink is closed.
    fn ask_source<S: Sink>(
        &mut self,
        sink: &mut S,
        over_netlink: impl FnOnce(&mut Observer, &mut S) -> Result<Report, NetlinkError>,
    ) -> Result<Report, SourceError> {
        match self.sources.clone() {
            Sources::Proc(tables) => Ok(self.read_tables(&tables, sink)?),
            Sources::Netlink | Sources::NetlinkAndCounters => {
                over_netlink(self, sink).map_err(netlink_only)
            }
            Sources::Auto(tables) => match over_netlink(self, sink) {
                Err(netlink) if is_refusal(&netlink) => self.fall_back(netlink, &tables, sink),
                answer => answer.map_err(SourceError::Netlink),
            },
        }
    }

    fn count_over_netlink<S: CountSink + SplitSink>(
        &mut self,
        sink: &mut S,
    ) -> Result<Report, NetlinkError> {
        let deriving = match self.sources {
            Sources::Netlink | Sources::Proc(_) => Deriving::Never,
            Sources::NetlinkAndCounters => Deriving::WherePossible,
            Sources::Auto(_) => Deriving::WhereItPays,
        };
        let doubted_lately = self.caution.take();
        let mut listed = StateSet::NONE;
        let mut tries = 0;
        let mut in_vain = Cost::default();
        let why = loop {
            tries += 1;
            let read = SocketCounters::read;
            match choose(&self.question, deriving, doubted_lately, listed, read) {
                Plan::List(why) => break why,
                Plan::Derive(derivation) => match self.derive(&derivation, sink)? {
                    Ok(mut report) => {
                        self.caution.trust();
                        report.cost.add(in_vain);
                        return Ok(report);
                    }
                    Err(Doubted { why, cost }) => {
                        in_vain.add(cost);
                        if tries == TRIES {
                            self.caution.doubt();
                            break why;
                        }
                        listed = derivation.better_listed(&why);
                    }
                },
            }
        };
        let mut report = match &why {
            // Few enough is known already: no need to read the counters again.
            Why::Few | Why::OnlyListeners => self.list_over_netlink(&why, sink)?,
            Why::Needed
            | Why::Wanted
            | Why::Filtered
            | Why::OneFamily
            | Why::NotDerivable
            | Why::Unreadable(_)
            | Why::Doubt(_)
            | Why::DoubtedLately => self.gather_over_netlink(&why, sink)?,
        };
        report.cost.add(in_vain);
        Ok(report)
    }

    fn list_over_netlink<S: Sink>(&self, why: &Why, sink: &mut S) -> Result<Report, NetlinkError> {
        Ok(listed(sock_diag::visit(&self.question, sink)?, why))
    }

    fn gather_over_netlink<S: SplitSink>(
        &self,
        why: &Why,
        sink: &mut S,
    ) -> Result<Report, NetlinkError> {
        Ok(listed(halves::visit(&self.question, sink)?, why))
    }

    /// Counts with the help of the counters; or says why that cannot be trusted, with `sink`
    /// untouched.
    fn derive<S: CountSink>(
        &self,
        derivation: &Derivation,
        sink: &mut S,
    ) -> Result<Result<Report, Doubted>, NetlinkError> {
        let mut rare = Rare::default();
        let walk = Question {
            states: derivation.walk,
            ..self.question.clone()
        };
        let reading = |sockets| {
            Ok(Reading {
                sockets,
                established: read_established()?,
            })
        };
        let before = reading(derivation.before);
        let outcome = sock_diag::visit(&walk, &mut rare)?;
        let after = SocketCounters::read().and_then(reading);
        let estimates = match (before, after) {
            (Ok(before), Ok(after)) => {
                estimates(derivation, &outcome, &rare, &before, &after).map_err(Why::Doubt)
            }
            (Err(error), _) | (_, Err(error)) => Err(Why::Unreadable(error)),
        };
        let estimates = match estimates {
            Ok(estimates) => estimates,
            Err(why) => {
                let cost = outcome.cost;
                return Ok(Err(Doubted { why, cost }));
            }
        };
        for state in self.question.states.iter() {
            sink.count(state, rare.all.get(state));
        }
        Ok(Ok(self.derived(derivation, outcome, &estimates, sink)))
    }

    /// Hands the derived numbers on.
    fn derived<S: CountSink>(
        &self,
        derivation: &Derivation,
        outcome: Outcome,
        estimates: &[(State, Estimate)],
        sink: &mut S,
    ) -> Report {
        let mut spread = Counts::default();
        let mut cost = outcome.cost;
        for (state, estimate) in estimates {
            sink.count(*state, estimate.sockets);
            spread.add(*state, estimate.spread);
            cost.derived += estimate.sockets;
        }
        let names: Vec<_> = derivation.derived.iter().map(|s| s.to_string()).collect();
        Report {
            source: SourceName::NetlinkAndCounters,
            plan: format!(
                "{} lists the rarer states, and the kernel's counters give {}: {}",
                outcome.walks,
                names.join(" and "),
                derivation.because
            ),
            cost,
            completeness: outcome.completeness,
            spread,
            note: None,
        }
    }

    fn read_tables<S: Sink>(&self, tables: &ProcNet, sink: &mut S) -> Result<Report, ProcError> {
        let (completeness, cost) = tables.visit(&self.question, sink)?;
        let directory = tables.directory().display();
        Ok(Report {
            source: SourceName::Proc,
            plan: format!("every row of the tables in {directory} is read: so it is asked for"),
            cost,
            completeness,
            spread: Counts::default(),
            note: tables.note(),
        })
    }

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
        let directory = tables.directory().display();
        match self.read_tables(tables, sink) {
            Ok(report) => Ok(Report {
                plan: format!("every row of the tables in {directory} is read: netlink is closed"),
                note: Some(format!(
                    "{directory} answered, because netlink did not: {netlink}"
                )),
                ..report
            }),
            Err(proc) => Err(SourceError::Both { netlink, proc }),
        }
    }
}

/// The report of an answer in which every socket was listed.
fn listed(outcome: Outcome, why: &Why) -> Report {
    let mut plan = format!("{} lists every socket asked for: {why}", outcome.walks);
    if outcome.halved {
        plan += "; in two halves at once, by the larger port";
    } else if !outcome.judged.is_empty() {
        plan = format!("{plan}; {}", outcome.judged);
    }
    Report {
        source: SourceName::Netlink,
        plan,
        cost: outcome.cost,
        completeness: outcome.completeness,
        spread: Counts::default(),
        note: None,
    }
}

/// Counters that cannot be trusted, and what it took to find out.
struct Doubted {
    why: Why,
    cost: Cost,
}

/// The numbers of the states that are to be derived.
fn estimates(
    derivation: &Derivation,
    outcome: &Outcome,
    rare: &Rare,
    before: &Reading,
    after: &Reading,
) -> Result<Vec<(State, Estimate)>, Doubt> {
    if outcome.completeness != Completeness::default() {
        return Err(Doubt::IncompleteWalk);
    }
    let mut estimates = Vec::new();
    if derivation.derived.contains(State::Established) {
        let estimate = derive_established(rare, before, after)?;
        estimates.push((State::Established, estimate));
    }
    if derivation.derived.contains(State::TimeWait) {
        let estimate = derive_time_wait(rare, before, after)?;
        estimates.push((State::TimeWait, estimate));
    }
    Ok(estimates)
}

/// Where netlink alone may answer and is closed, the way out is another source.
fn netlink_only(error: NetlinkError) -> SourceError {
    if is_refusal(&error) {
        SourceError::NetlinkOnly(error)
    } else {
        SourceError::Netlink(error)
    }
}
