//! Which network namespaces an answer about several is about, what is known of each, and which were
//! not read.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Loss, Netns, Placement, SourceName, counted, thousands};

/// What is known of a network namespace besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// The inode number, where a link shows it.
    pub inode: Option<u32>,
    /// The lowest number of a process in it.
    pub pid: Option<u32>,
    /// How many processes are in it; `None` where they were not counted.
    pub processes: Option<u64>,
    /// Where it is mounted.
    pub mounts: Vec<PathBuf>,
    /// What the control groups of that process belong to.
    pub placement: Placement,
}

/// A network namespace that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadNamespace {
    /// Which one.
    pub netns: Netns,
    /// What is known of it.
    pub facts: Arc<NamespaceFacts>,
    /// The source of its numbers.
    pub source: SourceName,
    /// Whether its counters showed no socket, so that none was requested.
    pub is_empty: bool,
}

/// The network namespaces of one answer about several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespacesRead {
    /// Those that were read.
    pub read: Vec<ReadNamespace>,
    /// Those that were not.
    pub unseen: Vec<UnseenNamespace>,
    /// How many processes are visible and cannot be read, so that the namespaces that only these are
    /// in are unknown.
    pub denied: u64,
    /// Why other processes may not be visible, as a clause.
    pub hiding: Option<String>,
}

impl NamespacesRead {
    /// How many were read or should have been.
    pub fn total(&self) -> u64 {
        (self.read.len() + self.unseen.len()) as u64
    }

    /// The one that was read under this number.
    pub fn of(&self, netns: Netns) -> Option<&ReadNamespace> {
        self.read.iter().find(|one| one.netns == netns)
    }

    /// Moves one that was read to those that were not; or to none, if it has ended.
    pub fn exclude(&mut self, one: UnseenNamespace, reason: Option<UnseenReason>) {
        self.read.retain(|read| read.netns != one.netns);
        let unseen = reason.map(|reason| UnseenNamespace { reason, ..one });
        self.unseen.extend(unseen);
    }

    /// Which were not read, and why, as one line.
    pub fn unseen_text(&self) -> String {
        let losses = self.losses().take(usize::from(!self.unseen.is_empty()));
        losses.map(|loss| loss.to_string()).collect()
    }

    /// Whether every one that may exist was read.
    pub fn are_all(&self) -> bool {
        self.losses().next().is_none()
    }

    /// What is missing in the answer.
    pub(super) fn losses(&self) -> impl Iterator<Item = Loss> {
        let unseen = (!self.unseen.is_empty()).then(|| Loss::NamespacesUnseen {
            of: self.total(),
            unseen: self.unseen.clone(),
        });
        let is_unknown = self.denied > 0 || self.hiding.is_some();
        let unknown = is_unknown.then(|| Loss::ProcessesUnseen {
            denied: self.denied,
            hiding: self.hiding.clone(),
        });
        unseen.into_iter().chain(unknown)
    }
}

/// A network namespace that exists and was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenNamespace {
    /// The word that selects it.
    pub name: String,
    /// Its inode number.
    pub netns: Netns,
    /// Why it was not read.
    pub reason: UnseenReason,
}

/// Why a network namespace was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnseenReason {
    /// Entering it is not permitted, and no process in it is visible.
    NoPermission,
    /// It is mounted, and entering it is not permitted. Which processes are in it is unknown, and so
    /// whether it was read from the tables of one, under another name.
    Unidentified,
    /// A word selected it, and it has ended.
    Gone,
    /// It is mounted below the mount of another one only, and no process in it is visible.
    Covered,
    /// What the system reports.
    Failed(String),
}

impl UnseenReason {
    /// The one with this name, and what the system reported; of a later version, the word itself.
    pub fn of(name: &str, error: Option<&str>) -> UnseenReason {
        match name {
            "no_permission" => UnseenReason::NoPermission,
            "unidentified" => UnseenReason::Unidentified,
            "gone" => UnseenReason::Gone,
            "covered" => UnseenReason::Covered,
            other => UnseenReason::Failed(error.unwrap_or(other).to_owned()),
        }
    }

    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            UnseenReason::NoPermission => "no_permission",
            UnseenReason::Unidentified => "unidentified",
            UnseenReason::Gone => "gone",
            UnseenReason::Covered => "covered",
            UnseenReason::Failed(_) => "failed",
        }
    }
}

/// Writes one line about those of `of` network namespaces that were not read, by their reasons.
pub(super) fn write_unseen(
    f: &mut fmt::Formatter<'_>,
    of: u64,
    unseen: &[UnseenNamespace],
) -> fmt::Result {
    let is_unread = |one: &&UnseenNamespace| one.reason != UnseenReason::Unidentified;
    let (unread, unidentified): (Vec<_>, Vec<_>) = unseen.iter().partition(is_unread);
    if !unread.is_empty() {
        let count = thousands(unread.len());
        let all = of - unidentified.len() as u64;
        let all = counted(all, "network namespace", "network namespaces");
        write!(f, "{count} of {all} not read: ")?;
    }
    let mut reasons: Vec<(&UnseenReason, Vec<&str>)> = Vec::new();
    for one in unread {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == &one.reason)
        {
            Some((_, names)) => names.push(&one.name),
            None => reasons.push((&one.reason, vec![&one.name])),
        }
    }
    for (number, (reason, names)) in reasons.iter().enumerate() {
        f.write_str(if number == 0 { "" } else { "; " })?;
        write_names(f, names)?;
        let are = if names.len() == 1 { "is" } else { "are" };
        match reason {
            UnseenReason::NoPermission => f.write_str(
                " (entering takes CAP_SYS_ADMIN and no process in it is visible: run as root)",
            )?,
            UnseenReason::Unidentified => {}
            UnseenReason::Gone => write!(f, " {are} gone")?,
            UnseenReason::Covered => write!(f, " {are} covered by another mount")?,
            UnseenReason::Failed(why) => write!(f, " ({why})")?,
        }
    }
    if unidentified.is_empty() {
        return Ok(());
    }
    f.write_str(if reasons.is_empty() { "" } else { "; " })?;
    let names: Vec<&str> = unidentified.iter().map(|one| &*one.name).collect();
    write_names(f, &names)?;
    f.write_str(
        " may be missing (mounted and not entered, which takes CAP_SYS_ADMIN; counted under another name \
         if a process in it is visible: run as root)",
    )
}

fn write_names(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    const MOST_NAMED: usize = 8;
    let shown: Vec<&str> = names.iter().copied().take(MOST_NAMED).collect();
    f.write_str(&shown.join(", "))?;
    match names.len().saturating_sub(MOST_NAMED) {
        0 => Ok(()),
        more => write!(f, " and {} more", thousands(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_may_be_counted_is_not_among_those_that_were_not_read() {
        let unseen = |names: &[(&str, UnseenReason)]| {
            let unseen = names.iter().map(|(name, reason)| UnseenNamespace {
                name: (*name).to_owned(),
                netns: Netns(7),
                reason: reason.clone(),
            });
            NamespacesRead {
                unseen: unseen.collect(),
                ..NamespacesRead::default()
            }
            .unseen_text()
        };
        let unidentified = [
            ("blue", UnseenReason::Unidentified),
            ("red", UnseenReason::Unidentified),
        ];
        let text = unseen(&unidentified);
        assert!(text.starts_with("blue, red may be missing ("), "{text}");
        let text = unseen(&[("old", UnseenReason::Gone), unidentified[0].clone()]);
        let start = "1 of 1 network namespace not read: old is gone; blue may be missing (";
        assert!(text.starts_with(start), "{text}");
    }
}
