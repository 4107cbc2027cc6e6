//! UDP, UDP-Lite and MPTCP: the same rows over netlink, from /proc and from ss, and what each kind
//! refuses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with};

use crate::answer::Answer;
use crate::child::run_tool;
use crate::list::against_ss::sorted;
use crate::list::row::{Listed, Row};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::wait::poll;
use crate::zoo::Family;
use crate::zoo::special::mptcp;

/// UDP sockets in every situation: bound, connected, dual-stack, with unread data.
struct Datagrams {
    _sockets: Vec<UdpSocket>,
}

impl Datagrams {
    /// Of which 4 are connected and 6 are not.
    fn open() -> Datagrams {
        let bound = |address: SocketAddr| UdpSocket::bind(address).unwrap();
        let v4: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let v6: SocketAddr = (Ipv6Addr::LOCALHOST, 0).into();
        let mut sockets = vec![
            bound(v4),
            bound(v6),
            bound((Ipv4Addr::UNSPECIFIED, 0).into()),
            bound((Ipv6Addr::UNSPECIFIED, 0).into()),
        ];
        for (receiver, client) in [(v4, v4), (v6, v6)] {
            let receiver = bound(receiver);
            for _ in 0..2 {
                let client = bound(client);
                client.connect(receiver.local_addr().unwrap()).unwrap();
                client.send(&[7; 100]).unwrap();
                sockets.push(client);
            }
            sockets.push(receiver);
        }
        Datagrams { _sockets: sockets }
    }
}

/// The rows of a list, as ss has them.
fn rows(arguments: &[&str]) -> Vec<Row> {
    let ran = run([&["list", "--json"], arguments].concat()).succeeded();
    sorted(Listed::all(&ran).0.iter().map(Listed::row))
}

fn rows_of_ss<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<Row> {
    sorted(run_tool("ss", words).lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let state = match words[0] {
            "UNCONN" => "UNCONNECTED",
            "ESTAB" => "ESTABLISHED",
            state => state,
        };
        // Every address of both families.
        let end = |word: &str| match word.strip_prefix("*:") {
            Some(port) => format!("[::]:{port}"),
            None => word.to_owned(),
        };
        [
            state.to_owned(),
            words[1].to_owned(),
            words[2].to_owned(),
            end(words[3]),
            end(words[4]),
        ]
    }))
}

in_namespace!(
    fn udp_rows_are_equal_over_netlink_from_proc_and_from_ss() {
        let _datagrams = Datagrams::open();
        let netlink = rows(&["-u"]);
        assert_eq!(netlink.len(), 10);
        assert_eq!(netlink, rows(&["-u", "--source", "proc"]));
        assert_eq!(netlink, rows_of_ss(["-Huan"]));
        // Memory, not bytes, as the kernel counts it.
        assert!(
            netlink
                .iter()
                .any(|row| row[1].parse::<u32>().unwrap() > 200)
        );
        for source in ["netlink", "proc"] {
            let answer = Answer::of(&run(["-u", "--json", "--source", source]));
            assert_eq!((answer.total, answer.kind.as_deref()), (10, Some("udp")));
            let states: Vec<_> = answer.states.iter().collect();
            assert_eq!(
                states,
                [
                    (&"ESTABLISHED".to_owned(), &4),
                    (&"UNCONNECTED".to_owned(), &6)
                ]
            );
        }
    }
);

in_namespace!(
    fn the_letters_and_filters_of_ss_select_udp_sockets() {
        let _datagrams = Datagrams::open();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let count = |arguments: &[&str]| Answer::of(&run([arguments, &["--json"]].concat())).total;
        for (arguments, expected) in [
            (&["-u"][..], 10),
            (&["-un"], 10),
            (&["-uan"], 10),
            (&["--udp", "-4"], 5),
            (&["-A", "udp", "-6"], 5),
            (&["-ul"], 6),
            (&["-u", "--state", "unconnected"], 6),
            (&["-u", "state", "close"], 6),
            (&["-u", "not", "state", "unconn"], 4),
            (&["-u", "dst", "::1"], 2),
            (&["-tu"], 11),
            (&["-tul"], 7),
            (&["--kind", "tcp,udp,udplite,mptcp"], 11),
        ] {
            assert_eq!(count(arguments), expected, "{arguments:?}");
        }
        let port = tcp.local_addr().unwrap().port();
        assert_eq!(count(&["-tu", &format!("sport = {port}")]), 1);
        // A measure of TCP selects none of the others.
        assert_eq!(count(&["-tu", "not", "retransmits", "gt", "0"]), 11);
        assert_eq!(count(&["-tu", "retransmits", "ge", "0"]), 1);
    }
);

