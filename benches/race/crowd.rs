//! The crowd: started as `benches/crowd.py`, complete when the kernel lists every socket in its
//! intended state, gone when dropped. Opens no socket itself.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Deserialize;

use crate::racer::raw;
use crate::state::Counts;
use crate::system::spawn_bounded;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/crowd.py");

/// The crowd ends after this, whatever happens to the race.
const LIFETIME: Duration = Duration::from_secs(420);

/// From its processes being ready to the last delayed acknowledgement.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);

/// TIME_WAIT lasts 60 seconds; until this age none can have ended.
const TIME_WAIT_LIFE: Duration = Duration::from_secs(56);

/// As many TIME_WAIT sockets as can be made and raced within their 60 seconds.
const MOST_TIME_WAIT: u64 = 130_000;

/// So many sockets need some 4 GB of kernel memory; a larger number is a typing mistake.
pub(crate) const MOST_SOCKETS: u64 = 900_000;

/// Kinds of crowds, each half v4 and half v6.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Connections, nothing else.
    #[default]
    Established,
    /// Closed connections in their 60 seconds.
    TimeWait,
    /// Half ESTABLISHED, with CLOSE_WAIT, FIN_WAIT2, TIME_WAIT and LISTEN.
    Mixed,
    /// `established`, while connections are opened and closed.
    Churn,
    /// `time-wait`, while connections are opened and closed: with hardly any ESTABLISHED socket, an
    /// error of derived counts shows.
    TimeWaitChurn,
    /// `established` with 20 listeners, for the racers that look up owning processes.
    Served,
}

impl Kind {
    pub(crate) fn is_quiet(self) -> bool {
        !matches!(self, Self::Churn | Self::TimeWaitChurn)
    }

    /// The nearest number of sockets that this kind can have.
    pub(crate) fn bounded(self, sockets: u64) -> u64 {
        match self {
            Self::TimeWait | Self::TimeWaitChurn => sockets.min(MOST_TIME_WAIT),
            Self::Established | Self::Churn | Self::Served => sockets.next_multiple_of(2),
            Self::Mixed => sockets,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        f.write_str(value.get_name())
    }
}

/// What the script prints when every socket exists.
#[derive(Deserialize)]
struct Made {
    v4: Counts,
    v6: Counts,
    /// Seconds since the first TIME_WAIT socket was made, if there is one.
    time_wait_age: Option<f64>,
}

pub(crate) struct Crowd {
    pub(crate) kind: Kind,
    pub(crate) sockets: u64,
    script: Child,
    /// What the namespace contains, v4 and v6, while the crowd is quiet.
    pub(crate) v4: Counts,
    pub(crate) v6: Counts,
    pub(crate) setup: Duration,
    /// When the first TIME_WAIT socket may end, if there is one.
    pub(crate) until: Option<Instant>,
}

impl Crowd {
    /// Makes `sockets` sockets of `kind` in this process's empty namespace, and `churn_rate`
    /// connections a second where the kind has them.
    pub(crate) fn make(kind: Kind, sockets: u64, churn_rate: u64) -> Result<Self> {
        let begun = Instant::now();
        let mut python = Command::new("python3");
        python.args([SCRIPT, &kind.to_string()]);
        python.args([sockets, churn_rate].map(|number| number.to_string()));
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = spawn_bounded(&mut python, LIFETIME).context("cannot run python3")?;
        let mut line = String::new();
        let output = script.stdout.take().context("no output of crowd.py")?;
        BufReader::new(output).read_line(&mut line)?;
        let made: Made = serde_json::from_str(&line).context("crowd.py made no crowd")?;
        let age = made.time_wait_age.map(Duration::from_secs_f64);
        let mut crowd = Self {
            kind,
            sockets,
            script,
            v4: made.v4,
            v6: made.v6,
            setup: Duration::ZERO,
            until: age.map(|age| Instant::now() + TIME_WAIT_LIFE.saturating_sub(age)),
        };
        let deadline = Instant::now() + SETTLE_DEADLINE;
        while let Err(incomplete) = crowd.check_complete() {
            ensure!(Instant::now() < deadline, incomplete);
            thread::sleep(Duration::from_millis(2));
        }
        if !kind.is_quiet()
            && let Some(input) = &mut crowd.script.stdin
        {
            input.write_all(b"c").context("cannot start the churn")?;
        }
        crowd.setup = begun.elapsed();
        Ok(crowd)
    }

    /// Fails when the namespace does not contain exactly this crowd. The kernel's counters would be
    /// cheaper, but do not distinguish FIN_WAIT2 from a FIN_WAIT1 whose acknowledgement is delayed.
    pub(crate) fn check_complete(&self) -> Result<()> {
        let (wanted, found) = (self.v4.plus(&self.v6), raw::query_counts(raw::ONE_WALK)?);
        ensure!(found == wanted, "made {wanted}; there are {found}");
        Ok(())
    }

    /// Fails when a process of the crowd has ended, and its sockets with it.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        ensure!(self.script.try_wait()?.is_none(), "a process ended early");
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // The end of its input ends it; if it hangs, its alarm does.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
