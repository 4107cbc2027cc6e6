//! RAW, PING, PACKET and NETLINK sockets: the same rows as ss and /proc have, and what `-a` selects.

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RawProtocol, SocketType, bind, ipproto, netlink, socket,
};

use crate::answer::Answer;
use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::program::run;

/// Sockets of each of these kinds.
pub(crate) struct Further {
    _sockets: Vec<OwnedFd>,
    _udp: UdpSocket,
    /// Whether the namespace permits sockets of PING.
    has_ping: bool,
}

/// An EtherType in network byte order.
fn frames(number: u16) -> Option<Protocol> {
    let number = RawProtocol::new(u32::from(number.to_be()))?;
    Some(Protocol::from_raw(number))
}

impl Further {
    /// Two of RAW, two of PACKET, two of NETLINK with groups and one without, one of PING where that is
    /// possible.
    pub(crate) fn open() -> Further {
        let open = |family, kind, protocol| socket(family, kind, protocol).unwrap();
        let raw = SocketType::RAW;
        let mut sockets = vec![
            open(AddressFamily::INET, raw, Some(ipproto::ICMP)),
            open(AddressFamily::INET6, raw, Some(ipproto::ICMPV6)),
            open(AddressFamily::PACKET, raw, frames(3)),
            open(AddressFamily::PACKET, SocketType::DGRAM, frames(0x0806)),
        ];
        for (protocol, groups) in [
            (None, 5),
            (Some(netlink::KOBJECT_UEVENT), 1),
            (Some(netlink::GENERIC), 0),
        ] {
            let socket = open(AddressFamily::NETLINK, raw, protocol);
            bind(&socket, &SocketAddrNetlink::new(0, groups)).unwrap();
            sockets.push(socket);
        }
        let range = "/proc/sys/net/ipv4/ping_group_range";
        let _ = fs::write(range, "0 0");
        let ping = socket(AddressFamily::INET, SocketType::DGRAM, Some(ipproto::ICMP));
        let ping = ping.ok().filter(|ping| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], 77));
            bind(ping, &address).is_ok()
        });
        let has_ping = ping.is_some();
        sockets.extend(ping);
        Further {
            _sockets: sockets,
            _udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            has_ping,
        }
    }
}

/// State and both ends of each row of a list.
fn rows(line: &str) -> BTreeSet<String> {
    let ran = run(line.split(' ')).succeeded();
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        [words[0], words[3], words[4]].join(" ")
    };
    ran.stdout.lines().map(row).collect()
}

/// The same of ss; the first word is the type of PACKET sockets.
fn rows_of_ss(words: &[&str]) -> BTreeSet<String> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let skipped = usize::from(words[0].starts_with("p_"));
        let state = match words[skipped] {
            "UNCONN" => "UNCONNECTED",
            state => state,
        };
        [state, words[skipped + 3], words[skipped + 4]].join(" ")
    };
    let out = run_tool("ss", words.iter().copied());
    out.lines().map(row).collect()
}

in_namespace!(
    fn raw_and_packet_rows_are_those_of_ss_and_of_proc() {
        let _further = Further::open();
        // Every address of both families, of which /proc does not report whether it is one.
        let same_ends = |rows: BTreeSet<String>| -> BTreeSet<String> {
            rows.iter().map(|row| row.replace("[::]", "*")).collect()
        };
        for (ours, of_ss) in [("list -wH", "-Hwan"), ("list -0H", "-H0a")] {
            let rows = rows(ours);
            assert_eq!(rows.len(), 2, "{ours}: {rows:?}");
            assert_eq!(same_ends(rows.clone()), rows_of_ss(&[of_ss]), "{ours}");
            assert_eq!(rows, self::rows(&format!("{ours} --source proc")), "{ours}");
        }
    }
);

in_namespace!(
    fn netlink_rows_are_those_of_ss_each_once_and_without_the_one_that_asks() {
        let _further = Further::open();
        let ran = run(["list", "-A", "netlink", "--json"]).succeeded();
        let mut ours = BTreeSet::new();
        for line in ran.stdout.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            if row["type"] == "socket" {
                let end = format!("{}:{}", row["protocol"], row["port_id"]);
                assert!(ours.insert(end.clone()), "{end} is there twice");
            }
        }
        let out = run_tool("ss", ["-H", "-n", "-f", "netlink"]);
        let of_ss = out.lines().map(|line| {
            let end = line.split_whitespace().find(|word| word.contains(':'));
            end.unwrap().to_owned()
        });
        // The diagnosing socket of ss is there, and ours is not.
        let is_asker = |end: &String| end.starts_with("4:") && end != "4:0";
        let of_ss: BTreeSet<String> = of_ss.filter(|end| !is_asker(end)).collect();
        assert_eq!(ours, of_ss);
        let joined = run([
            "list",
            "-A",
            "netlink",
            "--columns",
            "groups",
            "protocol",
            "=",
            "uevent",
        ]);
        assert!(joined.stdout.contains("0x00000001"), "{joined:?}");
    }
);

in_namespace!(
    fn netlink_rows_from_proc_are_incomplete_because_the_table_has_no_states() {
        let _further = Further::open();
        let ran = run(["-A", "netlink", "--source", "proc", "--json"]);
        let answer = Answer::of(&ran);
        assert_eq!((ran.status, answer.complete), (3, false), "{ran:?}");
        assert!(answer.total > 3 && answer.warnings[0].contains("does not have the state"));
    }
);

