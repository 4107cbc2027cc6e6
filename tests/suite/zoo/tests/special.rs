//! Special sockets are of the documented kind, and a zoo does not change by itself.
//!
//! Opening them waits for their counts; tested here is what counts do not show: whether they are
//! full sockets, whether a process holds them, and in which table they are.

use super::rows::{Row, TIMEWAIT, read_connections, read_counter, read_paired_counter};
use crate::namespace::in_namespace;
use crate::zoo::special::{fast_open, incoming, listeners, mapped, mptcp, orphans};
use crate::zoo::sysctl::disable_ipv6;
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo, read_counts};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The full sockets of both families, from the kernel's counters.
fn full_sockets() -> u64 {
    read_counter("sockstat", "TCP:", "inuse") + read_counter("sockstat6", "TCP6:", "inuse")
}

#[track_caller]
fn assert_all(rows: &[Row], count: usize, condition: impl Fn(&Row) -> bool) {
    assert_eq!(rows.len(), count, "{rows:?}");
    assert!(rows.iter().all(condition), "{rows:?}");
}

in_namespace!(
    fn fin_wait2_orphans_are_full_sockets_or_minisockets() {
        let peer = Peer::open();
        let full = orphans::full_fin_wait2(&peer, Family::V4, 3);
        assert_eq!(full.added().count(Family::V4, State::FinWait2), 3);
        assert_all(&read_connections("tcp"), 3, |row| {
            row.state == "05" && row.timer != TIMEWAIT && row.inode == 0
        });
        assert_eq!(full_sockets(), 3);
        orphans::fin_wait2_minisockets(&peer, Family::V6, 2);
        assert_all(&read_connections("tcp6"), 2, |row| {
            row.state == "05" && row.timer == TIMEWAIT && row.inode == 0
        });
        assert_eq!(full_sockets(), 3);
        assert_eq!(read_counter("sockstat", "TCP:", "tw"), 2);
    }
);

in_namespace!(
    fn other_orphans_stay_full_sockets_without_an_inode() {
        let peer = Peer::open();
        for state in [State::FinWait1, State::Closing, State::LastAck] {
            orphans::full(&peer, Family::V6, state, 2);
        }
        assert_all(&read_connections("tcp6"), 6, |row| row.inode == 0);
        assert_eq!(full_sockets(), 6);
    }
);

in_namespace!(
    fn fast_open_children_are_full_sockets_in_syn_recv() {
        let peer = Peer::open();
        let _queued = fast_open::unaccepted(&peer, Family::V4, 3);
        assert_all(&read_connections("tcp"), 3, |row| {
            row.state == "03" && row.inode == 0
        });
        let _accepted = fast_open::accepted(&peer, Family::V6, 2);
        assert_all(&read_connections("tcp6"), 2, |row| {
            row.state == "03" && row.inode != 0
        });
        assert_eq!(full_sockets(), 3 + 2 + 2, "children and listeners");
    }
);

in_namespace!(
    fn half_open_requests_are_not_full_sockets() {
        let peer = Peer::open();
        let _requests = incoming::half_open(&peer, Family::V4, 4);
        assert_all(&read_connections("tcp"), 4, |row| {
            row.state == "03" && row.inode == 0
        });
        assert_eq!(full_sockets(), 1, "the listener");
    }
);

in_namespace!(
    fn unaccepted_connections_have_no_inode() {
        let peer = Peer::open();
        let _queued = incoming::unaccepted(&peer, Family::V4, 3);
        let _left = incoming::unaccepted_close_wait(&peer, Family::V4, 2);
        assert_all(&read_connections("tcp"), 5, |row| row.inode == 0);
        let _accepted = incoming::accepted(&peer, Family::V6, 2);
        assert_all(&read_connections("tcp6"), 2, |row| row.inode != 0);
    }
);

