//! `--source bpf`: sockets of every namespace counted in one walk in the kernel.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use rustix::process::Signal;
use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::answer::Answer;
use crate::child::{Start, run_tool};
use crate::namespace::in_namespace;
use crate::neighbour::Neighbour;
use crate::program::{command, run};
use crate::seccomp::{Denied, end_at};
use crate::trace::has_bpf;
use crate::wait::wait_for;
use crate::zoo::sysctl::ScopedSysctl;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// What a source reports of these namespaces.
#[track_caller]
fn counted(source: &str, netns: &str, more: &[&str]) -> Answer {
    let words = [&["--json", "--source", source, "-N", netns], more].concat();
    Answer::of(&run(words).succeeded())
}

/// What both sources report of sockets that stand still while they are read.
#[track_caller]
fn agreed<T: PartialEq + std::fmt::Debug>(ask: impl Fn(&str) -> T) -> T {
    wait_for("sockets that stand still", || {
        let (before, walked, after) = (ask("netlink"), ask("bpf"), ask("netlink"));
        (before == after).then(|| {
            assert_eq!(walked, before);
            walked
        })
    })
}

/// A namespace with a zoo: its name, what is parked there, and what keeps it.
struct Crowded {
    name: &'static str,
    expected: SocketCounts,
    _named: Named,
    _zoo: Zoo,
}

/// The number makes it differ from others.
fn crowd(name: &'static str, number: usize) -> Crowded {
    let named = Named::with_connections(name, 0);
    let wanted = SocketCounts::all_different().with(Family::V4, State::Established, number);
    let expected = wanted.clone();
    let (tell, told) = channel();
    let open = move || tell.send(Zoo::open(&wanted)).unwrap();
    named.neighbour.run(open);
    Crowded {
        name,
        // The listener of the namespace itself.
        expected: expected.with(Family::V4, State::Listen, 1),
        _named: named,
        _zoo: told.recv().unwrap(),
    }
}

/// The groups in the order of their keys, without what is known of their namespaces.
fn grouped(source: &str, netns: &str, by: &str) -> Vec<(String, BTreeMap<String, usize>)> {
    let groups = counted(source, netns, &["--by", by]).groups.into_iter();
    let groups = groups.map(|group| (format!("{:?}", group.key), group.states));
    let mut groups: Vec<_> = groups.collect();
    groups.sort();
    groups
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn ten_states_in_five_namespaces_are_counted_as_dumps_count_them() {
        if !has_bpf() {
            return;
        }
        make_directory();
        let mut crowds: Vec<Crowded> = (0..)
            .zip(["a", "b", "c", "d"])
            .map(|(number, name)| crowd(name, number))
            .collect();
        let own = ScopedSysctl::set("ipv4/tcp_child_ehash_entries", "1024");
        crowds.push(crowd("e", 5));
        drop(own);
        for Crowded { name, expected, .. } in &crowds {
            agreed(|source| grouped(source, name, "family,state"));
            let states = counted("bpf", name, &[]).states;
            for (state, sockets) in expected.by_state() {
                // TIME_WAIT ends after a minute.
                let is_expected = state == "TIME_WAIT" || states[state] == sockets;
                assert!(is_expected, "{name}: {state}: {states:?}");
            }
        }
        for option in ["-4", "-6", "-l"] {
            agreed(|source| counted(source, "e", &[option]).states);
        }
        let all = "a,b,c,d,e";
        agreed(|source| grouped(source, all, "netns,state"));
        for filter in [
            "state time-wait or family = ipv6",
            "netns = a or not state established",
        ] {
            agreed(|source| counted(source, all, &[filter]).states);
        }
        let words = ["--by", "netns", "netns = b and state established"];
        let groups = counted("bpf", "all", &words).groups;
        let [group] = &groups[..] else {
            panic!("{groups:?}");
        };
        let established = crowds[1].expected.by_state()["ESTABLISHED"];
        assert_eq!(
            (&group.key["netns"], group.total),
            (&"b".into(), established)
        );
        assert_eq!(group.namespace.as_ref().unwrap().source, "bpf");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn sockets_that_stand_still_are_counted_exactly_beside_others_that_come_and_go() {
        if !has_bpf() {
            return;
        }
        make_directory();
        // In few buckets, so that many are changed while they are read.
        let _own = ScopedSysctl::set("ipv4/tcp_child_ehash_entries", "64");
        let _still = Named::with_connections("still", 150);
        let (stop, busy) = (
            Arc::new(AtomicBool::new(false)),
            Named::with_connections("busy", 0),
        );
        let threads = [0, 1].map(|_| {
            let (stop, address) = (Arc::clone(&stop), busy.open.listener.local_addr().unwrap());
            let (tell, told) = channel();
            let listener = busy.open.listener.try_clone().unwrap();
            let neighbour_work = move || {
                let thread = std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let client = TcpStream::connect(address).unwrap();
                        drop((listener.accept().unwrap(), client));
                    }
                });
                tell.send(thread).unwrap();
            };
            busy.neighbour.run(neighbour_work);
            told.recv().unwrap()
        });
        let samples = |netns: &str| {
            let words = ["--json", "--source", "bpf", "-N", netns, "--watch", "0.05"];
            let ran = run(words.into_iter().chain(["--samples", "30"]));
            assert!(matches!(ran.status, 0 | 3), "{ran:?}");
            let answers = Answer::all(&ran).into_iter();
            let counts = answers.map(|answer| (answer.complete, answer.states["ESTABLISHED"]));
            counts.collect::<Vec<_>>()
        };
        assert_eq!(samples("still"), vec![(true, 300); 30]);
        for (complete, established) in samples("still,busy") {
            assert!(!complete || established >= 300);
        }
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    }
);

