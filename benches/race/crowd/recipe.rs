//! What a crowd is made of: how many sockets in which state and family, and how they are shared out
//! over processes. Pure arithmetic; makes no socket.

use std::fmt;

use clap::ValueEnum;

use crate::state::{self, Counts};

/// TIME_WAIT sockets live 60 seconds; more of them could not be made and raced within that.
const MOST_TIME_WAIT: u64 = 130_000;

/// Listeners of an ordinary host; even, as all crowds of connections are.
const LISTENERS: u64 = 20;

/// So many sockets need some 4 GB of kernel memory; more is a slip of the finger.
pub(crate) const MOST_SOCKETS: u64 = 900_000;

/// One of each, v4 and v6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Connections, nothing else.
    Established,
    /// Closed connections in their 60 seconds.
    TimeWait,
    /// Half ESTABLISHED; CLOSE_WAIT, FIN_WAIT2, TIME_WAIT and LISTEN beside them.
    Mixed,
    /// `established`, and connections come and go beside it.
    Churn,
    /// `time-wait`, and connections come and go beside it: hardly any ESTABLISHED to hide the error
    /// of derived counts in.
    TimeWaitChurn,
    /// `established`, and 20 listeners among them: whose they are is the question here.
    Served,
}

impl Kind {
    pub(crate) fn is_quiet(self) -> bool {
        !matches!(self, Self::Churn | Self::TimeWaitChurn)
    }

    /// As many of the wanted sockets as this kind can hold.
    pub(crate) fn bounded(self, sockets: u64) -> u64 {
        match self {
            Self::TimeWait | Self::TimeWaitChurn => sockets.min(MOST_TIME_WAIT),
            Self::Established | Self::Churn | Self::Served => sockets + sockets % 2,
            Self::Mixed => sockets,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Established => "established",
            Self::TimeWait => "time-wait",
            Self::Mixed => "mixed",
            Self::Churn => "churn",
            Self::TimeWaitChurn => "time-wait-churn",
            Self::Served => "served",
        })
    }
}

/// What one process makes, or all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Loopback connections: two ESTABLISHED sockets each.
    pub(crate) pairs: u64,
    /// Connections closed at one end: a FIN_WAIT2 and a CLOSE_WAIT socket each.
    pub(crate) half_closed: u64,
    pub(crate) time_wait: u64,
    pub(crate) listeners: u64,
}

impl Share {
    /// `sockets` sockets of this kind, both families together.
    pub(crate) fn of(kind: Kind, sockets: u64) -> Self {
        match kind {
            Kind::Established | Kind::Churn => Self {
                pairs: sockets / 2,
                ..Self::default()
            },
            Kind::Served => {
                let listeners = LISTENERS.min(sockets);
                Self {
                    pairs: (sockets - listeners) / 2,
                    listeners,
                    ..Self::default()
                }
            }
            Kind::TimeWait | Kind::TimeWaitChurn => Self {
                time_wait: sockets,
                ..Self::default()
            },
            Kind::Mixed => {
                let time_wait = (sockets / 5).min(MOST_TIME_WAIT);
                let half_closed = sockets * 3 / 20;
                let rest = sockets - time_wait - 2 * half_closed;
                let listeners = (sockets / 100).max(1).min(rest);
                let pairs = (rest - listeners) / 2;
                Self {
                    pairs,
                    half_closed,
                    time_wait,
                    listeners: rest - 2 * pairs,
                }
            }
        }
    }

    /// The `index`th of `parts` nearly equal parts; together they are the whole.
    pub(crate) fn part(&self, index: u64, parts: u64) -> Self {
        let cut = |whole: u64| whole * (index + 1) / parts - whole * index / parts;
        Self {
            pairs: cut(self.pairs),
            half_closed: cut(self.half_closed),
            time_wait: cut(self.time_wait),
            listeners: cut(self.listeners),
        }
    }

    /// Descriptors a process must hold for it; TIME_WAIT holds none.
    pub(crate) fn descriptors(&self) -> u64 {
        2 * (self.pairs + self.half_closed) + self.listeners
    }

    /// What a counter has to find.
    pub(crate) fn promise(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(state::ESTABLISHED, 2 * self.pairs);
        counts.add(state::FIN_WAIT2, self.half_closed);
        counts.add(state::CLOSE_WAIT, self.half_closed);
        counts.add(state::TIME_WAIT, self.time_wait);
        counts.add(state::LISTEN, self.listeners);
        counts
    }
}
