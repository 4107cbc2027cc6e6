//! Attempts that are looked up several times a second until they end: what became of each.
//!
//! A dump each second does not show what became of an attempt in between. An attempt that succeeds takes
//! one round trip, and the connection that it becomes exists for another one, unless this host resets it: the
//! other end can send nothing earlier than that, and acknowledges what this one sends last. So one that was looked up again after
//! less than half its age and is gone was given up, refused, or reset as soon as it was a connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{INITIAL_TIMEOUT, LEAST_WINDOW, destination};
use crate::diagnose::watch::Sightings;
use crate::model::{InetEnds, Socket, State, TimerKind};

/// This number of attempts is followed at a time.
const MOST: usize = 64;

/// An attempt that ended was at least this many times as old as it was out of sight.
const TIMES_UNSEEN: u32 = 2;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Connection,
    /// It ended, or was refused, at this age or later.
    Nothing(Duration),
    Unknown,
}

/// What was seen of an attempt.
#[derive(Clone, Copy, Debug)]
struct Course {
    cookie: Option<u64>,
    /// When it was seen first and last, since the begin of the window.
    first: Duration,
    last: Duration,
    /// Its age when it was seen last, at least.
    age: Duration,
    end: Option<End>,
}

/// The attempts that are followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed(HashMap<InetEnds, Course>);

/// How many of the followed attempts to one destination have ended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::diagnose) struct Ends {
    /// Those that became connections, and those that ended without.
    pub(in crate::diagnose) connections: u64,
    pub(in crate::diagnose) nothing: u64,
    /// The least age of the latter.
    pub(in crate::diagnose) youngest: Option<Duration>,
}

/// How long ago the SYN of an attempt was sent, at least, as its timer shows.
fn age_by_timer(socket: &Socket) -> Duration {
    let timer = socket
        .timer
        .filter(|timer| timer.kind == TimerKind::Retransmit);
    match (timer, socket.retransmits) {
        (Some(timer), Some(0)) => INITIAL_TIMEOUT.saturating_sub(timer.remaining),
        (Some(_), Some(_)) => INITIAL_TIMEOUT,
        (None, _) | (_, None) => Duration::ZERO,
    }
}

