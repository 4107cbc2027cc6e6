//! Which source answers: the one that is tried first, and the one after a refusal. Pure.

use super::Deriving;
use crate::model::Where;
use crate::question::Question;
use crate::source::proc_net::ProcNet;
use crate::source::{CannotKnow, NetlinkError, SourceError};

/// Which sources may answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Sources {
    /// Netlink, with counters where they are cheaper, or this proc file system's tables where
    /// netlink is not available.
    Auto(ProcNet),
    /// Netlink or nothing, and every socket listed.
    Netlink,
    /// Netlink or nothing, with counters wherever possible.
    NetlinkAndCounters,
    /// These tables only.
    Proc(ProcNet),
}

/// The source that is tried first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::source) enum First<'a> {
    /// Netlink; and whether numbers may be derived from counters.
    Netlink(Deriving),
    /// These tables; no other source may answer.
    Tables(&'a ProcNet),
}

impl Sources {
    /// Whose sockets they report.
    pub fn place(&self) -> Where {
        self.tables().place().clone()
    }

    /// The tables of the network namespace whose sockets they report, whether these are read or not.
    pub(in crate::source) fn tables(&self) -> ProcNet {
        match self {
            Sources::Auto(tables) | Sources::Proc(tables) => tables.clone(),
            Sources::Netlink | Sources::NetlinkAndCounters => ProcNet::own(),
        }
    }

    /// The source that is tried first.
    pub(in crate::source) fn first(&self) -> First<'_> {
        match self {
            Sources::Auto(_) => First::Netlink(Deriving::WhereCheaper),
            Sources::Netlink => First::Netlink(Deriving::Never),
            Sources::NetlinkAndCounters => First::Netlink(Deriving::WherePossible),
            Sources::Proc(tables) => First::Tables(tables),
        }
    }

    /// The tables to read after netlink failed before the first socket, and that failure.
    ///
    /// # Errors
    /// When no other source may answer, or the tables do not contain the answer.
    pub(in crate::source) fn after(
        &self,
        netlink: NetlinkError,
        question: &Question,
    ) -> Result<(&ProcNet, NetlinkError), SourceError> {
        let tables = match self {
            _ if !netlink.permits_fallback() => return Err(SourceError::Netlink(netlink)),
            Sources::Netlink | Sources::NetlinkAndCounters => {
                return Err(SourceError::NetlinkOnly(netlink));
            }
            Sources::Auto(tables) | Sources::Proc(tables) => tables,
        };
        match CannotKnow::check(question, tables) {
            Ok(()) => Ok((tables, netlink)),
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
        let (auto, netlink) = (Sources::Auto(ProcNet::own()), Sources::Netlink);
        let after = |sources: &Sources, errno: Errno, fields| {
            let question = Question {
                fields,
                ..Question::about(Kind::Tcp, StateSet::ALL)
            };
            let failure = NetlinkError::failed("socket")(errno.into());
            let next = sources.after(failure, &question);
            next.map(|(tables, _)| tables.clone())
        };
        let tables = after(&auto, Errno::PERM, vec![Field::Inode]).unwrap();
        assert_eq!(tables, ProcNet::own());
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
