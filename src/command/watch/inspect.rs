//! One socket, queried again and again, alone where netlink can do that, until it is gone.

use std::ops::ControlFlow;

use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::filter::{Compare, Expression, Test};
use crate::model::screen::SocketFacts;
use crate::model::{Field, Sink, Socket, SocketId, State, StateSet, Use};
use crate::output::render_facts;
use crate::owner::Seek;
use crate::question::Question;

/// What queries one socket.
pub(super) struct Inspector {
    id: SocketId,
    target: Target,
    fields: Vec<Field>,
    last: SocketFacts,
}

/// Takes the socket with this id.
struct Only {
    id: SocketId,
    found: Option<Socket>,
}

impl Sink for Only {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        match self.id.is_of(socket) {
            true => {
                self.found = Some(socket.clone());
                ControlFlow::Break(())
            }
            false => ControlFlow::Continue(()),
        }
    }
}

impl Inspector {
    /// Ready to query the socket with this id, in any state, with all fields that its source has.
    ///
    /// # Errors
    /// When no source can be asked.
    pub(super) fn new(target: &Target, id: SocketId) -> Result<Inspector, Failure> {
        let fields =
            Field::names(Use::Column).filter_map(|name| Field::parse(name, Use::Column).ok());
        // A socket without a cookie is from /proc.
        let kind = id.kind;
        let is_known = |field: &Field| id.cookie.is_some() || field.is_in_proc(kind);
        let fields = fields.filter(|field| field.is_of(kind) && is_known(field));
        let number =
            |field, number: u64| Expression::of(Test::Number(field, Compare::Equal, number), true);
        let mut target = target.clone();
        target.question = Question {
            families: target.question.families,
            filter: match id.ends {
                Some(ends) if Field::LocalPort.is_of(kind) => Expression::all([
                    number(Field::LocalPort, ends.local.port().into()),
                    number(Field::RemotePort, ends.remote.port().into()),
                ]),
                Some(_) => None,
                None if id.inode == 0 => None,
                None => Some(number(Field::Inode, id.inode)),
            },
            ..Question::about(kind, kind.meant(StateSet::ALL.with(State::Bound)))
        };
        Ok(Inspector {
            id,
            target,
            fields: fields.collect(),
            last: SocketFacts::default(),
        })
    }

    /// Queries it. Of a socket that is gone, the last facts stay.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn look(&mut self) -> Result<&SocketFacts, Failure> {
        if self.last.is_gone {
            return Ok(&self.last);
        }
        let mut search = self.target.owner_search(&self.fields, Seek::EveryHolder)?;
        let mut names = HostNames::of(self.target.sources.place());
        let mut sampler = self.target.sampler(self.fields.clone())?;
        let id = self.id;
        let mut sample = sampler.sample(|observer, _| {
            let mut only = Only { id, found: None };
            let mut report = observer.find(&id, &mut only)?;
            if let Some(search) = &mut search {
                names.owners = Some(search.find(only.found.iter().cloned(), &mut report)?);
            }
            Ok((report, only.found))
        })?;
        sample.add_search(names.owners.as_ref());
        let complete = &sample.report.completeness;
        match &sample.found {
            Some(socket) => {
                let (title, lines) = render_facts(socket, &mut names);
                let notes = sample.all_notes().map(ToString::to_string);
                let losses = complete.losses().iter().map(ToString::to_string);
                self.last = SocketFacts {
                    title,
                    lines,
                    is_gone: false,
                    note: losses.chain(notes).collect::<Vec<_>>().join("; "),
                };
            }
            // It may be among what was lost.
            None => self.last.is_gone = complete.is_complete(),
        }
        Ok(&self.last)
    }
}
