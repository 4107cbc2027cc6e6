//! Makes the crowd: starts its members, waits until the kernel lists every socket in the state it
//! was made for, and lets everything go when dropped. It never opens a socket of the crowd itself.

pub(crate) mod churner;
pub(crate) mod member;
pub(crate) mod recipe;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use crate::arena::FIRST_CLIENT_PORT;
use crate::fault::{During, Fault};
use crate::racer::raw;
use crate::state::Counts;
use crate::system;
use member::{Place, SPARE_PORTS};
use recipe::{Kind, Share};

/// A member ends after this whatever becomes of the race.
const LIFETIME: Duration = Duration::from_secs(420);

/// Setting up takes seconds; a crowd that is not there by then is never going to be.
const SETUP_DEADLINE: Duration = Duration::from_secs(60);

/// TIME_WAIT lasts 60 seconds; what is raced against is certain for this long.
const TIME_WAIT_LIFE: Duration = Duration::from_secs(56);

/// Descriptors per member, under the 20,000 that machines without privileges over limits have.
const MOST_DESCRIPTORS: u64 = 19_000;

/// TIME_WAIT sockets per member: `SPARE_PORTS` listening ports serve twice as many.
const MOST_TIME_WAIT: u64 = 40_000;

/// Members listen from here to `FIRST_CLIENT_PORT`.
const FIRST_LISTENING_PORT: u16 = 1_100;

/// Sockets that stand. Dropping it takes them down.
#[derive(Debug)]
pub(crate) struct Crowd {
    members: Vec<Member>,
    /// What a counter has to find, v4 and v6.
    pub(crate) v4: Counts,
    pub(crate) v6: Counts,
    pub(crate) setup: Duration,
    /// When the first TIME_WAIT socket goes; absent in a crowd without.
    pub(crate) until: Option<Instant>,
}

#[derive(Debug)]
struct Member {
    process: Child,
    tell: Option<ChildStdin>,
    hear: ChildStdout,
}

impl Crowd {
    /// Makes `sockets` sockets of `kind` in this process's namespace, and `churn_rate` connections
    /// a second beside them where the kind asks for it.
    pub(crate) fn make(kind: Kind, sockets: u64, churn_rate: u64) -> Result<Self, Fault> {
        let begun = Instant::now();
        let mut wanted = raw::query_counts(raw::ONE_WALK)?;
        let whole = Share::of(kind, sockets);
        let mut crowd = Self {
            members: Vec::new(),
            v4: whole.part(0, 2).promise(),
            v6: whole.part(1, 2).promise(),
            setup: Duration::ZERO,
            until: None,
        };
        for place in places(&whole)? {
            let member = Member::start("crowd-member", place)?;
            crowd.members.push(member);
        }
        crowd.hear_all("held\n")?;
        if whole.time_wait > 0 {
            crowd.until = Some(Instant::now() + TIME_WAIT_LIFE);
        }
        crowd.tell_all()?;
        crowd.hear_all("ready\n")?;
        wanted.merge(&whole.promise());
        wait_for(&wanted)?;
        if !kind.is_quiet() {
            crowd.start_churn(churn_rate)?;
        }
        crowd.setup = begun.elapsed();
        Ok(crowd)
    }

    fn start_churn(&mut self, rate: u64) -> Result<(), Fault> {
        for v6 in [false, true] {
            let place = Place {
                v6,
                // The ports below those of the members.
                first_port: FIRST_LISTENING_PORT - 1,
                share: Share {
                    pairs: rate / 2,
                    ..Share::default()
                },
            };
            let mut churner = Member::start("crowd-churner", place)?;
            churner.hear("held\n")?;
            self.members.push(churner);
        }
        Ok(())
    }

    /// False when a member has ended before its time: the crowd is not what it was made to be.
    pub(crate) fn is_whole(&mut self) -> bool {
        self.members
            .iter_mut()
            .all(|member| matches!(member.process.try_wait(), Ok(None)))
    }

    fn tell_all(&mut self) -> Result<(), Fault> {
        for member in &mut self.members {
            if let Some(tell) = &mut member.tell {
                tell.write_all(b"w").during("telling a crowd member")?;
            }
        }
        Ok(())
    }

    fn hear_all(&mut self, word: &str) -> Result<(), Fault> {
        self.members
            .iter_mut()
            .try_for_each(|member| member.hear(word))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for member in &mut self.members {
            member.tell = None;
        }
        for member in &mut self.members {
            // One that hangs is ended by its own alarm.
            let _ = member.process.wait();
        }
    }
}

impl Member {
    fn start(duty: &str, place: Place) -> Result<Self, Fault> {
        let own = std::env::current_exe().during("finding the race's own program")?;
        let mut command = Command::new(own);
        command
            .arg(duty)
            .args(place.to_arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process =
            system::spawn_bounded(&mut command, LIFETIME).during("starting a crowd member")?;
        let tell = process.stdin.take();
        let hear = process.stdout.take();
        Ok(Self {
            process,
            tell,
            hear: hear.ok_or_else(|| Fault::new("a crowd member has no output"))?,
        })
    }

    /// Waits for `word`; a member that dies instead has said why on standard error.
    fn hear(&mut self, word: &str) -> Result<(), Fault> {
        let mut heard = vec![0; word.len()];
        self.hear
            .read_exact(&mut heard)
            .map_err(|_| Fault::new("a crowd member gave up"))?;
        if heard == word.as_bytes() {
            Ok(())
        } else {
            Err(Fault::new("a crowd member said something else"))
        }
    }
}

/// Shares the crowd out over processes, one family each.
fn places(whole: &Share) -> Result<Vec<Place>, Fault> {
    let mut places = Vec::new();
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let descriptors = limit.saturating_sub(50).clamp(1, MOST_DESCRIPTORS);
    let mut first_port = FIRST_LISTENING_PORT;
    for v6 in [false, true] {
        let family = whole.part(u64::from(v6), 2);
        let parts = family
            .descriptors()
            .div_ceil(descriptors)
            .max(family.time_wait.div_ceil(MOST_TIME_WAIT))
            .max(1);
        for index in 0..parts {
            let share = family.part(index, parts);
            places.push(Place {
                v6,
                first_port,
                share,
            });
            let ports = u16::try_from(share.listeners).ok();
            first_port = ports
                .and_then(|listeners| first_port.checked_add(SPARE_PORTS)?.checked_add(listeners))
                .filter(|port| *port <= FIRST_CLIENT_PORT)
                .ok_or_else(|| Fault::new("the crowd is too large for its listening ports"))?;
        }
    }
    Ok(places)
}

/// Waits until the namespace holds exactly `wanted`. The kernel's counters would be cheaper to ask,
/// but cannot tell FIN_WAIT2 from a FIN_WAIT1 whose acknowledgement is still being delayed.
fn wait_for(wanted: &Counts) -> Result<(), Fault> {
    let deadline = Instant::now() + SETUP_DEADLINE;
    loop {
        let found = raw::query_counts(raw::ONE_WALK)?;
        if found == *wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::new(format!(
                "the crowd did not come to stand: wanted {wanted}; found {found}"
            )));
        }
        thread::sleep(Duration::from_millis(2));
    }
}
