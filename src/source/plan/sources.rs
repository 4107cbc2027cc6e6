//! Which source answers: the one that is tried first, and the one after a refusal. Pure.

use std::sync::Arc;

use super::Deriving;
use crate::model::Where;
use crate::question::Question;
use crate::source::proc_net::ProcNet;
use crate::source::{CannotKnow, NetlinkError, SourceError};

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
    /// Several network namespaces, one after the other.
    Several(Several),
}

/// The sources of several network namespaces: two or more, and the words that select them.
#[derive(Clone, Debug, PartialEq)]
pub struct Several {
    first: Box<Sources>,
    further: Vec<Sources>,
    words: Arc<[String]>,
}

/// The source that is tried first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::source) enum First {
    /// Netlink; and whether numbers may be derived from counters.
    Netlink(Deriving),
    /// The tables; no other source may answer.
    Tables,
}

impl Sources {
    /// Those of several namespaces, which these words select; `None` for none.
    pub fn several(parts: Vec<Sources>, words: &[String]) -> Option<Sources> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        let further: Vec<Sources> = parts.collect();
        if further.is_empty() {
            return Some(first);
        }
        Some(Sources::Several(Several {
            first: Box::new(first),
            further,
            words: words.into(),
        }))
    }

    /// Those of the first namespace, and of each of the others.
    pub(in crate::source) fn parts(&self) -> (&Sources, &[Sources]) {
        match self {
            Sources::Several(several) => (&several.first, &several.further),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_) => (self, &[]),
        }
    }

    /// Whether they are those of several namespaces.
    pub fn are_several(&self) -> bool {
        matches!(self, Sources::Several(_))
    }

    /// Whether counters were requested.
    pub fn request_counters(&self) -> bool {
        matches!(self.parts().0, Sources::NetlinkAndCounters(_))
    }

    /// Whose sockets they report.
    pub fn place(&self) -> Where {
        match self {
            Sources::Several(several) => Where::Several(Arc::clone(&several.words)),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_) => self.tables().place().clone(),
        }
    }

    /// The tables of the network namespace whose sockets they report, whether these are read or not;
    /// of several, the first.
    pub(in crate::source) fn tables(&self) -> &ProcNet {
        match self {
            Sources::Auto(tables)
            | Sources::Netlink(tables)
            | Sources::NetlinkAndCounters(tables)
            | Sources::Proc(tables) => tables,
            Sources::Several(several) => several.first.tables(),
        }
    }

    /// The source that is tried first; of several namespaces, in the first one.
    pub(in crate::source) fn first(&self) -> First {
        match self {
            Sources::Auto(_) => First::Netlink(Deriving::WhereCheaper),
            Sources::Netlink(_) => First::Netlink(Deriving::Never),
            Sources::NetlinkAndCounters(_) => First::Netlink(Deriving::WherePossible),
            Sources::Proc(_) => First::Tables,
            Sources::Several(several) => several.first.first(),
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
