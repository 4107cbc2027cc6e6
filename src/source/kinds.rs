//! One answer about several kinds of sockets, which are requested one after the other.
//!
//! `net/protocols` of proc(5) says how many sockets of a kind there are (`proto_seq_show`,
//! net/core/sock.c). One without any is not requested: for MPTCP that takes a walk over two tables, and
//! for others it may load a kernel module.

use super::kernel::counts_mptcp_sockets;
use super::observer::Part;
use super::plan::{First, Plan, Sources};
use super::several::Joined;
use super::{ProcNet, SourceError};
use crate::model::{Family, Kind, KindSet, SourceName};
use crate::question::Question;

/// The sockets of each protocol, as `net/protocols` counts them; nothing where it was not read.
#[derive(Debug, Default)]
pub struct Protocols(Option<String>);

impl Protocols {
    /// Reads those of one network namespace, where these sources report the sockets.
    ///
    /// # Errors
    /// The file, and why it cannot be read.
    pub fn of_sources(sources: &Sources) -> Result<Protocols, String> {
        Protocols::read(sources.tables())
    }

    /// Reads those in the directory of these tables.
    ///
    /// # Errors
    /// The file, and why it cannot be read.
    pub(super) fn read(tables: &ProcNet) -> Result<Protocols, String> {
        tables
            .read_text("protocols")
            .map(|text| Protocols(Some(text)))
    }

    /// Those that a question about other kinds than TCP needs.
    fn needed(question: &Question, tables: &ProcNet) -> Protocols {
        // A record has them of the time before its sockets, and names itself where it is asked.
        let is_recorded = tables.place().recorded().is_some();
        let is_needed = question.kinds() != KindSet::TCP && !is_recorded;
        let read = is_needed.then(|| Protocols::read(tables).ok()).flatten();
        read.unwrap_or_default()
    }

    /// How many sockets of this kind there are; `None` where that is not known.
    pub fn sockets(&self, kind: Kind) -> Option<u64> {
        let counted = self.counted(kind);
        counted.filter(|sockets| *sockets > 0 || kind != Kind::Mptcp || counts_mptcp_sockets())
    }

    /// Whether there may be sockets of this kind. Where nothing is known of it, those that have tables
    /// in /proc may exist.
    pub fn may_have(&self, kind: Kind) -> bool {
        match self.counted(kind) {
            Some(_) => self.sockets(kind) != Some(0),
            None => kind.table(Family::V4).is_some(),
        }
    }

    /// The number for this kind; `None` where there is none. A kernel without IPv6 has no line for the
    /// second protocol of a kind.
    fn counted(&self, kind: Kind) -> Option<u64> {
        let text = self.0.as_deref()?;
        let number = |name: &&str| {
            let mut lines = text.lines().map(str::split_ascii_whitespace);
            lines.find_map(|mut words| {
                let is_named = words.next() == Some(name);
                // Name, size, sockets.
                words.nth(1).filter(|_| is_named)?.parse::<u64>().ok()
            })
        };
        let (first, others) = kind.protocols().split_first()?;
        Some(number(first)? + others.iter().filter_map(number).sum::<u64>())
    }

    /// Whether there is no socket of these kinds.
    pub(super) fn exclude(&self, kinds: KindSet) -> bool {
        kinds.iter().all(|kind| self.sockets(kind) == Some(0))
    }
}

/// Answers about one kind of sockets after the other by `act`, until the others are not needed. What
/// the kernel cannot report is left out of a group of several requests, and named.
///
/// # Errors
/// The first one of `act`.
pub(super) fn of_each_kind<T: Joined>(
    part: &mut Part,
    question: &Question,
    mut act: impl FnMut(&mut Part, &Question) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let (kinds, is_group) = (question.kinds(), question.is_group);
    let source = match part.sources.first() {
        First::Tables => SourceName::Proc,
        First::Netlink(_) | First::Walk => SourceName::Netlink,
        First::Record => SourceName::Record,
    };
    let protocols = Protocols::needed(question, part.sources.tables());
    let mut joined: Option<T> = None;
    for question in question.by_kind() {
        let answered = match protocols.exclude(question.kinds()) {
            true => {
                let plan = Plan::protocols(part.sources.tables(), question.kind);
                Ok(T::without_sockets(plan, source))
            }
            false => act(part, &question),
        };
        let (mut answer, unavailable) = match answered {
            Err(error) if is_group && error.is_lack() => {
                let plan = Plan::unavailable(part.sources.tables());
                (T::without_sockets(plan, source), Some(error.to_string()))
            }
            answered => (answered?, None),
        };
        if kinds.only().is_none() {
            answer.set_kinds(question.kinds(), unavailable);
        }
        match &mut joined {
            Some(joined) => joined.join(answer),
            None => joined = Some(answer),
        }
        if joined.as_ref().is_some_and(T::is_last) {
            break;
        }
    }
    Ok(joined.unwrap_or_else(|| T::without_sockets(Plan::none(), source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_of_a_kind_are_added_up_and_one_without_a_line_is_unknown() {
        let text = "protocol  size sockets  memory press maxhdr\n\
            MPTCPv6   2064      3     436   no       0   yes\n\
            TCPv6     2432      9     436   no     192   yes\n\
            MPTCP     1936    117     436   no       0   yes\n\
            RAW       1024      0      -1   NI       0   no\n\
            UDPv6     1344      5       2   NI       0   yes\n";
        let protocols = Protocols(Some(text.to_owned()));
        for (kind, sockets) in [
            (Kind::Mptcp, Some(120)),
            // Without IPv6.
            (Kind::Raw, Some(0)),
            (Kind::Udp, None),
            (Kind::Ping, None),
        ] {
            assert_eq!(protocols.sockets(kind), sockets, "{kind:?}");
        }
        let raw = KindSet::NONE.with(Kind::Raw);
        assert!(protocols.exclude(raw));
        assert!(!protocols.exclude(raw.with(Kind::Ping)));
        assert!(protocols.may_have(Kind::Mptcp) && !protocols.may_have(Kind::Raw));
        // Unknown, with tables and without.
        let unknown = Protocols::default();
        assert!(unknown.may_have(Kind::Udp) && !unknown.may_have(Kind::Mptcp));
        assert_eq!(unknown.sockets(Kind::Mptcp), None);
        assert_eq!(
            Protocols(Some("MPTCP 1936".to_owned())).sockets(Kind::Mptcp),
            None
        );
    }
}
