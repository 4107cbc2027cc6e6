//! How an answer is obtained: the cheapest way to an exact one, as one value.
//!
//! A [`Plan`] says which tables or dumps are read, who evaluates which part of the filter, what is
//! derived from counters, and why. `sources` and `choose` decide it, `source::observer` and
//! `source::sock_diag` carry it out; where that is not possible, they ask for another plan with its reason. `-v` and
//! `--explain` print it.

mod choose;
mod dumps;
mod filter;
mod sources;

use std::fmt;
use std::path::PathBuf;

pub(super) use choose::{Caution, Deriving, Planner};
pub(super) use dumps::Dumps;
pub use filter::DumpFilter;
pub(super) use sources::First;
pub use sources::{Several, Sources};

use super::counters::SocketCounters;
use super::derive::Doubt;
use super::proc_net::ProcNet;
use super::wire::list;
use crate::filter::Expression;
use crate::model::{Kind, KindSet, StateSet, Where};
use crate::question::Question;

/// Of a longer program, the beginning and the end are shown.
const MOST_OPERATIONS: usize = 40;

/// What an answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// How many sockets are in each state.
    Counts,
    /// Each socket, in any order.
    Sockets,
    /// Each socket, in the order of one dump.
    SocketsInOrder,
}

/// How an answer is obtained, and why. Its text is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    listing: Listing,
    reason: Reason,
    /// The word for its network namespace, where there are several.
    netns: Option<String>,
    /// The kinds of its sockets, where there are several.
    kinds: Option<KindSet>,
    /// Those of the other namespaces and kinds.
    further: Vec<Plan>,
}

/// Where sockets are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listing {
    /// Every row of the tables in this directory; tcpstates evaluates the whole filter.
    Tables {
        directory: PathBuf,
        filter: Option<Expression>,
    },
    /// Dumps over netlink.
    Netlink(Dumps),
    /// Nothing: the kernel's counters show that there is no socket.
    Counters,
    /// Nothing: a program in the kernel counts; tcpstates evaluates the filter.
    Walk { filter: Option<Expression> },
    /// Every socket of this file; tcpstates evaluates the filter.
    Record {
        file: PathBuf,
        filter: Option<Expression>,
    },
}

/// Which states are derived from the kernel's counters instead of listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Derivation {
    /// ESTABLISHED, TIME_WAIT, or both.
    pub(super) states: StateSet,
    /// The counters when this was decided.
    pub(super) before: SocketCounters,
}

/// Why a plan was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// `--source` or `--proc-root` selects it.
    Requested,
    /// The tables are read because netlink is refused to this process.
    NetlinkClosed,
    /// They are read because the network namespace cannot be entered.
    NotEntered,
    /// The answer is about single sockets.
    Needed,
    /// There is a filter.
    Filtered,
    /// Only LISTEN is selected, whose sockets the kernel finds without passing connections
    /// (`inet_listen_hashbucket`).
    OnlyListeners,
    /// Only one family is selected: `TCP: tw` and `CurrEstab` count both.
    OneFamily,
    /// Neither ESTABLISHED nor TIME_WAIT is selected, or BOUND is, the kernel is too old, or it does
    /// not count this kind of socket.
    NotDerivable,
    /// There are too few sockets for counters to be worth reading twice.
    Few,
    /// There are enough of them.
    Many,
    /// A file of counters cannot be read.
    Unreadable(String),
    /// The counters were tried, and contradict each other or the listed sockets.
    Doubt(Doubt),
    /// They did in one of the last samples of the same observer.
    DoubtedLately,
    /// The counters show that there is no socket.
    Empty,
    /// They, and those of segments, are as they were before the last count.
    Still,
    /// They show that no segment ever came or went, and all sockets are listeners.
    Unused,
    /// A record has none of this network namespace.
    NoneRecorded,
    /// No network namespace is selected.
    NoNamespace,
    /// The kernel counts no socket of this kind.
    NoneOf(Kind),
    /// No source reports sockets of this kind.
    Unavailable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Requested => "as requested",
            Reason::NetlinkClosed => "netlink is not available",
            Reason::NotEntered => "the network namespace cannot be entered",
            Reason::Needed => "the answer needs each socket",
            Reason::Filtered => "the kernel's counters cannot be filtered",
            Reason::OnlyListeners => "the kernel keeps listeners in a table of their own",
            Reason::OneFamily => "the kernel's counters do not separate IPv4 from IPv6",
            Reason::NotDerivable => "no counter of the kernel covers the selected states",
            Reason::Few => "for so few sockets, counters are not faster",
            Reason::Many => "so many sockets take longer to list",
            Reason::Unreadable(error) => return write!(f, "cannot read kernel counters: {error}"),
            Reason::Doubt(doubt) => return write!(f, "{doubt}"),
            Reason::DoubtedLately => "the counters were unreliable in a recent sample",
            Reason::Empty => "the kernel's counters show no such socket",
            Reason::Still => "no segment came or went since the last count",
            Reason::Unused => "no segment ever came or went, and every socket is a listener",
            Reason::NoneRecorded => "no such socket was recorded",
            Reason::NoNamespace => "no network namespace is selected",
            Reason::NoneOf(kind) => {
                return write!(f, "net/protocols counts no {} socket", kind.request_title());
            }
            Reason::Unavailable => "no source reports these sockets",
        })
    }
}

