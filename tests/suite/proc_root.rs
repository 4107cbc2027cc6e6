//! `--proc-root`: the tables of another host, live or copied, and never this host's by mistake.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{CWD, FileType, Mode};

use crate::answer::Answer;
use crate::child::{self, Start};
use crate::mounts::{CANNOT_MOUNT, run_in_pid_namespace};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, ran, run};
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// A tree copied by `cp /proc/net/tcp /proc/net/tcp6`; see tests/fixtures/README.md.
const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc");

/// Its sockets, counted by hand.
fn copied() -> SocketCounts {
    SocketCounts::none()
        .with(Family::V4, State::Listen, 1)
        .with(Family::V6, State::Listen, 1)
        .with(Family::V4, State::Established, 3)
        .with(Family::V6, State::Established, 1)
        .with(Family::V6, State::FinWait2, 1)
        .with(Family::V6, State::TimeWait, 1)
        .with(Family::V6, State::CloseWait, 1)
}

#[test]
fn a_copied_tree_is_counted_and_named_in_a_note() {
    let ran = run(["--json", "--proc-root", COPY]);
    assert_eq!(ran.status, 0, "{ran:?}");
    Answer::of(&ran).assert_holds("proc", &copied());
    assert_eq!(
        ran.stderr,
        format!("tcpstates: note: read {COPY}/net, a copied tree\n")
    );
}

#[test]
fn a_copied_proc_is_read_at_its_process_1() {
    let root = tempfile::tempdir().unwrap();
    let tables = root.path().join("1/net");
    fs::create_dir_all(&tables).unwrap();
    fs::copy(Path::new(COPY).join("net/tcp"), tables.join("tcp")).unwrap();
    let root = root.path().to_str().unwrap();
    let ran = run(["--json", "--proc-root", root]);
    Answer::of(&ran).assert_holds("proc", &copied().only(Family::V4));
    let note = "/1/net, the network namespace of its process 1, without a tcp6\n";
    assert!(ran.stderr.ends_with(note), "{ran:?}");
}

#[test]
fn a_malformed_row_is_reported_as_incomplete_in_every_format() {
    let root = tempfile::tempdir().unwrap();
    let tables = root.path().join("net");
    fs::create_dir(&tables).unwrap();
    let table = fs::read_to_string(Path::new(COPY).join("net/tcp")).unwrap();
    fs::write(tables.join("tcp"), table.replace("0200007F:9C42", "what?")).unwrap();
    let root = root.path().to_str().unwrap();
    let loss = "1 record could not be read and is missing: ";

    let json = run(["--json", "--proc-root", root]);
    assert_eq!(json.status, 3, "{json:?}");
    let answer = Answer::of(&json);
    assert_eq!((answer.complete, answer.total), (false, 3));
    assert!(answer.warnings[0].starts_with(loss), "{answer:?}");

    let table = run(["--proc-root", root]);
    assert_eq!(table.status, 3, "{table:?}");
    let total = table.stdout.lines().last().unwrap();
    assert_eq!(
        total.split_whitespace().collect::<Vec<_>>(),
        ["TOTAL", "3", "incomplete"]
    );
    let warning = table.stderr.lines().last().unwrap();
    assert!(
        warning.starts_with(&format!("tcpstates: warning: {loss}")),
        "{table:?}"
    );
    assert!(
        warning.ends_with("line 5: column local_address is malformed"),
        "{table:?}"
    );
}

/// A tree whose only table is `net/tcp` with these rows under the kernel's header.
fn tree_of(rows: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let header = fs::read_to_string(Path::new(COPY).join("net/tcp")).unwrap();
    let header = header.lines().next().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    fs::write(root.path().join("net/tcp"), format!("{header}\n{rows}")).unwrap();
    root
}

/// Orphans in FIN_WAIT1 whose probes of a closed window were not answered 5 times.
fn unanswered_probes() -> String {
    let row = |number: u32| {
        format!(
            "  {number}: 0100090A:1004 0200090A:{:04X} 04 0000A999:00000000 04:000004A1 00000000     0        5 0 2 ffff 20 0 0 15 -1\n",
            0xC350 + number
        )
    };
    (0..12).map(row).collect()
}

