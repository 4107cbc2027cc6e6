//! From the options typed to the question asked and to those who may answer it.

use super::failure::Failure;
use super::filtering::filter;
use crate::cli::{Selection, SourceChoice, Sourcing};
use crate::filter::{Expression, Folded, Test};
use crate::model::{Family, Field, State, StateSet};
use crate::question::{Families, Question};
use crate::source::{Observer, ProcNet, Sources};

/// An observer of the sockets selected, of each of which `fields` must be known.
pub(super) fn observer(
    selection: &Selection,
    sourcing: &Sourcing,
    fields: Vec<Field>,
) -> Result<Observer, Failure> {
    Ok(Observer::new(
        question(selection, fields)?,
        sources(sourcing)?,
    )?)
}

/// An observer of the listeners of the families selected.
pub(super) fn listeners_observer(
    selection: &Selection,
    sourcing: &Sourcing,
) -> Result<Observer, Failure> {
    let question = Question {
        families: families(selection),
        fields: vec![Field::Direction],
        ..Question::about(StateSet::NONE.with(State::Listen))
    };
    Ok(Observer::new(question, sources(sourcing)?)?)
}

/// An observer of those listeners among the sockets selected, with their accept queues.
pub(super) fn queues_observer(
    selection: &Selection,
    sourcing: &Sourcing,
) -> Result<Observer, Failure> {
    let listen = StateSet::NONE.with(State::Listen);
    let fields = vec![Field::AcceptQueue, Field::AcceptLimit];
    let asked = question(selection, fields)?;
    let question = Question {
        states: asked.states.intersection(listen),
        ..asked
    };
    Ok(Observer::new(question, sources(sourcing)?)?)
}

/// What is asked about the sockets selected.
pub(super) fn question(selection: &Selection, fields: Vec<Field>) -> Result<Question, Failure> {
    question_by(selection, filter(selection)?, fields)
}

/// The same with this filter in the place of the one typed.
pub(super) fn question_by(
    selection: &Selection,
    filter: Option<Expression>,
    fields: Vec<Field>,
) -> Result<Question, Failure> {
    let asked = states(selection, filter.as_ref())?;
    let (states, filter) = match filter {
        None => (asked, None),
        Some(filter) => match filter.narrow(asked) {
            (states, _) if states.is_empty() => return Err(contradiction(asked, &filter)),
            (states, Folded::Tests(rest)) => (states, Some(rest)),
            (states, Folded::Always | Folded::Never) => (states, None),
        },
    };
    Ok(Question {
        families: families(selection),
        fields,
        filter,
        ..Question::about(states)
    })
}

fn contradiction(asked: StateSet, filter: &Expression) -> Failure {
    let tests_states = filter.tests().any(|test| matches!(test, Test::State(_)));
    let why = if !tests_states {
        "no socket can pass the filter: `*` is every address and port"
    } else if asked == StateSet::ALL {
        "no socket can pass the filter: none is in two states at once; join states by or"
    } else {
        "no socket can pass: --state, --listening and the filter have no state in common"
    };
    Failure::Usage(why.to_owned())
}

fn families(selection: &Selection) -> Families {
    match (selection.ipv4, selection.ipv6) {
        (true, _) => Families::Only(Family::V4),
        (_, true) => Families::Only(Family::V6),
        (false, false) => Families::Both,
    }
}

/// The states that options name; all but BOUND where they name none, and BOUND too where the
/// filter does.
fn states(selection: &Selection, filter: Option<&Expression>) -> Result<StateSet, Failure> {
    let named = selection.state.iter().copied().reduce(StateSet::union);
    let listen = StateSet::NONE.with(State::Listen);
    let states = match (named, selection.listening) {
        (None, false) if filter.is_some_and(names_bound) => StateSet::ALL.with(State::Bound),
        (None, false) => StateSet::ALL,
        (None, true) => listen,
        (Some(named), false) => named,
        (Some(named), true) => named.intersection(listen),
    };
    if states.is_empty() {
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

/// Who may answer.
pub(super) fn sources(sourcing: &Sourcing) -> Result<Sources, Failure> {
    match (&sourcing.proc_root, sourcing.source) {
        (Some(_), SourceChoice::Netlink | SourceChoice::NetlinkAndCounters) => Err(Failure::Usage(
            "--source netlink and --proc-root exclude each other: netlink knows no other proc"
                .to_owned(),
        )),
        (Some(root), SourceChoice::Auto | SourceChoice::Proc) => {
            Ok(Sources::Proc(ProcNet::under(root)?))
        }
        (None, SourceChoice::Auto) => Ok(Sources::Auto(ProcNet::own())),
        (None, SourceChoice::Netlink) => Ok(Sources::Netlink),
        (None, SourceChoice::NetlinkAndCounters) => Ok(Sources::NetlinkAndCounters),
        (None, SourceChoice::Proc) => Ok(Sources::Proc(ProcNet::own())),
    }
}
