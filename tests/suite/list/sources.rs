//! Netlink and /proc report the same values of a socket in every state and with every timer.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};

use super::row::{Listed, Row};
use crate::namespace::in_namespace;
use crate::program::{Ran, run};
use crate::syscall;
use crate::wait::wait_for;
use crate::zoo::{Behaviour, Family, Peer, SocketCounts, Zoo};

/// Every column that /proc has.
const COLUMNS: &str = "family,uid,user,timer,retransmits,inode";

/// The length of a tick, the unit of time in /proc, in milliseconds.
const TICK: u64 = 10;

/// A socket without the remaining time of its timer.
type Fields = (Row, String, [Option<u64>; 3], Option<String>);

/// The remaining time of each socket's timer, by the fields of every source.
type Sample = BTreeMap<Fields, Option<u64>>;

in_namespace!(
    fn netlink_and_proc_report_the_same_values_with_every_timer() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let sockets = open_with_timers(zoo.peer());
        wait_for("two equal samples with every timer", || {
            let before = sample("netlink");
            let proc = sample("proc");
            let after = sample("netlink");
            // Timers fire meanwhile: only between two equal samples is the third comparable.
            let is_comparable = before.keys().eq(after.keys()) && has_fired_timers(&before);
            is_comparable.then(|| assert_same(&before, &proc, &after))
        });
        drop(sockets);
    }
);

/// For each family a connection with each timer that fires without a reply, and a half-open request
/// whose timeouts are not retransmissions.
fn open_with_timers(_: &Peer) -> Vec<OwnedFd> {
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for family in Family::ALL {
        let connect = |behaviour| TcpStream::connect(Peer::address(behaviour, family)).unwrap();
        for behaviour in [Behaviour::HandshakeOnly, Behaviour::ClosedWindow] {
            let mut stream = connect(behaviour);
            stream.write_all(b"unacknowledged").unwrap();
            sockets.push(stream.into());
        }
        let idle = connect(Behaviour::HandshakeOnly);
        let second = Duration::from_secs(1);
        set_tcp_keepidle(&idle, second).unwrap();
        set_tcp_keepintvl(&idle, 20 * second).unwrap();
        set_socket_keepalive(&idle, true).unwrap();
        sockets.push(idle.into());
        let listener = crate::zoo::open_local_listener(family);
        syscall::set_defer_accept(&listener, 60).unwrap();
        sockets.push(
            TcpStream::connect(listener.local_addr().unwrap())
                .unwrap()
                .into(),
        );
        sockets.push(listener.into());
    }
    sockets
}

fn sample(source: &str) -> Sample {
    let option = format!("--source={source}");
    let ran: Ran = run(["list", "--json", &option, "--columns", COLUMNS]).succeeded();
    let rows = Listed::all(&ran).0;
    let sockets = rows.into_iter().map(|socket| {
        let mut row = socket.row();
        let mut retransmits = socket.retransmits;
        if socket.state == "LISTEN" {
            // The limit of the accept queue, which is not in /proc.
            row[2].clear();
        }
        if socket.state == "SYN_RECV" {
            // /proc counts timeouts, and reports no retransmits.
            assert!(source == "netlink" || retransmits.is_none(), "{socket:?}");
            retransmits = None;
        } else {
            assert!(retransmits.is_some(), "{socket:?}");
        }
        let numbers = [
            socket.uid.map(u64::from),
            socket.inode,
            retransmits.map(u64::from),
        ];
        let fields = (row, socket.family, numbers, socket.timer);
        (fields, socket.timer_remaining_ms)
    });
    sockets.collect()
}

/// Whether each of these timers has fired, for each family.
fn has_fired_timers(sample: &Sample) -> bool {
    let fired = |wanted: &str, wanted_family: &str| {
        sample.keys().any(|(_, family, numbers, timer)| {
            timer.as_deref() == Some(wanted)
                && family == wanted_family
                && numbers[2].is_some_and(|times| times > 0)
        })
    };
    let families = ["ipv4", "ipv6"].into_iter();
    families
        .flat_map(|family| ["on", "keepalive", "persist"].map(|timer| fired(timer, family)))
        .all(|fired| fired)
}

/// Asserts that `proc`, taken between two samples of netlink, has the same sockets.
#[track_caller]
fn assert_same(before: &Sample, proc: &Sample, after: &Sample) {
    let differing = |one: &Sample, other: &Sample| {
        let only = one.keys().filter(|fields| !other.contains_key(*fields));
        only.cloned().collect::<Vec<_>>()
    };
    let (netlink_only, proc_only) = (differing(before, proc), differing(proc, before));
    assert!(
        netlink_only.is_empty() && proc_only.is_empty(),
        "netlink: {netlink_only:#?}\n/proc: {proc_only:#?}"
    );
    for (fields, remaining) in proc {
        let (Some(first), Some(last)) = (before[fields], after[fields]) else {
            assert_eq!(*remaining, None, "{fields:?}");
            continue;
        };
        let between = last.saturating_sub(TICK)..=first + TICK;
        // A timer that was restarted meanwhile has more time left than before.
        assert!(
            last > first || between.contains(&remaining.unwrap()),
            "{fields:?}: {first}, {remaining:?}, {last}"
        );
    }
}