#[test]
fn unanswered_probes_in_proc_are_retransmits_and_a_finding() {
    let root = tree_of(&unanswered_probes());
    let root = root.path().to_str().unwrap();
    for (filter, total) in [("retransmits = 5", 12), ("retransmits != 5", 0)] {
        let ran = run(["--json", "--proc-root", root, filter]);
        assert_eq!(Answer::of(&ran).total, total, "{filter}");
    }
    let doctor = run(["doctor", "--proc-root", root]);
    assert_eq!(doctor.status, 4, "{doctor:?}");
    let title = "12 closed connections wait for peers that do not answer";
    assert!(doctor.stdout.contains(title), "{doctor:?}");
}

#[test]
fn a_test_of_retransmits_that_proc_does_not_report_is_incomplete() {
    let request = "  0: 0100007F:1F90 0200007F:C001 03 00000000:00000000 01:00000014 00000002  1000        0 0 2 ffff\n";
    let root = tree_of(request);
    let root = root.path().to_str().unwrap();
    let ran = run(["--json", "--proc-root", root, "retransmits >= 1"]);
    let answer = Answer::of(&ran);
    assert_eq!((ran.status, answer.total), (3, 0), "{ran:?}");
    let lost = "no retransmits of sockets in SYN_RECV";
    assert!(answer.warnings[0].contains(lost), "{answer:?}");
    let listed = run([
        "list",
        "--json",
        "--proc-root",
        root,
        "--columns=retransmits",
    ]);
    assert_eq!(listed.status, 0, "{listed:?}");
    assert!(
        listed.stdout.contains(r#""retransmits":null"#),
        "{listed:?}"
    );
}

#[test]
fn repeated_rows_are_counted_once_and_mentioned_with_v() {
    let row = " 1: 0100007F:1F90 0200007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 ffff 20 4 30 10 -1\n";
    let root = tree_of(&row.repeat(5));
    let root = root.path().to_str().unwrap();
    let ran = run(["--json", "--proc-root", root, "-v"]);
    let answer = Answer::of(&ran);
    assert_eq!((ran.status, answer.total, answer.complete), (0, 1, true));
    assert!(
        ran.stderr.contains(", 4 repeated rows of /proc ignored; "),
        "{ran:?}"
    );
}

#[test]
fn a_table_that_is_not_a_regular_file_is_an_error() {
    let regular = "not a regular file";
    for (make, why) in [
        (make_fifo as fn(&Path), regular),
        (make_directory, regular),
        (make_endless, "symbolic links are not followed here"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let tables = root.path().join("net");
        fs::create_dir(&tables).unwrap();
        make(&tables.join("tcp"));
        let ran = run(["--json", "--proc-root", root.path().to_str().unwrap(), "-4"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
}

fn make_fifo(path: &Path) {
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

fn make_directory(path: &Path) {
    fs::create_dir(path).unwrap();
}

fn make_endless(path: &Path) {
    std::os::unix::fs::symlink("/dev/zero", path).unwrap();
}

#[test]
fn one_unreadable_table_does_not_lose_the_other() {
    let root = tempfile::tempdir().unwrap();
    let tables = root.path().join("net");
    fs::create_dir(&tables).unwrap();
    for (broken, intact) in [("tcp6", "tcp"), ("tcp", "tcp6")] {
        let _ = fs::remove_dir(tables.join(intact));
        fs::copy(
            Path::new(COPY).join("net").join(intact),
            tables.join(intact),
        )
        .unwrap();
        let _ = fs::remove_file(tables.join(broken));
        fs::create_dir(tables.join(broken)).unwrap();
        let ran = run(["--json", "--proc-root", root.path().to_str().unwrap()]);
        assert_eq!(ran.status, 3, "{ran:?}");
        let answer = Answer::of(&ran);
        let family = if intact == "tcp" {
            Family::V4
        } else {
            Family::V6
        };
        assert_eq!(answer.total, copied().only(family).total());
        assert!(
            answer.warnings[0].contains(&format!("net/{broken}: ")),
            "{answer:?}"
        );
    }
}

#[test]
fn a_subdirectory_of_proc_is_refused_as_a_root() {
    let ran = run(["--proc-root", "/proc/sys"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("1/net/tcp nor net/tcp"), "{ran:?}");
}

in_namespace!(
    fn a_mounted_host_proc_shows_the_host_from_a_container() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 5)
            .with(Family::V6, State::CloseWait, 4);
        let host = Zoo::open(&wanted);
        let seen = in_container("--proc-root \"$HOST\"");
        assert_eq!(seen.status, 0, "{seen:?}");
        Answer::of(&seen).assert_holds("proc", host.expected());
        let note = "/1/net, the network namespace of its process 1";
        assert!(seen.stderr.contains(note), "{seen:?}");
        let own = in_container("--source proc").succeeded();
        Answer::of(&own).assert_holds("proc", &SocketCounts::none());
    }
);

in_namespace!(
    fn the_directory_of_a_process_shows_its_namespace_and_its_owners() {
        let wanted = SocketCounts::none().with(Family::V4, State::Listen, 1);
        let inside = Zoo::open(&wanted);
        let me = std::process::id();
        // From another network namespace, as one looks into a container.
        let elsewhere = |options: &[&str]| {
            let mut command = child::command("unshare");
            command.args(["--net", PROGRAM]).args(options);
            ran(command.run_to_end().unwrap())
        };
        let directory = format!("/proc/{me}");
        let counted = elsewhere(&["--json", "--proc-root", &directory]);
        assert_eq!(counted.status, 0, "{counted:?}");
        Answer::of(&counted).assert_holds("proc", inside.expected());
        let note = format!("read /proc/{me}/net, the network namespace of process {me} (");
        assert!(counted.stderr.contains(&note), "{counted:?}");
        let listed = elsewhere(&["list", "-p", "--proc-root", &directory]);
        assert!(listed.stdout.contains(&format!("({me})")), "{listed:?}");
        let filter = format!("pid = {me}");
        let filtered = elsewhere(&["--json", "--proc-root", &directory, &filter]);
        assert_eq!(Answer::of(&filtered).total, 1, "{filtered:?}");
        for thread in ["self", "thread-self"] {
            let own = elsewhere(&["--json", "--proc-root", &format!("/proc/{thread}")]);
            assert_eq!((own.status, Answer::of(&own).total), (0, 0), "{own:?}");
        }
    }
);

in_namespace!(
    fn a_live_proc_that_hides_process_1_is_refused() {
        let root = tempfile::tempdir().unwrap();
        // Processes that the reader must not trace are hidden; process 1 keeps its privileges.
        let script = format!(
            "mount -t proc -o hidepid=ptraceable proc \"$HOST\" || {CANNOT_MOUNT}
            setpriv --bounding-set=-all --inh-caps=-all \"$PROGRAM\" --proc-root \"$HOST\"
            exit $?"
        );
        let ran = in_pid_namespace(root.path(), &script);
        assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("hides process 1"), "{ran:?}");
    }
);

/// Runs the program with `options` in new network, pid and mount namespaces, inside a host whose
/// process 1 is in this test's network namespace and whose proc is mounted at $HOST.
fn in_container(options: &str) -> Ran {
    let host = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t proc proc \"$HOST\" || {CANNOT_MOUNT}
        unshare --net --pid --fork --mount sh -c '
            mount -t proc proc /proc || {CANNOT_MOUNT}
            exec \"$PROGRAM\" --json {options}'"
    );
    in_pid_namespace(host.path(), &script)
}

/// Runs a shell script as process 1 of a new pid namespace, which represents a host.
fn in_pid_namespace(host: &Path, script: &str) -> Ran {
    run_in_pid_namespace(script, Stdio::null(), |command| {
        command.env("HOST", host);
    })
}
