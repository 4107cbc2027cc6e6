//! What ss -e shows of each socket besides its row: inode, owner, cookie and control group of UDP, UDP-Lite,
//! MPTCP and PACKET sockets, the groups of NETLINK sockets; and every row of `list -tulpn`.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use rustix::net::sockopt::set_ipv6_v6only;
use rustix::net::{AddressFamily, SocketType, bind, socket};
use serde_json::Value;

use crate::child::run_tool;
use crate::further_kinds::Further;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::Family;
use crate::zoo::special::mptcp;

/// The objects of the sockets in a list.
fn listed(line: &str) -> Vec<Value> {
    let ran = run(line.split(' ').chain(["--json"])).succeeded();
    let rows = ran.stdout.lines().map(serde_json::from_str);
    let rows = rows.map(|row: Result<Value, _>| row.unwrap());
    rows.filter(|row| row["type"] == "socket").collect()
}

/// Inode, owner, cookie and control group of each socket in a list. What no process holds has no owner here.
fn details(letters: &str, columns: &str) -> BTreeSet<[String; 4]> {
    let rows = listed(&format!("list {letters} --columns {columns}"));
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let detail = |row: &Value| {
        [
            number(&row["inode"]).to_string(),
            number(&row["uid"]).to_string(),
            format!("{:x}", number(&row["cookie"])),
            row["cgroup"].as_str().unwrap_or_default().to_owned(),
        ]
    };
    let details: BTreeSet<_> = rows.iter().map(detail).collect();
    assert_eq!(details.len(), rows.len());
    details
}

/// The same of ss, which leaves uid 0 out.
fn details_of_ss(letters: &str) -> BTreeSet<[String; 4]> {
    let out = run_tool("ss", [letters]);
    let rows = out.lines().filter(|line| line.contains("sk:"));
    let word = |row: &str, name: &str| {
        let mut words = row.split_whitespace();
        let found = words.find_map(|word| word.strip_prefix(name));
        found.map(str::to_owned)
    };
    let zero = || "0".to_owned();
    let detail = |row: &str| {
        [
            word(row, "ino:").unwrap_or_else(zero),
            word(row, "uid:").unwrap_or_else(zero),
            word(row, "sk:").unwrap(),
            word(row, "cgroup:").unwrap_or_default(),
        ]
    };
    rows.map(detail).collect()
}

in_namespace!(
    fn inodes_owners_cookies_and_control_groups_are_those_of_ss() {
        let _further = Further::open();
        let _mptcp = mptcp::connections(Family::V4, 2);
        let receivers = ["127.0.0.1:0", "[::1]:0", "[::]:0"].map(|at| UdpSocket::bind(at).unwrap());
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(receivers[0].local_addr().unwrap()).unwrap();
        let internet = "inode,uid,cookie,cgroup";
        for (ours, columns, of_ss, count) in [
            ("-u", internet, "-Huane", 5),
            ("-M", internet, "-HMane", 5),
            ("-0", "inode,uid,cookie", "-H0ane", 2),
        ] {
            let details = details(ours, columns);
            assert_eq!(details.len(), count, "{ours}");
            assert_eq!(details, details_of_ss(of_ss), "{ours}");
        }
    }
);

in_namespace!(
    fn netlink_sockets_have_the_groups_and_queues_that_ss_shows() {
        let _further = Further::open();
        let rows = listed("list -A netlink --columns groups");
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let ours = rows.iter().map(|row| {
            let end = format!("{}:{}", row["protocol"], row["port_id"]);
            let groups = format!("groups=0x{:08x}", number(&row["groups"]));
            [end, number(&row["receive_queue"]).to_string(), groups]
        });
        let ours: BTreeSet<[String; 3]> = ours.collect();
        let out = run_tool("ss", ["-H", "-ane", "-f", "netlink"]);
        let of_ss = out.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let groups = words.iter().find(|word| word.starts_with("groups="));
            [words[3], words[1], groups.unwrap()].map(str::to_owned)
        });
        // Each once, and without the sockets of the programs that list them, nor what is queued for
        // those of the kernel meanwhile.
        let is_compared = |row: &[String; 3]| !row[0].starts_with("4:");
        let of_ss: BTreeSet<_> = of_ss.filter(is_compared).collect();
        let ours: BTreeSet<_> = ours.into_iter().filter(is_compared).collect();
        assert_eq!(ours, of_ss);
        assert!(
            ours.iter().any(|row| row[2] == "groups=0x00000005"),
            "{ours:?}"
        );
    }
);

/// Netid, both queues, and both ends of each row of a list of sockets that wait for peers.
fn waiting(line: &str) -> BTreeSet<[String; 5]> {
    let ran = run(line.split(' ')).succeeded();
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Of a listener, what waits of how much.
        let queues = match words[4].trim_end_matches('!').split_once('/') {
            Some((waiting, limit)) => [waiting, limit],
            None => [words[2], words[3]],
        };
        [words[0], queues[0], queues[1], words[5], words[6]].map(str::to_owned)
    };
    ran.stdout.lines().map(row).collect()
}

in_namespace!(
    fn the_rows_of_list_tulpn_are_those_of_ss() {
        let _tcp = ["127.0.0.1:0", "[::]:0", "[::1]:0"].map(|at| TcpListener::bind(at).unwrap());
        let udp = ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"].map(|at| UdpSocket::bind(at).unwrap());
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(udp[0].local_addr().unwrap()).unwrap();
        connected.send(&[7; 10]).unwrap();
        let only = socket(AddressFamily::INET6, SocketType::DGRAM, None).unwrap();
        set_ipv6_v6only(&only, true).unwrap();
        bind(&only, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).unwrap();
        let of_ss = run_tool("ss", ["-Htulpn"]);
        let of_ss: BTreeSet<[String; 5]> = of_ss
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                [words[0], words[2], words[3], words[4], words[5]].map(str::to_owned)
            })
            .collect();
        assert_eq!(of_ss.len(), 7);
        for line in ["list -tulpnH", "list -tulnH"] {
            assert_eq!(waiting(line), of_ss, "{line}");
        }
        let every = |column: &str| {
            let rows = listed(&format!("list -tul --columns {column}"));
            rows.iter().filter(|row| row["v6only"] == false).count()
        };
        assert_eq!(every("v6only"), 2);
    }
);
