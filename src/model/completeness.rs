//! What is known to have been lost on the way from the kernel to the answer.
//!
//! Part of every answer, in tables, JSON and the exit status. It does not claim that no socket
//! changed while the sockets were read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Kind, NamespacesRead, SourceName, Trust, UnseenNamespace, counted, write_unseen};

/// One kind of loss, with what is known about its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The kernel reported that its table changed during the dump (NLM_F_DUMP_INTR).
    Interrupted,
    /// A datagram was larger than the receive buffer, so its end was lost.
    Truncated {
        /// The size of the datagram, in bytes.
        bytes: usize,
    },
    /// The kernel dropped messages for want of room (NLMSG_OVERRUN, ENOBUFS).
    Overrun,
    /// Sockets came and went in parts of the kernel's table while these were read, so that some are
    /// missing.
    Changed {
        /// How many parts.
        buckets: u64,
    },
    /// Messages or rows that could not be read; the others were counted.
    Malformed {
        /// How many.
        records: u64,
        /// Where the first one was and what was wrong with it.
        first: String,
    },
    /// The source stopped in the middle; what came before was counted.
    Aborted {
        /// What ended it.
        reason: String,
    },
    /// Nothing is known to be missing, but the answer is not reliable: a table that no kernel wrote in
    /// this form, or a kernel that may not support the request.
    Doubtful {
        /// Why, as a sentence without a full stop.
        what: String,
    },
    /// The source does not have the states of the sockets.
    StatesUnknown {
        /// Which source, as a sentence without a full stop.
        what: String,
    },
    /// Network namespaces exist and were not read.
    NamespacesUnseen {
        /// How many were found.
        of: u64,
        /// Those that were not read.
        unseen: Vec<UnseenNamespace>,
    },
    /// There may be processes in other network namespaces than those that were found.
    ProcessesUnseen {
        /// How many processes are visible and cannot be read.
        denied: u64,
        /// Why others may not be visible, as a clause.
        hiding: Option<String>,
    },
    /// The search for the holders of the sockets reached its time limit; holders are missing, sockets
    /// are not.
    HoldersUnfinished {
        /// The time limit.
        budget: Duration,
    },
}

impl fmt::Display for Loss {
    /// One line without a full stop, for a warning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Interrupted => write!(
                f,
                "the kernel's dump was interrupted; sockets may be missing or counted twice"
            ),
            Loss::Truncated { bytes } => write!(
                f,
                "a datagram of {bytes} bytes did not fit the receive buffer; its last sockets are missing"
            ),
            Loss::Overrun => write!(f, "the kernel dropped messages; sockets are missing"),
            Loss::Changed { buckets } => write!(
                f,
                "the kernel's table changed while it was read; sockets of {} are missing",
                counted(*buckets, "bucket", "buckets")
            ),
            Loss::Malformed { records: 1, first } => {
                write!(f, "1 record could not be read and is missing: {first}")
            }
            Loss::Malformed { records, first } => write!(
                f,
                "{records} records could not be read and are missing; the first: {first}"
            ),
            Loss::Aborted { reason } => write!(f, "the source stopped before its end: {reason}"),
            Loss::Doubtful { what } | Loss::StatesUnknown { what } => f.write_str(what),
            Loss::NamespacesUnseen { of, unseen } => write_unseen(f, *of, unseen),
            Loss::ProcessesUnseen { denied, hiding } => {
                write!(f, "more network namespaces may exist: ")?;
                let denied = match denied {
                    0 => None,
                    denied => Some(format!(
                        "no permission to read those of {}",
                        counted(*denied, "process", "processes")
                    )),
                };
                let causes: Vec<String> = hiding.clone().into_iter().chain(denied).collect();
                f.write_str(&causes.join("; "))
            }
            Loss::HoldersUnfinished { budget } => write!(
                f,
                "the search for the holders of the sockets was ended after {budget:?} (--owner-timeout); some are missing"
            ),
        }
    }
}

