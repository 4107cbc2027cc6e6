//! What is compared besides numbers of sockets, from real sockets and counters; limits that no test
//! can reach, from copied trees.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

use rustix::net::listen;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::answer::Checked;
use super::perfdata::of;
use super::rates::with_a_change_between;
use super::read_as;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::poll;
use crate::zoo::sysctl::write_sysctl;
use crate::zoo::{Behaviour, Family, Peer, begin_connection};

/// `/proc/net/udp` with a socket that has drops.
const UDP_TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0000000000000000 9
";

/// A connection over loopback: the client and the server.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

in_namespace!(
    fn a_burst_of_drops_is_a_rate_and_drops_before_the_window_are_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let _waiting = TcpStream::connect(address).unwrap();
        let mut clients = Vec::new();
        let mut burst = || clients.extend((0..93).map(|_| begin_connection(address)));
        burst();
        let arguments = ["check", "-c=listen-drops=0/s,drops=0/s"];
        let ran = with_a_change_between(&arguments, &mut burst);
        let (text, data) = read_as(&ran, 2);
        // A second and a little more; SYNs are sent again after one.
        for label in ["listen_drops", "drops"] {
            let rate = of(&data, label);
            let value = rate.value.unwrap();
            assert!(value > 10.0 && value < 400.0, "{ran:?}");
            assert_eq!((&*rate.unit, rate.least, rate.most), ("", Some(0.0), None));
        }
        assert!(
            text.contains("/s (> 0/s) in this network namespace"),
            "{text}"
        );
        assert!(
            text.contains(&format!("/s (> 0/s) mostly at {address}")),
            "{text}"
        );

        drop(clients);
        // SYNs that are sent again are dropped again, until their sockets are closed.
        let quiet = ["check", "-c=listen-drops=0/s,drops=0/s", "--window=0.2"];
        let ran = poll(|| Some(run(quiet)).filter(|ran| ran.status == 0)).unwrap();
        let (text, _) = read_as(&ran, 0);
        assert_eq!(
            text,
            "listen drops 0/s in this network namespace, drops 0/s"
        );
        let all = [
            "check",
            "--json",
            "-w=drops=0/s",
            "--window=0.1",
            "sport = 1",
        ];
        let checked = Checked::of(&run(all));
        let drops = checked.metric("drops");
        assert_eq!((&*drops.kind, drops.value), ("rate", 0.0));
        assert_eq!(drops.scope.as_deref(), Some("selection"));
    }
);

in_namespace!(
    fn drops_of_udp_sockets_are_equal_over_netlink_and_from_proc() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        set_socket_recv_buffer_size(&receiver, 4_096).unwrap();
        let address = receiver.local_addr().unwrap();
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let flood = || {
            for _ in 0..1_000 {
                sender.send_to(&[7; 1_000], address).unwrap();
            }
        };
        for source in ["--source=netlink", "--source=proc"] {
            let arguments = ["check", "-A", "udp", "-c=drops=0/s", source];
            flood();
            // Repeated where the window ended before the flood, on a busy machine.
            let dropped = || Some(with_a_change_between(&arguments, flood));
            let ran = poll(|| dropped().filter(|ran| ran.status == 2)).unwrap();
            let reason = format!("/s (> 0/s) mostly at {address}");
            assert!(ran.stdout.contains(&reason), "{ran:?}");
            let ran = run(arguments);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(ran.stdout.contains("drops 0/s"), "{ran:?}");
            // From /proc, the same inode with other ends.
            let begun = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            set_socket_recv_buffer_size(&begun, 4_096).unwrap();
            for _ in 0..100 {
                sender
                    .send_to(&[7; 1_000], begun.local_addr().unwrap())
                    .unwrap();
            }
            let connects = || begun.connect(address).unwrap();
            let ran = with_a_change_between(&arguments, connects);
            assert_eq!(ran.status, 0, "{ran:?}");
        }
    }
);

in_namespace!(
    fn retransmissions_are_a_percentage_of_the_segments_of_the_window() {
        let thresholds = ["check", "--window=0.5", "-c=retransmission=1%"];
        let (text, data) = read_as(&run(thresholds), 0);
        assert_eq!(text, "retransmission 0% (0 of 0) in this network namespace");
        let share = of(&data, "retransmission");
        assert_eq!((&*share.unit, share.most), ("%", Some(100.0)));

        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let mut streams = Vec::new();
        let ran = poll(|| {
            for _ in 0..20 {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                streams.push(stream);
            }
            Some(run(thresholds)).filter(|ran| ran.status == 2)
        });
        let (text, data) = read_as(&ran.unwrap(), 2);
        assert!(text.starts_with("retransmission "), "{text}");
        assert!(text.ends_with(") in this network namespace"), "{text}");
        let share = of(&data, "retransmission").value.unwrap();
        assert!(share > 1.0 && share <= 100.0, "{share}");
        let ran = run(["check", "--json", "--window=0.5", "-w=retransmission=0%"]);
        let checked = Checked::of(&ran);
        let metric = checked.metric("retransmission");
        assert_eq!(
            (&*metric.kind, metric.scope.as_deref()),
            ("share", Some("namespace"))
        );
        assert!(metric.part.unwrap() <= metric.of.unwrap(), "{metric:?}");
        assert_eq!(metric.sockets, None);
    }
);

