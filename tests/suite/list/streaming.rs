//! Unsorted lists are printed while they are read: memory stays constant, and a closed output or a
//! limit ends the reading.

use std::fmt::Write as _;
use std::fs;

use super::row::Listed;
use crate::child::Start;
use crate::program::{command, ran, run};

/// Rows of a generated table, more than a test could open sockets.
const ROWS: u32 = 100_000;

/// The most memory a process may use, in KiB; keeping all rows would take eight times as much.
const MOST_MEMORY: u64 = 2 * 1024;

/// A copied proc tree with [`ROWS`] sockets, each with its own ports and send queue.
fn large_table() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    let mut table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n".to_owned();
    for row in 0..ROWS {
        let (ip, port) = (0x0a00_0000 + row / 50_000, 1 + row % 50_000);
        writeln!(
            table,
            "{row:4}: {ip:08X}:{port:04X} 0100007F:0050 01 {row:08X}:00000000 00:00000000 \
             00000000     0        0 77 1 0 20 4 30 10 -1"
        )
        .unwrap();
    }
    fs::write(root.path().join("net/tcp"), table).unwrap();
    root
}

/// The anonymous memory of a running process, in KiB: `RssAnon` of proc_pid_status(5).
fn used_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_table_and_a_closed_pipe_ends_it() {
    let root = large_table();
    for format in ["table", "json", "csv"] {
        let mut list = command(["list", "-q", "--format", format, "--proc-root"]);
        let mut list = list.arg(root.path()).start().unwrap();
        list.discard(5_000_000);
        let used = used_memory(list.id());
        assert!(used < MOST_MEMORY, "{format}: {used} KiB");
        list.close_stdout();
        let ran = ran(list.finish());
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    }
}

#[test]
fn a_limit_stops_the_walk_and_a_sorted_limit_reads_everything() {
    let root = large_table();
    let root = root.path().to_str().unwrap();
    let few = run(["list", "--json", "-v", "--limit=3", "--proc-root", root]);
    assert_eq!(Listed::all(&few).0.len(), 3);
    assert!(few.stderr.contains("cost: 3 sockets listed"), "{few:?}");
    let sort = "--sort=send-queue:desc";
    let best = run([
        "list",
        "--json",
        "-v",
        sort,
        "--limit=3",
        "--proc-root",
        root,
    ]);
    let queues: Vec<_> = Listed::all(&best).0.iter().map(|s| s.send_queue).collect();
    assert_eq!(queues, [Some(ROWS - 1), Some(ROWS - 2), Some(ROWS - 3)]);
    assert!(
        best.stderr.contains("cost: 100000 sockets listed"),
        "{best:?}"
    );
}

#[test]
fn rows_are_printed_before_the_whole_table_is_read() {
    let root = large_table();
    // 64 KiB are buffered in the pipe and 64 KiB in the program; the rest blocks it.
    let mut list = command(["list", "-q", "--json", "--proc-root"]);
    let mut list = list.arg(root.path()).start().unwrap();
    let line = list.next_line().unwrap();
    assert!(line.starts_with("{\"type\":\"socket\","), "{line}");
    assert!(
        list.is_running(),
        "it ended although its output was not read"
    );
    list.close_stdout();
    assert!(list.wait().success());
}

#[test]
fn an_incomplete_list_is_reported_in_every_format() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    fs::write(
        root.path().join("net/tcp"),
        "  sl  local_address\n0: broken\n",
    )
    .unwrap();
    let root = root.path().to_str().unwrap();
    let table = run(["list", "-q", "--proc-root", root]);
    assert_eq!(
        (table.status, table.stdout.lines().last()),
        (3, Some("incomplete"))
    );
    let csv = run(["list", "--format=csv", "--proc-root", root]);
    assert_eq!((csv.status, csv.stdout.lines().count()), (3, 1));
    assert!(csv.stderr.contains("warning: 1 record"), "{csv:?}");
    let json = run(["list", "--json", "--proc-root", root]);
    let (sockets, summary) = Listed::all(&json);
    assert_eq!(
        (json.status, sockets.len(), summary.complete),
        (3, 0, false)
    );
    assert_eq!(summary.warnings.len(), 1);
}
