//! How many sockets are in ESTABLISHED and TIME_WAIT, from the kernel's counters and a listing of
//! all the rarer states. Pure; verified equal to listing over every state and odd kind in tests.
//!
//! Every full socket is in exactly one of nine states, and the counter of full sockets is exact,
//! so ESTABLISHED is what remains after subtracting the rarer ones; timewait minisockets are in
//! TIME_WAIT or FIN_WAIT2. But counters change during the dump: they are read before and after
//! it, and a second counter (CurrEstab) must agree. How far all these differ is the spread, the
//! estimate of the error; where it is too large, every socket is listed.

use std::ops::ControlFlow;

use super::counters::Reading;
use crate::model::{CountSink, Counts, Sink, Socket, State, StateSet};

/// A spread up to this part of a state's number is reported and accepted; beyond it, list. A walk
/// of 40 ms over 400,000 connections stays within it while 5,000 are opened and closed each second.
const ACCEPTED: u64 = 1000;

/// The sockets listed in the rarer states.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    /// All of them.
    pub(super) all: Counts,
    /// Those of them that are full sockets.
    pub(super) full: Counts,
    /// How many the kernel did not describe well enough to decide that.
    pub(super) doubtful: u64,
}

impl Sink for Rare {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.all.add(socket.state, 1);
        match socket.full {
            Some(true) => self.full.add(socket.state, 1),
            Some(false) => {}
            None => self.doubtful += 1,
        }
        ControlFlow::Continue(())
    }
}

/// The same; the sink of the answer notices each of them too.
#[derive(Debug)]
pub(super) struct Noticed<S> {
    pub(super) rare: Rare,
    /// A part of the sink, which is added to it if the numbers can be derived.
    pub(super) part: S,
}

impl<S: CountSink> Sink for Noticed<S> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.part.notice(socket);
        self.rare.socket(socket)
    }
}

/// A number of sockets, and how far its sources disagree about it; 0 where they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    pub(super) sockets: u64,
    pub(super) spread: u64,
}

/// Why a number cannot be derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error(
        "the counters of {state} changed by {spread} during the dump, too much for {sockets} sockets"
    )]
    Spread {
        state: State,
        sockets: u64,
        spread: u64,
    },
    #[error("the counters contradict the sockets that were listed")]
    Contradiction,
    #[error("the kernel does not report which sockets are full ones")]
    Kind,
    #[error("the kernel reported the state {0}, which its counters may not contain")]
    UnknownState(State),
    #[error("the dump of the rarer states was incomplete")]
    IncompleteDump,
}

/// The numbers of `states`, which are ESTABLISHED, TIME_WAIT or both.
///
/// # Errors
/// When the counters disagree with the listed sockets or with each other, or may not contain what
/// was listed.
pub(super) fn derive(
    states: StateSet,
    rare: &Rare,
    before: &Reading,
    after: &Reading,
) -> Result<Vec<(State, Estimate)>, Doubt> {
    if let Some(state) = rare.all.unknown().next() {
        return Err(Doubt::UnknownState(state));
    }
    if rare.doubtful > 0 {
        return Err(Doubt::Kind);
    }
    let estimates = states.iter().map(|state| {
        let estimate = if state == State::Established {
            derive_established(rare, before, after)?
        } else {
            derive_time_wait(rare, before, after)?
        };
        Ok((state, estimate))
    });
    estimates.collect()
}

/// ESTABLISHED: what remains of the full sockets without the rarer states.
fn derive_established(rare: &Rare, before: &Reading, after: &Reading) -> Result<Estimate, Doubt> {
    let others = rare.full.total();
    let left = [
        less(before.sockets.full, others)?,
        less(after.sockets.full, others)?,
    ];
    // CurrEstab counts CLOSE_WAIT too since 6.10 and where that was backported; the meaning that
    // fits better is the one this kernel has. If neither fits, the spread shows it.
    let fit = |close_wait: u64| {
        let counted = [before, after].map(|reading| reading.established.checked_sub(close_wait));
        match counted {
            [Some(first), Some(second)] => Some(estimate(&[left[0], left[1], first, second])),
            _ => None,
        }
    };
    [fit(0), fit(rare.all.get(State::CloseWait))]
        .into_iter()
        .flatten()
        .min_by_key(|estimate| estimate.spread)
        .ok_or(Doubt::Contradiction)
        .and_then(|estimate| accept(State::Established, estimate))
}

/// TIME_WAIT: what remains of the timewait minisockets without FIN_WAIT2.
fn derive_time_wait(rare: &Rare, before: &Reading, after: &Reading) -> Result<Estimate, Doubt> {
    let fin_wait2 = less(
        rare.all.get(State::FinWait2),
        rare.full.get(State::FinWait2),
    )?;
    let first = less(before.sockets.minisockets, fin_wait2)?;
    let second = less(after.sockets.minisockets, fin_wait2)?;
    accept(State::TimeWait, estimate(&[first, second]))
}

fn less(all: u64, part: u64) -> Result<u64, Doubt> {
    all.checked_sub(part).ok_or(Doubt::Contradiction)
}

