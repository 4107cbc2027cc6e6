//! What `trace` refuses, and its help.

use crate::program::{command, run, run_command};

/// Command lines that make no sense, and what is said of them.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["-L", "80"],
        "-L: no such option; a filter selects local ports: sport = :PORT",
    ),
    (
        &["-D", "80"],
        "-D: no such option; a filter selects remote ports: dport = :PORT",
    ),
    (&["-s"], "-s: no such option; CSV is --format csv"),
    (
        &["-w"],
        "trace records TCP connections only: omit the other kinds",
    ),
    (
        &["-T"],
        "-T: no such option; every row has its time already",
    ),
    (
        &["-Y"],
        "-Y: no such option; for the journal, pipe the rows",
    ),
    (
        &["--samples", "3"],
        "--samples: no such option; trace takes no samples: --limit N",
    ),
    (
        &["-l"],
        "no connection is ever in state LISTEN or BOUND; listeners have transitions",
    ),
    (
        &["--show", "connections", "to = listen"],
        "no connection is ever in state LISTEN or BOUND",
    ),
    (
        &["--state", "bound", "--show", "transitions"],
        "no transition into or out of BOUND",
    ),
    (
        &["--limit", "3", "--show", "summary"],
        "--limit counts rows, and --show summary prints none",
    ),
    (
        &["--format", "csv", "--show", "summary"],
        "the summary has no CSV: use --json",
    ),
    (
        &["--by", "state"],
        "--by: `state`: not a key; allowed are family, ",
    ),
    (
        &["--by", "uid,cgroup"],
        "`cgroup` is not a key; allowed are family, ",
    ),
    (
        &["--segments", "--netns", "all"],
        "--segments captures in one network namespace",
    ),
    (
        &["--source", "destroy", "--netns", "all"],
        "--source destroy reports one network namespace",
    ),
    (
        &["--source", "destroy", "--show", "transitions"],
        "--source destroy reports no transitions",
    ),
    (
        &["--source", "destroy", "state", "close-wait"],
        "filtering by state needs --source bpf",
    ),
    (
        &["--source", "perf"],
        "--source: `perf` is not valid; allowed are auto, bpf, destroy",
    ),
    (
        &["--netns", "4194304"],
        "--netns: there is no process 4194304",
    ),
    (
        &["--limit", "0"],
        "--limit: `0`: allowed are whole numbers from 1",
    ),
    (
        &["--duration", "0"],
        "--duration: `0`: allowed are 0.05s to 24h",
    ),
    (
        &["rtt", ">", "5"],
        "`rtt`: trace does not record it; allowed are state, family, src, sport, dst, dport, uid, user, \
         inode, cookie, process, pid, from, to, host, port, exclude, not, and, or",
    ),
    (&["recv-q", ">", "5"], "`recv-q`: trace does not record it"),
    (&["dev", "lo"], "`dev`: trace does not record it"),
    (&["autobound"], "`autobound`: trace does not record it"),
    (
        &["cgroup", "=", "/no-such"],
        "`cgroup`: trace does not record it; allowed are state",
    ),
    (
        &["form", "=", "established"],
        "`form`: no such word; did you mean from",
    ),
];

#[test]
fn what_makes_no_sense_is_refused_with_one_line() {
    for (arguments, words) in REFUSED {
        let ran = run_command(&mut command([&["trace"], *arguments].concat()));
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{arguments:?} {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}\n{}", ran.stderr);
    }
}

#[test]
fn edges_belong_to_trace_only() {
    for verb in [&["list"][..], &[]] {
        let ran = run([verb, &["from = established"]].concat());
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.contains("only tcpstates trace shows"), "{ran:?}");
    }
}

#[test]
fn help_begins_with_what_it_does_and_ends_with_three_examples() {
    let help = run(["trace", "--help"]).succeeded().stdout;
    assert!(
        help.starts_with("Record how connections live and close\n"),
        "{help}"
    );
    let examples = help
        .lines()
        .filter(|line| line.contains("sudo tcpstates trace"));
    assert_eq!(examples.count(), 3, "{help}");
    // What a connection that has ended no longer has is no key of it.
    assert!(
        !help.contains("v6only") && !help.contains("cgroup"),
        "{help}"
    );
    let state = "Only transitions into or out of these states, or connections that had one\n";
    assert!(help.contains(state), "{help}");
}
