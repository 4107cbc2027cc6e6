//! What is wrong with a host's sockets, and what could not be examined.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Command, Field, Kind, KindSet, Label, Observation, Scope, Where, counted};

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nothing is wrong, but an operator who looks for a cause should know it. It never changes the
    /// exit status.
    Info,
    /// Connections may fail later, or cost more than necessary.
    Warning,
    /// Connections fail now, or are about to.
    Critical,
}

impl Severity {
    /// How bad it is that `value` is this part of `limit`: from which part on it warns, and from which it
    /// is critical.
    pub fn of_share(value: u64, limit: u64, warning: f64, critical: f64) -> Option<Severity> {
        let reaches = |share: f64| value as f64 >= limit as f64 * share;
        reaches(warning).then_some(Severity::critical_if(reaches(critical)))
    }

    /// Critical or a warning.
    pub fn critical_if(is_critical: bool) -> Severity {
        match is_critical {
            true => Severity::Critical,
            false => Severity::Warning,
        }
    }

    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Critical => "CRITICAL",
        }
    }
}

/// A process that holds sockets of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Culprit {
    /// Its name in the kernel; any characters. `None` if it cannot be read.
    pub name: Option<String>,
    /// The process ID.
    pub pid: u32,
    /// How many of the finding's sockets it holds.
    pub sockets: u64,
}

impl fmt::Display for Culprit {
    /// `nginx (pid 7)`; `?` if the name cannot be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("?");
        write!(f, "{name} (pid {})", self.pid)
    }
}

/// One thing that is wrong. Its JSON has the keys of tcpstates-doctor(1).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule that found it, one of those in tcpstates-rules(7): `accept-queue`; set by the examination, unless the finding is
    /// better explained as one of another rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, besides the sockets that pass a filter: more than these.
    #[serde(skip_serializing_if = "is_selection")]
    pub scope: Scope,
    /// The network namespace that it is about, where several were examined; `None` for the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// What is wrong, with its value; a sentence without a full stop.
    pub title: String,
    /// What it is about, where one rule can have several findings: a listener, a destination.
    #[serde(serialize_with = "as_object")]
    pub subject: Vec<(Field, Label)>,
    /// The value that is evaluated, in the unit that the title names.
    pub value: f64,
    /// What it is compared with, in the same unit; `None` where the kernel has no limit for it.
    pub limit: Option<f64>,
    /// What proves it: sentences without a full stop, each with its numbers.
    pub evidence: Vec<String>,
    /// The inodes of the sockets whose holders the finding names; none where only the kernel has them.
    #[serde(skip)]
    pub inodes: Vec<u64>,
    /// The inodes of further sockets whose holders its evidence needs, and which are not named.
    #[serde(skip)]
    pub searched: Vec<u64>,
    /// The processes that hold them, most sockets first; empty where none is known.
    pub processes: Vec<Culprit>,
    /// Commands that show the sockets.
    pub commands: Vec<Command>,
    /// Why it matters: sentences.
    pub why: &'static str,
    /// What to do, best first: changes to the application before settings of the kernel. Sentences.
    pub remedy: Vec<String>,
    /// The ids of rules whose finding, where there is one, causes this one.
    #[serde(skip)]
    pub causes: &'static [&'static str],
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields by reference"
)]
fn is_selection(scope: &Scope) -> bool {
    *scope == Scope::Selection
}

/// What a finding is about: `{"local_port":443}`.
fn as_object<S: Serializer>(subject: &[(Field, Label)], serializer: S) -> Result<S::Ok, S::Error> {
    let pairs = subject.iter();
    serializer.collect_map(pairs.map(|(field, label)| (field.json_key(), label)))
}

impl Finding {
    /// A finding with what every one has, without evidence, commands and remedy yet.
    pub fn new(
        severity: Severity,
        title: String,
        value: f64,
        inodes: Vec<u64>,
        why: &'static str,
    ) -> Finding {
        Finding {
            id: "",
            severity,
            scope: Scope::Selection,
            netns: None,
            title,
            subject: Vec::new(),
            value,
            limit: None,
            evidence: Vec::new(),
            inodes,
            searched: Vec::new(),
            processes: Vec::new(),
            commands: Vec::new(),
            why,
            remedy: Vec::new(),
            causes: &[],
        }
    }

    /// With what it is about.
    #[must_use]
    pub fn with_subject(self, subject: Vec<(Field, Label)>) -> Finding {
        Finding { subject, ..self }
    }

