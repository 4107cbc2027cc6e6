//! The sockets that the options and files of a command line select, in words that mean the same for
//! every filter that is typed later.

use std::path::PathBuf;

use super::files;
use super::lookup::HostLookup;
use super::outcome::Failure;
use crate::cli::{Selection, command_meant};
use crate::filter::{Expression, FilterError, FilterText, Position, Test, parse};
use crate::model::{Family, Field, KindSet, State, StateSet, Use};
use crate::question::{Families, Question};

/// The selection by options and files, without the words of the filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    pub(super) kinds: KindSet,
    pub(super) families: Families,
    /// The states that `--state` names; `None` where it names none.
    named: Option<StateSet>,
    /// Whether only sockets that wait for peers are selected.
    listening: bool,
    /// The filters of files: read once, since standard input cannot be read twice.
    files: Option<Expression>,
}

impl Scope {
    /// Resolves the options, and reads the files.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn of(
        kinds: KindSet,
        selection: &Selection,
        used_as: Use,
        lookup: &mut HostLookup,
    ) -> Result<Scope, Failure> {
        refuse_family(selection.ipv4 || selection.ipv6, kinds)?;
        Ok(Scope {
            kinds,
            families: match (selection.ipv4, selection.ipv6) {
                (true, false) => Families::Only(Family::V4),
                (false, true) => Families::Only(Family::V6),
                (true, true) | (false, false) => Families::Both,
            },
            named: selection.state.iter().copied().reduce(StateSet::union),
            listening: selection.listening,
            files: parse_files(&selection.files, used_as, lookup)?,
        })
    }

    /// The same for sockets of other kinds.
    pub(super) fn of_kinds(&self, kinds: KindSet) -> Scope {
        Scope {
            kinds,
            ..self.clone()
        }
    }

    /// The question about the sockets that match these words too, and the filter of the record that is asked.
    pub(super) fn question(
        &self,
        recorded: Option<Expression>,
        words: Option<Expression>,
    ) -> Result<Question, Failure> {
        refuse_family(self.families != Families::Both, self.kinds)?;
        let states = self.states()?;
        let beyond_record = Expression::all(words.into_iter().chain(self.files.clone()));
        let filter = Expression::all(recorded.into_iter().chain(beyond_record.clone()));
        let tests = || filter.iter().flat_map(Expression::tests);
        self.refuse_foreign(tests().filter_map(Test::subject))?;
        self.refuse_other_kinds(tests())?;
        let requested = match (states, &filter) {
            (Some(states), _) => states,
            (None, Some(filter)) if names_bound(filter) => StateSet::ALL.with(State::Bound),
            (None, _) => self.kinds.states(),
        };
        let question = Question {
            families: self.families,
            filter,
            beyond_record,
            ..Question::about_all(self.kinds, requested)
        };
        let narrowed = question.narrowed();
        narrowed.ok_or_else(|| contradiction(requested, question.filter.as_ref()))
    }

    /// The states that options name; `None` where they name none.
    fn states(&self) -> Result<Option<StateSet>, Failure> {
        let kinds = self.kinds;
        if let Some(states) = self.named.filter(|states| kinds.meant(*states).is_empty()) {
            return Err(Failure::Usage(format!(
                "--state {}: {} sockets have only the states {}",
                words(states),
                kinds.titles(),
                words(kinds.states())
            )));
        }
        let named = self.named.map(|states| kinds.meant(states));
        let listen = kinds.waiting();
        let states = match (named, self.listening) {
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

    /// Refuses a test of a kind that is not selected.
    fn refuse_other_kinds<'a>(
        &self,
        mut tests: impl Iterator<Item = &'a Test>,
    ) -> Result<(), Failure> {
        let other = tests.find_map(|test| {
            let Test::Kind(kinds) = test else { return None };
            let is_other = kinds.intersection(self.kinds).is_empty();
            is_other.then(|| kinds.words_of())
        });
        match other {
            None => Ok(()),
            Some(words) => Err(Failure::Usage(format!(
                "kind = {words}: only {} sockets are selected: --kind {words} selects these",
                self.kinds.titles()
            ))),
        }
    }

    /// Refuses fields that no socket of these kinds has.
    pub(super) fn refuse_foreign(
        &self,
        mut fields: impl Iterator<Item = Field>,
    ) -> Result<(), Failure> {
        match fields.find(|field| !field.is_of_any(self.kinds)) {
            None => Ok(()),
            Some(field) => Err(Failure::Usage(format!(
                "{} sockets have no `{}`",
                self.kinds.titles(),
                field.name()
            ))),
        }
    }
}

/// Refuses to select a family of sockets that have none.
fn refuse_family(has_family: bool, kinds: KindSet) -> Result<(), Failure> {
    match has_family && !kinds.has_internet() {
        false => Ok(()),
        true => Err(Failure::Usage(format!(
            "-4 and -6 select internet sockets, and {} sockets have no addresses",
            kinds.titles()
        ))),
    }
}

fn names_bound(filter: &Expression) -> bool {
    filter
        .tests()
        .any(|test| matches!(test, Test::State(states) if states.contains(State::Bound)))
}

/// The words for these states.
fn words(states: StateSet) -> String {
    let words: Vec<String> = states.iter().map(State::word).collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}

fn contradiction(requested: StateSet, filter: Option<&Expression>) -> Failure {
    let is_state = |test: &Test| matches!(test, Test::State(_));
    let Some(filter) = filter else {
        return Failure::Usage(format!("no socket can be in state {}", words(requested)));
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
            words(requested),
            words(passing)
        )
    } else if filter.tests().any(is_state) {
        "no socket can pass the filter: its tests of states leave no state; `or` selects several"
    } else {
        "no socket can pass the filter: it excludes what it selects"
    };
    Failure::Usage(why.to_owned())
}

/// The words as one expression; `None` if there are none.
pub(super) fn parse_words(
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
pub(super) fn usage(error: FilterError) -> Failure {
    let command = match error.place {
        Position::Word(number) if error.is_unknown_word => command_meant(&error.word, number == 1),
        Position::Word(_) | Position::Line { .. } => None,
    };
    command.map_or(Failure::Filter(error), Failure::Usage)
}
