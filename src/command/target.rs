//! Which sockets are observed, from where, and how long their owners are searched for: resolved
//! once from the options and words typed.

use std::path::PathBuf;
use std::time::Duration;

use super::files;
use super::lookup::HostLookup;
use super::outcome::Failure;
use super::processes::OwnerSearch;
use super::sample::Sampler;
use super::sources;
use crate::cli::{Keys, Selection, Sourcing, command_meant};
use crate::filter::{Expression, FilterError, FilterText, Folded, Position, Test, parse};
use crate::model::{
    Family, Field, Kind, NamespacesRead, State, StateSet, UnseenNamespace, UnseenReason, Use,
};
use crate::owner::{Facts, Seek};
use crate::question::{Families, Question};
use crate::source::{Observer, Sources, in_each_namespace};

/// What every observation of one command line has in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// Which sockets; the fields needed are added for each use.
    pub(super) question: Question,
    /// Which sources may answer.
    pub(super) sources: Sources,
    scope: Scope,
    owner_timeout: Option<Duration>,
}

/// A target for each of several network namespaces, with what is reported if that cannot be read; and
/// which namespaces were found.
pub(super) type EachNamespace = (Vec<(UnseenNamespace, Target)>, NamespacesRead);

/// The selection by options and files, without the words of the filter.
#[derive(Clone, Debug, PartialEq)]
struct Scope {
    families: Families,
    /// The states that options name; `None` where they name none.
    states: Option<StateSet>,
    /// The filters of files: read once, since standard input cannot be read twice.
    files: Option<Expression>,
}

