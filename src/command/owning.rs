//! From sockets already listed to the processes that hold them: what is searched, how far, and
//! what is told of it.

use std::path::PathBuf;
use std::time::Duration;

use super::asking::listeners_observer;
use super::failure::Failure;
use super::holders::OWN_PROC;
use crate::cli::{Owning, Selection, Sourcing};
use crate::model::{Field, Listeners, Socket};
use crate::owner::{Facts, Owners, Search, Seek, Wanted};
use crate::source::{Observer, Report};

/// A search that can be made for each sample.
#[derive(Debug)]
pub(super) struct Searcher {
    root: PathBuf,
    seek: Seek,
    facts: Facts,
    budget: Option<Duration>,
    /// Tells of the listeners that connections wait for.
    listeners: Observer,
}

impl Searcher {
    /// The search that `fields` need; none where they need none.
    pub(super) fn new(
        typed: &Owning,
        selection: &Selection,
        sourcing: &Sourcing,
        fields: &[Field],
        seek: Seek,
    ) -> Result<Option<Searcher>, Failure> {
        if !fields.iter().any(|field| field.needs_owners()) {
            return refuse_timeout(typed).map(|()| None);
        }
        let root = sourcing.proc_root.clone();
        Ok(Some(Searcher {
            root: root.unwrap_or_else(|| PathBuf::from(OWN_PROC)),
            seek,
            facts: Facts {
                command_line: fields.contains(&Field::CommandLine),
                placement: fields.contains(&Field::Unit) || fields.contains(&Field::Container),
            },
            budget: typed.owner_timeout,
            listeners: listeners_observer(selection, sourcing)?,
        }))
    }

    /// Finds the holders of `sockets`, and adds to the `report` on them what was lost.
    ///
    /// # Errors
    /// When the listeners, where they are needed, cannot be told.
    pub(super) fn find(
        &mut self,
        sockets: impl Iterator<Item = Socket>,
        report: &mut Report,
    ) -> Result<Owners, Failure> {
        let mut wanted = Wanted::default();
        sockets.for_each(|socket| wanted.add(&socket));
        let mut listeners = Listeners::default();
        if wanted.needs_listeners() {
            let listened = self.listeners.list(&mut listeners)?;
            report.add(&listened);
        }
        let search = Search::new(&self.root, self.seek, self.facts, self.budget);
        let owners = Owners::find(search, wanted, &listeners);
        if let Some(loss) = &owners.loss {
            report.completeness.lose(loss.clone());
        }
        Ok(owners)
    }
}

/// Refuses to bound a search that is not made.
pub(super) fn refuse_timeout(typed: &Owning) -> Result<(), Failure> {
    match typed.owner_timeout {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(
            "--owner-timeout needs processes to look for: list -p, or --by process".to_owned(),
        )),
    }
}