impl Plan {
    /// Reads the tables, after netlink was refused or not.
    pub(super) fn tables(tables: &ProcNet, question: &Question, is_refused: bool) -> Plan {
        let reason = match tables.place() {
            _ if is_refused => Reason::NetlinkClosed,
            Where::NetnsTables { .. } => Reason::NotEntered,
            Where::Here
            | Where::Netns(_)
            | Where::Several(_)
            | Where::ProcRoot(_)
            | Where::Process { .. }
            | Where::Recorded(_) => Reason::Requested,
        };
        let listing = Listing::Tables {
            directory: tables.directory().to_owned(),
            filter: question.filter.clone(),
        };
        Plan::of(listing, reason, Some(tables))
    }

    /// Reads the counters in the directory of these tables, which show that there is no socket.
    pub(super) fn counters(tables: &ProcNet) -> Plan {
        Plan::of(Listing::Counters, Reason::Empty, Some(tables))
    }

    /// Reads the counters in the directory of these tables, which show that nothing happened since the
    /// last count.
    pub(super) fn still(tables: &ProcNet) -> Plan {
        Plan::of(Listing::Counters, Reason::Still, Some(tables))
    }

    /// Reads the counters in the directory of these tables and lists listeners, of which none is selected.
    pub(super) fn unused(tables: &ProcNet) -> Plan {
        Plan::of(Listing::Counters, Reason::Unused, Some(tables))
    }

    /// Lists listeners alone, because there are no other sockets.
    pub(super) fn with_unused(mut self) -> Plan {
        self.reason = Reason::Unused;
        self
    }

    /// Reads `protocols` in the directory of these tables, which shows that there is no socket of this kind.
    pub(super) fn protocols(tables: &ProcNet, kind: Kind) -> Plan {
        Plan::of(Listing::Counters, Reason::NoneOf(kind), Some(tables))
    }

    /// Reads nothing, because neither these tables nor another source report the sockets.
    pub(super) fn unavailable(tables: &ProcNet) -> Plan {
        Plan::of(Listing::Counters, Reason::Unavailable, Some(tables))
    }

    /// Of an answer about no network namespace.
    pub(super) fn none() -> Plan {
        Plan::of(Listing::Counters, Reason::NoNamespace, None)
    }

    /// Whether counters show that there is no socket.
    pub(super) fn is_by_counters(&self) -> bool {
        matches!(self.reason, Reason::Empty | Reason::NoneRecorded)
    }

    /// Makes dumps over netlink, where these tables are.
    pub(super) fn netlink(dumps: Dumps, reason: Reason, tables: &ProcNet) -> Plan {
        Plan::of(Listing::Netlink(dumps), reason, Some(tables))
    }

    /// Reads a record.
    pub(super) fn record(tables: &ProcNet, question: &Question) -> Plan {
        let listing = Listing::Record {
            file: tables.place().proc_root().to_owned(),
            filter: question.filter.clone(),
        };
        Plan::of(listing, Reason::Requested, Some(tables))
    }

    /// Reads nothing, because a record has no such sockets of the network namespace of these tables.
    pub(super) fn none_recorded(tables: &ProcNet) -> Plan {
        Plan::of(Listing::Counters, Reason::NoneRecorded, Some(tables))
    }

    /// Counts in the kernel.
    pub(super) fn walk(question: &Question) -> Plan {
        let filter = question.filter.clone();
        Plan::of(Listing::Walk { filter }, Reason::Requested, None)
    }

