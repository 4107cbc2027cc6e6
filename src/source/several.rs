//! One answer about several network namespaces: each is read in the first way that works, one after
//! the other, and nothing of it is kept open. Those that could not be read are reported; those that
//! ended meanwhile are not part of the answer.
//!
//! The counters of a namespace are read first: where they show no socket, none is requested, since each
//! dump walks the connections of the whole host.

mod divide;

pub use divide::{OneNamespace, in_each_namespace, visit_each};

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::kernel::counts_time_wait_per_namespace;
use super::kinds::Protocols;
use super::observer::Part;
use super::plan::{Deriving, First, Plan, Several};
use super::sock_diag::NetAdminDropped;
use super::still::Memory;
use super::{CannotKnow, NoTables, ProcNet, Report, SourceError};
use crate::filter::{Expression, Folded, Test};
use crate::model::{
    Field, KindSet, NamespacesRead, Netns, ReadNamespace, SourceName, State, StateSet,
    UnseenNamespace, UnseenReason,
};
use crate::netns::{Access, Member, is_mounted, is_reachable};
use crate::question::Question;

/// An answer, or a plan of one, that is joined out of those about single namespaces.
pub(super) trait Joined: Sized {
    /// That about a namespace without sockets.
    fn without_sockets(plan: Plan, source: SourceName) -> Self;
    /// Adds that about another namespace.
    fn join(&mut self, other: Self);
    /// Names the kinds of its sockets, and why these are not available.
    fn set_kinds(&mut self, kinds: KindSet, unavailable: Option<String>);
    /// Whether the others are not needed.
    fn is_last(&self) -> bool;
    /// The source of its numbers.
    fn source(&self) -> SourceName;
    /// Whether counters show that there is no socket.
    fn is_by_counters(&self) -> bool;
}

/// Why a namespace was not read.
enum Closed {
    /// It has ended.
    Gone,
    Unseen(UnseenReason),
    /// No source answered in it.
    Failed(SourceError),
}

/// What is remembered of each namespace between two answers.
pub(super) type Memories = HashMap<Netns, Memory>;

/// Answers `question` in each namespace by `act`, and returns which were read.
///
/// # Errors
/// When no namespace could be read.
pub(super) fn in_each<T: Joined>(
    several: &Several,
    memories: &mut Memories,
    question: &Question,
    mut act: impl FnMut(&mut Part, &Question) -> Result<T, SourceError>,
) -> Result<(T, NamespacesRead), SourceError> {
    let found = several.find();
    let _dropped = (!question.needs(Field::Mark)).then(NetAdminDropped::new);
    let mut namespaces = NamespacesRead {
        denied: found.denied,
        hiding: found.hiding,
        ..NamespacesRead::default()
    };
    let (mut joined, mut failure) = (None::<T>, None);
    let are_identified = found.members.iter().all(|one| one.facts.inode.is_some());
    // The number of one that has ended may be that of another one later.
    let mut remembered = Memories::new();
    for member in &found.members {
        if joined.as_ref().is_some_and(T::is_last) {
            break;
        }
        let Some(question) = within(question, member.netns) else {
            continue;
        };
        let memory = memories.remove(&member.netns).unwrap_or_default();
        let reason = match read(several, member, memory, &question, &mut act) {
            Ok((answer, memory, one)) => {
                if memory != Memory::default() {
                    remembered.insert(member.netns, memory);
                }
                namespaces.read.push(one);
                match &mut joined {
                    Some(joined) => joined.join(answer),
                    None => joined = Some(answer),
                }
                continue;
            }
            Err(Closed::Gone) if several.are_every() => continue,
            Err(Closed::Gone) => UnseenReason::Gone,
            Err(Closed::Unseen(UnseenReason::NoPermission))
                if !are_identified && member.facts.pid.is_none() =>
            {
                UnseenReason::Unidentified
            }
            Err(Closed::Unseen(reason)) => reason,
            Err(Closed::Failed(error)) => {
                let reason = UnseenReason::Failed(error.to_string());
                failure.get_or_insert(error);
                reason
            }
        };
        namespaces.unseen.push(UnseenNamespace {
            name: member.name.to_string(),
            netns: member.netns,
            reason,
        });
    }
    *memories = remembered;
    Ok((in_all(joined, failure, &namespaces)?, namespaces))
}

