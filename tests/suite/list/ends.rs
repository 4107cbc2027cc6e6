//! The two ends in a row: the families of a socket and the interface it is bound to; and both in
//! groups and filters.

use std::net::{SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;

use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::set_ipv6_v6only;
use rustix::net::{AddressFamily, SocketType, bind, connect, listen, socket};

use super::against_ss::{rows_of_ss, sorted};
use super::row::{Listed, rows_of_csv, rows_of_table};
use crate::answer::Answer;
use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::wait_for;

fn new_socket(address: SocketAddr, device: Option<&str>) -> OwnedFd {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket(family, SocketType::STREAM, None).unwrap();
    if let Some(device) = device {
        syscall::bind_to_device(&socket, device).unwrap();
    }
    socket
}

pub(crate) fn open(address: &str, device: Option<&str>, v6only: bool) -> OwnedFd {
    let address: SocketAddr = address.parse().unwrap();
    let socket = new_socket(address, device);
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, v6only).unwrap();
    }
    bind(&socket, &address).unwrap();
    listen(&socket, 5).unwrap();
    socket
}

/// A listener at a link-local address of `lo`, and a connection to it.
fn open_link_local() -> [OwnedFd; 2] {
    run_tool("ip", ["addr", "add", "fe80::1/64", "dev", "lo", "nodad"]);
    let address = SocketAddrV6::new("fe80::1".parse().unwrap(), 7, 0, 1).into();
    let listener = new_socket(address, None);
    bind(&listener, &address).unwrap();
    listen(&listener, 5).unwrap();
    let client = new_socket(address, None);
    // The kernel adds the route of a new address in the background, addrconf_dad_work().
    wait_for("a route to the new address", || {
        connect(&client, &address).ok()
    });
    [listener, client]
}

in_namespace!(
    fn rows_show_families_and_interfaces_as_ss_does() {
        let _device =
            syscall::open_tun("t0").unwrap_or_else(|error| skip_or_fail("/dev/net/tun", &error));
        let _link_local = open_link_local();
        let _listeners = [
            open("[::]:1", None, false),
            open("[::]:2", None, true),
            open("[::]:3", Some("lo"), false),
            open("0.0.0.0:4", Some("lo"), false),
            open("0.0.0.0:4", Some("t0"), false),
            open("[::ffff:127.0.0.1]:5", None, false),
        ];
        let table = run(["list"]).succeeded().stdout;
        let rows = sorted(rows_of_table(&table));
        assert_eq!(rows, rows_of_ss());
        let shown: Vec<_> = rows.iter().map(|row| (&*row[3], &*row[4])).collect();
        for ends in [
            ("*:1", "*:*"),
            ("[::]:2", "[::]:*"),
            ("*%lo:3", "*:*"),
            ("0.0.0.0%lo:4", "0.0.0.0:*"),
            ("0.0.0.0%t0:4", "0.0.0.0:*"),
            ("[::ffff:127.0.0.1]:5", "*:*"),
            ("[fe80::1]%lo:7", "[::]:*"),
        ] {
            assert!(shown.contains(&ends), "{ends:?}: {table}");
        }
        let json = Listed::all(&run(["list", "--json"]).succeeded()).0;
        let csv = run(["list", "--format=csv"]).succeeded().stdout;
        let plain = sorted(json.iter().map(Listed::row));
        assert_eq!(sorted(rows_of_csv(&csv)), plain);
        let mut listeners: Vec<_> = json
            .iter()
            .filter(|socket| socket.state == "LISTEN")
            .map(|s| (s.local_port, s.v6only, s.interface.as_deref()))
            .collect();
        listeners.sort_unstable();
        assert_eq!(
            listeners,
            [
                (1, Some(false), None),
                (2, Some(true), None),
                (3, Some(false), Some("lo")),
                (4, None, Some("lo")),
                (4, None, Some("t0")),
                (5, Some(false), None),
                (7, Some(true), Some("lo")),
            ]
        );
        assert!(
            json.iter()
                .all(|s| s.state == "LISTEN" || s.v6only.is_none())
        );
        let buffered = run(["list", "--sort=local-port"]).succeeded().stdout;
        assert_eq!(sorted(rows_of_table(&buffered)), rows);
    }
);

