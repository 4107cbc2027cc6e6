//! The sources of a record: of the one network namespace that it is of, or of those of several that are
//! selected. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Several, Sources};
use crate::model::{NamespaceList, Netns, Recorded, SourceName, UnseenReason};
use crate::netns::{Member, Members};
use crate::source::proc_net::ProcNet;

/// The network namespaces of the moment of a record that questions are about: all, or those that are
/// selected.
pub(super) fn find_recorded(record: &Recorded, selected: Option<&[Member]>) -> Members {
    let Some(recorded) = record.namespaces() else {
        return Members::default();
    };
    let members = recorded.members.iter();
    let members = members.map(|one| Member::recorded(record, one));
    let Some(selected) = selected else {
        return Members {
            members: members.collect(),
            denied: recorded.denied,
            hiding: recorded.hiding.clone(),
        };
    };
    let there: HashMap<Netns, Member> = members.map(|one| (one.netns, one)).collect();
    let gone = |one: &Member| Member {
        doors: Vec::new(),
        unseen: Some(UnseenReason::Gone),
        ..one.clone()
    };
    let members = selected.iter().map(|one| {
        let found = there.get(&one.netns).cloned();
        found.unwrap_or_else(|| gone(one))
    });
    Members {
        members: members.collect(),
        ..Members::default()
    }
}

impl Sources {
    /// Those of a record: of every network namespace that it is of, or of those that are selected, where
    /// these are several.
    #[must_use]
    pub fn of_record(record: Arc<Recorded>, selected: Option<Vec<Member>>) -> Sources {
        let each = Box::new(Sources::Record(ProcNet::recorded(Arc::clone(&record))));
        let Some(namespaces) = record.namespaces() else {
            return *each;
        };
        let names = || namespaces.members.iter().map(|one| one.name.to_string());
        let list = match &selected {
            // Another program may not have recorded the words.
            None if record.origin.netns.is_empty() => NamespaceList::new(names().collect(), None),
            None => NamespaceList::new(record.origin.netns.clone(), None),
            Some(selected) => {
                let words = selected.iter().map(|one| one.name.to_string());
                NamespaceList::new(words.collect(), None)
            }
        };
        Sources::Several(Several {
            each,
            selected: selected.map(Into::into),
            placements: true,
            list: Arc::new(list.of_record(record)),
        })
    }

    /// Those of the same network namespaces at another moment of their record.
    #[must_use]
    pub fn at(&self, record: Arc<Recorded>) -> Sources {
        if let Sources::Several(several) = self {
            let selected = several.selected.as_deref().map(<[Member]>::to_vec);
            return Sources::of_record(record, selected);
        }
        let one_of = self.record().and_then(|record| record.one_of.clone());
        match one_of {
            None => Sources::of_record(record, None),
            Some((netns, name)) => {
                let part = record.part(netns, &name);
                Sources::Record(ProcNet::recorded(Arc::new(part)))
            }
        }
    }

    /// The record, if they are one.
    pub fn record(&self) -> Option<&Arc<Recorded>> {
        match self {
            Sources::Record(tables) => tables.place().recorded(),
            Sources::Several(several) => several.list.record(),
            Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_)
            | Sources::Bpf(_) => None,
        }
    }

    /// Whether they are about this one of the network namespaces of their record.
    pub(in crate::source) fn include(&self, netns: Netns) -> bool {
        match self {
            Sources::Several(several) => {
                let selected = several.selected.as_deref();
                selected.is_none_or(|all| all.iter().any(|one| one.netns == netns))
            }
            Sources::Record(_)
            | Sources::Auto(_)
            | Sources::Netlink(_)
            | Sources::NetlinkAndCounters(_)
            | Sources::Proc(_)
            | Sources::Bpf(_) => {
                let one_of = self.record().and_then(|record| record.one_of.as_ref());
                one_of.is_none_or(|(own, _)| *own == netns)
            }
        }
    }

    /// The source of an answer of theirs: of one from a record, that of its TCP sockets.
    pub fn of_answer(&self, source: SourceName) -> SourceName {
        let record = self.record();
        record.map_or(source, |record| record.source_of_tcp(source))
    }
}
