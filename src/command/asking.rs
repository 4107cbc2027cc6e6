//! From the options typed to the question asked and to those who may answer it.

use super::failure::Failure;
use crate::cli::{Selection, SourceChoice, Sourcing};
use crate::model::{Family, Field, State, StateSet};
use crate::question::{Families, Question};
use crate::source::{Observer, ProcNet, Sources};

/// An observer of the sockets selected, of each of which `fields` must be known.
pub(super) fn observer(
    selection: &Selection,
    sourcing: &Sourcing,
    fields: Vec<Field>,
) -> Result<Observer, Failure> {
    let question = Question {
        families: families(selection),
        states: states(selection)?,
        fields,
    };
    Ok(Observer::new(question, sources(sourcing)?)?)
}

fn families(selection: &Selection) -> Families {
    match (selection.ipv4, selection.ipv6) {
        (true, _) => Families::Only(Family::V4),
        (_, true) => Families::Only(Family::V6),
        (false, false) => Families::Both,
    }
}

fn states(selection: &Selection) -> Result<StateSet, Failure> {
    let named = selection.state.iter().copied().reduce(StateSet::union);
    let listen = StateSet::NONE.with(State::Listen);
    let states = match (named, selection.listening) {
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

fn sources(sourcing: &Sourcing) -> Result<Sources, Failure> {
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
