//! Words that select no namespace, or one that cannot be read: one line each, and nothing counted.

use std::fs;

use rustix::fs::{CWD, FileType, Mode};
use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::child::{self, Start};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, ran, run};
use crate::skip::skip_or_fail;

/// One line about the word, and nothing counted.
#[track_caller]
fn expect_refusal(word: &str, expected: &str) {
    let ran = run(["list", "--netns", word]);
    // An inode number may be that of a process which an ordinary user cannot read.
    let is_unread = ran.stderr.contains("CAP_SYS_PTRACE");
    let status = if is_unread { 1 } else { 2 };
    assert_eq!((ran.status, &*ran.stdout), (status, ""), "{word}: {ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{word}: {ran:?}");
    assert!(ran.stderr.starts_with("tcpstates: --netns: "), "{ran:?}");
    assert!(ran.stderr.contains(expected), "{word}: {ran:?}");
}

in_namespace!(
    fn a_word_that_is_not_valid_or_means_nothing_is_refused() {
        for (word, expected) in [
            ("", "the name of a network namespace is empty"),
            ("4194304", "there is no process 4194304"),
            ("pid:4194304", "there is no process 4194304"),
            ("4026531000", "network namespace 4026531000"),
            (
                "pid:4026531000",
                "an inode number is written net:4026531000",
            ),
            ("pid:", "`pid:` needs the number of a process"),
            ("pid:x", "`x` is not the number of a process"),
            ("net:", "`net:` needs an inode number"),
            ("net:12", "network namespace 12"),
            ("net:[x]", "`[x]` is not an inode number"),
            ("pod:a/b", "is called `pod:a/b`"),
        ] {
            expect_refusal(word, expected);
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn what_selects_no_namespace_is_refused_in_one_line() {
        make_directory();
        let blue = Named::with_connections("blue", 1);
        let process = blue.start_process(&["sleep", "600"]);
        let pid = process.id();
        fs::write("/run/netns/plain", "").unwrap();
        fs::create_dir("/run/netns/folder").unwrap();
        rustix::fs::mknodat(CWD, "/run/netns/pipe", FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::os::unix::fs::symlink("/run/netns/nowhere", "/run/netns/dangling").unwrap();
        let digits = Named::with_connections(&pid.to_string(), 0);
        for (word, expected) in [
            ("bleu".to_owned(), "is called `bleu`; did you mean blue?"),
            ("..".to_owned(), "no network namespace is called `..`"),
            (
                "plain".to_owned(),
                "`/run/netns/plain` is not a network namespace",
            ),
            (
                "folder".to_owned(),
                "`/run/netns/folder` is not a network namespace",
            ),
            (
                "pipe".to_owned(),
                "`/run/netns/pipe` is not a network namespace",
            ),
            (
                "dangling".to_owned(),
                "`/run/netns/dangling` does not exist",
            ),
            (
                "/proc/self/ns/mnt".to_owned(),
                "`/proc/self/ns/mnt` is not a network namespace",
            ),
            ("/proc/self/status".to_owned(), "is not a network namespace"),
            ("./nowhere".to_owned(), "`./nowhere` does not exist"),
            (format!("pid:{pid}/nginx"), "is called sleep, not nginx"),
            (
                pid.to_string(),
                "is both a name in /run/netns and a process",
            ),
            (
                "blue,plain".to_owned(),
                "`/run/netns/plain` is not a network namespace",
            ),
        ] {
            expect_refusal(&word, expected);
        }
        let check = run(["check", "-w", "total=1", "--netns", "bleu"]);
        assert_eq!(check.status, 3, "{check:?}");
        drop(digits);
    }
);

/// The program without the capability to enter a namespace.
fn run_unprivileged(arguments: &[&str]) -> crate::program::Ran {
    run_without("-sys_admin", arguments)
}

/// Whether every user is mapped, so that root may read the links of all processes, user_namespaces(7).
fn maps_every_user() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// The program without some capabilities.
fn run_without(capabilities: &str, arguments: &[&str]) -> crate::program::Ran {
    let mut drop = child::command("setpriv");
    drop.args([
        &format!("--bounding-set={capabilities}"),
        &format!("--inh-caps={capabilities}"),
        PROGRAM,
    ]);
    let output = drop.args(arguments).run_to_end();
    ran(output.unwrap_or_else(|error| skip_or_fail("setpriv", &error)))
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn without_the_privilege_to_enter_the_tables_of_a_process_are_read_and_a_note_says_so() {
        make_directory();
        let blue = Named::with_connections("blue", 3);
        let red = Named::with_connections("red", 1);
        let ran = run_unprivileged(&["-N", "blue"]);
        assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
        assert!(
            ran.stderr.contains("cannot enter /run/netns/blue: "),
            "{ran:?}"
        );
        let unmatched = "and CAP_SYS_PTRACE to find out which processes are in it: run as root";
        // Processes outside of an ordinary user's namespace cannot be matched.
        let expected = match maps_every_user() {
            true => "no process in it is visible",
            false => unmatched,
        };
        assert!(ran.stderr.contains(expected), "{ran:?}");
        let process = blue.start_process(&["sleep", "600"]);
        let blind = run_without("-sys_admin,-sys_ptrace", &["-N", "blue"]);
        assert_eq!((blind.status, &*blind.stdout), (1, ""), "{blind:?}");
        assert!(blind.stderr.contains(unmatched), "{blind:?}");
        let pid = process.id();
        for word in [pid.to_string(), format!("net:{}", blue.neighbour.inode)] {
            let ran = run_unprivileged(&["--json", "-N", &word]);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(ran.stdout.contains("\"source\":\"proc\""), "{ran:?}");
            assert!(ran.stdout.contains("\"total\":7,"), "{ran:?}");
            assert!(
                ran.stderr
                    .ends_with(", because entering it takes CAP_SYS_ADMIN\n"),
                "{ran:?}"
            );
        }
        let other = red.start_process(&["sleep", "600"]);
        let both = run_unprivileged(&["--json", "-N", "blue,red"]);
        assert!(both.stdout.contains("\"total\":10,"), "{both:?}");
        assert_eq!(both.stderr.lines().count(), 2, "{both:?}");
        let netlink = run_unprivileged(&["-N", "blue", "--source", "netlink"]);
        assert_eq!((netlink.status, &*netlink.stdout), (1, ""), "{netlink:?}");
        assert!(netlink.stderr.contains("cannot enter blue"), "{netlink:?}");
        let trace = run_unprivileged(&["trace", "-N", "blue"]);
        assert_eq!(trace.status, 1, "{trace:?}");
        assert!(trace.stderr.contains("CAP_SYS_ADMIN"), "{trace:?}");
        drop(other);
    }
);
