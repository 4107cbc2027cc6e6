//! What an answer reports about its source and its owners that is not a loss.
//!
//! Carried as values, so that a note is compared by what it says; text only where it is printed.

use std::fmt;
use std::path::PathBuf;

use super::{KindSet, ProcessQuery, SourceName, counted};

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The tables that were read are not those of the reader's own network namespace.
    OtherTables {
        /// Their directory.
        directory: PathBuf,
        /// Whose tables they are, for a person.
        whose: String,
        /// Whether there is a table for IPv6. Without one, a host has no IPv6; in a copy it may be a
        /// file that was forgotten.
        has_v6: bool,
    },
    /// The answer is about a host at an earlier time: which, when, the file, and how that ends if it is cut
    /// off; or when the groups of a sample were counted, if that was before it.
    Recorded(String),
    /// The tables of processes were read, because their network namespaces cannot be entered.
    TablesOfSeveral {
        /// How many namespaces.
        namespaces: u64,
    },
    /// The dumps of all network namespaces took much CPU time, and `--source bpf` could answer too.
    SlowDumps,
    /// The tables were read because netlink did not answer.
    FellBack {
        /// Their directory.
        directory: PathBuf,
        /// Why netlink did not answer.
        cause: String,
    },
    /// After [`Note::FellBack`], this source answered again.
    AnsweredAgain(SourceName),
    /// There is no such process.
    NoProcess(ProcessQuery),
    /// No process at all is visible, so also none of these.
    NoProcessShown {
        /// The processes.
        query: ProcessQuery,
        /// The proc file system.
        proc_root: PathBuf,
    },
    /// No such process is visible, where some may be hidden.
    NoVisibleProcess {
        /// The processes.
        query: ProcessQuery,
        /// The mount option that hides processes.
        hiding: String,
    },
    /// Besides those found, more of these processes may be hidden.
    MayHideProcesses {
        /// The processes.
        query: ProcessQuery,
        /// The mount option that hides processes.
        hiding: String,
    },
    /// Sockets that a process may hold have no known holder.
    OwnersUnknown {
        /// How many.
        sockets: u64,
        /// Why, as far as it was observed.
        reason: String,
    },
    /// The names of processes that hold sockets cannot be read.
    NamesUnknown {
        /// How many.
        processes: u64,
        /// Why the first one cannot be read.
        reason: String,
    },
    /// There are more groups than are counted one by one.
    TooManyGroups {
        /// How many are.
        groups: usize,
        /// The sockets of all others.
        sockets: u64,
    },
    /// Groups of an earlier answer that are gone and not shown.
    MoreGroupsGone {
        /// How many.
        groups: u64,
    },
    /// Columns of a table did not fit the terminal.
    Omitted {
        /// The columns of the terminal, in characters.
        width: usize,
        /// The headings.
        headings: Vec<String>,
    },
    /// Marks were requested and are not reported to this process.
    NoMarks,
    /// The kernel cannot report sockets of these kinds, for this reason.
    Unavailable(KindSet, String),
    /// There are MPTCP sockets, whose own states are not counted.
    Mptcp {
        /// How many.
        sockets: u64,
    },
}

const SLOW_DUMPS: &str = "reading one network namespace after the other took over a second of CPU time; --source bpf \
    counts all of them in one walk, as root";

fn may_hide(hiding: &impl fmt::Display) -> String {
    format!("the proc file system is mounted with {hiding}, which may hide")
}

impl Note {
    /// Takes the number of another note about owners, if both have the same reason; false otherwise.
    pub fn joins(&mut self, other: &Note) -> bool {
        match (self, other) {
            (
                Note::OwnersUnknown { sockets, reason },
                Note::OwnersUnknown {
                    sockets: more,
                    reason: same,
                },
            ) if reason == same => {
                *sockets += more;
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for Note {
    /// One line without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Recorded(which) => f.write_str(which),
            Note::OtherTables {
                directory,
                whose,
                has_v6,
            } => {
                let v6 = if *has_v6 { "" } else { ", without a tcp6" };
                write!(f, "read {}, {whose}{v6}", directory.display())
            }
            Note::Unavailable(kinds, reason) => {
                write!(f, "no {} sockets are reported: {reason}", kinds.titles())
            }
            Note::TablesOfSeveral { namespaces } => write!(
                f,
                "read PID/net of processes in {}, because entering them takes CAP_SYS_ADMIN and CAP_SYS_PTRACE",
                counted(*namespaces, "network namespace", "network namespaces")
            ),
            Note::FellBack { directory, cause } => {
                let directory = directory.display();
                write!(f, "{directory} answered, because netlink did not: {cause}")
            }
            Note::AnsweredAgain(source) => write!(f, "{} answered again", source.name()),
            Note::NoProcess(query) => write!(f, "there is no process {query}"),
            Note::NoProcessShown { query, proc_root } => {
                let root = proc_root.display();
                write!(f, "no visible process {query}; {root} shows no processes")
            }
            Note::NoVisibleProcess { query, hiding } => {
                write!(f, "no visible process {query}; {} some", may_hide(hiding))
            }
            Note::MayHideProcesses { query, hiding } => {
                write!(f, "{} processes {query}", may_hide(hiding))
            }
            Note::OwnersUnknown { sockets, reason } => {
                let sockets = counted(*sockets, "socket", "sockets");
                write!(f, "owner unknown for {sockets}: {reason}")
            }
            Note::NamesUnknown { processes, reason } => {
                let processes = counted(*processes, "process", "processes");
                write!(f, "name unknown for {processes}: {reason}")
            }
            Note::TooManyGroups { groups, sockets } => write!(
                f,
                "more than {groups} groups: {sockets} sockets of the others are counted together"
            ),
            Note::MoreGroupsGone { groups } => {
                let groups = counted(*groups, "more group is", "more groups are");
                write!(f, "{groups} gone: --top limits those that are shown")
            }
            Note::Omitted { width, headings } => {
                write!(f, "omitted to fit {width} columns: {}", headings.join(", "))
            }
            Note::SlowDumps => f.write_str(SLOW_DUMPS),
            Note::NoMarks => f.write_str("marks are reported only with CAP_NET_ADMIN"),
            Note::Mptcp { sockets } => write!(
                f,
                "CLOSE_WAIT of MPTCP sockets is not counted ({sockets} exist): their subflows are, as ESTABLISHED"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_about_owners_join_where_the_reason_is_the_same() {
        let unknown = |sockets, reason: &str| Note::OwnersUnknown {
            sockets,
            reason: reason.to_owned(),
        };
        let mut first = unknown(13, "closed");
        assert!(first.joins(&unknown(12, "closed")));
        assert_eq!(first, unknown(25, "closed"));
        assert!(!first.joins(&unknown(1, "no permission")));
        assert!(!first.joins(&Note::SlowDumps));
        assert_eq!(first, unknown(25, "closed"));
    }
}
