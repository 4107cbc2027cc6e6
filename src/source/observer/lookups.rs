//! What a filter names and no record of a socket has, found before an answer: the sockets of processes, and
//! the UNIX sockets whose names the peers have. And a few connections, each requested alone.
//!
//! Reads no process; `command::processes` does that.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Observer, Parts};
use crate::filter::{Expression, PeerNames};
use crate::model::{Field, InetEnds, KindSet, Loss, ProcessQuery, Sink};
use crate::question::Question;
use crate::source::SourceError;

impl Observer {
    /// Passes the connections with these ends to `sink`, each requested alone, without a walk through the
    /// tables. Returns those that were not found so: they have ended, or only a list shows them, as
    /// one that is bound to an interface.
    pub fn find_each(&self, all: &[InetEnds], sink: &mut dyn Sink) -> Vec<InetEnds> {
        match &self.parts {
            Parts::One(part) => part.find_each(&self.question, all, sink),
            Parts::Several(..) | Parts::Walked(_) => all.to_vec(),
        }
    }

    /// Sets the sockets of the processes that the filter tests for, each with its inodes, and what
    /// could not be found out about them: every answer lacks it.
    pub fn set_holders(&mut self, found: &[(ProcessQuery, Arc<HashSet<u64>>)], unseen: Vec<Loss>) {
        if let Some(filter) = &mut self.question.filter {
            for (query, inodes) in found {
                filter.set_inodes(*query, inodes);
            }
        }
        self.unseen = unseen;
    }

    /// Finds the UNIX sockets whose peers the filter selects by name; every answer lacks what is lost here.
    ///
    /// # Errors
    /// When no source answered.
    pub fn find_named(&mut self) -> Result<(), SourceError> {
        let filter = self.question.filter.as_ref();
        let mut named = PeerNames::of(filter.map_or_else(Vec::new, Expression::peer_names));
        if named.is_empty() {
            return Ok(());
        }
        let question = Question {
            fields: vec![Field::Name],
            ..Question::about_all(KindSet::UNIX, KindSet::UNIX.states())
        };
        let own = std::mem::replace(&mut self.question, question);
        let listed = self.list(&mut named);
        self.question = own;
        self.unseen = listed?.completeness.losses().to_vec();
        if let Some(filter) = &mut self.question.filter {
            named.set(filter);
        }
        Ok(())
    }
}
