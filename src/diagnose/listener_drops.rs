//! What the kernel dropped at each listener (`sk_drops`, which `tcp_listendrop` counts up,
//! include/net/tcp.h), of each how much, and how much in the window.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::model::{Sink, Socket};

/// The drops of more listeners than this are not kept; some 400 KiB.
const MOST_LISTENERS: usize = 20_000;

/// Drops by the cookie of the listener. Filled as a sink of a walk over LISTEN that tells drops.
#[derive(Clone, Debug, Default)]
pub struct ListenerDrops {
    by_cookie: HashMap<u64, u32>,
}

impl ListenerDrops {
    /// By how much the drops of each have grown since `before`; of a listener that was not there then,
    /// all of them.
    #[must_use]
    pub fn since(&self, before: &ListenerDrops) -> ListenerDrops {
        let grown = self.by_cookie.iter().map(|(cookie, drops)| {
            let before = before.by_cookie.get(cookie).copied().unwrap_or(0);
            // A cookie is never used again, so the count has not been reset; it may go around.
            (*cookie, drops.wrapping_sub(before))
        });
        ListenerDrops {
            by_cookie: grown.collect(),
        }
    }

    /// Of one listener; `None` where they are not known.
    pub(super) fn of(&self, cookie: Option<u64>) -> Option<u64> {
        self.by_cookie.get(&cookie?).copied().map(u64::from)
    }

    /// With the drops of one listener.
    #[cfg(test)]
    pub(super) fn with(mut self, cookie: u64, drops: u32) -> ListenerDrops {
        self.by_cookie.insert(cookie, drops);
        self
    }
}

impl Sink for ListenerDrops {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let (Some(cookie), Some(drops)) = (socket.cookie, socket.drops)
            && self.by_cookie.len() < MOST_LISTENERS
        {
            self.by_cookie.insert(cookie, drops);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_grow_from_what_they_were_or_from_nothing_and_may_go_around() {
        let before = ListenerDrops::default().with(1, 5).with(2, u32::MAX);
        let after = ListenerDrops::default().with(1, 8).with(2, 1).with(3, 4);
        let grown = after.since(&before);
        let of = |cookie| grown.of(Some(cookie));
        assert_eq!(
            (of(1), of(2), of(3), of(4)),
            (Some(3), Some(2), Some(4), None)
        );
        assert_eq!(grown.of(None), None);
    }
}
