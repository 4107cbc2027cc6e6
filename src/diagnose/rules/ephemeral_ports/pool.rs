//! The ports that connect() may choose from, and when it may take one out of TIME_WAIT.
//!
//! `__inet_hash_connect` (net/ipv4/inet_hashtables.c) skips reserved ports and every port that a socket
//! was bound to explicitly, whatever the address: a bind bucket has a port and no address.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use super::port_set::PortSet;
use crate::diagnose::{Inodes, TIME_WAIT};
use crate::model::Setting::{
    LocalPortRange, LocalReservedPorts, Timestamps, TwReuse, TwReuseDelay,
};
use crate::model::{InetEnds, Listeners, Settings, Sink, Socket, State, TimerKind};

/// The delay before Linux 6.14 made it a setting.
const REUSE_DELAY_MS: u64 = 1000;

/// The ports for outgoing connections.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// The first and the last port of the range.
    pub(super) range: (u16, u16),
    /// How many ports the range has without the reserved ones.
    pub(super) size: u64,
    /// Those of them that have listeners.
    pub(super) listening: PortSet,
    /// Those of them that have none.
    pub(super) usable: PortSet,
}

impl Pool {
    /// The ports that remain after the settings and the listeners.
    ///
    /// # Errors
    /// Why that is unknown.
    pub(super) fn of(settings: &Settings, listeners: &Listeners) -> Result<Pool, String> {
        let [first, last] = settings.numbers(LocalPortRange)?;
        let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) else {
            return Err(format!(
                "{LocalPortRange} is {first} to {last}, which are not ports"
            ));
        };
        let mut usable = PortSet::default();
        for port in first..=last {
            usable.insert(port);
        }
        for reserved in settings.ports(LocalReservedPorts)? {
            for port in reserved {
                usable.remove(port);
            }
        }
        let size = usable.len();
        if size == 0 {
            return Err(format!("every port of {LocalPortRange} is reserved"));
        }
        let mut listening = PortSet::default();
        for port in listeners.ports() {
            if usable.remove(port) {
                listening.insert(port);
            }
        }
        Ok(Pool {
            range: (first, last),
            size,
            listening,
            usable,
        })
    }

    /// Whether connect() may choose it.
    pub(super) fn contains(&self, port: u16) -> bool {
        self.usable.contains(port)
    }
}

/// The ports of sockets that are bound, and neither connected nor listening. Filled as a sink of a dump
/// of BOUND: only netlink reports them, and only on request (Linux 6.8).
#[derive(Debug, Default)]
pub struct BoundPorts {
    ports: PortSet,
    /// By their ports.
    inodes: Inodes<u16>,
}

impl BoundPorts {
    /// Those of the pool.
    pub(super) fn among(&self, pool: &Pool) -> PortSet {
        pool.usable.and(&self.ports)
    }

    /// The inodes of the sockets that have them.
    pub(super) fn inodes(&self, pool: &Pool) -> impl Iterator<Item = u64> {
        self.inodes.of(|port| pool.contains(*port))
    }
}

impl Sink for BoundPorts {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if socket.state == State::Bound
            && let Some(ends) = socket.internet()
        {
            self.ports.insert(ends.local.port());
            self.inodes.add(ends.local.port(), socket.inode);
        }
        ControlFlow::Continue(())
    }
}

/// When a new connection may replace one in TIME_WAIT (`tcp_twsk_unique`,
/// net/ipv4/tcp_ipv4.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reuse {
    /// Of which connections, by `tcp_tw_reuse`.
    pub(super) scope: Scope,
    /// Whether connections have timestamps, without which it is not cut short.
    pub(super) timestamps: bool,
    /// How long TIME_WAIT must have lasted.
    pub(super) delay: Duration,
}

/// The connections whose TIME_WAIT may be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    None,
    /// Those with a loopback address.
    Loopback,
    All,
}

impl Reuse {
    /// As set.
    ///
    /// # Errors
    /// Why that is unknown.
    pub(super) fn of(settings: &Settings) -> Result<Reuse, String> {
        let delay = settings.number(TwReuseDelay);
        Ok(Reuse {
            scope: match settings.number(TwReuse)? {
                0 => Scope::None,
                2 => Scope::Loopback,
                _ => Scope::All,
            },
            timestamps: settings.number(Timestamps)? != 0,
            delay: Duration::from_millis(delay.unwrap_or(REUSE_DELAY_MS)),
        })
    }

