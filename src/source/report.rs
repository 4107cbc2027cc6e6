//! What an observation reports besides its sockets.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::plan::{Dumps, Plan, Reason};
use super::proc_net::ProcNet;
use super::sock_diag::Outcome;
use super::{CannotKnow, NetlinkError, SourceError};
use crate::model::{
    Completeness, Counts, KindRead, KindSet, Note, Observation, Recorded, Sink, SourceName,
};
use crate::question::Question;

/// Which source answered, how completely, by which plan and at what cost.
#[derive(Debug)]
pub struct Report {
    /// The source of every number in the answer.
    pub source: SourceName,
    /// What was lost.
    pub completeness: Completeness,
    /// By how much derived numbers may be off; 0 for a state that was listed or is exact.
    pub spread: Counts,
    /// Notes about the source, where a user may not expect it.
    pub notes: Vec<Note>,
    /// Whether the sink took no more sockets.
    pub ended_by_sink: bool,
    /// How the answer was obtained, and why.
    pub plan: Plan,
    /// What it cost.
    pub cost: Cost,
}

/// The cost of an observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Sockets that were listed, one by one.
    pub listed: u64,
    /// Sockets that were counted without being listed.
    pub derived: u64,
    /// Datagrams received, or reads made.
    pub receipts: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Rows that /proc repeated; each is counted once.
    pub repeated: u64,
}

impl Report {
    /// An answer over netlink in which every socket was listed.
    pub(super) fn listed(
        dumps: Dumps,
        reason: Reason,
        outcome: Outcome,
        tables: &ProcNet,
    ) -> Report {
        Report {
            source: SourceName::Netlink,
            plan: Plan::netlink(dumps, reason, tables),
            cost: outcome.cost,
            completeness: outcome.completeness,
            spread: Counts::default(),
            notes: Vec::new(),
            ended_by_sink: outcome.ended_by_sink,
        }
    }

    /// Reads the tables; after `netlink` failed, with a note about it.
    ///
    /// # Errors
    /// When they cannot be read: both causes, where there are two.
    pub(super) fn of_tables(
        tables: &ProcNet,
        question: &Question,
        netlink: Option<NetlinkError>,
        sink: &mut dyn Sink,
    ) -> Result<Report, SourceError> {
        let (completeness, cost, ended_by_sink) = match tables.visit(question, sink) {
            Ok(visited) => visited,
            Err(proc) => {
                return Err(match netlink {
                    None => SourceError::Proc(proc),
                    Some(netlink) => SourceError::Both { netlink, proc },
                });
            }
        };
        let is_refused = netlink.is_some();
        let note = match netlink {
            None => tables.note(),
            Some(netlink) if netlink.is_usual() => None,
            Some(netlink) => Some(Note::FellBack {
                directory: tables.directory(),
                cause: netlink.to_string(),
            }),
        };
        Ok(Report {
            source: SourceName::Proc,
            plan: Plan::tables(tables, question, is_refused),
            cost,
            completeness,
            spread: Counts::default(),
            notes: Vec::from_iter(note),
            ended_by_sink,
        })
    }

    /// An answer from a record.
    pub(super) fn recorded(plan: Plan, record: &Recorded, completeness: Completeness) -> Report {
        let mut report = Report::without_sockets(plan, SourceName::Record);
        report.completeness = completeness;
        report.note_record(record);
        report
    }

    /// Notes which record it is from, once.
    pub(super) fn note_record(&mut self, record: &Recorded) {
        let cut = record.cut.as_ref().map(|reason| match record.at {
            true => format!(", which is not whole: {reason}"),
            false => {
                format!(", which is not whole, so that this is its last whole moment: {reason}")
            }
        });
        let cut = cut.or_else(|| {
            let what = match record.last()?.counted {
                Some(_) => "sample",
                None => "moment",
            };
            record.is_growing.then(|| match record.at {
                true => ", which is being recorded into".to_owned(),
                false => {
                    format!(", which is being recorded into: this is its last whole {what}")
                }
            })
        });
        let causes = record.answered().map(|moment| &moment.causes);
        let rules = causes.iter().flat_map(|causes| causes.iter());
        let rules: Vec<&str> = rules.map(|(rule, _)| &**rule).collect();
        let why = match rules.is_empty() {
            true => String::new(),
            false => format!(", recorded because of {}", rules.join(", ")),
        };
        let which = format!("{record}{why}{}", cut.unwrap_or_default());
        let note = Note::Recorded(which);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        self.source = SourceName::Record;
    }

