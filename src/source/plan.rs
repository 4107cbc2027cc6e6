//! The cheapest way to an exact answer, chosen from what is asked, what is allowed, and how many
//! sockets the kernel says there are. All the reasons are here.
//!
//! What a walk costs: some 100 ns to pass a socket by, 800 ns more to report it (Linux 6.18,
//! x86_64). So the kernel is told which states to report, both families are asked for in one walk,
//! and where most sockets are in ESTABLISHED or TIME_WAIT, those are not listed at all but
//! derived from counters that cost 40 µs to read.

use std::fmt;

use super::counters::SocketCounters;
use super::derive::Doubt;
use super::kernel_version::counts_time_wait_per_namespace;
use crate::model::{State, StateSet};
use crate::question::{Families, Question};

/// From how many sockets on deriving is worth the two readings of the counters: listing as many
/// takes a millisecond, ten times as long.
const WORTH_DERIVING: u64 = 1000;

/// A state with fewer than this part of all sockets is listed beside a derived one: it costs
/// little there, and a small number would have to agree with its counter to the last socket.
const SMALL_PART: u64 = 50;

/// Whether numbers may be derived from counters instead of listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deriving {
    /// Never: the user wants every socket listed.
    Never,
    /// Where it is cheaper than listing.
    WhereItPays,
    /// Wherever it is possible, whatever it costs.
    WherePossible,
}

/// How one observation over netlink will be made.
#[derive(Debug)]
pub(super) enum Plan {
    /// List every socket asked for.
    List(Why),
    /// Derive the numbers of the largest states, list the rarer ones.
    Derive(Derivation),
}

/// What to derive, and what must be listed for it.
#[derive(Debug)]
pub(super) struct Derivation {
    /// ESTABLISHED, TIME_WAIT, or both.
    pub(super) derived: StateSet,
    /// The states the kernel must list: those asked for and not derived, and those whose numbers
    /// the derivation needs.
    pub(super) walk: StateSet,
    /// The counters as they were when this was chosen.
    pub(super) before: SocketCounters,
    /// Why it is worth it.
    pub(super) because: &'static str,
}

/// Why every socket is listed.
#[derive(Debug)]
pub(super) enum Why {
    Needed,
    Wanted,
    Filtered,
    OnlyListeners,
    OneFamily,
    NotDerivable,
    Few,
    Unreadable(String),
    Doubt(Doubt),
    DoubtedLately,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Needed => write!(f, "each of them is needed"),
            Why::Wanted => write!(f, "so it is asked for"),
            Why::Filtered => write!(f, "no counter knows the filter"),
            Why::OnlyListeners => write!(
                f,
                "listeners have a table of their own, and connections are not looked at"
            ),
            Why::OneFamily => write!(f, "the counters do not tell the families apart"),
            Why::NotDerivable => write!(f, "no counter tells of the states asked for"),
            Why::Few => write!(f, "the counters tell of too few to be worth deriving"),
            Why::Unreadable(error) => write!(f, "the counters are not to be had: {error}"),
            Why::Doubt(doubt) => write!(f, "{doubt}"),
            Why::DoubtedLately => write!(f, "the counters could not be trusted lately"),
        }
    }
}

impl Derivation {
    /// What to list besides on a second try, after the first ended in `why`: the state that was
    /// in doubt, if it is the smaller part; the larger one gets a second look at its counters.
    pub(super) fn better_listed(&self, why: &Why) -> StateSet {
        let total = self.before.full.saturating_add(self.before.minisockets);
        if let Why::Doubt(Doubt::Spread { state, sockets, .. }) = why
            && *sockets < total / 4
        {
            return StateSet::NONE.with(*state);
        }
        StateSet::NONE
    }
}

/// Chooses the way: derives what can be derived but for the states in `listed`. `read` reads the
/// counters, and is called only where they matter.
pub(super) fn choose(
    question: &Question,
    deriving: Deriving,
    doubted_lately: bool,
    listed: StateSet,
    read: impl FnOnce() -> Result<SocketCounters, String>,
) -> Plan {
    let derivable = StateSet::NONE
        .with(State::Established)
        .with(State::TimeWait)
        .intersection(question.states);
    if deriving == Deriving::Never {
        return Plan::List(Why::Wanted);
    }
    if question.states == StateSet::NONE.with(State::Listen) {
        return Plan::List(Why::OnlyListeners);
    }
    if question.filter.is_some() {
        return Plan::List(Why::Filtered);
    }
    // With the bound bit set, the kernel walks the hash of bound ports as well, and what it lists
    // as CLOSE is not in the counters.
    if derivable.is_empty() || question.states.contains(State::Bound) {
        return Plan::List(Why::NotDerivable);
    }
    if question.families != Families::Both {
        return Plan::List(Why::OneFamily);
    }
    if doubted_lately {
        return Plan::List(Why::DoubtedLately);
    }
    let before = match read() {
        Ok(counters) => counters,
        Err(error) => return Plan::List(Why::Unreadable(error)),
    };
    let mut derived = listed.iter().fold(derivable, StateSet::without);
    if deriving == Deriving::WhereItPays {
        let total = before.full.saturating_add(before.minisockets);
        let worth = WORTH_DERIVING.max(total / SMALL_PART);
        if before.full < worth {
            derived = derived.without(State::Established);
        }
        if before.minisockets < worth {
            derived = derived.without(State::TimeWait);
        }
    }
    if derived.contains(State::TimeWait) && !counts_time_wait_per_namespace() {
        derived = derived.without(State::TimeWait);
    }
    if derived.is_empty() {
        return Plan::List(Why::Few);
    }
    Plan::Derive(Derivation {
        derived,
        walk: walk_for(question.states, derived),
        before,
        because: match deriving {
            Deriving::WherePossible => "so it is asked for",
            Deriving::Never | Deriving::WhereItPays => "they tell of too many to list",
        },
    })
}

