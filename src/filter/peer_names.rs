//! The UNIX sockets whose names are of patterns: the peers of those that `dst unix:PATTERN` selects.
//!
//! A record has the inode of its peer and not the name, so that these are found before each answer.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::expression::Expression;
use super::glob::Glob;
use crate::model::{Sink, Socket};

/// Patterns, and the inodes of the sockets with such names.
#[derive(Debug)]
pub struct PeerNames(Vec<(Glob, HashSet<u64>)>);

impl PeerNames {
    /// None yet of these patterns.
    pub fn of(globs: Vec<Glob>) -> PeerNames {
        let globs = globs.into_iter();
        PeerNames(globs.map(|glob| (glob, HashSet::new())).collect())
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets them in the filter that has the patterns.
    pub fn set(self, filter: &mut Expression) {
        for (glob, inodes) in self.0 {
            filter.set_named(&glob, &Arc::new(inodes));
        }
    }
}

impl Sink for PeerNames {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(unix) = socket.unix() {
            for (glob, inodes) in &mut self.0 {
                if glob.matches(&unix.name) {
                    inodes.insert(socket.inode);
                }
            }
        }
        ControlFlow::Continue(())
    }
}