in_namespace!(
    fn several_kinds_have_a_row_each_and_a_column_in_lists() {
        let _datagrams = Datagrams::open();
        let _tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let table = run(["-tu"]).succeeded().stdout;
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows[0],
            ["KIND", "TOTAL", "LISTEN", "ESTABLISHED", "UNCONNECTED"]
        );
        assert_eq!(rows[1], ["udp", "10", "0", "4", "6"]);
        assert_eq!(rows[2], ["tcp", "1", "1", "0", "0"]);
        assert_eq!(rows[3], ["TOTAL", "11", "1", "4", "6"]);
        let list = run(["list", "-tulpn"]).succeeded().stdout;
        let kinds: Vec<&str> = list
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(kinds[..2], ["KIND", "tcp"]);
        assert_eq!(kinds[2..], ["udp"; 6]);
        let json = run(["list", "-tu", "--json"]).succeeded();
        let listed = Listed::all(&json).0;
        assert!(listed.iter().all(|row| row.kind.is_some()));
        let csv = run(["list", "-tu", "--format=csv"]).succeeded().stdout;
        assert!(csv.starts_with("time,kind,state,"), "{csv}");
    }
);

in_namespace!(
    fn drops_of_a_udp_socket_are_equal_over_netlink_and_from_proc() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4_096).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..100 {
            sender
                .send_to(&[7; 1_000], receiver.local_addr().unwrap())
                .unwrap();
        }
        let port = format!("sport = {}", receiver.local_addr().unwrap().port());
        let drops = |source| {
            let ran = run([
                "list",
                "-u",
                "--json",
                "--columns=drops",
                "--source",
                source,
                &port,
            ]);
            Listed::all(&ran.succeeded()).0[0].drops.unwrap()
        };
        let over_netlink = drops("netlink");
        assert!(over_netlink > 50, "{over_netlink}");
        assert_eq!(drops("proc"), over_netlink);
        let ran = run(["check", "-u", "-w", "receive-queue=100"]);
        assert_eq!(ran.status, 3, "check has no letters of ss: {ran:?}");
        let ran = run(["check", "-A", "udp", "-w", "receive-queue=100"]);
        assert_eq!(ran.status, 1, "{ran:?}");
    }
);

in_namespace!(
    fn the_receive_limit_is_the_buffer_that_the_kernel_gives_the_program() {
        let sizes = [4_096, 20_000, 50_000];
        let sockets = sizes.map(|size| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            rustix::net::sockopt::set_socket_recv_buffer_size(&socket, size).unwrap();
            socket
        });
        let expected = sockets.each_ref().map(|socket| {
            let size = rustix::net::sockopt::socket_recv_buffer_size(socket).unwrap();
            (
                socket.local_addr().unwrap().port(),
                u32::try_from(size).unwrap(),
            )
        });
        let columns = ["list", "-u", "--json", "--columns=receive-limit"];
        let listed = Listed::all(&run(columns).succeeded()).0;
        let mut listed: Vec<(u16, u32)> = listed
            .iter()
            .map(|row| (row.local_port, row.receive_limit.unwrap()))
            .collect();
        let mut expected = expected.to_vec();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
        let count = run(["-u", "--json", "receive-limit", "ge", "100000"]);
        assert_eq!(Answer::of(&count).total, 1);
        let ran = run(["list", "-u", "--columns=receive-limit", "--source=proc"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        let ran = run(["list", "--columns=receive-limit"]);
        let none = "TCP sockets have no `receive-limit`";
        assert!(ran.stderr.contains(none), "{ran:?}");
    }
);

in_namespace!(
    fn udp_lite_sockets_are_counted_from_both_sources() {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            flags,
            Some(ipproto::UDPLITE),
        );
        let socket: OwnedFd =
            socket.unwrap_or_else(|error| skip_or_fail("no UDP-Lite socket", &error.into()));
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        for source in ["netlink", "proc"] {
            let answer = Answer::of(&run(["-A", "udp-lite", "--json", "--source", source]));
            assert_eq!(answer.total, 1);
        }
    }
);