impl Target {
    /// Resolves the options: reads files, and looks names up where the sockets are.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn resolve(selection: &Selection, sourcing: &Sourcing) -> Result<Target, Failure> {
        let target = Target::of(selection, sourcing, Use::Filter)?;
        let is_change = |test: &Test| matches!(test, Test::Change(..));
        let filter = &target.question.filter;
        if filter.iter().flat_map(Expression::tests).any(is_change) {
            return Err(Failure::Usage(
                "`from` and `to` match transitions, which only tcpstates trace shows".to_owned(),
            ));
        }
        Ok(target)
    }

    /// The same for transitions, which `from` and `to` may select.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn traced(selection: &Selection, sourcing: &Sourcing) -> Result<Target, Failure> {
        Target::of(selection, sourcing, Use::TraceFilter)
    }

    fn of(selection: &Selection, sourcing: &Sourcing, used_as: Use) -> Result<Target, Failure> {
        let mut sources = sources::resolve(sourcing)?;
        let lookup = &mut HostLookup::of(sources.place());
        let words = parse_words(&selection.words, used_as, lookup).map_err(usage)?;
        let scope = Scope {
            families: match (selection.ipv4, selection.ipv6) {
                (true, false) => Families::Only(Family::V4),
                (false, true) => Families::Only(Family::V6),
                (true, true) | (false, false) => Families::Both,
            },
            states: selected_states(selection)?,
            files: parse_files(&selection.files, used_as, lookup)?,
        };
        let question = scope.question(words)?;
        if !sources.are_several() && tests_netns(&question) {
            sources = sources::resolve_several(sourcing)?;
        }
        Ok(Target {
            question,
            sources,
            scope,
            owner_timeout: sourcing.owner_timeout,
        })
    }

    /// The same for each of several network namespaces that has sockets; `None` if it is about one.
    ///
    /// # Errors
    /// When none can be read.
    pub(super) fn each_namespace(&self) -> Result<Option<EachNamespace>, Failure> {
        let Sources::Several(several) = &self.sources else {
            return Ok(None);
        };
        let (parts, namespaces) = in_each_namespace(several, &self.question)?;
        let parts = parts.into_iter().map(|one| {
            let target = Target {
                question: one.question,
                sources: one.sources,
                ..self.clone()
            };
            let unseen = UnseenNamespace {
                name: one.name,
                netns: one.netns,
                reason: UnseenReason::Gone,
            };
            (unseen, target)
        });
        Ok(Some((parts.collect(), namespaces)))
    }

    /// The same for groups by these keys: by network namespace, of every one, unless some are named.
    ///
    /// # Errors
    /// By network namespace with `--proc-root`.
    pub(super) fn grouped_by(
        self,
        keys: Option<&Keys>,
        sourcing: &Sourcing,
    ) -> Result<Target, Failure> {
        let mut keys = keys.iter().flat_map(|keys| &keys.0);
        let by_netns = keys.any(|key| key.field == Field::Netns);
        match by_netns && !self.sources.are_several() {
            false => Ok(self),
            true => Ok(Target {
                sources: sources::resolve_several(sourcing)?,
                ..self
            }),
        }
    }

    /// The same with another filter in place of the words typed.
    ///
    /// # Errors
    /// [`Failure::Filter`] because of a word, another one because of all.
    pub(super) fn with_filter(
        &self,
        text: &str,
        lookup: &mut HostLookup,
    ) -> Result<Target, Failure> {
        let words = Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        let words = parse_words(words.as_slice(), Use::Filter, lookup)?;
        let question = self.scope.question(words)?;
        if !self.sources.are_several() && tests_netns(&question) {
            return Err(Failure::Usage(
                "`netns` compares network namespaces: start with -N all".to_owned(),
            ));
        }
        Ok(Target {
            question,
            ..self.clone()
        })
    }

    /// The same, limited to these states.
    pub(super) fn within(&self, states: StateSet) -> Target {
        let mut target = self.clone();
        target.question.states = target.question.states.intersection(states);
        target
    }

    /// Every socket that may be among those selected some time later. A listener was one before.
    pub(super) fn without_filter(&self) -> Target {
        let mut target = self.clone();
        let listen = StateSet::NONE.with(State::Listen);
        if target.question.states != listen {
            target.question.states = StateSet::ALL;
        }
        target.question.filter = None;
        target
    }

    /// A sampler of the sockets with these fields.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn sampler(&self, fields: Vec<Field>) -> Result<Sampler, Failure> {
        let question = Question {
            fields,
            ..self.question.clone()
        };
        Ok(Sampler {
            observer: Observer::new(question, self.sources.clone())?,
            place: self.sources.place(),
        })
    }

    /// An observer of every listener of the families selected.
    ///
    /// # Errors
    /// When the source does not have them.
    pub(super) fn listeners(&self) -> Result<Observer, Failure> {
        let question = Question {
            families: self.scope.families,
            fields: vec![Field::Direction],
            ..Question::about(self.question.kind, StateSet::NONE.with(State::Listen))
        };
        Ok(Observer::new(question, self.sources.clone())?)
    }

    /// The search for owners that `fields` require; `None` if they require none.
    ///
    /// # Errors
    /// When the source does not have the listeners; when a search that is not made was limited.
    pub(super) fn owner_search(
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
            facts: Facts {
                command_line: fields.contains(&Field::CommandLine),
                placement: fields.contains(&Field::Unit) || fields.contains(&Field::Container),
            },
            budget: self.owner_timeout,
            listeners: self.listeners()?,
        }))
    }

    /// Refuses to limit a search that is not made.
    pub(super) fn refuse_owner_timeout(&self) -> Result<(), Failure> {
        match self.owner_timeout {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(
                "--owner-timeout needs a search for processes: list -p, or --by process".to_owned(),
            )),
        }
    }
}

