//! The network namespaces that are examined: one, or several in the same window.

use std::time::Duration;

use super::samples::{Longer, Samples, take_all};
use super::selection::Selection;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::model::{NamespacesRead, UnseenNamespace, UnseenReason, Where};
use crate::source::{NetlinkError, Report, SourceError};

/// What is examined.
#[derive(Debug)]
pub(super) struct Parts {
    parts: Vec<Part>,
    /// Whose sockets they are.
    pub(super) place: Where,
    /// The filter as typed; `None` for none.
    pub(super) words: Option<String>,
    /// Which of several namespaces were found; those without sockets are not examined.
    namespaces: Option<NamespacesRead>,
    /// Whether these are every one that is found.
    are_every: bool,
}

/// One network namespace.
#[derive(Debug)]
struct Part {
    /// One of several, as it is reported if it cannot be read.
    unseen: Option<UnseenNamespace>,
    selection: Selection,
}

/// The samples of one network namespace.
pub(super) struct Taken {
    /// Its name, where there are several.
    pub(super) name: Option<String>,
    pub(super) samples: Samples,
}

impl Parts {
    /// The namespaces of this target, and the sockets in them.
    ///
    /// # Errors
    /// When none of several can be read.
    pub(super) fn of(target: Target) -> Result<Parts, Failure> {
        let words = target.typed_words();
        let (place, are_every) = (target.sources.place(), target.sources.are_every());
        let (parts, namespaces) = match target.each_namespace()? {
            None => {
                let selection = Selection::of(target);
                let unseen = None;
                (vec![Part { unseen, selection }], None)
            }
            Some((targets, namespaces)) => {
                let record = target.sources.record();
                if record.is_some_and(|record| record.counted().is_some()) {
                    // A sample has sockets of none, and the reason is this one.
                    target.listeners()?;
                }
                let parts = targets.into_iter().map(|(unseen, target)| Part {
                    unseen: Some(unseen),
                    selection: Selection::one_of_several(target),
                });
                (parts.collect(), Some(namespaces))
            }
        };
        Ok(Parts {
            parts,
            place,
            words,
            namespaces,
            are_every,
        })
    }

    /// Takes both samples of each, with one window between them.
    ///
    /// # Errors
    /// When no source answered in any.
    pub(super) fn take(
        &self,
        window: Duration,
        longer: &mut impl Longer,
    ) -> Result<(Report, Vec<Taken>), Failure> {
        let mut namespaces = self.namespaces.clone();
        let mut first = None::<Failure>;
        let mut unseen = |part: &Part, failure: Failure| match (&mut namespaces, &part.unseen) {
            (Some(namespaces), Some(unseen)) => {
                let reason = reason(&failure);
                if reason.is_some() {
                    first.get_or_insert(failure);
                }
                namespaces.exclude(unseen.clone(), reason);
                Ok(())
            }
            _ => Err(failure),
        };
        let selections = self.parts.iter().map(|part| &part.selection);
        let both = take_all(selections, window, longer);
        let (mut report, mut taken) = (None::<Report>, Vec::new());
        for (part, both) in self.parts.iter().zip(both) {
            let (one, samples) = match both {
                Ok(both) => both,
                Err(failure) => {
                    unseen(part, failure)?;
                    continue;
                }
            };
            match &mut report {
                Some(report) => report.join(one),
                None => report = Some(one),
            }
            let name = part.unseen.as_ref().map(|one| one.name.clone());
            taken.push(Taken { name, samples });
        }
        if let Some(failure) = first.filter(|_| taken.is_empty()) {
            return Err(failure);
        }
        let mut report = report.unwrap_or_else(Report::without_namespaces);
        if self.are_every {
            let notes = taken.iter_mut().map(|one| &mut one.samples.notes);
            report.join_notes_about_tables(notes);
        }
        if let Some(namespaces) = namespaces {
            report.completeness.set_namespaces(namespaces);
        }
        Ok((report, taken))
    }
}

/// Why a namespace was not examined; `None` for one that has ended.
fn reason(failure: &Failure) -> Option<UnseenReason> {
    let is_gone = |error: &SourceError| {
        let is_left = matches!(error, SourceError::Netlink(NetlinkError::NamespaceGone(_)));
        is_left || error.is_of_ended_process()
    };
    let is_gone = matches!(failure, Failure::Observe(error) if is_gone(error));
    (!is_gone).then(|| UnseenReason::Failed(failure.to_string()))
}