    /// About more than the sockets that pass a filter.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Finding {
        Finding { scope, ..self }
    }

    /// With what its value is compared with.
    #[must_use]
    pub fn with_limit(self, limit: impl Into<Option<f64>>) -> Finding {
        let limit = limit.into();
        Finding { limit, ..self }
    }

    /// With the rules whose findings cause it.
    #[must_use]
    pub fn with_causes(self, causes: &'static [&'static str]) -> Finding {
        Finding { causes, ..self }
    }

    /// With the processes that it is about, if these are not the first holders of its sockets.
    #[must_use]
    pub fn with_processes(self, processes: Vec<Culprit>) -> Finding {
        Finding { processes, ..self }
    }

    /// With further sockets whose holders its evidence needs.
    #[must_use]
    pub fn with_searched(self, searched: Vec<u64>) -> Finding {
        Finding { searched, ..self }
    }

    /// With more evidence.
    #[must_use]
    pub fn with_evidence(mut self, evidence: impl IntoIterator<Item = String>) -> Finding {
        self.evidence.extend(evidence);
        self
    }

    /// With these commands, without what selects the place.
    #[must_use]
    pub fn with_commands(self, commands: impl Into<Vec<Command>>) -> Finding {
        let commands = commands.into();
        Finding { commands, ..self }
    }

    /// With what to do.
    #[must_use]
    pub fn with_remedy(self, steps: impl IntoIterator<Item = impl Into<String>>) -> Finding {
        let remedy = steps.into_iter().map(Into::into).collect();
        Finding { remedy, ..self }
    }

    /// Whether this one is caused by `other`, by their rules and subjects: what is wrong at one port of
    /// this host, or with one peer, is not caused by what is wrong at another.
    pub fn follows_from(&self, other: &Finding) -> bool {
        if self.id == other.id || self.netns != other.netns || !self.causes.contains(&other.id) {
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

    /// Whether both are about one peer: its address, and its port where both name one.
    pub fn shares_peer_with(&self, other: &Finding) -> bool {
        let address = |finding: &Finding| finding.about(Field::RemoteAddr).cloned();
        let port = |finding: &Finding| finding.about(Field::RemotePort).cloned();
        let is_other_port =
            port(self).is_some() && port(other).is_some() && port(self) != port(other);
        address(self).is_some() && address(self) == address(other) && !is_other_port
    }

    /// Whether its peer is this host at this address; for all addresses, at a loopback address.
    fn is_to(&self, local: Option<&Label>) -> bool {
        let address = |label: Option<&Label>| match label {
            Some(Label::Text(text)) => text.parse::<IpAddr>().ok(),
            Some(Label::Number(_) | Label::Flag(_) | Label::None) | None => None,
        };
        let peer = address(self.about(Field::RemoteAddr));
        match (peer, address(local)) {
            (Some(peer), Some(local)) if local.is_unspecified() => peer.is_loopback(),
            (Some(peer), Some(local)) => peer == local.to_canonical(),
            (None, _) | (_, None) => false,
        }
    }

    /// The value of a field of its subject.
    fn about(&self, field: Field) -> Option<&Label> {
        let mut fields = self.subject.iter();
        let found = fields.find(|(known, _)| *known == field);
        found.map(|(_, label)| label)
    }
}

/// A rule that could not be applied, or not completely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotExamined {
    /// Its name; or what else was not looked into.
    pub id: &'static str,
    /// Why not: a sentence without a full stop.
    pub reason: String,
}

/// Sockets that exist and are not in the TCP tables of the network namespace looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// How many sockets of Multipath TCP there are, listeners included; or why that is unknown.
    pub mptcp: Result<u64, String>,
    /// The other network namespaces.
    pub namespaces: Namespaces,
}

impl Default for Unlisted {
    /// None.
    fn default() -> Unlisted {
        Unlisted {
            mptcp: Ok(0),
            namespaces: Namespaces::default(),
        }
    }
}

/// Network namespaces of other processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// How many of them have TCP sockets; at least, where processes were not checked.
    pub with_tcp: u64,
    /// How many processes were not checked.
    pub unchecked: u64,
    /// The mount option with which the proc file system may hide processes from this one.
    pub hiding: Option<String>,
}

/// The result of `doctor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// When, from which source and how completely the sockets were observed.
    pub observation: Observation,
    /// Whose sockets they are.
    pub place: Where,
    /// How many sockets there were.
    pub total: u64,
    /// How many of each kind that was examined.
    pub kinds: Vec<(Kind, u64)>,
    /// The filter that selected them, as typed; `None` for all sockets.
    pub filter: Option<String>,
    /// The time between the two samples.
    pub window: Duration,
    /// The time from the first sample until the connections that rules suspected were last seen; zero
    /// if there were none.
    pub watched: Duration,
    /// What is wrong: worst first, and what follows from another finding right behind it.
    pub findings: Vec<Finding>,
    /// The rules that were applied completely, in the order of the manual.
    pub examined: Vec<&'static str>,
    /// The rules that are about the whole network namespace or host, whatever the filter.
    pub wide: Vec<&'static str>,
    /// Every rule, in the order of the manual.
    pub rules: &'static [&'static str],
    /// The other rules, and what else exists and was not looked into.
    pub not_examined: Vec<NotExamined>,
}

impl Diagnosis {
    /// How many sockets of each kind there were: `3 TCP sockets, 1 UDP socket`; where there were none,
    /// the kinds that were examined: `0 TCP and UDP sockets`.
    pub fn counted_sockets(&self) -> String {
        let kinds = self.kinds.iter();
        let texts = kinds.clone().filter(|(_, sockets)| *sockets > 0);
        let texts = texts.map(|(kind, sockets)| {
            let title = kind.title();
            let (one, many) = (format!("{title} socket"), format!("{title} sockets"));
            counted(*sockets, &one, &many)
        });
        let texts: Vec<String> = texts.collect();
        if !texts.is_empty() {
            return texts.join(", ");
        }
        let all: KindSet = kinds.map(|(kind, _)| *kind).collect();
        format!("0 {} sockets", all.titles())
    }

    /// The severity of the worst finding, where there is one.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Whether this is the id of a rule, and not of sockets that no rule examines.
    pub fn is_rule(&self, id: &str) -> bool {
        self.rules.contains(&id)
    }

    /// The rules that were not applied, or not completely, each once.
    pub fn incomplete(&self) -> Vec<&'static str> {
        let mut rules = Vec::new();
        for not in &self.not_examined {
            if self.is_rule(not.id) && !rules.contains(&not.id) {
                rules.push(not.id);
            }
        }
        rules
    }
}
