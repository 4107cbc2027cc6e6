//! Following attempts to connect: they are listed once a second and looked up several times in between, so that
//! what becomes of those that end early is seen.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::watching::Watching;
use crate::command::clock::Clock;
use crate::diagnose::Watch;

/// How long it waits before it looks up attempts to connect once more.
const FOLLOWING: Duration = Duration::from_millis(100);

/// How long it waits in a window before it lists attempts to connect once more.
const LISTING: Duration = Duration::from_secs(1);

/// The attempts to connect that are followed in a window.
#[derive(Debug)]
pub(super) struct Followed<'a> {
    watching: Watching<'a>,
    watch: &'a mut Watch,
    /// Their destinations.
    open: HashSet<SocketAddr>,
}

impl Followed<'_> {
    fn list(&mut self) {
        self.watching.see_attempts(self.watch);
        self.open = self.watch.attempts.unanswered();
    }

    fn look_up(&mut self) {
        self.watching.follow(self.watch, &self.open);
    }
}

impl<'a> Watching<'a> {
    /// Follows attempts to connect in the window, if they cannot be followed after it.
    pub(super) fn followed<'w>(self, watch: &'w mut Watch) -> Option<Followed<'w>>
    where
        'a: 'w,
    {
        let is_later = self.is_lengthened() || self.clock.is_recorded();
        let is_followed = !is_later && !self.selection.is_glance();
        is_followed.then_some(Followed {
            watching: self,
            watch,
            open: HashSet::new(),
        })
    }
}

/// Waits for the rest of a window, and follows the attempts to connect in it, which are listed once a
/// second. Returns for how long it slept.
pub(super) fn wait_in_window(
    followed: &mut [Followed<'_>],
    clock: &Clock,
    pause: Duration,
) -> Duration {
    if followed.is_empty() {
        return clock.wait(pause);
    }
    let (end, mut slept) = (clock.elapsed() + pause, Duration::ZERO);
    loop {
        let next = end.min(clock.elapsed() + LISTING);
        followed.iter_mut().for_each(Followed::list);
        let is_open = followed.iter().any(|one| !one.open.is_empty());
        slept += wait_until(next, clock, is_open, || {
            followed.iter_mut().for_each(Followed::look_up);
        });
        if next >= end {
            return slept;
        }
    }
}

/// Waits until this time since the begin of the window, and follows the attempts to connect meanwhile, if
/// any are followed. Returns for how long it slept.
pub(super) fn wait_until(
    at: Duration,
    clock: &Clock,
    is_followed: bool,
    mut follow: impl FnMut(),
) -> Duration {
    let mut slept = Duration::ZERO;
    loop {
        let left = at.saturating_sub(clock.elapsed());
        if left.is_zero() {
            return slept;
        }
        slept += clock.wait(match is_followed {
            true => left.min(FOLLOWING),
            false => left,
        });
        if is_followed {
            follow();
        }
    }
}
