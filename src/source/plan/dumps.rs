//! The dumps of a plan: how many, with which requests, and who evaluates the filter.
//!
//! A kernel may refuse a request; [`Dumps::after_refusal`] decides what is requested instead.
//! Pure.

use rustix::io::Errno;

use super::filter::{DumpFilter, divide, is_mark};
use super::{Derivation, Reason};
use crate::filter::{Compare, Expression, Test};
use crate::model::{Field, State, StateSet};
use crate::question::{Families, Question};
use crate::source::wire::{Depth, InetDump, Operations, Ports, walks};
use crate::source::{NetlinkError, UnsupportedTest};

/// Dumps over netlink that answer a question: one for each walk of each filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Dumps {
    /// Which sockets are selected, and which fields of each are needed.
    pub(in crate::source) question: Question,
    /// The states that the kernel lists.
    pub(in crate::source) states: StateSet,
    /// The states that are derived, if any.
    pub(in crate::source) derivation: Option<Derivation>,
    /// The families of each walk over the tables: both in one, or one for each.
    pub(in crate::source) walks: Vec<Families>,
    /// At least one.
    pub(in crate::source) filters: Vec<DumpFilter>,
    /// Whether the dumps of the two filters are made at the same time.
    pub(in crate::source) parallel: bool,
    /// Whether the sockets become rows.
    pub(in crate::source) rows: bool,
    /// The operations of filter programs that the kernel is expected to know.
    operations: Operations,
    /// Where this differs from what was planned first, and why.
    deviations: Vec<&'static str>,
}

impl Dumps {
    /// One dump of `states`, with both families in one walk where the kind has such a request; two
    /// where the filter needs them.
    ///
    /// # Errors
    /// The filter has a test that cannot be evaluated.
    pub(super) fn new(
        question: &Question,
        states: StateSet,
        operations: Operations,
    ) -> Result<Dumps, UnsupportedTest> {
        // The kernel ignores the ports of the request for bound sockets, and selects internet sockets
        // only.
        let is_internet = question.kind.is_internet();
        let use_ports = is_internet && !states.contains(State::Bound);
        let operations = match is_internet {
            true => operations,
            false => Operations::None,
        };
        Ok(Dumps {
            question: question.clone(),
            states,
            derivation: None,
            walks: walks(question.kind, question.families),
            filters: match &question.filter {
                None => vec![DumpFilter::default()],
                Some(filter) => divide(filter, operations, use_ports)?,
            },
            parallel: false,
            rows: false,
            operations,
            deviations: Vec::new(),
        })
    }

    /// The same sockets, which no filter selects, in two dumps at the same time: those with both
    /// ports below `middle`, and the others. A port never changes, so every socket is in exactly
    /// one of them.
    pub(super) fn in_parallel(self, middle: u64) -> Dumps {
        let most = middle.saturating_sub(1);
        let below = |field| Expression::of(Test::Number(field, Compare::AtMost, most), true);
        let low = below(Field::LocalPort).and(below(Field::RemotePort));
        let parts = [low.clone(), !low].map(|part| divide(&part, self.operations, false));
        let [Ok(low), Ok(high)] = parts else {
            return self;
        };
        Dumps {
            filters: [low, high].concat(),
            parallel: true,
            ..self
        }
    }

    /// The same sockets in one dump, because the parallel ones failed.
    pub(in crate::source) fn not_parallel(self, reason: &'static str) -> Dumps {
        Dumps {
            filters: vec![DumpFilter::default()],
            parallel: false,
            deviations: vec![reason],
            ..self
        }
    }

    /// What to request after the kernel refused this before the first socket: first a dump for
    /// each family, then, where there is a filter program, one without the operations that came
    /// after Linux 2.6, and at last none. tcpstates evaluates what is left out, so the answer is
    /// the same.
    ///
    /// # Errors
    /// The refusal, where no other request remains, or what it means for the filter.
    pub(in crate::source) fn after_refusal(
        self,
        refusal: NetlinkError,
    ) -> Result<Dumps, NetlinkError> {
        let is_refused = matches!(refusal, NetlinkError::Refused { .. });
        if is_refused && self.question.kind.is_internet() && self.walks == [Families::Both] {
            // Whatever the errno: the newer request decides what the refusal means.
            return Ok(Dumps {
                walks: Families::Both.iter().map(Families::Only).collect(),
                deviations: vec!["the kernel refused one dump of both families"],
                ..self
            });
        }
        if self.filters.iter().all(|filter| filter.bytecode.is_empty()) {
            return Err(refusal);
        }
        let mut tests = self.question.filter.iter().flat_map(Expression::tests);
        // A kernel that does not know one operation refuses the whole program.
        let (operations, deviation) = match (refusal.errno(), self.operations) {
            (Some(Errno::PERM), _) if tests.any(is_mark) => {
                return Err(NetlinkError::MarkForbidden);
            }
            (Some(Errno::INVAL), Operations::All) => (
                Operations::Oldest,
                "the kernel refused the newer filter operations",
            ),
            (Some(Errno::INVAL), Operations::Oldest) => {
                (Operations::None, "the kernel refused every filter program")
            }
            _ => return Err(refusal),
        };
        let mut dumps = Dumps::new(&self.question, self.states, operations)?;
        dumps.deviations.push(deviation);
        Ok(dumps)
    }

