//! The kernel's numbers for the timers of a socket: `idiag_timer` of `struct inet_diag_msg`, and
//! the column `tr` of /proc/net/tcp (`get_tcp4_sock`, net/ipv4/tcp_ipv4.c).

use std::time::Duration;

use crate::model::{Timer, TimerKind};

/// The timer of this number with this time left; 0 is none.
pub(super) fn decode_timer(number: u8, remaining: Duration) -> Option<Timer> {
    let kind = match number {
        0 => return None,
        1 => TimerKind::Retransmit,
        2 => TimerKind::KeepAlive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Persist,
        unknown => TimerKind::Unknown(unknown),
    };
    Some(Timer { kind, remaining })
}
