//! What observes the sockets of a target, and searches for their owners.

use std::time::Duration;

use super::Target;
use crate::command::outcome::Failure;
use crate::command::processes::OwnerSearch;
use crate::command::sample::Sampler;
use crate::model::{Field, KindSet};
use crate::owner::{Facts, Seek};
use crate::question::Question;
use crate::source::Observer;

impl Target {
    /// The same with a limit for how long owners are searched for.
    pub(in crate::command) fn with_owner_timeout(self, most: Duration) -> Target {
        Target {
            owner_timeout: Some(most),
            ..self
        }
    }

    /// A sampler of the sockets with these fields.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(in crate::command) fn sampler(&self, fields: Vec<Field>) -> Result<Sampler, Failure> {
        let question = Question {
            fields,
            ..self.question.clone()
        };
        Ok(Sampler {
            observer: Observer::new(question, self.sources.clone())?,
            place: self.sources.place(),
        })
    }

    /// An observer of every listener of the families selected; of UNIX sockets, of every one, since
    /// each may be the other end of one that was selected.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(in crate::command) fn listeners(&self) -> Result<Observer, Failure> {
        let question = match self.question.kinds() {
            kinds if kinds.is_unix() => Question {
                fields: vec![Field::Name],
                ..Question::about_all(KindSet::UNIX, KindSet::UNIX.states())
            },
            kinds => Question {
                families: self.scope.families,
                fields: vec![Field::Direction],
                ..Question::about_all(kinds, kinds.waiting())
            },
        };
        Ok(Observer::new(question, self.sources.clone())?)
    }

    /// The search for owners that `fields` require; `None` if they require none.
    ///
    /// # Errors
    /// When the source does not have the listeners; when a search that is not made was limited.
    pub(in crate::command) fn owner_search(
        &self,
        fields: &[Field],
        seek: Seek,
    ) -> Result<Option<OwnerSearch>, Failure> {
        if !fields.iter().any(|field| field.needs_owners()) {
            return self.refuse_owner_timeout().map(|()| None);
        }
        Ok(Some(OwnerSearch {
            place: self.sources.place(),
            seek,
            peers: fields.contains(&Field::PeerProcess),
            facts: Facts {
                command_line: fields.contains(&Field::CommandLine),
                placement: [Field::Unit, Field::Container, Field::Pod]
                    .iter()
                    .any(|field| fields.contains(field)),
            },
            budget: self.owner_timeout,
            listeners: self.listeners()?,
        }))
    }

    /// Refuses to limit a search that is not made.
    pub(in crate::command) fn refuse_owner_timeout(&self) -> Result<(), Failure> {
        match self.owner_timeout {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(
                "--owner-timeout needs a search for processes: list -p, --by process, or serve --doctor".to_owned(),
            )),
        }
    }
}