in_namespace!(
    fn the_longest_queue_of_one_socket_is_compared_in_bytes() {
        let pairs: Vec<_> = (0..3).map(|_| connection()).collect();
        for ((client, _), bytes) in pairs.iter().zip([100, 3_000, 2_000]) {
            let mut client = client;
            client.write_all(&vec![7; bytes]).unwrap();
        }
        let longest = pairs[1].1.local_addr().unwrap();
        let peer = pairs[1].1.peer_addr().unwrap();
        let shown = format!(" at {longest} with {peer}");
        let text = poll(|| {
            let ran = run(["check", "-w=receive-queue=2999", "-c=send-queue=2999"]);
            (ran.status == 1).then(|| read_as(&ran, 1).0)
        });
        let expected = format!("receive queue 3,000 bytes (> 2,999 bytes){shown}");
        assert_eq!(text.unwrap(), expected);
        for (threshold, status) in [("receive-queue=3000", 0), ("receive-queue=@3000:", 2)] {
            let (text, data) = read_as(&run(["check", "-c", threshold]), status);
            assert!(text.ends_with(&shown), "{text}");
            let datum = of(&data, "receive_queue");
            assert_eq!((datum.value, &*datum.unit), (Some(3_000.0), "B"));
        }
        let one = format!("dst {}", pairs[0].1.peer_addr().unwrap());
        let ran = run(["check", "--json", "-c=receive-queue=99", &one]);
        assert_eq!(ran.status, 2, "{ran:?}");
        let checked = Checked::of(&ran);
        let metric = checked.metric("receive_queue");
        assert_eq!((&*metric.kind, metric.value), ("bytes", 100.0));
        assert_eq!(metric.scope.as_deref(), Some("socket"));
        assert_eq!(
            metric.remote_port,
            Some(pairs[0].1.peer_addr().unwrap().port())
        );
        assert_eq!(metric.local_addr.as_deref(), Some("127.0.0.1"));
        // Without a socket there is no queue; /proc has them too.
        let (text, _) = read_as(&run(["check", "-c=receive-queue=0", "sport = 1"]), 0);
        assert_eq!(text, "receive queue 0 bytes");
        let (text, _) = read_as(&run(["check", "--source=proc", "-c=receive-queue=2999"]), 2);
        assert_eq!(text, expected);
    }
);

in_namespace!(
    fn a_send_queue_that_the_peer_does_not_take_is_seen() {
        let (client, _server) = connection();
        client.set_nonblocking(true).unwrap();
        let mut sender = &client;
        while sender.write(&[7; 65_536]).is_ok() {}
        let local = client.local_addr().unwrap();
        let ran = poll(|| {
            let ran = run(["check", "-w=send-queue=100000"]);
            Some(ran).filter(|ran| ran.status == 1)
        });
        let (text, data) = read_as(&ran.unwrap(), 1);
        assert!(
            text.contains(&format!(" bytes (> 100,000 bytes) at {local} with ")),
            "{text}"
        );
        assert!(of(&data, "send_queue").value.unwrap() > 100_000.0);
    }
);