impl Followed {
    /// Those to look up: the ones that have not ended, and others of these while there is room.
    pub(super) fn wanted<'a>(
        &'a self,
        others: impl Iterator<Item = &'a InetEnds>,
    ) -> Vec<InetEnds> {
        let open = self.0.iter().filter(|(_, course)| course.end.is_none());
        let others = others.filter(|ends| !self.0.contains_key(ends));
        let all = open.map(|(ends, _)| ends).chain(others);
        all.take(MOST).copied().collect()
    }

    /// Takes what was found of those that were looked up between two times since the begin of the window.
    pub(super) fn see(&mut self, seen: Sightings, begin: Duration, end: Duration) {
        let (found, missing) = seen.into_parts();
        for (ends, socket) in found {
            let new = Course {
                cookie: socket.cookie,
                first: end,
                last: begin,
                age: Duration::ZERO,
                end: None,
            };
            let course = self.0.entry(ends).or_insert(new);
            if socket.state != State::SynSent {
                course.end = Some(End::Connection);
            } else if course.cookie != socket.cookie {
                course.end = Some(End::Unknown);
            } else {
                course.last = begin;
                let seen_for = begin.saturating_sub(course.first);
                course.age = seen_for.max(age_by_timer(&socket));
            }
        }
        for ends in missing {
            let course = self.0.entry(ends).or_insert(Course {
                cookie: None,
                first: end,
                last: end,
                age: Duration::ZERO,
                end: None,
            });
            let unseen = end.saturating_sub(course.last) * TIMES_UNSEEN;
            course.end = Some(match course.age >= unseen.max(LEAST_WINDOW) {
                true => End::Nothing(course.age),
                false => End::Unknown,
            });
        }
    }

    /// What became of those to a destination.
    pub(super) fn ends_of(&self, to: SocketAddr) -> Ends {
        let own = self.0.iter().filter(|(ends, _)| destination(ends) == to);
        own.fold(Ends::default(), |mut ends, (_, course)| {
            match course.end {
                Some(End::Connection) => ends.connections += 1,
                Some(End::Nothing(age)) => {
                    ends.nothing += 1;
                    ends.youngest = Some(ends.youngest.map_or(age, |least| least.min(age)));
                }
                Some(End::Unknown) | None => {}
            }
            ends
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::socket;
    use crate::model::{Sink, Timer};

    /// An attempt of this age.
    fn attempt(age: u64) -> Socket {
        Socket {
            retransmits: Some(0),
            timer: Some(Timer {
                kind: TimerKind::Retransmit,
                remaining: Duration::from_millis(1_000 - age),
            }),
            ..socket(State::SynSent, "192.0.2.9:1", "192.0.2.1:80")
        }
    }

    /// What became of an attempt that was looked up at these times, in milliseconds.
    fn ends(looks: &[(u64, Option<Socket>)]) -> Ends {
        let ends = *attempt(0).internet().unwrap();
        let mut followed = Followed::default();
        for (at, socket) in looks {
            let mut seen = Sightings::of(&[ends]);
            if let Some(socket) = socket {
                assert!(seen.socket(socket).is_continue());
            }
            let at = Duration::from_millis(*at);
            followed.see(seen, at, at);
        }
        followed.ends_of(ends.remote)
    }

    fn nothing(age: u64) -> Ends {
        Ends {
            nothing: 1,
            youngest: Some(Duration::from_millis(age)),
            ..Ends::default()
        }
    }

    #[test]
    fn an_attempt_that_is_gone_soon_after_it_was_seen_became_nothing() {
        assert_eq!(ends(&[(0, Some(attempt(600))), (300, None)]), nothing(600));
        assert_eq!(
            ends(&[(0, Some(attempt(600))), (301, None)]),
            Ends::default(),
            "it may have been a connection for as long as it took to make"
        );
        assert_eq!(ends(&[(0, Some(attempt(500))), (100, None)]), nothing(500));
        assert_eq!(
            ends(&[(0, Some(attempt(499))), (100, None)]),
            Ends::default(),
            "it may wait for a round trip"
        );
        assert_eq!(ends(&[(0, None)]), Ends::default(), "never found");
    }

    #[test]
    fn without_a_timer_the_age_is_for_how_long_it_was_seen() {
        let bare = || Socket {
            timer: None,
            ..attempt(0)
        };
        let seen = [(0, Some(bare())), (500, Some(bare())), (600, None)];
        assert_eq!(ends(&seen), nothing(500));
        assert_eq!(ends(&[(0, Some(bare())), (100, None)]), Ends::default());
        let again = Socket {
            retransmits: Some(1),
            ..attempt(0)
        };
        assert_eq!(ends(&[(0, Some(again)), (100, None)]), nothing(1_000));
    }

    #[test]
    fn one_that_became_a_connection_is_not_looked_up_again() {
        let made = socket(State::TimeWait, "192.0.2.9:1", "192.0.2.1:80");
        let looks = [(0, Some(attempt(600))), (100, Some(made))];
        assert_eq!((ends(&looks).connections, ends(&looks).nothing), (1, 0));
        let other = Socket {
            cookie: Some(9),
            ..attempt(0)
        };
        let reused = [(0, Some(attempt(600))), (100, Some(other)), (200, None)];
        assert_eq!(ends(&reused).connections, 0);
    }

    #[test]
    fn those_that_have_not_ended_are_looked_up_first() {
        let of = |port: u16| *socket_from(port).internet().unwrap();
        let others: Vec<InetEnds> = (1..=100).map(of).collect();
        let mut followed = Followed::default();
        assert_eq!(followed.wanted(others.iter()), others[..MOST]);
        let mut seen = Sightings::of(&[of(99), of(1)]);
        assert!(seen.socket(&socket_from(99)).is_continue());
        followed.see(seen, Duration::ZERO, Duration::ZERO);
        let wanted = followed.wanted(others.iter());
        assert_eq!((wanted.len(), wanted[0], wanted[1]), (MOST, of(99), of(2)));
    }

    fn socket_from(port: u16) -> Socket {
        socket(State::SynSent, &format!("192.0.2.9:{port}"), "192.0.2.1:80")
    }
}