/// The answer about all namespaces.
fn in_all<T: Joined>(
    joined: Option<T>,
    failure: Option<SourceError>,
    namespaces: &NamespacesRead,
) -> Result<T, SourceError> {
    match (joined, failure) {
        (Some(joined), _) => Ok(joined),
        (None, Some(error)) => Err(error),
        (None, None) if !namespaces.unseen.is_empty() => {
            Err(SourceError::Namespaces(namespaces.unseen_text()))
        }
        (None, None) => Ok(T::without_sockets(Plan::none(), SourceName::Netlink)),
    }
}

/// The question as that about one namespace; `None` where the filter excludes it.
pub(super) fn within(question: &Question, netns: Netns) -> Option<Cow<'_, Question>> {
    let is_about_netns = |test: &Test| matches!(test, Test::Netns(_));
    let Some(filter) = &question.filter else {
        return Some(Cow::Borrowed(question));
    };
    if !filter.tests().any(is_about_netns) {
        return Some(Cow::Borrowed(question));
    }
    let fold = |filter: &Expression| {
        let folded = filter.fold(|test, _| {
            let Test::Netns(tested) = test else {
                return None;
            };
            Some(*tested == netns)
        });
        match folded {
            Folded::Never => None,
            Folded::Always => Some(None),
            Folded::Tests(rest) => Some(Some(rest)),
        }
    };
    let beyond_record = question.beyond_record.as_ref();
    Some(Cow::Owned(Question {
        filter: fold(filter)?,
        beyond_record: beyond_record.map_or(Some(None), fold)?,
        ..question.clone()
    }))
}

/// Answers in one namespace, in the first way that works.
fn read<T: Joined>(
    several: &Several,
    member: &Member,
    mut memory: Memory,
    question: &Question,
    act: &mut impl FnMut(&mut Part, &Question) -> Result<T, SourceError>,
) -> Result<(T, Memory, ReadNamespace), Closed> {
    let mut closed = match member.doors.is_empty() {
        true => Closed::Unseen(member.unseen.clone().unwrap_or(UnseenReason::NoPermission)),
        false => Closed::Gone,
    };
    for access in &member.doors {
        let outcome = open(several, member, access).and_then(|mut part| {
            part.memory = std::mem::take(&mut memory);
            let answer = answer(&mut part, question, act);
            memory = part.memory;
            answer
        });
        match outcome {
            Ok(answer) => {
                let one = ReadNamespace {
                    netns: member.netns,
                    facts: Arc::clone(&member.facts),
                    source: match access {
                        Access::Recorded(part) => part.source_of_tcp(answer.source()),
                        Access::Own | Access::Entered(_) | Access::Tables(_) => answer.source(),
                    },
                    is_empty: answer.is_by_counters(),
                };
                return Ok((answer, memory, one));
            }
            // The next one is tried; the first refusal is the one that is reported.
            Err(Closed::Gone) => {}
            Err(other) if matches!(closed, Closed::Gone) => closed = other,
            Err(_) => {}
        }
    }
    if is_reachable(member) {
        return Err(closed);
    }
    // Another mount may cover the only one that leads to it.
    Err(match is_mounted(member.netns, several.proc_root()) {
        true => Closed::Unseen(UnseenReason::Covered),
        false => Closed::Gone,
    })
}

/// The sources of a namespace, if it can be read in this way.
fn open(several: &Several, member: &Member, access: &Access) -> Result<Part, Closed> {
    let sources = match several.at(member, access) {
        Ok(Some(sources)) => sources,
        Ok(None) => return Err(Closed::Unseen(UnseenReason::NoPermission)),
        Err(NoTables::Directory { error, .. }) => return Err(refused(error)),
        // A process that has ended.
        Err(NoTables::Neither(_) | NoTables::Process(_) | NoTables::Hidden(_)) => {
            return Err(Closed::Gone);
        }
    };
    // The number of the process may be that of another one by now.
    if matches!(access, Access::Tables(_)) && !sources.tables().are_of(member) {
        return Err(Closed::Gone);
    }
    Ok(Part::of(sources))
}