in_namespace!(
    fn the_fullest_destination_sets_the_share_of_ephemeral_ports() {
        write_sysctl("ipv4/ip_local_port_range", "40000 40019");
        write_sysctl("ipv4/tcp_tw_reuse", "0");
        let share = "-c=ephemeral-ports=80%";
        let (text, _) = read_as(&run(["check", share]), 0);
        assert_eq!(text, "ephemeral ports 0% (0 of 20)");
        let listeners =
            [8_080, 8_081].map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        let connect =
            |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut clients: Vec<_> = (0..16).map(|_| connect(&listeners[0])).collect();
        clients.extend((0..3).map(|_| connect(&listeners[1])));
        let (text, data) = read_as(&run(["check", share]), 0);
        let whose = "from 127.0.0.1 to 127.0.0.1:8080";
        assert_eq!(text, format!("ephemeral ports 80% (16 of 20) {whose}"));
        assert_eq!(of(&data, "ephemeral_ports_share").value, Some(80.0));
        clients.push(connect(&listeners[0]));
        // Whichever sockets are selected.
        let ran = run(["check", share, "-w=ephemeral-ports=17", "--state=listen"]);
        let (text, _) = read_as(&ran, 2);
        assert_eq!(
            text,
            format!("ephemeral ports 85% (> 80%; 17 of 20) {whose}")
        );
        // A filter selects destinations, and of each every port counts.
        for (filter, expected) in [
            ("dport = 8081", "(3 of 20) from 127.0.0.1 to 127.0.0.1:8081"),
            (
                &*format!("sport = {}", clients[0].local_addr().unwrap().port()),
                "(17 of 20) from",
            ),
            ("dst 192.0.2.1", "(0 of 20)"),
        ] {
            let (text, _) = read_as(&run(["check", "-c=ephemeral-ports=90%", filter]), 0);
            assert!(text.contains(expected), "{filter}: {text}");
        }
        let checked = Checked::of(&run(["check", "--json", "-c=ephemeral-ports=16"]));
        let metric = checked.metric("ephemeral_ports");
        assert_eq!((&*metric.kind, metric.value), ("count", 17.0));
        assert_eq!(metric.scope.as_deref(), Some("destination"));
        assert_eq!((metric.remote_port, metric.local_port), (Some(8_080), None));
    }
);

in_namespace!(
    fn host_wide_numbers_are_known_in_a_namespace_and_their_limits_are_not() {
        let (text, data) = read_as(
            &run(["check", "-c=orphans=1000000,memory=1000000000000"]),
            0,
        );
        assert!(text.contains(" on the whole host"), "{text}");
        assert_eq!(of(&data, "memory").unit, "B");
        for (threshold, setting) in [
            ("orphans=50%", "net.ipv4.tcp_max_orphans"),
            ("memory=50%", "net.ipv4.tcp_mem"),
        ] {
            let ran = run(["check", "-c", threshold, "-w=listen=9"]);
            let (text, data) = read_as(&ran, 3);
            assert!(text.contains(setting), "{text}");
            let label = format!("{}_share", threshold.split_once('=').unwrap().0);
            assert_eq!(of(&data, &label).value, None);
            assert_eq!(of(&data, "LISTEN").value, Some(0.0));
            let ran = run(["check", "--json", "-c", threshold]);
            let checked = Checked::of(&ran);
            let metric = checked.metric(&label);
            assert_eq!(metric.status.as_deref(), Some("UNKNOWN"));
            assert!(metric.value.is_nan());
        }
    }
);

#[test]
fn orphans_and_memory_of_a_copied_tree_are_compared_with_its_limits() {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("net/tcp", "  sl  local_address rem_address   st\n"),
        (
            "net/sockstat",
            "TCP: inuse 0 orphan 51 tw 0 alloc 9 mem 300\n",
        ),
        ("net/netstat", "TcpExt: ListenDrops\nTcpExt: 7\n"),
        ("sys/net/ipv4/tcp_max_orphans", "100\n"),
        ("sys/net/ipv4/tcp_mem", "100\t200\t400\n"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let argument = format!("--proc-root={}", root.path().display());
    for (threshold, status, expected) in [
        (
            "-c=orphans=50%",
            2,
            "orphans 51% (> 50%; 51 of 100) on the whole host",
        ),
        ("-w=orphans=50", 1, "orphans 51 (> 50) on the whole host"),
        (
            "-c=memory=74.9%",
            2,
            "memory 75% (> 74.9%; 300 of 400) on the whole host",
        ),
        (
            "-c=memory=1",
            3,
            "memory: the size of a page of the copied host is unknown; compare a percentage",
        ),
        (
            "-c=listen-drops=0/s",
            3,
            "listen-drops: counters do not grow in a copied tree",
        ),
    ] {
        let ran = run(["check", &argument, threshold]);
        assert_eq!(ran.status, status, "{ran:?}");
        assert!(ran.stdout.contains(&format!(" - {expected}")), "{ran:?}");
    }
    let ran = run(["check", &argument, "-c=drops=0/s"]);
    assert!(ran.stdout.contains(" - drops: "), "{ran:?}");
    assert!(ran.stdout.contains("has no `drops`"), "{ran:?}");
    fs::write(root.path().join("net/udp"), UDP_TABLE).unwrap();
    let ran = run(["check", &argument, "-A", "udp", "-c=drops=0/s"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    let reason = " - drops: counters do not grow in a copied tree";
    assert!(ran.stdout.contains(reason), "{ran:?}");
}
