//! The network namespaces of a moment, where these are several: each has its own files, interfaces and
//! sockets, and the processes are those of the host.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Base, kind_of, kinds_of, numbers_of};
use crate::model::{
    KindRead, Moment, Netns, Place, RecordedNamespace, RecordedNamespaces, UnseenReason,
};
use crate::record::bounded_warnings;
use crate::record::line::{Namespace, NamespaceEnd};

/// More network namespaces than these are on no host.
pub(in crate::record) const MOST: usize = 100_000;

/// What was read of several network namespaces.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    found: Vec<RecordedNamespace>,
    numbers: HashSet<Netns>,
    /// The one that the next lines are about.
    open: Option<Open>,
    /// The sockets of all.
    pub(super) sockets: u64,
    /// Whether any line is about one.
    pub(super) are_any: bool,
}

/// One whose end was not read yet.
#[derive(Debug)]
pub(super) struct Open {
    one: Namespace<'static>,
    pub(super) moment: Moment,
    /// Its sockets until here.
    pub(super) sockets: u64,
    /// How many sockets the earlier moment must have of it.
    pub(super) needed: u64,
}

impl Namespaces {
    /// The one that the next lines are about.
    pub(super) fn open(&mut self) -> Option<&mut Open> {
        self.open.as_mut()
    }

    /// Begins one, of a moment that began so; the one before is not whole if it has no end.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn begin(
        &mut self,
        one: Namespace<'_>,
        whole: &Moment,
        at: Place,
    ) -> Result<(), String> {
        self.are_any = true;
        let one = owned(one);
        if let Some(reason) = one.unseen_reason() {
            self.open = None;
            return self.add(one, Err(reason));
        }
        self.open = Some(Open {
            one,
            moment: Moment {
                time: whole.time,
                stamp: whole.stamp.clone(),
                is_first: whole.is_first,
                ..Moment::beginning(at)
            },
            sockets: 0,
            needed: 0,
        });
        Ok(())
    }

    /// Ends the one that was begun.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn end(
        &mut self,
        end: NamespaceEnd<'_>,
        base: Option<&mut Base>,
    ) -> Result<(), String> {
        let open = self.open.take();
        let open = open.ok_or("no network namespace has begun")?;
        let Open {
            one,
            mut moment,
            sockets,
            needed,
        } = open;
        if end.total != sockets {
            return Err(format!(
                "the network namespace {} has {sockets} sockets, and its end says {}",
                one.netns, end.total
            ));
        }
        let sum = self.sockets.checked_add(sockets);
        self.sockets = sum.ok_or("too many sockets")?;
        moment.total = sockets;
        let totals = end.kinds.iter();
        let totals = totals.filter_map(|line| Some((kind_of(line)?, line.total?)));
        moment.totals = totals.collect();
        moment.numbers = numbers_of(&end.kinds, end.total);
        moment.kinds = kinds_of(end.kinds);
        moment.warnings = bounded_warnings(&end.warnings).into();
        if let Some(base) = base.filter(|_| needed > 0) {
            base.parts.push((Netns(one.netns), needed));
        }
        self.add(one, Ok(Arc::new(moment)))
    }

    fn add(
        &mut self,
        one: Namespace<'static>,
        moment: Result<Arc<Moment>, UnseenReason>,
    ) -> Result<(), String> {
        let netns = Netns(one.netns);
        if !self.numbers.insert(netns) {
            return Err(format!("the network namespace {} is there twice", netns.0));
        }
        if self.found.len() == MOST {
            return Err("more network namespaces than any host has".to_owned());
        }
        self.found.push(RecordedNamespace {
            netns,
            facts: Arc::new(one.facts()),
            name: one.name.into(),
            moment,
        });
        Ok(())
    }

    /// Those that are whole, each with the processes of the host and the causes of the whole moment.
    pub(super) fn finish(
        self,
        denied: u64,
        hiding: Option<String>,
        whole: &Moment,
    ) -> Option<RecordedNamespaces> {
        let mut found = self.found;
        for one in &mut found {
            if let Ok(moment) = &mut one.moment
                && let Some(moment) = Arc::get_mut(moment)
            {
                moment.host = Arc::clone(&whole.host);
                moment.causes = Arc::clone(&whole.causes);
            }
        }
        let are_several = self.are_any;
        are_several.then(|| RecordedNamespaces::new(found, denied, hiding))
    }
}

/// How each kind was read in several network namespaces: by the least reliable source of those that it was
/// read from, and not at all only if it was in none.
pub(super) fn joined_kinds(namespaces: &RecordedNamespaces) -> Vec<KindRead> {
    let mut joined: Vec<KindRead> = Vec::new();
    let members = namespaces.members.iter();
    let read = members.filter_map(|one| one.moment.as_ref().ok());
    for kind in read.flat_map(|moment| &moment.kinds) {
        match joined.iter_mut().find(|one| one.kind == kind.kind) {
            None => joined.push(kind.clone()),
            Some(one) if kind.unavailable.is_some() || one.unavailable.is_some() => {
                if kind.unavailable.is_none() {
                    *one = kind.clone();
                }
            }
            Some(one) => one.source = one.source.max(kind.source),
        }
    }
    joined
}

fn owned(one: Namespace<'_>) -> Namespace<'static> {
    let text = |text: std::borrow::Cow<'_, str>| text.into_owned().into();
    Namespace {
        netns: one.netns,
        name: text(one.name),
        inode: one.inode,
        pid: one.pid,
        processes: one.processes,
        mounts: one.mounts.into_iter().map(text).collect(),
        unit: one.unit.map(text),
        container: one.container.map(text),
        pod: one.pod.map(text),
        unseen: one.unseen.map(text),
        error: one.error.map(text),
    }
}
