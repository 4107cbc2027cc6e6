//! UNIX sockets: the same rows over netlink, from /proc and from ss, names of any bytes in every
//! output, and what their peers are.

mod filters;
mod row;
mod zoo;

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::wait_for;
use row::{UnixRow, rows_of_ss};
use zoo::{HOSTILE, UnixZoo};

/// The rows of the sockets of the zoo in a list with these further arguments.
#[track_caller]
fn rows(zoo: &UnixZoo, arguments: &[&str]) -> Vec<UnixRow> {
    let usual = ["list", "-x", "--json", "--columns=inode"];
    // What starts a process has sockets for a moment, and an ordinary user cannot read every holder:
    // 3 where a filter needs them.
    let ran = run([&usual[..], arguments].concat());
    assert!(matches!(ran.status, 0 | 3), "{ran:?}");
    let rows = UnixRow::all(&ran);
    rows.into_iter().filter(|row| zoo.has(row.inode)).collect()
}

/// Waits until this is true: starting a program makes sockets for a moment, which are counted too.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

in_namespace!(
    fn rows_are_equal_over_netlink_and_from_ss() {
        let zoo = UnixZoo::open();
        let ours = rows(&zoo, &["--columns=shutdown"]);
        let mut ours: Vec<_> = ours.iter().map(UnixRow::as_in_ss).collect();
        let theirs = rows_of_ss().into_iter().map(|(row, _)| row);
        let mut theirs: Vec<_> = theirs.collect();
        theirs.retain(|row| zoo.has(row[4].parse().unwrap()));
        ours.sort();
        theirs.sort();
        assert_eq!(ours.len(), zoo.len());
        assert_eq!(ours, theirs);
    }
);

in_namespace!(
    fn proc_has_the_same_types_states_inodes_and_names_and_no_more() {
        let zoo = UnixZoo::open();
        let sorted = |mut rows: Vec<_>| {
            rows.sort();
            rows
        };
        let netlink = sorted(rows(&zoo, &[]).iter().map(UnixRow::as_in_proc).collect());
        let of_proc = rows(&zoo, &["--source", "proc"]);
        assert_eq!(
            sorted(of_proc.iter().map(UnixRow::as_in_proc).collect()),
            netlink
        );
        let is_empty = |row: &UnixRow| {
            let queues = [row.receive_queue, row.send_queue, row.accept_queue];
            queues == [None; 3] && row.peer.is_none() && row.shutdown.is_none()
        };
        assert!(of_proc.iter().all(is_empty), "{of_proc:?}");
        let by_service = run(["-x", "--source=proc", "--by", "service"]);
        let lack = "/net/unix has no `service`; only netlink does";
        assert!(by_service.stderr.contains(lack), "{by_service:?}");
        for column in ["peer", "uid", "peer-process", "shutdown"] {
            let columns = format!("--columns={column}");
            let ran = run(["list", "-x", "--source=proc", &columns]);
            let lack = format!("/net/unix has no `{column}`; only netlink does");
            assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
            assert!(ran.stderr.contains(&lack), "{ran:?}");
        }
        for source in ["netlink", "proc"] {
            let count = || Answer::of(&run(["-x", "--json", "--source", source]));
            eventually("every socket is counted", || count().total == zoo.len());
            assert_eq!(count().states["LISTEN"], 3, "{source}");
        }
    }
);

in_namespace!(
    fn a_name_of_any_bytes_is_escaped_in_every_output_and_found_by_what_is_shown() {
        let zoo = UnixZoo::open();
        for source in ["netlink", "proc"] {
            for (arguments, heading) in [
                (&["list", "-x"][..], 1),
                (&["list", "-x", "--format=csv"], 1),
                (&["list", "-x", "--json"], 1),
                (&["list", "-tux"], 1),
            ] {
                let arguments = [arguments, &["--source", source]].concat();
                eventually("there is a line for each socket", || {
                    let shown = run(arguments.iter().copied()).succeeded().stdout;
                    assert_plain(&shown);
                    shown.lines().count() == zoo.len() + heading
                });
            }
        }
        for arguments in [
            &["-x", "--by", "name"][..],
            &["-x", "--by", "name", "--json"],
            &["-x", "--by", "name,kind", "--format=csv"],
            &["check", "-A", "unix", "--by", "name", "-c", "total=0"],
            &["list", "-x", "name", "=", "/\x1b[31m\u{202e}[x]"],
            &["list", "-x", "name", "=", "\x1b[31m\u{202e}["],
        ] {
            let ran = run(arguments.iter().copied());
            assert_plain(&ran.stdout);
            assert_plain(&ran.stderr);
        }
        for (_, shown) in HOSTILE {
            let pattern: String = shown
                .chars()
                .flat_map(|c| [Some('\\').filter(|_| "[(*".contains(c)), Some(c)])
                .flatten()
                .collect();
            // A word of the language otherwise.
            let mark = if shown == "not" { "\\" } else { "" };
            let pattern = format!("{mark}{pattern}");
            let found = rows(&zoo, &["name", "=", &pattern]);
            let names: Vec<_> = found.iter().map(|row| row.name.as_deref()).collect();
            assert_eq!(names, [Some(shown)], "{pattern}");
        }
    }
);

