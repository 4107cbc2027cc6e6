//! Which source answers: the one that is tried first, and the one after a refusal. Pure.

mod recorded;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Deriving;
use crate::model::{NamespaceList, Recorded, SourceName, Where};
use crate::netns::{Access, Member, Members, find_members};
use crate::question::Question;
use crate::source::proc_net::{NoTables, ProcNet};
use crate::source::{CannotKnow, NetlinkError, SourceError};
use recorded::find_recorded;

/// Which sources may answer, and about which network namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Sources {
    /// Netlink, with counters where they are cheaper, or these tables where netlink is not available.
    Auto(ProcNet),
    /// Netlink or nothing, and every socket listed, where these tables are.
    Netlink(ProcNet),
    /// Netlink or nothing, with counters wherever possible, where these tables are.
    NetlinkAndCounters(ProcNet),
    /// These tables only.
    Proc(ProcNet),
    /// A program in the kernel that counts, in the network namespace of these tables.
    Bpf(ProcNet),
    /// Several network namespaces, one after the other.
    Several(Several),
    /// A record, with its files in the place of tables.
    Record(ProcNet),
}

/// The sources of several network namespaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Several {
    /// The sources of each, as those of the namespace of the calling thread.
    each: Box<Sources>,
    /// Those that words select; `None` for every one that is found.
    selected: Option<Arc<[Member]>>,
    /// Whether what their processes belong to is part of the answer.
    placements: bool,
    list: Arc<NamespaceList>,
}

impl Several {
    /// The namespaces of an answer; every one is searched for anew. Their names are those of the list
    /// until the next answer.
    pub(in crate::source) fn find(&self) -> Members {
        let found = match (self.list.record(), &self.selected) {
            (Some(record), selected) => find_recorded(record, selected.as_deref()),
            (None, None) => find_members(self.list.proc_root(), self.placements),
            (None, Some(selected)) => Members {
                members: selected.to_vec(),
                ..Members::default()
            },
        };
        let members = found.members.iter();
        self.list
            .set_names(members.map(|member| (member.netns, Arc::clone(&member.name))));
        found
    }

    /// The record that they are of, if they are of one.
    pub(in crate::source) fn record(&self) -> Option<&Arc<Recorded>> {
        self.list.record()
    }

    /// The proc file system with their processes, if it is another one.
    pub(in crate::source) fn proc_root(&self) -> Option<&Path> {
        self.list.proc_root()
    }

    /// Whether every namespace that is found is selected.
    pub(in crate::source) fn are_every(&self) -> bool {
        self.selected.is_none()
    }

    /// The sources of one, which is read in this way; `None` where only netlink may answer, and it
    /// cannot be entered.
    pub(in crate::source) fn at(
        &self,
        member: &Member,
        access: &Access,
    ) -> Result<Option<Sources>, NoTables> {
        let tables = || Ok(ProcNet::of(access)?.one_of_several(member));
        Ok(Some(match (&*self.each, access) {
            (_, Access::Recorded(_)) => Sources::Record(tables()?),
            (Sources::Auto(_) | Sources::Proc(_), Access::Tables(_)) | (Sources::Proc(_), _) => {
                Sources::Proc(tables()?)
            }
            (Sources::Auto(_), _) => Sources::Auto(tables()?),
            (_, Access::Tables(_)) => return Ok(None),
            (Sources::NetlinkAndCounters(_), _) => Sources::NetlinkAndCounters(tables()?),
            (
                Sources::Netlink(_) | Sources::Bpf(_) | Sources::Several(_) | Sources::Record(_),
                _,
            ) => Sources::Netlink(tables()?),
        }))
    }
}

/// The source that is tried first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::source) enum First {
    /// Netlink; and whether numbers may be derived from counters.
    Netlink(Deriving),
    /// The tables; no other source may answer.
    Tables,
    /// A program in the kernel; no other source may answer.
    Walk,
    /// A record; no other source may answer.
    Record,
}

impl First {
    /// The source of numbers that counters gave.
    pub(in crate::source) fn with_counters(self) -> SourceName {
        match self {
            First::Netlink(_) => SourceName::NetlinkAndCounters,
            First::Tables => SourceName::Proc,
            First::Walk => SourceName::Bpf,
            First::Record => SourceName::Record,
        }
    }
}

impl Sources {
    /// Those of these namespaces, each read like that of the calling thread by `self`; found among the
    /// processes of `proc_root`, if it is another proc file system.
    #[must_use]
    pub fn of_several(self, selected: Vec<Member>, proc_root: Option<PathBuf>) -> Sources {
        let words = selected.iter().map(|one| one.name.to_string()).collect();
        Sources::Several(Several {
            each: Box::new(self),
            selected: Some(selected.into()),
            placements: false,
            list: Arc::new(NamespaceList::new(words, proc_root)),
        })
    }

    /// The same for every namespace that is found.
    #[must_use]
    pub fn of_every(self, proc_root: Option<PathBuf>) -> Sources {
        Sources::Several(Several {
            each: Box::new(self),
            selected: None,
            placements: false,
            list: Arc::new(NamespaceList::every(proc_root)),
        })
    }

    /// The same, where what the processes of each namespace belong to is part of the answer.
    #[must_use]
    pub fn with_placements(self) -> Sources {
        match self.into_several() {
            Ok(several) => Sources::Several(Several {
                placements: true,
                ..several
            }),
            Err(one) => one,
        }
    }