fn refused(error: io::Error) -> Closed {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        return Closed::Gone;
    }
    Closed::Unseen(match kind == ErrorKind::PermissionDenied {
        true => UnseenReason::NoPermission,
        false => UnseenReason::Failed(error.to_string()),
    })
}

/// Answers by the counters, if these show no socket, or else by `act`.
fn answer<T: Joined>(
    part: &mut Part,
    question: &Question,
    act: &mut impl FnMut(&mut Part, &Question) -> Result<T, SourceError>,
) -> Result<T, Closed> {
    let tables = part.sources.tables();
    if part.sources.first() == First::Tables {
        let known = CannotKnow::check(question, tables);
        known.map_err(|error| Closed::Unseen(UnseenReason::Failed(error.to_string())))?;
    }
    if part.sources.first() == First::Record {
        if has_none(tables, question) {
            let source = part.sources.first().with_counters();
            return Ok(T::without_sockets(Plan::none_recorded(tables), source));
        }
    } else if is_counted(part.sources.first(), question) {
        let counters = tables.enter_counters().map_err(refused)?.ok();
        let is_empty = counters.is_some_and(|counters| counters.families(question).is_none());
        let lacks_others = || {
            let read = Protocols::read(tables);
            read.is_ok_and(|protocols| protocols.exclude(question.further))
        };
        if is_empty && (question.further.is_empty() || lacks_others()) {
            let source = part.sources.first().with_counters();
            return Ok(T::without_sockets(Plan::counters(tables), source));
        }
        part.counters = counters.filter(|_| question.further.is_empty());
    }
    act(part, question).map_err(|error| match part.sources.tables().within(|| ()) {
        // It may be read by another process.
        Ok(()) if error.is_of_ended_process() => Closed::Gone,
        Ok(()) => Closed::Failed(error),
        Err(error) => refused(error),
    })
}

/// Whether a network namespace of a record has no sockets of these kinds, where counters would have shown
/// that.
fn has_none(tables: &ProcNet, question: &Question) -> bool {
    let moment = tables.place().recorded().and_then(|record| record.moment());
    let totals = moment.map(|moment| &*moment.totals).unwrap_or_default();
    let mut kinds = question.kinds().iter();
    is_counted(First::Record, question) && kinds.all(|kind| totals.contains(&(kind, 0)))
}

/// Whether counters that are zero answer the question. A request for a connection to a listener that
/// was closed in the last seconds is in no counter, so that only a dump shows it.
fn is_counted(first: First, question: &Question) -> bool {
    let is_listed = first == First::Netlink(Deriving::Never);
    // The kernel has listeners in a table of their own, which is short; the text of /proc comes from a
    // walk through all sockets.
    let only_listeners = question.states == StateSet::NONE.with(State::Listen);
    let is_walked = first == First::Tables || !only_listeners;
    let has_counters = question.kind.has_counters() && !question.states.contains(State::Bound);
    is_walked && !is_listed && has_counters && counts_time_wait_per_namespace()
}

impl Joined for Plan {
    fn without_sockets(plan: Plan, _source: SourceName) -> Plan {
        plan
    }

    fn join(&mut self, other: Plan) {
        self.join(other);
    }

    fn set_kinds(&mut self, kinds: KindSet, _unavailable: Option<String>) {
        self.set_kinds(kinds);
    }

    fn is_last(&self) -> bool {
        false
    }

    /// Not known before the answer.
    fn source(&self) -> SourceName {
        SourceName::Netlink
    }

    fn is_by_counters(&self) -> bool {
        self.is_by_counters()
    }
}

impl Joined for Report {
    fn without_sockets(plan: Plan, source: SourceName) -> Report {
        Report::without_sockets(plan, source)
    }

    fn join(&mut self, other: Report) {
        self.join(other);
    }

    fn set_kinds(&mut self, kinds: KindSet, unavailable: Option<String>) {
        self.set_kinds(kinds, unavailable);
    }

    fn is_last(&self) -> bool {
        self.ended_by_sink
    }

    fn source(&self) -> SourceName {
        self.source
    }

    fn is_by_counters(&self) -> bool {
        self.plan.is_by_counters()
    }
}
