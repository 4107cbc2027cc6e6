//! `drops`: what the kernel dropped for the selected sockets in the window (`sk_drops`,
//! include/net/sock.h, in SK_MEMINFO_DROPS of sock_diag(7)).
//!
//! The kernel counts since a socket was created. Of the sockets before the window only those are
//! kept that had drops, so one that is not among them had none then, or is new.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::Measured;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::command::target::Target;
use crate::model::{Field, Holder, InetEnds, Sink, Socket, Trust, thousands};

/// More sockets with drops than this are not compared; some 8 MB.
const MOST: usize = 200_000;

/// The sockets that had drops.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// By [`Socket::key`]: how many, and the ends.
    by_key: HashMap<u64, (u32, Option<InetEnds>)>,
    is_full: bool,
}

impl Sink for Dropped {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if let Some(drops @ 1..) = socket.drops {
            self.is_full |= self.by_key.len() >= MOST;
            if !self.is_full {
                let ends = socket.internet().copied();
                self.by_key.insert(socket.key(), (drops, ends));
            }
        }
        ControlFlow::Continue(())
    }
}

/// The sockets of this target that have drops.
///
/// # Errors
/// When the source does not know them.
pub(super) fn sample(target: &Target) -> Result<Sample<Dropped>, Failure> {
    let mut sampler = target.sampler(vec![Field::Drops])?;
    sampler.sample(|observer, _| {
        let mut dropped = Dropped::default();
        Ok((observer.list(&mut dropped)?, dropped))
    })
}

/// How much was dropped per second between two samples, with the socket that dropped most.
///
/// # Errors
/// When there are too many to compare, or the samples are of two sources.
pub(super) fn rate(before: &Sample<Dropped>, now: &Sample<Dropped>) -> Result<Measured, Failure> {
    if before.found.is_full || now.found.is_full {
        let most = thousands(MOST as u64);
        return Err(Failure::Proc(format!(
            "more than {most} sockets have drops"
        )));
    }
    let (earlier, later) = (before.report.source.name(), now.report.source.name());
    if earlier != later {
        let reason = format!("read from {earlier} before the window and from {later} after it");
        return Err(Failure::Proc(reason));
    }
    let (growth, holder) = grown(&before.found, &now.found);
    let trust = match before.report.completeness.trust() {
        Trust::Exact => now.report.completeness.trust(),
        // What was missed then seems to be new now.
        Trust::AtLeast | Trust::Nothing => Trust::Nothing,
    };
    Ok(Measured {
        trust,
        holder,
        ..Measured::rate(growth, now.since(before))
    })
}

/// How much was dropped in all, and for which socket most.
fn grown(before: &Dropped, now: &Dropped) -> (u64, Option<Holder>) {
    let (mut sum, mut most) = (0_u64, (0, None));
    for (key, (drops, ends)) in &now.by_key {
        let earlier = before.by_key.get(key).map_or(0, |(drops, _)| *drops);
        // A key is of one socket in both; the count may wrap around.
        let grown = u64::from(drops.wrapping_sub(earlier));
        sum = sum.saturating_add(grown);
        most = most.max((grown, ends.filter(|_| grown > 0)));
    }
    (sum, most.1.map(Holder::Socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::ends;
    use crate::model::{Kind, State};

    fn dropped(sockets: &[(u64, u32)]) -> Dropped {
        let mut dropped = Dropped::default();
        for (cookie, drops) in sockets {
            let ends = ends(&format!("192.0.2.1:{cookie}"), "192.0.2.2:80");
            let socket = Socket {
                cookie: Some(*cookie),
                drops: Some(*drops),
                ..Socket::bare(Kind::Tcp, State::Established, ends)
            };
            assert!(dropped.socket(&socket).is_continue());
        }
        dropped
    }

    #[test]
    fn what_was_dropped_before_the_window_does_not_count() {
        let before = dropped(&[(1, 1_000), (2, u32::MAX), (3, 0), (4, 9)]);
        let now = dropped(&[(1, 1_003), (2, 4), (3, 7), (5, 2)]);
        let (sum, most) = grown(&before, &now);
        assert_eq!(sum, 3 + 5 + 7 + 2);
        assert_eq!(
            most.unwrap().to_string(),
            "at 192.0.2.1:3 with 192.0.2.2:80"
        );
        assert_eq!(grown(&now, &now), (0, None));
    }

    #[test]
    fn without_a_cookie_a_socket_is_the_same_by_its_inode_also_once_it_is_connected() {
        let from_proc = |inode, remote, drops| {
            let mut dropped = Dropped::default();
            let socket = Socket {
                inode,
                drops: Some(drops),
                ..Socket::bare(Kind::Udp, State::Unconnected, ends("192.0.2.1:53", remote))
            };
            assert!(dropped.socket(&socket).is_continue());
            dropped
        };
        let before = from_proc(7, "0.0.0.0:0", 1_000);
        assert_eq!(grown(&before, &from_proc(7, "192.0.2.2:80", 1_003)).0, 3);
        assert_eq!(grown(&before, &from_proc(8, "0.0.0.0:0", 5)).0, 5);
        let unheld = from_proc(0, "0.0.0.0:0", 10);
        assert_eq!(grown(&unheld, &from_proc(0, "0.0.0.0:0", 12)).0, 2);
    }
}