/// No character that acts on a terminal.
#[track_caller]
fn assert_plain(shown: &str) {
    let acts = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!shown.contains(acts), "{shown:?}");
}

in_namespace!(
    fn peers_wait_are_gone_or_are_held_by_a_process() {
        let zoo = UnixZoo::open();
        let count = |arguments: &[&str]| {
            let ran = run([&["-x", "--json"], arguments].concat());
            Answer::of(&ran.succeeded()).total
        };
        for (filter, expected) in [
            ("peer = waiting", 4),
            ("peer = gone", 4),
            ("src unix:@full", 1),
            ("name = s* state listen", 2),
            ("name = *", zoo.len() - 17),
            ("not name = *", 17),
        ] {
            eventually(filter, || count(&[filter]) == expected);
        }
        let pid = std::process::id();
        let all = rows(&zoo, &["--columns=peer-process"]);
        for row in &all {
            let pids: Vec<u32> = row.peer_processes.iter().map(|holder| holder.pid).collect();
            let has_peer = row.peer_inode.is_some() || row.accept_queue.is_some_and(|n| n > 0);
            assert!(pids.iter().all(|peer| *peer == pid), "{row:?}");
            assert_eq!(!pids.is_empty(), has_peer, "{row:?}");
        }
        let of_inode = |inode: u64| all.iter().find(|row| row.inode == inode).unwrap();
        for (row, peer) in all.iter().filter_map(|row| Some((row, row.peer_inode?))) {
            let is_receiver =
                row.name.is_none() && of_inode(peer).name.as_deref() == Some("receiver");
            let back = of_inode(peer).peer_inode;
            assert!(is_receiver || back == Some(row.inode), "{row:?}");
        }
        let full = all.iter().find(|row| row.name.as_deref() == Some("@full"));
        let queue = full.map(|row| (row.accept_queue, row.accept_limit));
        assert_eq!(queue, Some((Some(2), Some(1))));
    }
);

in_namespace!(
    fn a_service_has_its_clients_and_a_full_queue_is_critical() {
        let zoo = UnixZoo::open();
        let totals = |by: &str| {
            let answer = Answer::of(&run(["-x", "--json", "--by", by]).succeeded());
            let groups = answer.groups.into_iter();
            let groups = groups.map(|group| {
                (
                    group.key[&*by.replace('-', "_")]
                        .as_str()
                        .map(str::to_owned),
                    group.total,
                )
            });
            groups.collect::<std::collections::BTreeMap<_, _>>()
        };
        let of = |by: &str, name: &str| totals(by)[&Some(name.to_owned())];
        // The listener, what it accepted, and in a service the clients of these.
        assert_eq!((of("name", "stream"), of("service", "stream")), (3, 5));
        assert_eq!((of("name", "receiver"), of("service", "receiver")), (1, 2));
        eventually("types are kinds", || {
            of("socket-type", "seqpacket") == of("kind", "unix-seqpacket")
        });
        // Without any other column of attributes.
        let shut = |word: &str| rows(&zoo, &["shutdown", word]).len();
        eventually("as many are shut down as are listed", || {
            (of("shutdown", "send"), of("shutdown", "both")) == (shut("send"), shut("both"))
        });
        assert_eq!(shut("send"), 2);
        let ran = run(["check", "-A", "unix", "-c", "accept-queue=100%"]);
        assert_eq!(ran.status, 2, "{ran:?}");
        let worst = "CRITICAL - @full accept queue 200%";
        assert!(ran.stdout.contains(worst), "{ran:?}");
    }
);

in_namespace!(
    fn what_unix_sockets_do_not_have_is_refused_in_one_line() {
        for (arguments, reason) in [
            (
                &["list", "-x", "sport", "=", ":80"][..],
                "UNIX sockets have no `local-port`",
            ),
            (&["-x", "dst", "10/8"], "UNIX sockets have no `remote-addr`"),
            (
                &["-x", "--by", "remote-addr"],
                "UNIX sockets have no `remote-addr`",
            ),
            (
                &["list", "-x", "--columns=rtt"],
                "UNIX sockets have no `rtt`",
            ),
            (&["list", "name", "=", "a"], "TCP sockets have no `name`"),
            (&["--by", "peer"], "TCP sockets have no `peer`"),
            (&["-x", "-4"], "UNIX sockets have no addresses"),
            (&["-x", "--state", "time-wait"], "only the states"),
            (&["-x", "name", "=", "[a"], "nothing closes this bracket"),
            (&["-x", "peer", "=", "no"], "not a peer"),
            (&["-x", "dst", "unix:[a"], "nothing closes this bracket"),
            (&["-A", "unix-raw"], "did you mean"),
        ] {
            let ran = run(arguments.iter().copied());
            assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
            assert!(ran.stderr.contains(reason), "{ran:?}");
        }
    }
);