in_namespace!(
    fn v4_mapped_connections_are_in_the_v6_table_only() {
        let peer = Peer::open();
        let states = State::ALL
            .into_iter()
            .filter(|state| !matches!(state, State::Listen | State::SynRecv | State::Close));
        let _extra: Vec<_> = states
            .map(|state| mapped::connected(&peer, state, 2))
            .collect();
        let _accepted = mapped::accepted(&peer, 2);
        let _requests = mapped::half_open(&peer, 2);
        assert_eq!(read_connections("tcp6").len(), 20);
        assert!(read_connections("tcp").is_empty());
    }
);

in_namespace!(
    fn dual_stack_listeners_accept_ipv4_and_are_listed_once() {
        let extra = listeners::dual_stack(2);
        let listener = TcpListener::from(extra.sockets()[0].try_clone().unwrap());
        let port = listener.local_addr().unwrap().port();
        assert_eq!(read_counts(), *extra.added());
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
);

in_namespace!(
    fn reuse_port_listeners_share_one_port() {
        let extra = listeners::reuse_port(Family::V4, 3);
        let port_of = |socket: &std::os::fd::OwnedFd| {
            let listener = TcpListener::from(socket.try_clone().unwrap());
            listener.local_addr().unwrap().port()
        };
        let mut ports: Vec<_> = extra.sockets().iter().map(port_of).collect();
        ports.dedup();
        assert_eq!(ports.len(), 1);
        assert_eq!(read_counts(), *extra.added());
    }
);

in_namespace!(
    fn bound_sockets_hold_their_port_and_are_not_listed() {
        let extra = listeners::bound_only(Family::V4, 2);
        assert_eq!(read_counts(), SocketCounts::none());
        for socket in extra.sockets() {
            let bound = TcpListener::from(socket.try_clone().unwrap());
            let taken = TcpListener::bind(bound.local_addr().unwrap()).unwrap_err();
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
        }
    }
);

in_namespace!(
    fn mptcp_connections_are_listed_as_tcp_at_both_ends() {
        let capable = || read_paired_counter("netstat", "MPTcpExt:", "MPCapableSYNACKRX");
        let extra = mptcp::connections(Family::V4, 3);
        assert_eq!(extra.added().count(Family::V4, State::Established), 6);
        assert_eq!(capable(), 3);
        let _v6 = mptcp::connections(Family::V6, 2);
        assert_eq!(capable(), 5);
        let _plain = mptcp::fallback(Family::V4, 2);
        assert_eq!(capable(), 5, "connections that fell back");
    }
);

in_namespace!(
    fn without_ipv6_an_ipv4_zoo_opens() {
        disable_ipv6();
        assert!(TcpListener::bind("[::1]:0").is_err());
        let zoo = Zoo::open(&SocketCounts::all_different().only(Family::V4));
        assert!(!zoo.peer().has_ipv6());
        assert_eq!(read_counts(), *zoo.expected());
    }
);

in_namespace!(
    fn special_sockets_add_to_an_open_zoo() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let queued = fast_open::unaccepted(zoo.peer(), Family::V4, 2);
        let orphans = orphans::full_fin_wait2(zoo.peer(), Family::V6, 2);
        let all = zoo.expected().clone() + queued.added() + orphans.added();
        assert_eq!(read_counts(), all);
    }
);

// The only test that waits for time to pass, because that is its subject.
in_namespace!(
    #[ignore = "takes 55 seconds"]
    fn no_timer_moves_a_parked_socket_within_55_seconds() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let extra = [
            fast_open::unaccepted(zoo.peer(), Family::V4, 2),
            mapped::half_open(zoo.peer(), 2),
            orphans::full_fin_wait2(zoo.peer(), Family::V6, 2),
            orphans::fin_wait2_minisockets(zoo.peer(), Family::V4, 2),
            orphans::full(zoo.peer(), Family::V4, State::LastAck, 2),
        ];
        let expected = extra
            .iter()
            .fold(zoo.expected().clone(), |all, some| all + some.added());
        std::thread::sleep(Duration::from_secs(55));
        assert_eq!(read_counts(), expected);
    }
);
