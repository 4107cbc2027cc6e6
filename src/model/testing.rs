//! Values that the tests of several rooms make.

use std::net::SocketAddr;
use std::time::Duration;

use super::trace::{
    Close, Connection, Counters, FirstClose, Opened, Reset, ResetReason, Shape, Side, Story, Task,
    Transition,
};
use super::{Family, InetEnds, Names, Netns, State};

/// The same names for every user, interface and control group.
pub(crate) struct SameNames;

impl Names for SameNames {
    fn user(&mut self, _: u32) -> &str {
        "user"
    }

    fn interface(&mut self, _: u32) -> &str {
        "eth0"
    }

    fn cgroup(&mut self, _: u64) -> &str {
        "/"
    }

    fn netns(&mut self, _: Netns) -> &str {
        "blue"
    }
}

/// The ends of a socket at two addresses, of the family of the local one.
pub(crate) fn ends(local: &str, remote: &str) -> InetEnds {
    let local: SocketAddr = local.parse().unwrap();
    InetEnds {
        family: match local {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6,
        },
        local,
        remote: remote.parse().unwrap(),
    }
}

/// A program called `web`, of process 7.
pub(crate) fn web() -> Task {
    let mut name = [0; 16];
    name[..3].copy_from_slice(b"web");
    Task { pid: 7, name }
}

/// What `web` did to its socket on port 80, `seconds` after the start of CLOCK_MONOTONIC.
pub(crate) fn transition(seconds: u64, from: State, to: State) -> Transition {
    Transition {
        time_ns: seconds * 1_000_000_000,
        cookie: 1,
        netns: 1,
        ends: ends("192.0.2.1:80", "192.0.2.2:40000"),
        from,
        to,
        after: Some(Duration::from_micros(1_240)),
        by: Some(web()),
        error: None,
        inode: 1,
        uid: 0,
    }
}

/// A close that `web` began `seconds` after the start of CLOCK_MONOTONIC, and that took 2 ms.
pub(crate) fn close(seconds: u64, shape: Shape) -> Story {
    let begin_ns = seconds * 1_000_000_000;
    let ended_ns = begin_ns + 2_000_000;
    let is_reset = shape == Shape::Reset;
    Story::alone(Connection {
        cookie: 1,
        netns: 1,
        ends: ends("192.0.2.1:80", "192.0.2.2:40000"),
        opened: Opened::By(Side::Remote),
        opened_by: None,
        opened_ns: None,
        ended_ns,
        states: vec![(State::Established, None), (State::FinWait1, None)],
        closed_by: Some(web()),
        close: Some(Close {
            shape,
            first: FirstClose::By(Side::Local),
            acknowledged: None,
            parked: None,
            retransmits: 0,
            reset: is_reset.then_some(Reset {
                by: Side::Local,
                reason: Some(ResetReason::UnreadData),
            }),
            steps: vec![(begin_ns, State::FinWait1), (ended_ns, State::TimeWait)],
        }),
        error: None,
        inode: 0,
        uid: 0,
        counters: Counters {
            bytes_sent: 512,
            bytes_received: 64,
            ..Counters::default()
        },
    })
}