/// A connection whose ends are closed while nothing reaches the other one: both stay in FIN_WAIT1 for
/// a while, and so does the network namespace.
fn abandon_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    run_tool("ip", ["link", "set", "lo", "down"]);
    for end in [&mut client, &mut server] {
        end.write_all(b"unsent").unwrap();
    }
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_namespace_that_only_orphaned_sockets_keep_is_counted_by_its_number() {
        if !has_bpf() {
            return;
        }
        let neighbour = Neighbour::start();
        let key = serde_json::Value::from(format!("net:{}", neighbour.inode));
        neighbour.run(abandon_a_connection);
        neighbour.end();
        let group = |source: &str| {
            let ran = run(["--json", "--source", source, "-N", "all", "--by", "netns"]);
            let groups = Answer::of(&ran).groups.into_iter();
            groups.into_iter().find(|group| group.key["netns"] == key)
        };
        wait_for("the end of the last thread in it", || {
            group("auto").is_none().then_some(())
        });
        let group = group("bpf").unwrap();
        assert_eq!((group.total, group.states["FIN_WAIT1"]), (2, 2));
        let namespace = group.namespace.unwrap();
        assert_eq!(namespace.source, "bpf");
        assert_eq!((namespace.pid, namespace.processes), (None, None));
        let word = key.as_str().unwrap();
        assert_eq!(counted("bpf", word, &[]).total, 2);
        let ran = run(["-N", word]);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.contains("--source bpf counts them"), "{ran:?}");
        let none = run(["-N", "net:1", "--source", "bpf"]);
        assert_eq!((none.status, &*none.stdout), (1, ""), "{none:?}");
        assert!(none.stderr.contains("net:1 is gone"), "{none:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn no_program_is_loaded_unless_it_is_requested() {
        make_directory();
        let _blue = Named::with_connections("blue", 2);
        let run_to_bpf = |words: &[&str]| {
            let mut command = command(words);
            end_at(&mut command, Denied::Bpf);
            command.run_to_end().unwrap()
        };
        for words in [
            &[][..],
            &["-N", "blue"],
            &["-N", "all"],
            &["-N", "all", "--by", "netns"],
            &["--source", "netlink+counters", "-N", "all"],
            &["check", "-w", "total=100000"],
            &["list", "-N", "all"],
            &["doctor", "--window", "50ms"],
            &["--json", "--watch", "0.05", "--samples", "2", "-N", "all"],
        ] {
            let ran = run_to_bpf(words);
            assert_eq!(ran.status.signal(), None, "{words:?}: {ran:?}");
        }
        let ran = run_to_bpf(&["--source", "bpf"]);
        assert_eq!(ran.status.signal(), Some(Signal::SYS.as_raw()), "{ran:?}");
    }
);

in_namespace!(
    fn what_cannot_be_counted_by_state_and_family_is_refused_in_one_line() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let counts = "counts TCP sockets by state, family and network namespace, and nothing else";
        for (words, why) in [
            (&["dport = :443"][..], counts),
            (&["src 127.0.0.1"], counts),
            (&["--by", "service"], counts),
            (&["--state", "bound"], counts),
            (&["list"], "cannot list"),
            (&["list", "--columns", "family"], "cannot list"),
            (&["doctor"], "cannot list"),
            (&["--proc-root", "/proc"], "exclude each other"),
        ] {
            let ran = run([words, &["--source", "bpf"]].concat());
            assert!(
                ran.status == 1 || ran.status == 2 || ran.status == 3,
                "{ran:?}"
            );
            let text = format!("{}{}", ran.stderr, ran.stdout);
            assert_eq!(text.lines().count(), 1, "{ran:?}");
            assert!(text.contains("--source bpf"), "{ran:?}");
            assert!(text.contains(why), "{ran:?}");
        }
    }
);

in_namespace!(
    fn without_capabilities_the_error_names_them() {
        let mut without = crate::child::command("setpriv");
        without.args(["--bounding-set=-bpf,-perfmon,-sys_admin", "--inh-caps=-all"]);
        without.args([crate::program::PROGRAM, "--source", "bpf"]);
        let output = without.run_to_end();
        let output = output.unwrap_or_else(|error| crate::skip::skip_or_fail("setpriv", &error));
        let ran = crate::program::ran(output);
        assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("CAP_BPF and CAP_PERFMON"), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
);