in_namespace!(
    fn every_kind_is_selected_at_once_and_only_those_with_sockets_have_a_row() {
        let further = Further::open();
        let answer = Answer::of(&run(["-a", "--json"]));
        let total = |kind: &str| {
            let mut kinds = answer.kinds.iter();
            kinds.find(|one| one.kind == kind).unwrap().total.unwrap()
        };
        let ping = usize::from(further.has_ping);
        assert_eq!([total("raw"), total("packet"), total("udp")], [2, 2, 1]);
        assert_eq!([total("ping"), total("tcp"), total("mptcp")], [ping, 0, 0]);
        assert_eq!(
            answer
                .kinds
                .iter()
                .filter_map(|one| one.total)
                .sum::<usize>(),
            answer.total
        );
        assert!(answer.unavailable.is_empty(), "{answer:?}");
        let table = run(["-a"]).succeeded().stdout;
        assert!(
            !table.contains("tcp") && table.contains("packet"),
            "{table}"
        );
        // Of kinds that are named, each has a row.
        let table = run(["-tw"]).succeeded().stdout;
        assert!(table.contains("tcp        0"), "{table}");
        let explained = run(["-a", "--explain"]).succeeded().stdout;
        for kind in ["TCP", "PACKET", "UNIX"] {
            let mut lines = explained.lines().map(|line| line.split_whitespace());
            assert!(lines.any(|words| words.eq(["kind", kind])), "{explained}");
        }
        let plan = run(["-tu", "-v"]).stderr;
        assert!(plan.contains("UDP: list the selected sockets"), "{plan}");
        let explained = run(["-M", "--explain"]).succeeded().stdout;
        assert!(
            explained.contains("net/protocols counts no MPTCP"),
            "{explained}"
        );
    }
);

in_namespace!(
    fn what_a_source_cannot_report_is_an_error_by_name_and_a_note_in_a_group() {
        let _further = Further::open();
        let _mptcp = crate::zoo::special::mptcp::connections(crate::zoo::Family::V4, 1);
        let named = run(["-A", "tcp,mptcp", "--source", "proc"]);
        assert_eq!(named.status, 1, "{named:?}");
        assert!(
            named.stderr.contains("no table of MPTCP sockets"),
            "{named:?}"
        );
        let explained = run(["-A", "inet", "--source", "proc", "--explain"]).succeeded();
        let plan = "list nothing: no source reports these sockets";
        assert!(explained.stdout.contains(plan), "{explained:?}");
        let group = run(["-A", "inet", "--source", "proc", "--json"]);
        let answer = Answer::of(&group);
        assert_eq!(answer.unavailable[0].kind, "mptcp", "{answer:?}");
        assert!(
            group.stderr.contains("no MPTCP sockets are reported"),
            "{group:?}"
        );
    }
);

in_namespace!(
    fn a_family_selects_internet_sockets_alone_and_every_kind_is_compared_with_an_earlier_answer() {
        let _further = Further::open();
        let answer = Answer::of(&run(["-a", "-4", "--json"]));
        let has_sockets = answer.kinds.iter().filter(|one| one.total != Some(0));
        let names: BTreeSet<&str> = has_sockets.map(|one| &*one.kind).collect();
        assert!(names.contains("raw") && names.contains("udp"), "{names:?}");
        assert!(
            !names.contains("packet") && !names.contains("netlink"),
            "{names:?}"
        );
        let refused = run(["-0", "-4"]);
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(
            refused.stderr.contains("PACKET sockets have no addresses"),
            "{refused:?}"
        );

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer.json");
        fs::write(&file, run(["-u", "--json"]).succeeded().stdout).unwrap();
        let _more = UdpSocket::bind("127.0.0.1:0").unwrap();
        let ran = run(["-u", "--json", "--compare", file.to_str().unwrap()]);
        let compared = Answer::of(&ran).compared.unwrap();
        assert_eq!((compared.change, compared.states["UNCONNECTED"]), (1, 1));
    }
);

#[test]
fn a_table_that_is_missing_is_an_error_where_it_is_requested_and_a_note_among_all() {
    let folder = tempfile::tempdir().unwrap();
    let net = folder.path().join("net");
    fs::create_dir(&net).unwrap();
    fs::copy("/proc/self/net/tcp", net.join("tcp")).unwrap();
    let root = folder.path().to_str().unwrap();
    for kind in ["-u", "-x", "-w"] {
        let ran = run([kind, "--proc-root", root]);
        assert_eq!((ran.status, &*ran.stdout), (1, ""), "{kind}: {ran:?}");
        assert!(ran.stderr.contains("cannot read"), "{ran:?}");
    }
    let all = run(["-a", "--proc-root", root, "--json"]);
    let answer = Answer::of(&all);
    let names: Vec<&str> = answer.unavailable.iter().map(|one| &*one.kind).collect();
    assert!(
        names.contains(&"unix-stream") && !names.contains(&"tcp"),
        "{names:?}"
    );
    let notes = all.stderr.lines().filter(|line| line.contains("UNIX"));
    assert_eq!(notes.count(), 1, "{all:?}");
}