    /// Those of several namespaces; `None` for those of one.
    pub fn several(&self) -> Option<&Several> {
        match self {
            Sources::Several(several) => Some(several),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_)
            | Sources::Bpf(_)
            | Sources::Record(_) => None,
        }
    }

    /// The same, taken out.
    ///
    /// # Errors
    /// They are those of one.
    pub(in crate::source) fn into_several(self) -> Result<Several, Sources> {
        match self {
            Sources::Several(several) => Ok(several),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_)
            | Sources::Bpf(_)
            | Sources::Record(_) => Err(self),
        }
    }

    /// Those of one of several namespaces, as if it were the only one.
    pub(in crate::source) fn alone(self) -> Sources {
        match self {
            Sources::Record(tables) => Sources::Record(tables.alone()),
            Sources::Auto(tables) => Sources::Auto(tables.alone()),
            Sources::Netlink(tables) => Sources::Netlink(tables.alone()),
            Sources::NetlinkAndCounters(tables) => Sources::NetlinkAndCounters(tables.alone()),
            Sources::Proc(tables) => Sources::Proc(tables.alone()),
            Sources::Bpf(tables) => Sources::Bpf(tables.alone()),
            Sources::Several(_) => self,
        }
    }

    /// Whether they are those of several namespaces.
    pub fn are_several(&self) -> bool {
        matches!(self, Sources::Several(_))
    }

    /// Whether they are those of every network namespace that is found.
    pub fn are_every(&self) -> bool {
        matches!(self, Sources::Several(several) if several.are_every())
    }

    /// Whether counters were requested.
    pub fn request_counters(&self) -> bool {
        match self {
            Sources::Several(several) => several.each.request_counters(),
            Sources::NetlinkAndCounters(_) => true,
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::Proc(_)
            | Sources::Bpf(_)
            | Sources::Record(_) => false,
        }
    }

    /// Whose sockets they report.
    pub fn place(&self) -> Where {
        match self {
            Sources::Several(several) => Where::Several(Arc::clone(&several.list)),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_)
            | Sources::Bpf(_)
            | Sources::Record(_) => self.tables().place().clone(),
        }
    }

    /// The tables of the network namespace whose sockets they report, whether these are read or not;
    /// of several, that of the calling thread.
    pub(in crate::source) fn tables(&self) -> &ProcNet {
        match self {
            Sources::Auto(tables)
            | Sources::Netlink(tables)
            | Sources::NetlinkAndCounters(tables)
            | Sources::Proc(tables)
            | Sources::Bpf(tables)
            | Sources::Record(tables) => tables,
            Sources::Several(several) => several.each.tables(),
        }
    }

    /// The source that is tried first; of several namespaces, in each.
    pub(in crate::source) fn first(&self) -> First {
        match self {
            Sources::Auto(_) => First::Netlink(Deriving::WhereCheaper),
            Sources::Netlink(_) => First::Netlink(Deriving::Never),
            Sources::NetlinkAndCounters(_) => First::Netlink(Deriving::WherePossible),
            Sources::Proc(_) => First::Tables,
            Sources::Bpf(_) => First::Walk,
            Sources::Record(_) => First::Record,
            Sources::Several(several) => several.each.first(),
        }
    }

    /// The failure of netlink before the first socket, if the tables may be read after it.
    ///
    /// # Errors
    /// When no other source may answer, or the tables do not contain the answer.
    pub(in crate::source) fn after(
        &self,
        netlink: NetlinkError,
        question: &Question,
    ) -> Result<NetlinkError, SourceError> {
        if !netlink.permits_fallback() {
            return Err(SourceError::Netlink(netlink));
        }
        if matches!(
            self,
            Sources::Netlink(_) | Sources::NetlinkAndCounters(_) | Sources::Several(_)
        ) {
            return Err(SourceError::NetlinkOnly(netlink));
        }
        match CannotKnow::check(question, self.tables()) {
            Ok(()) => Ok(netlink),
            Err(cannot_know) => Err(SourceError::OnlyNetlinkKnows {
                netlink,
                cannot_know,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::model::{Field, Kind, StateSet};

    #[test]
    fn tables_are_read_after_a_refusal_where_they_may_and_can_answer() {
        let (auto, netlink) = (
            Sources::Auto(ProcNet::own()),
            Sources::Netlink(ProcNet::own()),
        );
        let after = |sources: &Sources, errno: Errno, fields| {
            let question = Question {
                fields,
                ..Question::about(Kind::Tcp, StateSet::ALL)
            };
            let failure = NetlinkError::failed("socket")(errno.into());
            sources.after(failure, &question)
        };
        assert!(after(&auto, Errno::PERM, vec![Field::Inode]).is_ok());
        let error = |sources, errno, fields| after(sources, errno, fields).unwrap_err();
        assert!(matches!(
            error(&auto, Errno::PERM, vec![Field::Cookie]),
            SourceError::OnlyNetlinkKnows { .. }
        ));
        assert!(matches!(
            error(&auto, Errno::MFILE, Vec::new()),
            SourceError::Netlink(_)
        ));
        assert!(matches!(
            error(&netlink, Errno::PERM, Vec::new()),
            SourceError::NetlinkOnly(_)
        ));
    }
}