in_namespace!(
    fn mptcp_connections_that_a_program_does_not_close_are_in_close_wait() {
        let extra = mptcp::connections(Family::V4, 12);
        let states = |arguments: &[&str]| {
            let answer = Answer::of(&run([arguments, &["--json"]].concat()));
            let of = |state: &str| answer.states.get(state).copied().unwrap_or(0);
            (of("LISTEN"), of("ESTABLISHED"), of("CLOSE_WAIT"))
        };
        assert_eq!(states(&["-M"]), (1, 24, 0));
        assert_eq!(rows(&["-M", "state", "connected"]), rows_of_ss(["-HMn"]));
        mptcp::shut_down_clients(&extra, 12);
        let leaked = poll(|| Some(states(&["-M"])).filter(|states| states.2 == 12));
        assert_eq!(leaked, Some((1, 0, 12)));
        assert_eq!(states(&[]), (1, 24, 0));
        let ran = run(["-M", "--source", "proc"]);
        assert_eq!(ran.status, 1);
        assert!(ran.stderr.contains("no table of MPTCP sockets"), "{ran:?}");
        let ran = run(["-M", "--source", "bpf"]);
        assert_eq!(ran.status, 1);
        assert!(
            ran.stderr.contains("counts TCP sockets by state"),
            "{ran:?}"
        );
    }
);

in_namespace!(
    fn measures_of_mptcp_are_those_of_the_connection_as_a_whole() {
        let extra = mptcp::connections(Family::V4, 2);
        let [.., first, second] = extra.sockets() else {
            panic!("two clients")
        };
        for (client, bytes) in [(first, 300), (second, 7)] {
            assert_eq!(rustix::io::write(client, &vec![7; bytes]).unwrap(), bytes);
        }
        let columns = "bytes-sent,bytes-acked,bytes-received,last-data-received,last-ack-received";
        let arguments = ["list", "-M", "--json", "--columns", columns];
        let measured = poll(|| {
            let listed = Listed::all(&run(arguments).succeeded()).0;
            let of = |measure: fn(&Listed) -> Option<u64>| {
                let mut all: Vec<u64> = listed.iter().filter_map(measure).collect();
                all.sort_unstable();
                all
            };
            let acked = of(|row| row.bytes_acked);
            (acked == [0, 0, 7, 300]).then(|| {
                assert_eq!(of(|row| row.bytes_sent), acked);
                assert_eq!(of(|row| row.bytes_received), acked);
                assert_eq!(of(|row| row.last_ack_received_ms.map(u64::from)).len(), 4);
                let listener = listed.iter().find(|row| row.state == "LISTEN");
                assert_eq!(listener.unwrap().bytes_sent, None);
            })
        });
        assert_eq!(measured, Some(()));
        let count = run(["-M", "--json", "bytes-received", "gt", "100"]);
        assert_eq!(Answer::of(&count).total, 1);
    }
);

#[test]
fn what_a_kind_does_not_have_is_refused_in_one_line() {
    for (line, words) in [
        ("-A udpp", "no such kind of sockets; did you mean udp?"),
        (
            "-u --state time-wait",
            "--state time-wait: UDP sockets have only the states",
        ),
        ("list -u --columns rtt", "UDP sockets have no `rtt`"),
        ("list -u --sort timer", "UDP sockets have no `timer`"),
        ("-u retransmits gt 0", "UDP sockets have no `retransmits`"),
        ("-M rtt gt 5", "MPTCP sockets have no `rtt`"),
        (
            "-tux --by service",
            "the key `service`: internet sockets and UNIX sockets have different ones",
        ),
        (
            "-a --by user,direction",
            "the key `direction`: PACKET, NETLINK and UNIX sockets have none; select other kinds",
        ),
        ("check -A udp,raw --by service", "RAW sockets have none"),
        (
            "-u state listen",
            "the options select established, unconnected, the filter listen",
        ),
        ("check -A udp -w memory=50%", "UDP sockets have none"),
        (
            "check -A udp -w close-wait=5",
            "CLOSE_WAIT is not among the states",
        ),
        ("-A vsock", "vsock sockets are not supported"),
        ("trace -u", "trace records TCP connections only"),
    ] {
        let ran = run(line.split(' '));
        // The line of a check is its output.
        let (status, text, other) = match line.starts_with("check") {
            true => (3, &ran.stdout, &ran.stderr),
            false => (2, &ran.stderr, &ran.stdout),
        };
        assert_eq!((ran.status, &**other), (status, ""), "{line}: {ran:?}");
        assert!(text.contains(words), "{line}: {ran:?}");
        assert_eq!(text.lines().count(), 1, "{ran:?}");
    }
}