/// One of several kinds of sockets in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRead {
    /// Which one.
    pub kind: Kind,
    /// The source of its numbers.
    pub source: SourceName,
    /// Whether nothing of it is known to have been lost.
    pub is_complete: bool,
    /// Why the kernel cannot report any; `None` where it can.
    pub unavailable: Option<Arc<str>>,
}

/// Every loss of one observation; none when everything the kernel sent was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    losses: Vec<Loss>,
    namespaces: Option<NamespacesRead>,
    /// Those of an answer about several.
    kinds: Vec<KindRead>,
}

impl Completeness {
    /// Notes a loss. Unreadable records are added up into one loss that keeps the first example,
    /// and an exact repetition is kept once, so that a broken source cannot fill the memory.
    pub fn lose(&mut self, loss: Loss) {
        if let Loss::Malformed { records: more, .. } = &loss {
            for known in &mut self.losses {
                if let Loss::Malformed { records, .. } = known {
                    *records += more;
                    return;
                }
            }
        }
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }

    /// Sets which of several network namespaces the answer is about; those that were not read are
    /// losses.
    pub fn set_namespaces(&mut self, namespaces: NamespacesRead) {
        for loss in namespaces.losses() {
            self.lose(loss);
        }
        self.namespaces = Some(namespaces);
    }

    /// Which network namespaces the answer is about; `None` for an answer about one.
    pub fn namespaces(&self) -> Option<&NamespacesRead> {
        self.namespaces.as_ref()
    }

    /// Adds how one of several kinds of sockets was read, in one or more network namespaces.
    pub fn add_kind(&mut self, read: KindRead) {
        match self.kinds.iter_mut().find(|known| known.kind == read.kind) {
            None => self.kinds.push(read),
            Some(known) => {
                known.source = known.source.max(read.source);
                known.is_complete &= read.is_complete;
                known.unavailable = known.unavailable.take().or(read.unavailable);
            }
        }
    }

    /// How each of several kinds of sockets was read; none of an answer about one kind.
    pub fn kinds(&self) -> &[KindRead] {
        &self.kinds
    }

    /// For an answer in which the states of the sockets do not matter.
    pub fn ignore_unknown_states(&mut self) {
        self.losses
            .retain(|loss| !matches!(loss, Loss::StatesUnknown { .. }));
    }

    /// Adds what was lost in another dump of the same answer.
    pub fn join(&mut self, other: &Completeness) {
        for read in &other.kinds {
            self.add_kind(read.clone());
        }
        for loss in &other.losses {
            self.lose(loss.clone());
        }
    }

    /// Whether nothing is known to have been lost.
    pub fn is_complete(&self) -> bool {
        self.losses.is_empty()
    }

    /// How reliable a number of sockets is that was observed with these losses.
    ///
    /// An interrupted dump may contain sockets twice that moved meanwhile, but no more of them than any
    /// observation of a changing table.
    pub fn trust(&self) -> Trust {
        let doubtful =
            |loss: &Loss| matches!(loss, Loss::Doubtful { .. } | Loss::StatesUnknown { .. });
        if self.losses.is_empty() {
            Trust::Exact
        } else if self.losses.iter().any(doubtful) {
            Trust::Nothing
        } else {
            Trust::AtLeast
        }
    }

    /// What was lost, in the order it was noticed.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_records_are_added_up_and_the_first_is_kept() {
        let mut completeness = Completeness::default();
        assert!(completeness.is_complete());
        for first in ["row 7", "row 9"] {
            completeness.lose(Loss::Malformed {
                records: 1,
                first: first.to_owned(),
            });
        }
        completeness.lose(Loss::Overrun);
        completeness.lose(Loss::Overrun);
        assert_eq!(
            completeness.losses(),
            [
                Loss::Malformed {
                    records: 2,
                    first: "row 7".to_owned()
                },
                Loss::Overrun
            ]
        );
    }
}
