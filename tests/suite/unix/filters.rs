//! Filters of UNIX sockets by what is at the other end, what was shut down and by type: the same sockets
//! as in the rows of ss.

use std::collections::BTreeSet;

use super::row::{UnixRow, rows_of_ss};
use super::zoo::UnixZoo;
use super::{eventually, rows};
use crate::namespace::in_namespace;
use crate::program::run;

type Inodes = BTreeSet<u64>;

/// The inodes of the sockets of the zoo that a filter selects.
fn selected(zoo: &UnixZoo, filter: &str) -> Inodes {
    let rows = rows(zoo, &[filter]);
    rows.iter().map(|row| row.inode).collect()
}

/// Those of the rows of ss that this holds for.
fn of_ss(zoo: &UnixZoo, holds: impl Fn(&[String; 8]) -> bool) -> Inodes {
    let rows = rows_of_ss().into_iter().map(|(row, _)| row);
    let rows = rows.filter(holds).map(|row| row[4].parse().unwrap());
    rows.filter(|inode| zoo.has(*inode)).collect()
}

in_namespace!(
    fn the_name_of_the_other_end_selects_the_clients_of_a_service() {
        let zoo = UnixZoo::open();
        let named = rows_of_ss();
        for (pattern, count) in [
            ("stream", 2),
            ("seqpacket", 2),
            ("s*", 4),
            ("receiver", 1),
            ("closed", 0),
            ("@full", 0),
            ("*", 5),
        ] {
            let has_name = |name: &str| match pattern.strip_suffix('*') {
                Some(start) => name != "*" && name.starts_with(start),
                None => name == pattern,
            };
            let services = named.iter().filter(|(_, name)| has_name(name));
            let services: Vec<&str> = services.map(|(row, _)| &*row[4]).collect();
            let expected = of_ss(&zoo, |row| services.contains(&&*row[5]));
            let found = selected(&zoo, &format!("dst unix:{pattern}"));
            assert_eq!(found, expected, "{pattern}");
            assert_eq!(found.len(), count, "{pattern}");
            let others = selected(&zoo, &format!("not dst = unix:{pattern}"));
            assert_eq!(others.len(), zoo.len() - count, "{pattern}");
            assert_eq!(others, selected(&zoo, &format!("dst != unix:{pattern}")));
        }
        // Both ends of one connection, and no others.
        let both = selected(
            &zoo,
            "(src unix:stream or dst unix:stream) and state established",
        );
        assert_eq!(both.len(), 4);
        let several = run(["list", "-tux", "dst", "unix:stream"]).succeeded();
        assert_eq!(several.stdout.lines().count(), 3, "{several:?}");
        let explained = run(["list", "-x", "--explain", "dst", "unix:s*"]).succeeded();
        assert!(explained.stdout.contains("dst = unix:s*"), "{explained:?}");
        let of_proc = run(["-x", "--source=proc", "dst", "unix:stream"]);
        assert_eq!((of_proc.status, &*of_proc.stdout), (1, ""), "{of_proc:?}");
        assert!(of_proc.stderr.contains("has no `peer`"), "{of_proc:?}");
    }
);

in_namespace!(
    fn directions_that_were_shut_down_and_types_select_what_ss_shows_so() {
        let zoo = UnixZoo::open();
        for (word, arrow, least) in [
            ("none", "<->", 10),
            ("receive", "-->", 0),
            ("send", "<--", 2),
            ("both", "---", 3),
        ] {
            let found = selected(&zoo, &format!("shutdown = {word}"));
            assert_eq!(found, of_ss(&zoo, |row| row[6] == arrow), "{word}");
            assert!(found.len() >= least, "{word}: {found:?}");
            let total = format!("\"total\":{},", found.len());
            let is_counted = || {
                let count = run(["-x", "--json", "shutdown", word]).succeeded();
                count.stdout.contains(&total)
            };
            // Other programs have sockets for a moment.
            assert!(is_counted() || is_counted() || word == "none", "{total}");
        }
        for (word, kind) in [
            ("stream", "unix-stream"),
            ("dgram", "unix-dgram"),
            ("SEQPACKET", "unix-seqpacket"),
        ] {
            let found = selected(&zoo, &format!("type = {word}"));
            assert_eq!(found, of_ss(&zoo, |row| row[0] == kind), "{word}");
            assert_eq!(found, selected(&zoo, &format!("kind = {kind}")), "{word}");
        }
        for (filter, reason) in [
            ("shutdown = some", "allowed are none, receive, send, both"),
            ("type = strem", "no such type; did you mean stream?"),
            ("type > dgram", "it has no order; allowed are = and !="),
        ] {
            let ran = run(["-x", filter]);
            assert_eq!(ran.status, 2, "{ran:?}");
            assert!(ran.stderr.contains(reason), "{ran:?}");
        }
    }
);

in_namespace!(
    fn a_process_at_the_other_end_selects_its_peers_and_the_listeners_it_waits_for() {
        let zoo = UnixZoo::open();
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        let name = name.trim();
        let all = rows(&zoo, &["--columns=peer-process"]);
        let has_peer = |row: &&UnixRow| !row.peer_processes.is_empty();
        let expected: Inodes = all.iter().filter(has_peer).map(|row| row.inode).collect();
        let found = selected(&zoo, &format!("peer-process = {name}"));
        assert_eq!(found, expected);
        let listeners = selected(&zoo, &format!("peer-process = {name} and state listen"));
        assert_eq!(listeners.len(), 3);
        let others = selected(&zoo, &format!("peer-process != {name}"));
        assert_eq!(others.len() + found.len(), zoo.len());
        // No other process holds an end of these.
        let own = format!("process = {name} and not peer-process = {name} and peer != none");
        let gone_or_waiting = selected(&zoo, "peer = gone or peer = waiting");
        eventually("those without a peer", || {
            selected(&zoo, &own) == gone_or_waiting
        });
        let none = run(["list", "-x", "peer-process", "=", "no-such-process"]);
        assert_eq!(none.stdout.lines().count(), 1, "{none:?}");
        assert!(none.stderr.contains("no-such-process"), "{none:?}");
        let of_tcp = run(["list", "peer-process", "=", name]);
        assert_eq!(of_tcp.status, 2, "{of_tcp:?}");
        assert!(of_tcp.stderr.contains("TCP sockets have no `peer-process`"));
    }
);
