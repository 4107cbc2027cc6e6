//! Answers a question by a walk of the kernel's tables.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::walker::{Tables, Walked, Walker};
use crate::filter::{Filtered, Program};
use crate::model::{
    Completeness, Counts, Family, FamilyClass, InetEnds, Kind, Loss, NamespaceFacts,
    NamespacesRead, Netns, ReadNamespace, Sink, Socket, SourceName, State, StateSet,
    UnseenNamespace, UnseenReason,
};
use crate::netns::Member;
use crate::question::Question;
use crate::source::plan::{Plan, Several, Sources};
use crate::source::several::within;
use crate::source::{Cost, Report, SourceError};

/// The program, loaded when the first answer is requested and kept until the last, and whose sockets
/// it counts.
#[derive(Debug)]
pub(in crate::source) struct Walk {
    whose: Whose,
    walker: Option<Walker>,
}

/// Whose sockets are counted.
#[derive(Debug)]
enum Whose {
    /// Those of the network namespace of these tables.
    One(Sources),
    Several(Several),
}

/// The namespaces of one answer.
enum Scope {
    /// The only one, by its inode number.
    One(u64),
    These(Vec<Netns>),
    Every,
}

impl Scope {
    /// What sockets of a namespace are reported to be in, if it is wanted.
    fn netns(&self, inode: u32) -> Option<Netns> {
        let netns = Netns(inode);
        match self {
            Scope::One(wanted) => (*wanted == u64::from(inode)).then_some(Netns::CALLER),
            Scope::These(wanted) => wanted.contains(&netns).then_some(netns),
            Scope::Every => Some(netns),
        }
    }
}

impl Walk {
    /// Those of several namespaces, or else of one.
    pub(in crate::source) fn of(sources: Result<Several, Sources>) -> Walk {
        Walk {
            whose: match sources {
                Ok(several) => Whose::Several(several),
                Err(one) => Whose::One(one),
            },
            walker: None,
        }
    }

    /// Counts the sockets that match the question into `sink`.
    ///
    /// # Errors
    /// When the program cannot be loaded or run, or no selected namespace exists any more.
    pub(in crate::source) fn answer(
        &mut self,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Result<Report, SourceError> {
        let (scope, members) = self.whose.find()?;
        let walker = match &mut self.walker {
            Some(walker) => walker,
            none => none.insert(Walker::load()?),
        };
        let listen = StateSet::NONE.with(State::Listen);
        let tables = Tables {
            connections: question.states != listen,
            listeners: question.states.contains(State::Listen),
        };
        let is_wanted = |inode| {
            let netns = scope.netns(inode);
            netns.is_some_and(|netns| within(question, netns).is_some())
        };
        let walked = walker.walk(tables, is_wanted)?;
        let mut completeness = Completeness::default();
        if walked.unread > 0 {
            completeness.lose(Loss::Changed {
                buckets: walked.unread,
            });
        }
        if let Whose::Several(_) = self.whose {
            completeness.set_namespaces(namespaces(&walked, &scope, &members)?);
        }
        let program = question.filter.as_ref().map(Program::new);
        let counted = match &program {
            Some(program) => pass(&walked, question, &scope, &mut Filtered { program, sink }),
            None => pass(&walked, question, &scope, sink),
        };
        Ok(Report {
            source: SourceName::Bpf,
            completeness,
            spread: Counts::default(),
            notes: Vec::new(),
            ended_by_sink: false,
            plan: Plan::walk(question),
            cost: Cost {
                derived: counted,
                ..Cost::default()
            },
        })
    }
}

impl Whose {
    /// The namespaces of an answer, and what is known of those that are found or selected.
    fn find(&self) -> Result<(Scope, Vec<Member>), SourceError> {
        Ok(match self {
            Whose::One(sources) => {
                let inode = sources.tables().netns_inode();
                (Scope::One(inode.map_err(SourceError::NoNetns)?), Vec::new())
            }
            Whose::Several(several) => {
                let members = several.find().members;
                let scope = match several.are_every() {
                    true => Scope::Every,
                    false => Scope::These(members.iter().map(|member| member.netns).collect()),
                };
                (scope, members)
            }
        })
    }
}

/// Which namespaces were read; those that were selected and have ended were not.
///
/// # Errors
/// When all of them have.
fn namespaces(
    walked: &Walked,
    scope: &Scope,
    members: &[Member],
) -> Result<NamespacesRead, SourceError> {
    let known: HashMap<Netns, &Member> = members.iter().map(|one| (one.netns, one)).collect();
    let read = walked.namespaces.iter().map(|one| {
        let netns = Netns(one.inode);
        let unknown = || {
            Arc::new(NamespaceFacts {
                inode: Some(one.inode),
                ..NamespaceFacts::default()
            })
        };
        ReadNamespace {
            netns,
            facts: known
                .get(&netns)
                .map_or_else(unknown, |member| Arc::clone(&member.facts)),
            source: SourceName::Bpf,
            is_empty: one.sockets.is_empty(),
        }
    });
    let read: Vec<ReadNamespace> = read.collect();
    let found: HashSet<Netns> = walked.listed.iter().copied().map(Netns).collect();
    let selected = members.iter().filter(|_| matches!(scope, Scope::These(_)));
    let gone = selected.filter(|member| !found.contains(&member.netns));
    let unseen = gone.map(|member| UnseenNamespace {
        name: member.name.to_string(),
        netns: member.netns,
        reason: UnseenReason::Gone,
    });
    let namespaces = NamespacesRead {
        read,
        unseen: unseen.collect(),
        ..NamespacesRead::default()
    };
    match namespaces.read.is_empty() && !namespaces.unseen.is_empty() {
        true => Err(SourceError::Namespaces(namespaces.unseen_text())),
        false => Ok(namespaces),
    }
}

/// Passes what was counted and is asked for to the sink, and returns how many sockets these are.
fn pass(walked: &Walked, question: &Question, scope: &Scope, sink: &mut dyn Sink) -> u64 {
    let mut counted = 0;
    for namespace in &walked.namespaces {
        let Some(netns) = scope.netns(namespace.inode) else {
            continue;
        };
        for &(class, state, number) in &namespace.sockets {
            let socket = representative(class, state, netns);
            let family = socket.internet().map(|ends| ends.family);
            let is_asked = question.families.iter().any(|asked| Some(asked) == family);
            if is_asked && question.states.contains(state) {
                counted += number;
                // Sinks of sums take everything.
                let _ = sink.alike(&socket, number);
            }
        }
    }
    counted
}

/// A socket with what is known of all that are counted together.
fn representative(class: FamilyClass, state: State, netns: Netns) -> Socket {
    let (family, address): (Family, IpAddr) = match class {
        FamilyClass::V4 => (Family::V4, Ipv4Addr::UNSPECIFIED.into()),
        FamilyClass::V6 => (Family::V6, Ipv6Addr::UNSPECIFIED.into()),
        FamilyClass::V4Mapped => {
            let mapped = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();
            (Family::V6, mapped.into())
        }
    };
    let end = SocketAddr::new(address, 0);
    let ends = InetEnds {
        family,
        local: end,
        remote: end,
    };
    Socket {
        netns,
        retransmits: None,
        ..Socket::bare(Kind::Tcp, state, ends)
    }
}
