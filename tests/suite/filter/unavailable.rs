//! Filters on fields that a source lacks, or that need a privilege: an error with the remedy, not an
//! empty answer.

use std::os::unix::process::CommandExt;

use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, ran, run};
use crate::skip::{may_skip, skip_or_fail};
use crate::zoo::special::attributes::{Attributes, listening};
use crate::zoo::{Family, SocketCounts, Zoo};

/// `nobody` where it exists; any id without privileges does.
const NOBODY: u32 = 65_534;

/// Asserts status 1, nothing on stdout, and one line with all of `words`.
#[track_caller]
fn assert_unavailable(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in {ran:?}");
    }
}

#[test]
fn a_filter_on_a_field_missing_from_proc_is_an_error() {
    for (filter, named) in [
        ("dev lo", "interface"),
        ("cgroup id:1", "cgroup"),
        ("fwmark 1", "mark"),
        ("autobound", "autobound"),
        ("cookie 1", "cookie"),
        ("accept-limit > 1", "accept-limit"),
        ("drops > 1", "drops"),
    ] {
        for filter in [filter.to_owned(), format!("sport 1 or not ({filter})")] {
            for verb in [&["list"][..], &[]] {
                let ran = run([verb, &["--source=proc", &filter]].concat());
                assert_unavailable(&ran, &[named, "only netlink"]);
            }
        }
    }
}

/// Runs the program without any privilege.
fn as_nobody(arguments: &[&str]) -> Ran {
    let mut command = command(arguments);
    if rustix::process::geteuid().is_root() {
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
    }
    let output = command.run_to_end();
    ran(output.unwrap_or_else(|error| skip_or_fail("cannot run the program as nobody", &error)))
}

may_skip!(
    fn a_mark_filter_without_privilege_names_the_capability() {
        for filter in [
            "fwmark 1",
            "fwmark != 0",
            "not fwmark 1/1 and sport 1",
            "fwmark 1 or inode 7",
            "fwmark 1 or (autobound and inode 7)",
        ] {
            for verb in [&["list", filter][..], &[filter]] {
                let ran = as_nobody(verb);
                assert_unavailable(&ran, &["CAP_NET_ADMIN", "run as root"]);
            }
        }
        // Other fields need no privilege.
        as_nobody(&["dev lo or autobound or inode 7"]).succeeded();
    }
);

in_namespace!(
    fn the_kernel_and_the_program_match_the_same_marks() {
        let _zoo = Zoo::open(&SocketCounts::none());
        let mark = |mark| Attributes {
            mark,
            ..Attributes::default()
        };
        let _one = listening(Family::V4, 0, mark(0x11));
        let _two = listening(Family::V6, 0, mark(0x10));
        for (filter, expected) in [("fwmark 0x11", 1), ("mark 16/0xf0", 2), ("mark != 17", 1)] {
            for filter in [filter.to_owned(), format!("{filter} or inode 1")] {
                let ran = run(["-q", &filter]).succeeded();
                assert!(
                    ran.table().contains(&("LISTEN".to_owned(), expected)),
                    "{filter}"
                );
            }
        }
    }
);

in_namespace!(
    fn autobound_matches_ports_the_kernel_chose() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let first: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
        let chosen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _bound = std::net::TcpListener::bind(("127.0.0.1", first + 7)).unwrap();
        let _outside = std::net::TcpListener::bind(("127.0.0.1", first - 7)).unwrap();
        let port = chosen.local_addr().unwrap().port();
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let client_port = client.local_addr().unwrap().port();
        for filter in [
            "autobound",
            "autobound and inode > 0",
            "autobound or inode 1",
        ] {
            let ran = run(["list", "--format=csv", "--sort=sport", filter]).succeeded();
            let has_port = |port: u16| ran.stdout.matches(&format!(",{port},")).count() > 0;
            assert!(
                has_port(client_port) && !has_port(first + 7) && !has_port(first - 7),
                "{ran:?}"
            );
        }
    }
);