impl Scope {
    /// The question about the sockets that match these words too.
    fn question(&self, words: Option<Expression>) -> Result<Question, Failure> {
        let filter = Expression::all(words.into_iter().chain(self.files.clone()));
        let requested = match (self.states, &filter) {
            (Some(states), _) => states,
            (None, Some(filter)) if names_bound(filter) => StateSet::ALL.with(State::Bound),
            (None, _) => StateSet::ALL,
        };
        let (states, filter) = match filter {
            None => (requested, None),
            Some(filter) => match filter.narrow(requested) {
                (states, _) if states.is_empty() => return Err(contradiction(requested, &filter)),
                (states, Folded::Tests(rest)) => (states, Some(rest)),
                (states, Folded::Always | Folded::Never) => (states, None),
            },
        };
        Ok(Question {
            families: self.families,
            filter,
            ..Question::about(Kind::Tcp, states)
        })
    }
}

fn tests_netns(question: &Question) -> bool {
    let mut tests = question.filter.iter().flat_map(Expression::tests);
    tests.any(|test| matches!(test, Test::Netns(_)))
}

/// The states that options name; `None` where they name none.
fn selected_states(selection: &Selection) -> Result<Option<StateSet>, Failure> {
    let named = selection.state.iter().copied().reduce(StateSet::union);
    let listen = StateSet::NONE.with(State::Listen);
    let states = match (named, selection.listening) {
        (named, false) => named,
        (None, true) => Some(listen),
        (Some(named), true) => Some(named.intersection(listen)),
    };
    if states.is_some_and(StateSet::is_empty) {
        return Err(Failure::Usage(
            "--state and --listening have no state in common: leave one of them out".to_owned(),
        ));
    }
    Ok(states)
}

fn names_bound(filter: &Expression) -> bool {
    filter
        .tests()
        .any(|test| matches!(test, Test::State(states) if states.contains(State::Bound)))
}

fn contradiction(requested: StateSet, filter: &Expression) -> Failure {
    let is_state = |test: &Test| matches!(test, Test::State(_));
    let names = |states: StateSet| {
        let names: Vec<String> = states.iter().map(State::word).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    };
    let bound = StateSet::ALL.with(State::Bound);
    let all = if names_bound(filter) {
        bound
    } else {
        StateSet::ALL
    };
    let (passing, _) = filter.narrow(all);
    let why = if requested != StateSet::ALL && filter.tests().any(is_state) {
        &format!(
            "no socket can pass: the options and the filter have no state in common: the options select {}, \
             the filter {} (try 'tcpstates help filter')",
            names(requested),
            names(passing)
        )
    } else if filter.tests().any(is_state) {
        "no socket can pass the filter: its tests of states leave no state; `or` selects several"
    } else {
        "no socket can pass the filter: it excludes what it selects"
    };
    Failure::Usage(why.to_owned())
}

/// The words as one expression; `None` if there are none.
fn parse_words(
    words: &[String],
    used_as: Use,
    lookup: &mut HostLookup,
) -> Result<Option<Expression>, FilterError> {
    if words.is_empty() {
        return Ok(None);
    }
    parse(&FilterText::of_words(words).for_use(used_as), lookup).map(Some)
}

/// The files as one expression; `None` if there are none.
fn parse_files(
    paths: &[PathBuf],
    used_as: Use,
    lookup: &mut HostLookup,
) -> Result<Option<Expression>, Failure> {
    let mut filters = Vec::new();
    for path in paths {
        let (name, contents) = files::read("--filter", path, LONGEST_FILTER)?;
        let text = FilterText::of_file(&name, &contents).for_use(used_as);
        filters.push(parse(&text, lookup).map_err(usage)?);
    }
    Ok(Expression::all(filters))
}

/// In MiB. A longer file is no filter; the bytecode of a filter is at most 16 KiB.
const LONGEST_FILTER: u64 = 1;

/// The usage error; an unknown word may have been meant as a command.
fn usage(error: FilterError) -> Failure {
    let command = match error.place {
        Position::Word(number) if error.is_unknown_word => command_meant(&error.word, number == 1),
        Position::Word(_) | Position::Line { .. } => None,
    };
    command.map_or(Failure::Filter(error), Failure::Usage)
}
