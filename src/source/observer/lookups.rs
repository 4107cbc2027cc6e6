//! What a filter names and no record of a socket has, found before an answer: the sockets of processes, and
//! the UNIX sockets whose names the peers have.
//!
//! Reads no process; `command::processes` does that.

use std::collections::HashSet;
use std::sync::Arc;

use super::Observer;
use crate::filter::{Expression, PeerNames};
use crate::model::{Field, KindSet, Loss, ProcessQuery};
use crate::question::Question;
use crate::source::SourceError;

impl Observer {
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
