//! What is lost is counted, and shown in the exit status; nothing stays in the kernel after a tracer.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};

use rustix::process::Signal;

use super::programs::{program_exists, programs_of};
use super::{Tracing, has_bpf, until_complete};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::wait_for;

/// Ten transitions each: more than the ring holds while it is not read.
pub(crate) const CONNECTIONS: u64 = 4_000;

pub(crate) fn connect_and_close(listener: &TcpListener) {
    use std::io::Read;
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    // Not closed, so that FIN_WAIT2 is left for TIME_WAIT: a minisocket in FIN_WAIT2 is no transition.
    client.shutdown(Shutdown::Write).unwrap();
    let _ = server.read(&mut [0]);
    drop(server);
    let _ = client.read(&mut [0]);
}

/// Lets a ring overflow that is not read; returns how many events were recorded and lost.
fn overflow(listener: &TcpListener) -> (u64, u64) {
    let mut tracing = Tracing::start(&["--show", "transitions"]);
    tracing.running().signal(Signal::STOP);
    for _ in 0..CONNECTIONS {
        connect_and_close(listener);
    }
    tracing.running().signal(Signal::CONT);
    tracing.running().wait_for_stderr("lost");
    let traced = tracing.interrupt();
    let summary = &traced.summary;
    assert_eq!((traced.ran.status, summary.complete), (3, false));
    let recorded = u64::try_from(traced.transitions.len()).unwrap();
    assert_eq!(summary.transitions, Some(recorded));
    (recorded, summary.lost.ring.unwrap() + summary.lost.nested)
}

in_namespace!(
    fn every_event_beyond_a_ring_that_is_not_read_is_counted() {
        if !has_bpf() {
            let refused = run(["trace", "--show", "transitions"]);
            assert_eq!((refused.status, &*refused.stdout), (1, ""), "{refused:?}");
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        until_complete(|| {
            let (recorded, lost) = overflow(&listener);
            assert!(lost > 10_000, "{lost}");
            let events = 10 * CONNECTIONS;
            assert!(recorded + lost <= events, "{recorded} and {lost}");
            (recorded + lost == events).then_some(())
        });
    }
);

/// How many messages the kernel dropped for sockets of NETLINK_SOCK_DIAG in this namespace.
pub(crate) fn dropped_messages() -> u64 {
    const SOCK_DIAG: &str = "4";
    let table = fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
    let rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row[1] == SOCK_DIAG);
    ours.map(|row| row[8].parse::<u64>().unwrap()).sum()
}

in_namespace!(
    fn messages_that_the_kernel_dropped_make_the_trace_incomplete() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut tracing = Tracing::start(&["--source", "destroy", "--show", "connections"]);
        tracing.running().signal(Signal::STOP);
        // The kernel sends them when it has time.
        wait_for("the kernel to drop messages", || {
            (0..500).for_each(|_| connect_and_close(&listener));
            (dropped_messages() > 0).then_some(())
        });
        tracing.running().signal(Signal::CONT);
        tracing.running().wait_for_stderr("lost");
        let traced = tracing.interrupt();
        let summary = &traced.summary;
        assert_eq!((traced.ran.status, summary.complete), (3, false));
        assert_eq!(
            (summary.source.as_str(), summary.lost.ring),
            ("destroy", None)
        );
    }
);

in_namespace!(
    fn messages_about_connections_that_ended_before_the_interrupt_are_awaited() {
        const MANY: usize = 200;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..5 {
            let tracing = Tracing::start(&["--source", "destroy", "--show", "connections"]);
            (0..MANY).for_each(|_| connect_and_close(&listener));
            let traced = tracing.interrupt();
            assert!(traced.is_complete(), "{:?}", traced.summary);
            assert_eq!(traced.connections.len(), 2 * MANY);
        }
    }
);

in_namespace!(
    fn nothing_is_lost_of_connections_that_are_read_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let summary = until_complete(|| {
            let tracing = Tracing::start(&["--show", "summary"]);
            for _ in 0..100 {
                connect_and_close(&listener);
            }
            let traced = tracing.interrupt();
            traced.is_complete().then_some(traced.summary)
        });
        assert_eq!(summary.connections, 100);
        if has_bpf() {
            assert_eq!(summary.transitions, Some(1_000));
            assert_eq!(summary.shapes.values().sum::<u64>(), 100);
        }
    }
);

in_namespace!(
    fn a_tracer_that_is_killed_leaves_no_program_in_the_kernel() {
        let mut tracing = Tracing::start(&[]);
        let programs = programs_of(tracing.running().id());
        if !has_bpf() {
            assert!(programs.is_empty());
            return;
        }
        assert_eq!(programs.len(), 4);
        assert!(programs.iter().all(|program| program_exists(*program)));
        tracing.running().signal(Signal::KILL);
        tracing.running().wait();
        wait_for("the programs to be gone", || {
            let exists = programs.iter().any(|program| program_exists(*program));
            (!exists).then_some(())
        });
    }
);