    /// The plan for the network namespace of these tables, or for every one at once.
    fn of(listing: Listing, reason: Reason, tables: Option<&ProcNet>) -> Plan {
        let word = tables.and_then(ProcNet::word);
        Plan {
            listing,
            reason,
            netns: word.map(str::to_owned),
            kinds: None,
            further: Vec::new(),
        }
    }

    /// Names the kinds of its sockets, where others have plans of their own.
    pub(super) fn set_kinds(&mut self, kinds: KindSet) {
        self.kinds = Some(kinds);
    }

    /// The network namespace and the kinds, where there are several.
    fn label(&self) -> Option<String> {
        let kinds = self.kinds.map(KindSet::titles);
        let words: Vec<String> = self.netns.clone().into_iter().chain(kinds).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Adds the plan for another network namespace, or for other kinds.
    pub(super) fn join(&mut self, other: Plan) {
        self.further.push(other);
    }

    /// The plan in lines for people, each with a name: the plan, and of each dump the ports in its
    /// header, the program for the kernel, and what tcpstates evaluates. A line without a name
    /// continues the one before. Of a long program, only the beginning and the end, unless `all` is
    /// wanted.
    pub fn details(&self, all: bool) -> Vec<(&'static str, String)> {
        let mut lines = Vec::from_iter(self.netns.clone().map(|word| ("netns", word)));
        lines.extend(self.kinds.map(|kinds| ("kind", kinds.titles())));
        lines.push(("plan", self.text()));
        let here = |remainder: &Option<Expression>| {
            let remainder = remainder.as_ref().map(ToString::to_string);
            ("here", remainder.unwrap_or_else(|| "none".to_owned()))
        };
        if let Listing::Tables { filter, .. }
        | Listing::Walk { filter }
        | Listing::Record { filter, .. } = &self.listing
        {
            lines.extend(filter.is_some().then(|| here(filter)));
        }
        for filter in self.filters().iter().filter(|filter| !filter.is_empty()) {
            lines.extend(filter.header().map(|ports| ("header", ports)));
            let names = std::iter::once("bytecode").chain(std::iter::repeat(""));
            let mut program = list(&filter.bytecode);
            if !all && program.len() > MOST_OPERATIONS {
                let left_out = MOST_OPERATIONS / 2..program.len() - MOST_OPERATIONS / 4;
                let more = format!("  ...  {} more operations; -v shows all", left_out.len());
                program.splice(left_out, [more]);
            }
            lines.extend(names.zip(program));
            lines.push(here(&filter.remainder));
        }
        lines.extend(self.further.iter().flat_map(|plan| plan.details(all)));
        lines
    }

    /// The filter of each dump over netlink; none where tables are read.
    pub fn filters(&self) -> &[DumpFilter] {
        match &self.listing {
            Listing::Tables { .. }
            | Listing::Counters
            | Listing::Walk { .. }
            | Listing::Record { .. } => &[],
            Listing::Netlink(dumps) => &dumps.filters,
        }
    }
}

impl Plan {
    /// This one, and those of other namespaces and kinds, which may have further ones.
    fn each(&self) -> Box<dyn Iterator<Item = &Plan> + '_> {
        let further = self.further.iter().flat_map(|plan| plan.each());
        Box::new(std::iter::once(self).chain(further))
    }

    /// Without the namespace, and without those of others.
    fn text(&self) -> String {
        match &self.listing {
            Listing::Tables { directory, .. } => {
                let directory = directory.display();
                let reason = &self.reason;
                format!("read every row of the tables in {directory}: {reason}")
            }
            Listing::Netlink(dumps) => dumps.text(&self.reason),
            Listing::Counters => format!("list nothing: {}", self.reason),
            Listing::Record { file, .. } => {
                let (file, reason) = (file.display(), &self.reason);
                format!("read every socket in {file}: {reason}")
            }
            Listing::Walk { .. } => {
                let reason = &self.reason;
                format!("count every socket of the host in one walk in the kernel: {reason}")
            }
        }
    }
}

impl fmt::Display for Plan {
    /// Namespaces and kinds with the same plan are named together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plans: Vec<(Vec<String>, String)> = Vec::new();
        for plan in self.each() {
            let text = plan.text();
            let same = plans.iter_mut().find(|(_, other)| *other == text);
            match same {
                Some((words, _)) => words.extend(plan.label()),
                None => plans.push((Vec::from_iter(plan.label()), text)),
            }
        }
        for (number, (words, text)) in plans.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "; " })?;
            match words[..] {
                [] => f.write_str(text)?,
                _ => write!(f, "{}: {text}", words.join(", "))?,
            }
        }
        Ok(())
    }
}
