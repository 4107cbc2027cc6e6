//! `receive-queue=N%`: the receive queue by the limit of its socket, of kinds that have one.

use std::net::UdpSocket;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::Value;

use super::answer::Checked;
use super::perfdata;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::wait_for;

/// A UDP socket whose unread datagrams take `part` of `of` parts of its limit, exactly.
fn filled(part: usize, of: usize) -> UdpSocket {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..20 {
        sender.send_to(&[7; 500], address).unwrap();
    }
    let queue = wait_for("20 datagrams", || {
        let (queue, _) = queue_and_limit(address.port());
        (queue > 20 * 500).then_some(queue)
    });
    // The limit is twice the size that is set, socket(7).
    set_socket_recv_buffer_size(&receiver, queue * of / part / 2).unwrap();
    assert_eq!(queue_and_limit(address.port()), (queue, queue * of / part));
    receiver
}

/// The bytes of memory that the datagrams at this port take, and may take.
fn queue_and_limit(port: u16) -> (usize, usize) {
    let columns = "--columns=receive-queue,receive-limit";
    let ran = run(["list", "-u", "--json", columns, &format!("sport = :{port}")]);
    let row: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    let number = |key: &str| usize::try_from(row[key].as_u64().unwrap()).unwrap();
    (number("receive_queue"), number("receive_limit"))
}

in_namespace!(
    fn a_full_udp_queue_is_a_percentage_of_the_limit_of_its_socket() {
        let receiver = filled(1, 2);
        let port = receiver.local_addr().unwrap().port();
        let (queue, limit) = queue_and_limit(port);
        let check = |threshold: &str| run(["check", "-A", "udp", "-c", threshold]);
        // Above, at and below the threshold.
        for (threshold, status) in [
            ("receive-queue=49.999999%", 2),
            ("receive-queue=50%", 0),
            ("receive-queue=50.000001%", 0),
            ("receive-queue=@50%:", 2),
            ("receive-queue=51%:", 2),
        ] {
            let ran = check(threshold);
            assert_eq!(ran.status, status, "{threshold}: {ran:?}");
            let text = ran.stdout.replace(',', "");
            assert!(text.contains("receive queue 50% ("), "{ran:?}");
            assert!(text.contains(&format!("{queue} of {limit})")), "{ran:?}");
            let holder = format!(" at 127.0.0.1:{port}");
            assert!(text.contains(&holder), "{ran:?}");
            let (_, data) = ran.stdout.lines().next().unwrap().split_once('|').unwrap();
            let data = perfdata::parse(data);
            let datum = perfdata::of(&data, "receive_queue_share");
            assert_eq!((datum.value, &*datum.unit), (Some(50.0), "%"));
        }
        // The bytes of the same socket, together with its share.
        let both = format!("receive-queue={},receive-queue=50%", queue - 1);
        let ran = check(&both);
        assert_eq!(ran.status, 2, "{ran:?}");
        let ran = run([
            "check",
            "--json",
            "-Audp,udplite,netlink,packet",
            "-w=receive-queue=10%",
        ]);
        let metric = Checked::of(&ran);
        let metric = metric.metric("receive_queue_share");
        assert_eq!((&*metric.kind, metric.value), ("share", 50.0));
        assert_eq!(metric.scope.as_deref(), Some("socket"));
        assert_eq!(metric.part, Some(queue as u64));
        assert_eq!(metric.of, Some(limit as u64));
        assert_eq!(metric.local_port, Some(port));
        // None is selected, and nothing is full.
        let ran = run(["check", "-Audp", "-c=receive-queue=1%", "sport = :1"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.contains("receive queue 0% (0 of 0);"), "{ran:?}");
        // The tables of /proc have no limit; what else is judged still counts.
        let ran = run(["check", "-Audp", "--source=proc", "-c", &both]);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stdout.contains("receive-queue: "), "{ran:?}");
        assert!(ran.stdout.contains("`receive-limit`"), "{ran:?}");
        let ran = run(["check", "-Audp", "--source=proc", "-c=receive-queue=50%"]);
        assert_eq!(ran.status, 3, "{ran:?}");
    }
);

#[test]
fn a_percentage_is_refused_for_kinds_whose_queue_has_no_limit() {
    for (kinds, titles) in [
        ("tcp", "TCP"),
        ("unix", "UNIX"),
        ("udp,mptcp,ping", "MPTCP and PING"),
        ("all", "TCP, MPTCP, PING and UNIX"),
    ] {
        let ran = run(["check", "-A", kinds, "-w=receive-queue=80%"]);
        let refusal = format!(
            "TCPSTATES UNKNOWN - --warning: `receive-queue=80%`: {titles} sockets have no limit for it; \
             compare bytes, as in receive-queue=1000000\n"
        );
        assert_eq!((ran.status, ran.stdout), (3, refusal));
    }
}
