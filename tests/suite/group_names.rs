//! Names in groups: interfaces, control groups, users; hostile ones are escaped.

use std::net::{Ipv6Addr, SocketAddrV6, TcpListener};

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketType, socket};

use crate::answer::Answer;
use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::wait_for;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// A name that the kernel accepts and that would turn a terminal red.
const HOSTILE: &str = "e\u{1b}[31mth";

in_namespace!(
    fn a_hostile_interface_name_is_escaped_in_every_format() {
        let _device =
            syscall::open_tun(HOSTILE).unwrap_or_else(|error| skip_or_fail("/dev/net/tun", &error));
        syscall::raise_interface(HOSTILE).unwrap();
        let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7);
        syscall::add_address(HOSTILE, address.into())
            .unwrap_or_else(|error| skip_or_fail("an IPv6 address", &error));
        let any = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
        let index = name_to_index(&any, HOSTILE).unwrap();
        // A link-local address binds its socket to the interface; a new one is tentative at first.
        let bind = |port| {
            let address = SocketAddrV6::new(address, port, 0, index);
            wait_for("a usable address", || TcpListener::bind(address).ok())
        };
        let _listeners = [bind(8080), bind(8081), bind(8082)];
        let _unbound = TcpListener::bind("127.0.0.1:0").unwrap();

        let table = run(["--by", "interface", "--color", "never"])
            .succeeded()
            .stdout;
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[1], [r#""e\u{1b}[31mth""#, "3", "3"], "{table}");
        assert_eq!(rows[2], ["-", "1", "1"], "{table}");
        let json = Answer::of(&run(["--by", "interface", "--json"]).succeeded());
        assert_eq!(json.groups[0].key["interface"], HOSTILE);
        assert!(json.groups[1].key["interface"].is_null());
        let csv = run(["--by", "interface", "--format", "csv"])
            .succeeded()
            .stdout;
        assert!(csv.contains(r",group,e\u{1b}[31mth,3,"), "{csv:?}");
    }
);

in_namespace!(
    fn control_groups_equal_those_of_ss() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 3)
            .with(Family::V6, State::Listen, 2)
            .with(Family::V4, State::TimeWait, 4);
        let _zoo = Zoo::open(&wanted);
        let ss = run_tool("ss", ["-Htane"]);
        let in_ss: Vec<&str> = ss
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("cgroup:"))
            .collect();
        let json = Answer::of(&run(["--by", "cgroup", "--json"]).succeeded());
        for group in &json.groups {
            // TIME_WAIT has no control group.
            let expected = match group.key["cgroup"].as_str() {
                None => wanted.total() - in_ss.len(),
                Some(path) => in_ss.iter().filter(|named| **named == path).count(),
            };
            assert_eq!(group.total, expected, "{group:?} {ss}");
        }
    }
);

in_namespace!(
    fn users_are_named_and_unowned_sockets_have_none() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 3)
            .with(Family::V4, State::TimeWait, 4);
        let _zoo = Zoo::open(&wanted);
        let json = Answer::of(&run(["--by", "user", "--json"]).succeeded());
        let uid = rustix::process::geteuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let is_mine = |line: &&str| line.split(':').nth(2) == Some(&uid.to_string());
        let name = passwd.lines().find(is_mine).unwrap().split(':').next();
        let groups: Vec<_> = json
            .groups
            .iter()
            .map(|g| (g.key["user"].as_str(), g.total))
            .collect();
        assert_eq!(groups, [(None, 4), (name, 3)]);
    }
);
