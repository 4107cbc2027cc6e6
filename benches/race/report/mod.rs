//! The report, as Markdown fit for `docs/performance.md`. Names the machine by kernel, cores and
//! memory only.

pub(crate) mod reach;
pub(crate) mod table;

use std::fs;
use std::thread;

/// How the tables are to be read.
const LEGEND: &str = "
Times in ms, from before the first process starts until the last has ended. The spread holds the \
middle half of the rounds. CPU is user + system of all processes. The peak is that of the largest \
process, to within a MiB. All racers ran in turn, round after round, on the same sockets, v4 and \
v6 in equal parts; node_exporter's own three sockets are among them.
";

/// The first lines: what this was measured on, and how to read it.
pub(crate) fn header() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What follows the first dash is the distribution's, or a machine's, own naming.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default();
    let gib = (kib + (1 << 19)) >> 20;
    format!("Linux {kernel}, {cores} cores, {gib} GiB of memory.\n{LEGEND}")
}
