//! A process that opens and closes connections at a bounded rate until its standard input ends.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::member::{Door, Place, forget_on_close, say, wait_for_word};
use crate::fault::Fault;

/// Connections are opened this many at a time and closed this many at a time, so that the counters
/// move while a walk runs instead of standing at an average.
const BURST: u32 = 50;

/// Connections that stay open between bursts.
const WINDOW: usize = 100;

/// One in this many is closed properly and leaves a TIME_WAIT; the others are reset, or 4,000 a
/// second would be a TIME_WAIT crowd of 240,000 within a minute.
const PROPER: u64 = 8;

/// Arguments: those of a member, whose `pairs` is the connections opened a second.
pub(crate) fn run(arguments: &[String]) -> Result<(), Fault> {
    let place = Place::parse(arguments)?;
    let rate = u32::try_from(place.share.pairs).map_err(|_| Fault::new("churn rate too high"))?;
    let pause = Duration::from_secs(1) * BURST / rate.max(1);
    // Nearly every port is free again at once: there is no need to move on.
    let mut door = Door::new(place, u64::MAX);
    let mut open: VecDeque<(TcpStream, TcpStream)> = VecDeque::new();
    let mut opened = 0;
    say("held\n")?;
    thread::spawn(|| {
        while matches!(wait_for_word(), Ok(true)) {}
        std::process::exit(0);
    });
    let mut next = Instant::now();
    loop {
        for _ in 0..BURST {
            let (client, server) = door.connect()?;
            opened += 1;
            if opened % PROPER != 0 {
                forget_on_close(&client)?;
            }
            open.push_back((client, server));
        }
        wait_until(&mut next, pause / 2);
        while open.len() > WINDOW {
            open.pop_front();
        }
        wait_until(&mut next, pause / 2);
    }
}

/// Keeps to the rate; time lost to a busy machine is not made up for, so the rate is a bound.
fn wait_until(next: &mut Instant, step: Duration) {
    *next = (*next + step).max(Instant::now());
    thread::sleep(next.saturating_duration_since(Instant::now()));
}