    /// Whether TIME_WAIT between these two may be cut short at all.
    pub(super) fn reaches(&self, local: IpAddr, remote: IpAddr) -> bool {
        let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
        let reaches = match self.scope {
            Scope::None => false,
            Scope::Loopback => is_loopback(local) || is_loopback(remote),
            Scope::All => true,
        };
        reaches && self.timestamps
    }

    /// Whether a new connection may replace this socket now; not where it is unknown how long TIME_WAIT
    /// has lasted.
    pub(super) fn frees(&self, socket: &Socket, ends: &InetEnds) -> bool {
        let timer = socket
            .timer
            .filter(|timer| timer.kind == TimerKind::TimeWait);
        self.reaches(ends.local.ip(), ends.remote.ip())
            && socket.state == State::TimeWait
            && timer.is_some_and(|timer| timer.remaining + self.delay <= TIME_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Setting, Timer};

    fn settings(range: &str, reserved: &str) -> Settings {
        host()
            .with_setting(Setting::LocalPortRange, range)
            .with_setting(Setting::LocalReservedPorts, reserved)
            .settings
    }

    #[test]
    fn reserved_ports_and_those_of_listeners_cannot_be_chosen() {
        let host = host().listening_at(&[
            "0.0.0.0:40001",
            "[::1]:40002",
            "0.0.0.0:40003",
            "0.0.0.0:80",
        ]);
        let listeners = host.listeners;
        let pool = Pool::of(&settings("40000\t40009", "40003-40004,9"), &listeners).unwrap();
        assert_eq!((pool.range, pool.size), ((40_000, 40_009), 8));
        assert_eq!((pool.listening.len(), pool.usable.len()), (2, 6));
        for (port, usable) in [
            (39_999, false),
            (40_000, true),
            (40_001, false),
            (40_004, false),
        ] {
            assert_eq!(pool.contains(port), usable, "{port}");
        }
        assert!(Pool::of(&settings("40000 70000", ""), &listeners).is_err());
        assert!(Pool::of(&settings("40000 40001", "40000-40001"), &listeners).is_err());
        assert!(Pool::of(&Settings::default(), &listeners).is_err());
    }

    /// The settings of reuse, and a socket that has been in TIME_WAIT for `age` milliseconds.
    fn frees(reuse: &str, timestamps: &str, delay: Option<&str>, local: &str, age: u64) -> bool {
        let mut host = host()
            .with_setting(Setting::TwReuse, reuse)
            .with_setting(Setting::Timestamps, timestamps);
        if let Some(delay) = delay {
            host = host.with_setting(Setting::TwReuseDelay, delay);
        }
        let mut socket = socket(State::TimeWait, local, "192.0.2.1:80");
        socket.timer = Some(Timer {
            kind: TimerKind::TimeWait,
            remaining: Duration::from_millis(60_000 - age),
        });
        let reuse = Reuse::of(&host.settings).unwrap();
        reuse.frees(&socket, socket.internet().unwrap())
    }

    #[test]
    fn time_wait_is_cut_short_only_by_its_settings_and_after_the_delay() {
        let (there, home) = ("192.0.2.9:40000", "127.0.0.1:40000");
        assert!(frees("1", "1", None, there, 1000));
        assert!(!frees("1", "1", None, there, 999));
        assert!(!frees("1", "0", None, there, 30_000));
        assert!(!frees("0", "1", None, there, 30_000));
        assert!(!frees("2", "1", None, there, 30_000));
        assert!(frees("2", "1", None, home, 30_000));
        assert!(frees("2", "1", Some("30000"), home, 30_000));
        assert!(!frees("2", "1", Some("30001"), home, 30_000));
        assert!(Reuse::of(&Settings::default()).is_err());
    }

    #[test]
    fn fin_wait2_and_time_wait_of_unknown_age_are_not_free() {
        let reuse = Reuse {
            scope: Scope::All,
            timestamps: true,
            delay: Duration::ZERO,
        };
        let mut waits = socket(State::TimeWait, "192.0.2.9:40000", "192.0.2.1:80");
        assert!(!reuse.frees(&waits, waits.internet().unwrap()));
        waits.timer = Some(Timer {
            kind: TimerKind::TimeWait,
            remaining: Duration::ZERO,
        });
        assert!(reuse.frees(&waits, waits.internet().unwrap()));
        waits.state = State::FinWait2;
        assert!(!reuse.frees(&waits, waits.internet().unwrap()));
    }
}
