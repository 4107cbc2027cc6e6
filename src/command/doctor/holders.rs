//! Who holds the sockets that findings are about, and how many descriptors these processes have.
//!
//! Holders are searched for when the second sample was taken, and before connections are watched any
//! longer: a socket that ends while it is watched has a holder only until then.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::samples::Longer;
use crate::diagnose::{Examination, Host, SecondSample, examine};
use crate::model::{Holders, Listeners, Note, Where};
use crate::owner::{Facts, Owners, Search, Seek, Wanted, query_descriptors};

/// The holders that were searched for so far.
pub(super) struct HolderSearch<'a> {
    /// What is left of the time limit.
    budget: Option<Duration>,
    window: Duration,
    /// Gets more time, for a reason.
    more: &'a dyn Fn(Duration, String),
    /// Those that were found, with their descriptors.
    pub(super) holders: Holders,
    /// Each search.
    pub(super) found: Vec<Owners>,
    seek: Seek,
    searched: HashSet<u64>,
}

impl<'a> HolderSearch<'a> {
    /// Nothing searched for yet.
    pub(super) fn new(
        budget: Option<Duration>,
        window: Duration,
        more: &'a dyn Fn(Duration, String),
    ) -> HolderSearch<'a> {
        HolderSearch {
            budget,
            window,
            more,
            holders: Holders::default(),
            found: Vec::new(),
            seek: Seek::LowestPid,
            searched: HashSet::new(),
        }
    }

    /// Searches for the holders of the sockets of these findings, except those that were searched for.
    pub(super) fn find(&mut self, examination: &Examination, place: &Where) {
        let seek = match examination.wants_every_holder() {
            true => Seek::EveryHolder,
            false => Seek::LowestPid,
        };
        if seek != self.seek {
            self.searched.clear();
            // The same sockets are searched for once more.
            self.found.iter_mut().for_each(|owners| owners.note = None);
            self.holders = Holders::default();
            self.seek = seek;
        }
        let inodes = examination.inodes().into_iter();
        let inodes: Vec<u64> = inodes
            .filter(|inode| self.searched.insert(*inode))
            .collect();
        if inodes.is_empty() {
            return;
        }
        let begin = Instant::now();
        let mut wanted = Wanted::default();
        inodes.iter().for_each(|inode| wanted.add_inode(*inode));
        let search = Search::new(place, seek, Facts::default(), self.budget);
        let owners = Owners::find(search, wanted, &Listeners::default());
        self.budget = self.budget.map(|left| left.saturating_sub(begin.elapsed()));
        if let Some(Note::OwnersUnknown { reason, .. }) = &owners.note {
            self.holders.unknown = Some(reason.clone());
        }
        for inode in inodes {
            for process in owners.holders(inode) {
                self.holders.set(inode, process.name, process.pid);
            }
            if owners.holders(inode).next().is_none() {
                self.holders.miss(inode);
            }
        }
        for pid in self.holders.pids() {
            let descriptors = query_descriptors(place, pid);
            self.holders.set_descriptors(pid, descriptors);
        }
        self.found.push(owners);
    }
}

impl Longer for HolderSearch<'_> {
    fn begin(&mut self, second: &SecondSample, host: &Host) {
        let examination = examine(second, host, &Holders::default());
        self.find(&examination, &host.place);
    }

    fn wait(&mut self, left: Duration, reason: String) {
        let seconds = left.as_secs_f64();
        let reason = format!("{reason}: watching for up to {seconds:.1} s more");
        (self.more)(self.window.min(left), reason);
    }
}