/// The states to list: those asked for but not derived, those of full sockets that ESTABLISHED is
/// the remainder of, and FIN_WAIT2, which shares its minisockets with TIME_WAIT.
fn walk_for(asked: StateSet, derived: StateSet) -> StateSet {
    let mut walk = StateSet::NONE.with(State::FinWait2);
    if derived.contains(State::Established) {
        walk = StateSet::ALL.without(State::TimeWait);
    }
    derived
        .iter()
        .fold(walk.union(asked), |walk, state| walk.without(state))
}

/// What was decided in earlier samples: once the counters could not be trusted, they are left
/// alone for a while, so that a busy host is not walked twice each time. The while doubles.
#[derive(Debug, Default)]
pub(super) struct Caution {
    /// For how many observations more to list.
    remaining: u32,
    /// For how many the last doubt was good.
    span: u32,
}

impl Caution {
    const SHORTEST: u32 = 8;
    const LONGEST: u32 = 256;

    /// Whether the coming observation should list because of an earlier doubt.
    pub(super) fn take(&mut self) -> bool {
        let doubted_lately = self.remaining > 0;
        self.remaining = self.remaining.saturating_sub(1);
        doubted_lately
    }

    pub(super) fn doubt(&mut self) {
        self.span = (self.span * 2).clamp(Self::SHORTEST, Self::LONGEST);
        self.remaining = self.span;
    }

    pub(super) fn trust(&mut self) {
        self.span = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    const PLENTY: SocketCounters = SocketCounters {
        full: 400_000,
        minisockets: 400_000,
    };

    fn question(states: StateSet) -> Question {
        Question::about(states)
    }

    fn derivation(states: StateSet, counters: SocketCounters) -> Option<(StateSet, StateSet)> {
        let deriving = Deriving::WhereItPays;
        match choose(&question(states), deriving, false, StateSet::NONE, || {
            Ok(counters)
        }) {
            Plan::Derive(plan) => Some((plan.derived, plan.walk)),
            Plan::List(_) => None,
        }
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
            let (derived, walk) = derivation(StateSet::ALL, counters).unwrap();
            assert_eq!(derived, StateSet::NONE.with(State::TimeWait));
            assert_eq!(walk, StateSet::ALL.without(State::TimeWait));
        }
        let few = SocketCounters {
            full: 10,
            minisockets: 10,
        };
        assert!(derivation(StateSet::ALL, few).is_none());
    }

    #[test]
    fn time_wait_alone_needs_fin_wait2_and_nothing_else() {
        let asked = StateSet::NONE.with(State::TimeWait);
        let walk = StateSet::NONE.with(State::FinWait2);
        assert_eq!(derivation(asked, PLENTY), Some((asked, walk)));
    }

    #[test]
    fn what_the_counters_cannot_tell_is_listed_without_reading_them() {
        let unread = || -> Result<SocketCounters, String> { unreachable!() };
        let listen = question(StateSet::NONE.with(State::Listen));
        let bound = question(StateSet::ALL.with(State::Bound));
        let one_family = Question {
            families: Families::Only(Family::V4),
            ..Question::about(StateSet::ALL)
        };
        for question in [listen, bound, one_family] {
            let plan = choose(
                &question,
                Deriving::WherePossible,
                false,
                StateSet::NONE,
                unread,
            );
            assert!(matches!(plan, Plan::List(_)));
        }
        let all = question(StateSet::ALL);
        let never = choose(&all, Deriving::Never, false, StateSet::NONE, unread);
        assert!(matches!(never, Plan::List(Why::Wanted)));
        let lately = choose(&all, Deriving::WherePossible, true, StateSet::NONE, unread);
        assert!(matches!(lately, Plan::List(Why::DoubtedLately)));
        let broken = choose(&all, Deriving::WherePossible, false, StateSet::NONE, || {
            Err("gone".to_owned())
        });
        assert!(matches!(broken, Plan::List(Why::Unreadable(_))));
    }

    #[test]
    fn a_doubted_state_is_listed_on_the_second_try_if_it_is_the_smaller_part() {
        let counters = SocketCounters {
            full: 400_000,
            minisockets: 20_000,
        };
        let all = question(StateSet::ALL);
        let second = |doubted: State, sockets| {
            let deriving = Deriving::WhereItPays;
            let Plan::Derive(first) =
                choose(&all, deriving, false, StateSet::NONE, || Ok(counters))
            else {
                unreachable!()
            };
            let listed = first.better_listed(&Why::Doubt(Doubt::Spread {
                state: doubted,
                sockets,
                spread: 1_000,
            }));
            match choose(&all, deriving, false, listed, || Ok(counters)) {
                Plan::Derive(second) => second.derived,
                Plan::List(_) => StateSet::NONE,
            }
        };
        let established = StateSet::NONE.with(State::Established);
        assert_eq!(second(State::TimeWait, 20_000), established);
        let both = established.with(State::TimeWait);
        assert_eq!(second(State::Established, 400_000), both);
    }

    #[test]
    fn a_doubt_is_remembered_for_a_while_that_doubles_until_there_is_trust() {
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
}