/// Listeners that differ in the families they accept or in their interface alone, and one at a
/// link-local address of an Ethernet device.
fn open_alike() -> [OwnedFd; 5] {
    run_tool("ip", "link add v0 type veth peer name v1".split(' '));
    for device in ["v0", "v1"] {
        syscall::raise_interface(device).unwrap();
    }
    run_tool("ip", "addr add fe80::2/64 dev v0 nodad".split(' '));
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    let scope = name_to_index(&any, "v0").unwrap();
    let address = SocketAddrV6::new("fe80::2".parse().unwrap(), 7, 0, scope).into();
    let link_local = new_socket(address, None);
    bind(&link_local, &address).unwrap();
    listen(&link_local, 5).unwrap();
    [
        open("[::]:1", None, false),
        open("[::]:2", None, true),
        open("0.0.0.0:4", Some("lo"), false),
        open("0.0.0.0:4", Some("v0"), false),
        link_local,
    ]
}

/// The groups by a key: with their totals in JSON, and their names in CSV and in a table.
#[track_caller]
fn assert_groups(key: &str, in_json: [&str; 3], in_text: [&str; 3]) {
    let answer = Answer::of(&run(["--by", key, "--json"]).succeeded());
    let groups = answer.groups.iter();
    let groups = groups.map(|group| format!("{} {}", group.key[key], group.total));
    let mut groups: Vec<_> = groups.collect();
    groups.sort();
    assert_eq!(groups, in_json, "{key}");
    let csv = run(["--by", key, "--format=csv"]).succeeded().stdout;
    let table = run(["--by", key]).succeeded().stdout;
    for text in in_text {
        let cell = format!(",group,{text},");
        assert!(csv.contains(&cell), "{cell}: {csv}");
        let word = if text.is_empty() { "-" } else { text };
        let mut rows = table.lines().map(|line| line.split_whitespace().next());
        assert!(rows.any(|first| first == Some(word)), "{word}: {table}");
    }
}

in_namespace!(
    fn groups_and_filters_distinguish_families_and_interfaces() {
        let _listeners = open_alike();
        let table = run(["list"]).succeeded().stdout;
        let rows = sorted(rows_of_table(&table));
        assert_eq!(rows, rows_of_ss());
        let local: Vec<_> = rows.iter().map(|row| &*row[3]).collect();
        let expected = [
            "*:1",
            "0.0.0.0%lo:4",
            "0.0.0.0%v0:4",
            "[::]:2",
            "[fe80::2]%v0:7",
        ];
        assert_eq!(local, expected);

        assert_groups("v6only", ["false 1", "null 2", "true 2"], ["no", "", "yes"]);
        let of_interface = ["\"lo\" 1", "\"v0\" 2", "null 2"];
        assert_groups("interface", of_interface, ["lo", "v0", ""]);

        let ports = |filter: &str| {
            let ran = run(["list", "--json", "--sort=local-port", filter]).succeeded();
            let listed = Listed::all(&ran).0;
            listed.iter().map(|s| s.local_port).collect::<Vec<_>>()
        };
        for (filter, expected) in [
            ("v6only = yes", &[2, 7][..]),
            ("v6only = no", &[1]),
            ("v6only != yes", &[1, 4, 4]),
            ("interface = lo", &[4]),
            ("src 0.0.0.0%lo", &[4]),
            ("src *%v0", &[4, 7]),
            ("src [fe80::2%v0]:7", &[7]),
            ("src fe80::2%v0", &[7]),
            ("src fe80::2%lo", &[]),
            ("src [::] and v6only = no", &[1]),
        ] {
            assert_eq!(ports(filter), expected, "{filter}");
        }
        let of_lo = Listed::all(&run(["list", "--json", "src 0.0.0.0%lo:4"]).succeeded()).0;
        let interfaces: Vec<_> = of_lo.iter().map(|s| s.interface.as_deref()).collect();
        assert_eq!(interfaces, [Some("lo")]);
    }
);

in_namespace!(
    fn families_and_interfaces_from_proc_are_unknown() {
        let _listeners = [
            open("[::]:1", Some("lo"), false),
            open("[::]:2", None, true),
        ];
        let table = run(["list", "--source=proc"]).succeeded().stdout;
        let rows = sorted(rows_of_table(&table));
        let local: Vec<_> = rows.iter().map(|row| &*row[3]).collect();
        assert_eq!(local, ["[::]:1", "[::]:2"]);
        let json = Listed::all(&run(["list", "--json", "--source=proc"]).succeeded()).0;
        assert!(
            json.iter()
                .all(|s| s.v6only.is_none() && s.interface.is_none())
        );
    }
);