    /// An answer without sockets, as `source` shows.
    pub(super) fn without_sockets(plan: Plan, source: SourceName) -> Report {
        Report {
            source,
            completeness: Completeness::default(),
            spread: Counts::default(),
            notes: Vec::new(),
            ended_by_sink: false,
            plan,
            cost: Cost::default(),
        }
    }

    /// Adds what another dump of the same answer lost and cost.
    pub fn add(&mut self, other: &Report) {
        self.completeness.join(&other.completeness);
        self.cost.add(other.cost);
    }

    /// Adds the cost of another answer that this one replaces.
    pub fn add_cost(&mut self, other: &Report) {
        self.cost.add(other.cost);
    }

    /// Names the kinds of its sockets, and why these are not available.
    pub(super) fn set_kinds(&mut self, kinds: KindSet, unavailable: Option<String>) {
        self.plan.set_kinds(kinds);
        let reason = unavailable.clone();
        self.notes
            .extend(reason.map(|reason| Note::Unavailable(kinds, reason)));
        for kind in kinds.iter() {
            self.completeness.add_kind(KindRead {
                kind,
                source: self.source,
                is_complete: self.completeness.is_complete(),
                unavailable: unavailable.as_deref().map(Into::into),
            });
        }
    }

    /// An answer about no network namespace.
    pub fn without_namespaces() -> Report {
        Report::without_sockets(Plan::none(), SourceName::Netlink)
    }

    /// Adds the answer about another network namespace.
    pub fn join(&mut self, other: Report) {
        self.add(&other);
        self.source = self.source.max(other.source);
        self.spread.add_all(&other.spread);
        let is_new = |note: &Note| !self.notes.contains(note);
        let notes: Vec<Note> = other.notes.into_iter().filter(is_new).collect();
        self.notes.extend(notes);
        self.ended_by_sink = other.ended_by_sink;
        self.plan.join(other.plan);
    }

    /// Names the source that counts faster, where the dumps of several network namespaces took so much
    /// CPU time.
    pub(super) fn advise(&mut self, cpu: Duration, question: &Question) {
        const LONG: Duration = Duration::from_secs(1);
        let is_long = cpu > LONG && self.source != SourceName::Proc;
        if is_long && CannotKnow::check_walk(question).is_ok() {
            self.notes.push(Note::SlowDumps);
        }
    }

    /// Replaces the notes about the tables of single network namespaces, here and in `others`, by one about
    /// all of them.
    pub fn join_notes_about_tables<'a>(&mut self, others: impl Iterator<Item = &'a mut Vec<Note>>) {
        let mut directories = BTreeSet::new();
        let mut take = |notes: &mut Vec<Note>| {
            notes.retain(|note| {
                let Note::OtherTables { directory, .. } = note else {
                    return true;
                };
                directories.insert(directory.clone());
                false
            });
        };
        take(&mut self.notes);
        others.for_each(take);
        let namespaces = directories.len() as u64;
        let note = (namespaces > 0).then_some(Note::TablesOfSeveral { namespaces });
        self.notes.extend(note);
    }

    /// What every answer carries, for one that was requested at `time`.
    pub fn observation(&self, time: SystemTime) -> Observation {
        Observation {
            time,
            source: self.source,
            completeness: self.completeness.clone(),
        }
    }
}

impl Cost {
    /// Adds the cost of another part of the same observation.
    pub(super) fn add(&mut self, other: Cost) {
        self.listed += other.listed;
        self.derived += other.derived;
        self.receipts += other.receipts;
        self.bytes += other.bytes;
        self.repeated += other.repeated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, Kind, StateSet};

    #[test]
    fn a_faster_source_is_named_where_it_can_answer_and_dumps_took_long() {
        let advised = |took, source, fields| {
            let question = Question {
                fields,
                ..Question::about(Kind::Tcp, StateSet::ALL)
            };
            let mut report = Report::without_sockets(Plan::none(), source);
            report.advise(Duration::from_millis(took), &question);
            report.notes == [Note::SlowDumps]
        };
        assert!(advised(1_001, SourceName::Netlink, vec![Field::Netns]));
        assert!(!advised(999, SourceName::Netlink, Vec::new()));
        assert!(!advised(5_000, SourceName::Proc, Vec::new()));
        assert!(!advised(5_000, SourceName::Netlink, vec![Field::Service]));
    }
}