    /// The request of one dump of internet sockets. Whatever the answer does not need is not requested,
    /// because the kernel works for it under the locks of its tables.
    pub(in crate::source) fn request<'a>(
        &self,
        families: Families,
        filter: &'a DumpFilter,
    ) -> InetDump<'a> {
        let question = &self.question;
        InetDump {
            kind: question.kind,
            families,
            states: self.states,
            ports: filter.ports,
            bytecode: &filter.bytecode,
            extensions: question.extensions().collect(),
            depth: if question.needs_attributes() || filter.needs_attributes() {
                Depth::Attributes
            } else {
                Depth::Header
            },
        }
    }

    /// All of it in one line: what is listed and derived, why, who evaluates the filter, and where
    /// it differs from the first plan.
    pub(super) fn text(&self, reason: &Reason) -> String {
        let mut text = match self.derivation {
            None => "list the selected sockets in ".to_owned(),
            Some(_) => "list the rarer states in ".to_owned(),
        };
        text += &match (&self.walks[..], self.parallel) {
            ([walk], true) => format!("two parallel dumps of {walk}, split by the larger port"),
            _ if !self.question.kind.is_internet() => {
                format!("one dump of {} sockets", self.question.kind.request_title())
            }
            (walks, _) => {
                let walks = walks.iter().map(|walk| format!("one dump of {walk}"));
                walks.collect::<Vec<_>>().join(" and ")
            }
        };
        if let Some(derivation) = self.derivation {
            let states: Vec<_> = derivation.states.iter().map(|s| s.to_string()).collect();
            let states = states.join(" and ");
            text += &format!(", take {states} from the kernel's counters");
        }
        text += &format!(": {reason}");
        if !self.parallel {
            for (number, filter) in self.filters.iter().enumerate() {
                text += &filter.text(if number == 0 { "" } else { "in a second dump " });
            }
        }
        for deviation in &self.deviations {
            text += &format!("; {deviation}");
        }
        text
    }
}

impl DumpFilter {
    /// The ports in the request's header, as a filter; `None` where they are not limited.
    pub fn header(&self) -> Option<String> {
        let Ports { local, remote } = self.ports;
        let local = (local != 0).then(|| format!("sport = :{local}"));
        let remote = (remote != 0).then(|| format!("dport = :{remote}"));
        let both: Vec<String> = local.into_iter().chain(remote).collect();
        (!both.is_empty()).then(|| both.join(" and "))
    }

    /// Whether every socket passes.
    pub fn is_empty(&self) -> bool {
        self.in_kernel.is_none() && self.remainder.is_none()
    }

    fn text(&self, prefix: &str) -> String {
        let parts = [
            ("the kernel", &self.in_kernel),
            ("tcpstates", &self.remainder),
        ];
        let parts = parts
            .into_iter()
            .filter_map(|(who, part)| Some(format!("{who} evaluates {}", brief(part.as_ref()?))));
        let reason = match self.is_too_long {
            true => ", because a program for the kernel has at most 16 KiB",
            false => "",
        };
        match parts.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => String::new(),
            parts => format!("; {prefix}{parts}{reason}"),
        }
    }
}

/// The bytes of a filter that are shown in a plan.
const SHOWN: usize = 400;

/// A filter, or its beginning and the number of its tests: `--explain` has a line with all of it.
fn brief(filter: &Expression) -> String {
    let mut text = filter.to_string();
    if text.len() > SHOWN {
        let end = text.get(..SHOWN).and_then(|start| start.rfind(' '));
        text.truncate(end.unwrap_or(0));
        text += &format!(" ... ({} tests)", filter.tests().count());
    }
    text
}
