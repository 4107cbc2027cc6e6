//! What is wrong with a host's sockets, and what of that could not be looked into.

use std::net::IpAddr;
use std::time::Duration;

use super::{Field, Label, Observation};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something is on its way to a limit, or costs more than it needs to.
    Warning,
    /// Connections fail now, or are about to.
    Critical,
}

impl Severity {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "WARNING",
            Severity::Critical => "CRITICAL",
        }
    }
}

/// A process behind a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// What the kernel calls it; may hold any character.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// How many of the finding's sockets it holds.
    pub sockets: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which rule found it, one of those in tcpstates(1): `accept-queue`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with its figure; a sentence without a full stop.
    pub title: String,
    /// What it is about, where several findings may come of one rule: a listener, a destination.
    pub subject: Vec<(Field, Label)>,
    /// The figure that is judged, in the unit that the title names; `None` where there is none.
    pub value: Option<f64>,
    /// What it is judged against, in the same unit; `None` where the kernel has no limit for it.
    pub limit: Option<f64>,
    /// What proves it: sentences without a full stop, each with its numbers.
    pub evidence: Vec<String>,
    /// The processes that hold the sockets, most sockets first; empty where none is known, or the
    /// kernel alone has them.
    pub processes: Vec<Culprit>,
    /// Commands that show the sockets.
    pub commands: Vec<String>,
    /// Why it matters: sentences.
    pub why: &'static str,
    /// What to do, best first: the application's remedy before the kernel's. Sentences.
    pub remedy: Vec<String>,
    /// The ids of rules whose finding, where there is one, causes this one.
    pub causes: &'static [&'static str],
}

impl Finding {
    /// Whether this one is caused by `other`: a matter of their rules, and of where they are. What is
    /// wrong at one port of this host, or with one peer, is not caused by what is wrong at another.
    pub fn follows_from(&self, other: &Finding) -> bool {
        if self.id == other.id || !self.causes.contains(&other.id) {
            return false;
        }
        if other.subject.is_empty() {
            return true;
        }
        let peer = |finding: &Finding| finding.about(Field::RemotePort).cloned();
        match (other.about(Field::LocalPort), peer(self)) {
            (Some(port), None) => self.about(Field::LocalPort) == Some(port),
            (Some(port), Some(peer)) => peer == *port && self.is_to(other.about(Field::LocalAddr)),
            (None, None) => false,
            (None, Some(_)) => {
                let address = |finding: &Finding| finding.about(Field::RemoteAddr).cloned();
                (peer(self), address(self)) == (peer(other), address(other))
            }
        }
    }

    /// Whether its peer is this host, at this address or, where it is that of all, at the loopback's.
    fn is_to(&self, local: Option<&Label>) -> bool {
        let address = |label: Option<&Label>| match label {
            Some(Label::Text(text)) => text.parse::<IpAddr>().ok(),
            Some(Label::Number(_) | Label::None) | None => None,
        };
        let peer = address(self.about(Field::RemoteAddr));
        match (peer, address(local)) {
            (Some(peer), Some(local)) if local.is_unspecified() => peer.is_loopback(),
            (Some(peer), Some(local)) => peer == local.to_canonical(),
            (None, _) | (_, None) => false,
        }
    }

    /// What it says of itself in this field.
    fn about(&self, field: Field) -> Option<&Label> {
        let mut fields = self.subject.iter();
        let found = fields.find(|(known, _)| *known == field);
        found.map(|(_, label)| label)
    }
}

/// A rule that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotExamined {
    /// Which.
    pub id: &'static str,
    /// Why not: a sentence without a full stop.
    pub reason: String,
}

/// All that a look at a host came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// When, by whom, how completely the sockets were observed.
    pub observation: Observation,
    /// How many sockets there were.
    pub total: u64,
    /// How long was waited between the two looks.
    pub window: Duration,
    /// What is wrong: worst first, and what follows from another finding right behind it.
    pub findings: Vec<Finding>,
    /// The rules that were applied, in the order of the manual.
    pub examined: Vec<&'static str>,
    /// The rules that were not.
    pub not_examined: Vec<NotExamined>,
}