/// The middle of the claims, and the distance between the extremes.
fn estimate(claims: &[u64]) -> Estimate {
    let lowest = claims.iter().copied().min().unwrap_or(0);
    let highest = claims.iter().copied().max().unwrap_or(0);
    let spread = highest - lowest;
    Estimate {
        sockets: lowest + spread / 2,
        spread,
    }
}

fn accept(state: State, estimate: Estimate) -> Result<Estimate, Doubt> {
    let Estimate { sockets, spread } = estimate;
    if spread > sockets / ACCEPTED {
        return Err(Doubt::Spread {
            state,
            sockets,
            spread,
        });
    }
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::model::{Family, InetEnds, Kind};
    use crate::source::counters::SocketCounters;

    /// One hundred thousand connections besides 7 listeners, 40 in CLOSE_WAIT, 30 half-open
    /// requests, 20 FIN_WAIT2 (15 of them minisockets), and 5,000 in TIME_WAIT.
    fn rare() -> Rare {
        let mut rare = Rare::default();
        for (state, all, full) in [
            (State::Listen, 7, 7),
            (State::CloseWait, 40, 40),
            (State::SynRecv, 30, 0),
            (State::FinWait2, 20, 5),
        ] {
            rare.all.add(state, all);
            rare.full.add(state, full);
        }
        rare
    }

    fn reading(full: u64, minisockets: u64, established: u64) -> Reading {
        Reading {
            sockets: SocketCounters {
                full,
                full_v6: 0,
                minisockets,
            },
            established,
        }
    }

    const EXACT: fn(u64) -> Result<Estimate, Doubt> = |sockets| Ok(Estimate { sockets, spread: 0 });

    #[test]
    fn still_counters_of_either_meaning_give_the_exact_numbers() {
        for established in [100_000, 100_040] {
            let still = reading(100_052, 5_015, established);
            assert_eq!(derive_established(&rare(), &still, &still), EXACT(100_000));
            assert_eq!(derive_time_wait(&rare(), &still, &still), EXACT(5_000));
        }
    }

    #[test]
    fn counters_that_move_a_little_give_a_number_with_its_spread() {
        let before = reading(100_052, 5_015, 100_040);
        let after = reading(100_072, 5_017, 100_066);
        let established = derive_established(&rare(), &before, &after).unwrap();
        assert_eq!(
            established,
            Estimate {
                sockets: 100_013,
                spread: 26
            }
        );
        let time_wait = derive_time_wait(&rare(), &before, &after).unwrap();
        assert_eq!((time_wait.sockets, time_wait.spread), (5_001, 2));
    }

    #[test]
    fn counters_that_move_too_far_are_a_doubt() {
        let before = reading(100_052, 5_015, 100_040);
        let after = reading(100_252, 5_022, 100_240);
        assert!(matches!(
            derive_established(&rare(), &before, &after),
            Err(Doubt::Spread { spread: 200, .. })
        ));
        assert!(matches!(
            derive_time_wait(&rare(), &before, &after),
            Err(Doubt::Spread { spread: 7, .. })
        ));
    }

    #[test]
    fn a_small_state_must_agree_exactly() {
        let before = reading(152, 15, 100);
        let after = reading(153, 16, 101);
        assert!(derive_established(&rare(), &before, &after).is_err());
        assert!(derive_time_wait(&rare(), &before, &after).is_err());
    }

    #[test]
    fn counters_that_lie_are_caught() {
        // A CurrEstab of neither meaning.
        let lying = reading(100_052, 5_015, 60_000);
        assert!(derive_established(&rare(), &lying, &lying).is_err());
        // A counter that was reset, or wrapped, between two readings.
        let before = reading(100_052, 5_015, 100_040);
        let reset = reading(12, 0, 3);
        assert!(derive_established(&rare(), &before, &reset).is_err());
        assert!(derive_time_wait(&rare(), &before, &reset).is_err());
        // Fewer than were listed.
        assert_eq!(
            derive_established(&rare(), &reset, &reset),
            Err(Doubt::Contradiction)
        );
        assert_eq!(
            derive_time_wait(&rare(), &reset, &reset),
            Err(Doubt::Contradiction)
        );
    }

    #[test]
    fn sockets_of_unknown_kind_or_state_are_a_doubt() {
        let still = reading(100_052, 5_015, 100_000);
        let doubt = |rare: &Rare| {
            [State::Established, State::TimeWait].map(|state| {
                let states = StateSet::NONE.with(state);
                derive(states, rare, &still, &still).map(|_| ())
            })
        };
        assert_eq!(doubt(&rare()), [Ok(()); 2]);
        let doubtful = Rare {
            doubtful: 1,
            ..rare()
        };
        assert_eq!(doubt(&doubtful), [Err(Doubt::Kind); 2]);
        let mut invented = rare();
        let any = SocketAddr::from(([0; 4], 0));
        let ends = InetEnds::listening(Family::V4, any);
        let socket = Socket::bare(Kind::Tcp, State::Unknown(14), ends);
        assert!(invented.socket(&socket).is_continue());
        let expected = Doubt::UnknownState(State::Unknown(14));
        assert_eq!(doubt(&invented), [Err(expected); 2]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let still = reading(u64::MAX, u64::MAX, u64::MAX);
        let _ = derive_established(&rare(), &still, &still);
        assert!(derive_time_wait(&rare(), &still, &still).is_ok());
    }
}
