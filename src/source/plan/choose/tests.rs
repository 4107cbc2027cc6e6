//! Which states are derived, what is listed for it, and how large tables are split.

use super::*;
use crate::filter::{Expression, Program};
use crate::model::{Family, InetEnds, Kind, Socket};

const PLENTY: SocketCounters = SocketCounters {
    full: 400_000,
    full_v6: 0,
    minisockets: 400_000,
};

fn planner(question: &Question, deriving: Deriving) -> Planner {
    Planner::new(question.clone(), Need::Counts, deriving, false)
}

/// What is derived, and which states are listed for it.
fn derived(planner: &Planner, counters: SocketCounters) -> Option<(StateSet, StateSet)> {
    let (dumps, _) = planner.plan(|| Ok(counters)).unwrap();
    Some((dumps.derivation?.states, dumps.states))
}

fn derivation(states: StateSet, counters: SocketCounters) -> Option<(StateSet, StateSet)> {
    let question = Question::about(Kind::Tcp, states);
    derived(&planner(&question, Deriving::WhereCheaper), counters)
}

#[test]
fn of_a_large_table_only_the_rarer_states_are_listed() {
    let both = StateSet::NONE
        .with(State::Established)
        .with(State::TimeWait);
    let rarer = StateSet::ALL
        .without(State::Established)
        .without(State::TimeWait);
    assert_eq!(derivation(StateSet::ALL, PLENTY), Some((both, rarer)));
    assert_eq!(derivation(both, PLENTY), Some((both, rarer)));
}

#[test]
fn a_state_of_few_sockets_is_listed_beside_a_derived_one() {
    for full in [10, 5_000] {
        let counters = SocketCounters { full, ..PLENTY };
        let (derived, listed) = derivation(StateSet::ALL, counters).unwrap();
        assert_eq!(derived, StateSet::NONE.with(State::TimeWait));
        assert_eq!(listed, StateSet::ALL.without(State::TimeWait));
    }
    let few = SocketCounters {
        full: 10,
        minisockets: 10,
        ..PLENTY
    };
    assert!(derivation(StateSet::ALL, few).is_none());
}

#[test]
fn time_wait_alone_needs_fin_wait2_and_nothing_else() {
    let selected = StateSet::NONE.with(State::TimeWait);
    let listed = StateSet::NONE.with(State::FinWait2);
    assert_eq!(derivation(selected, PLENTY), Some((selected, listed)));
}

#[test]
fn what_the_counters_do_not_contain_is_listed_without_reading_them() {
    let unread = || -> Result<SocketCounters, String> { unreachable!() };
    let reason = |planner: Planner| planner.derivation(unread).unwrap_err();
    let possible = |question: &Question| reason(planner(question, Deriving::WherePossible));
    let listen = Question::about(Kind::Tcp, StateSet::NONE.with(State::Listen));
    assert_eq!(possible(&listen), Reason::OnlyListeners);
    let bound = Question::about(Kind::Tcp, StateSet::ALL.with(State::Bound));
    assert_eq!(possible(&bound), Reason::NotDerivable);
    let all = Question::about(Kind::Tcp, StateSet::ALL);
    let one_family = Question {
        families: Families::Only(Family::V4),
        ..all.clone()
    };
    assert_eq!(possible(&one_family), Reason::OneFamily);
    assert_eq!(reason(planner(&all, Deriving::Never)), Reason::Requested);
    let lately = Planner::new(all.clone(), Need::Counts, Deriving::WherePossible, true);
    assert_eq!(reason(lately), Reason::DoubtedLately);
    let broken = planner(&all, Deriving::WherePossible);
    let broken = broken.derivation(|| Err("gone".to_owned())).unwrap_err();
    assert_eq!(broken, Reason::Unreadable("gone".to_owned()));
}

#[test]
fn a_doubted_state_is_listed_in_the_second_attempt_if_it_is_the_smaller_part() {
    let counters = SocketCounters {
        full: 400_000,
        minisockets: 20_000,
        ..PLENTY
    };
    let all = Question::about(Kind::Tcp, StateSet::ALL);
    let second = |state: State, sockets| {
        let mut planner = planner(&all, Deriving::WhereCheaper);
        let doubt = Reason::Doubt(Doubt::Spread {
            state,
            sockets,
            spread: 1_000,
        });
        let first = planner.derivation(|| Ok(counters)).unwrap().0;
        planner.fail(first, doubt.clone());
        let derived = derived(&planner, counters).unwrap().0;
        planner.fail(first, doubt.clone());
        assert_eq!(planner.derivation(|| Ok(counters)), Err(doubt));
        derived
    };
    let established = StateSet::NONE.with(State::Established);
    assert_eq!(second(State::TimeWait, 20_000), established);
    let both = established.with(State::TimeWait);
    assert_eq!(second(State::Established, 400_000), both);
}

#[test]
fn a_doubted_state_that_was_the_only_one_to_derive_is_listed_because_of_the_doubt() {
    let question = Question::about(Kind::Tcp, StateSet::NONE.with(State::TimeWait));
    let counters = SocketCounters {
        full: 400_000,
        minisockets: 20_000,
        ..PLENTY
    };
    let mut planner = planner(&question, Deriving::WhereCheaper);
    let first = planner.derivation(|| Ok(counters)).unwrap().0;
    let doubt = Reason::Doubt(Doubt::Spread {
        state: State::TimeWait,
        sockets: 20_000,
        spread: 1_000,
    });
    planner.fail(first, doubt.clone());
    assert_eq!(planner.derivation(|| Ok(counters)), Err(doubt));
}

#[test]
fn a_doubt_is_remembered_for_a_number_of_samples_that_doubles_until_there_is_trust() {
    let mut caution = Caution::default();
    let listings = |caution: &mut Caution| (0..).take_while(|_| caution.take()).count();
    assert_eq!(listings(&mut caution), 0);
    for expected in [8, 16, 32, 64, 128, 256, 256] {
        caution.doubt();
        assert_eq!(listings(&mut caution), expected);
    }
    caution.trust();
    caution.doubt();
    assert_eq!(listings(&mut caution), 8);
}

#[test]
fn every_pair_of_ports_is_in_one_of_two_parallel_dumps() {
    let question = Question::about(Kind::Tcp, StateSet::ALL);
    let dumps = Dumps::new(&question, StateSet::ALL, Operations::All)
        .unwrap()
        .in_parallel(100);
    assert!(dumps.parallel && dumps.filters.iter().all(|dump| dump.program.is_none()));
    let parts: Vec<&Expression> = dumps
        .filters
        .iter()
        .filter_map(|dump| dump.in_kernel.as_ref())
        .collect();
    let mut tests = parts.iter().flat_map(|part| part.tests());
    assert!(tests.all(|test| Operations::Oldest.answer(test)));
    let mut ends = InetEnds::listening(Family::V4, "127.0.0.1:0".parse().unwrap());
    for (local, remote, is_low) in [
        (0, 0, true),
        (99, 99, true),
        (99, 100, false),
        (100, 99, false),
        (65_535, 65_535, false),
        (443, 0, false),
    ] {
        ends.local.set_port(local);
        ends.remote.set_port(remote);
        let socket = Socket::bare(Kind::Tcp, State::Established, ends);
        let found: Vec<bool> = parts
            .iter()
            .map(|part| Program::new(part).matches(&socket))
            .collect();
        assert_eq!(found, [is_low, !is_low], "{local} {remote}");
    }
}
