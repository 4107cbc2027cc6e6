//! The report, as Markdown for `docs/performance.md`. Names the machine by kernel, cores and memory
//! only.

use std::thread;

use anyhow::{Context, Result};
use procfs::sys::kernel::Version;
use procfs::{Current, Meminfo};

use crate::crowd::Kind;
use crate::measure::Outcome;
use crate::racer::raw::{DESCRIPTORS, ONE_WALK};
use crate::racer::{BY_DEVICE, BY_PEER, OWNERS, SCRAPE, SEND_QUEUES, SS_BY_PEER, TCP_INFO};
use Bound::{AtLeast, AtMost};
use Kind::{Churn, Established, Served, TimeWait, TimeWaitChurn};

/// How to read the tables.
const LEGEND: &str = "\
Times in ms, from before the first process starts until the last has ended. The spread holds the \
middle half of the rounds. CPU is user + system of all processes. The peak is that of the largest \
process, to within a MiB. All racers ran in turn, round after round, on the same sockets, v4 and \
v6 in equal parts; node_exporter's own three sockets are among them.";

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The size of most targets.
const MOST: u64 = 400_000;

/// Targets that are the ratio of two medians: slower ÷ faster for "n times faster than", ours ÷
/// theirs for "at most n times theirs". Each is judged on the largest crowd of its kind that was
/// raced; where that is smaller, the row says so.
#[rustfmt::skip]
const RATIOS: [(Kind, u64, &str, &str, Bound); 23] = [
    (Established, MOST, "ss -tan | awk", "tcpstates", AtLeast(15.0)),
    (Established, MOST, SCRAPE, "tcpstates", AtLeast(15.0)),
    (Established, MOST, "raw dump, two families", "tcpstates", AtLeast(5.0)),
    (Established, MOST, "tcpstates", "raw dump, rare states", AtMost(1.3)),
    (TimeWait, 130_000, "ss -tan | awk", "tcpstates", AtLeast(15.0)),
    (Churn, MOST, "ss -tan | awk", "tcpstates", AtLeast(3.0)),
    (TimeWaitChurn, 130_000, "ss -tan | awk", "tcpstates", AtLeast(3.0)),
    (Established, MOST, "tcpstates --source netlink", ONE_WALK, AtMost(1.15)),
    (Established, MOST, "tcpstates -4", "raw dump, one family", AtMost(1.15)),
    (Established, MOST, "tcpstates --source proc", "cat tcp tcp6", AtMost(1.15)),
    (Established, 10, "tcpstates", "ss -tan", AtMost(0.7)),
    (Established, MOST, BY_PEER, ONE_WALK, AtMost(1.4)),
    (Established, MOST, SS_BY_PEER, BY_PEER, AtLeast(4.0)),
    (Established, MOST, "ss -tan > file", "tcpstates list > file", AtLeast(2.0)),
    (Established, MOST, SEND_QUEUES, ONE_WALK, AtMost(1.3)),
    (Established, MOST, "tcpstates sport = :1", "ss -tan sport = :1", AtMost(1.0)),
    (Established, MOST, "ss -tan dev lo and sport = :1", BY_DEVICE, AtLeast(2.5)),
    (Established, MOST, "tcpstates uid != 4000000000", ONE_WALK, AtMost(1.2)),
    (Established, MOST, TCP_INFO, "raw dump, one walk with tcp_info", AtMost(1.1)),
    (Established, MOST, "ss -tanio", TCP_INFO, AtLeast(2.0)),
    (Served, MOST, "tcpstates list -l -p", "ss -tlnp", AtMost(0.5)),
    (Served, MOST, "tcpstates list -l -p", DESCRIPTORS, AtMost(0.8)),
    (Served, MOST, "tcpstates --by process", OWNERS, AtMost(1.1)),
];

/// The first lines: the machine, and how to read the rest.
pub(crate) fn render_header() -> Result<String> {
    let kernel = Version::current().context("kernel version")?;
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = Meminfo::current().context("meminfo")?.mem_total;
    let gib = (memory + (1 << 29)) >> 30;
    let kernel = format!("{}.{}.{}", kernel.major, kernel.minor, kernel.patch);
    let machine = format!("Linux {kernel}, {cores} cores, {gib} GiB of memory.");
    Ok(format!("{machine}\n\n{LEGEND}\n"))
}

/// One table for each crowd and size.
pub(crate) fn render_table(outcome: &Outcome) -> String {
    let mut text = format!(
        "\n### {}, {} sockets\n\nSet up in {:.1} s.\n\n\
         | racer | rounds | median | min | spread | ÷ tcpstates | CPU | peak MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        outcome.kind,
        grouped(outcome.sockets),
        outcome.setup.as_secs_f64(),
    );
    let ours = outcome.rounds_of("tcpstates").map(|rounds| rounds.wall(2));
    for (name, rounds) in &outcome.times {
        if rounds.0.is_empty() {
            continue;
        }
        let median = rounds.wall(2);
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} |\n",
            code(name),
            rounds.0.len(),
            milliseconds(median),
            milliseconds(rounds.wall(0)),
            milliseconds(rounds.wall(3) - rounds.wall(1)),
            ours.map_or_else(|| "–".into(), |ours| format!("{:.2}", median / ours)),
            milliseconds(rounds.median_cpu()),
            mebibytes(rounds.peak_bytes()),
        );
    }
    if let Some(share) = outcome.watch_share {
        let percent = share * 100.0;
        text += &format!("\n`tcpstates --watch 1`: {percent:.1} % of one core.\n");
    }
    for note in &outcome.notes {
        text += &format!("\nNote: {note}.\n");
    }
    for mismatch in &outcome.mismatches {
        text += &format!("\n**MISMATCH: {mismatch}**\n");
    }
    if outcome.mismatches.is_empty() && outcome.kind.is_quiet() {
        text += "\nAll counts agree with each other and with what the crowd was made of.\n";
    }
    text
}

/// The targets, and whether this run met them.
pub(crate) fn render_targets(outcomes: &[Outcome]) -> String {
    let mut text = String::from("\n### Targets\n\n");
    text += "| crowd | ratio of medians | target | measured | |\n|---|---|--:|--:|---|\n";
    for (kind, sockets, above, below, bound) in RATIOS {
        let what = format!("{} ÷ {}", code(above), code(below));
        text += &judge(outcomes, kind, sockets, &what, bound, |outcome| {
            let (above, below) = (outcome.rounds_of(above)?, outcome.rounds_of(below)?);
            Some((above.wall(2) / below.wall(2), 2))
        });
    }
    text += &judge_peak(outcomes);
    let what = format!("{}, seconds", code(OWNERS));
    text += &judge(outcomes, Served, MOST, &what, AtMost(5.0), |outcome| {
        Some((outcome.rounds_of(OWNERS)?.wall(2), 2))
    });
    let what = format!("{}, peak memory, MiB", code(OWNERS));
    text += &judge(outcomes, Served, MOST, &what, AtMost(64.0), |outcome| {
        Some((mebibytes(outcome.rounds_of(OWNERS)?.peak_bytes()), 1))
    });
    let what = "`tcpstates --watch 1`, % of one core";
    text += &judge(outcomes, Established, MOST, what, AtMost(12.0), |outcome| {
        Some((outcome.watch_share? * 100.0, 1))
    });
    text
}

/// One target; `value` is what is judged and its number of decimals.
fn judge(
    outcomes: &[Outcome],
    kind: Kind,
    sockets: u64,
    what: &str,
    bound: Bound,
    value: impl Fn(&Outcome) -> Option<(f64, usize)>,
) -> String {
    let same_kind = outcomes.iter().filter(|raced| raced.kind == kind);
    let raced = same_kind.filter(|raced| raced.sockets <= sockets);
    let judged = raced.max_by_key(|raced| raced.sockets);
    let found = judged.map_or(sockets, |judged| judged.sockets);
    let mut crowd = format!("{} {kind}", grouped(found));
    if found != sockets {
        crowd += &format!(" (not {})", grouped(sockets));
    }
    let measured = judged.and_then(value);
    let measured = measured.map(|(value, decimals)| (value, format!("{value:.decimals$}")));
    render_row(&crowd, what, bound, measured)
}

/// The least and the most memory of any run of the program that lists no owning processes.
fn judge_peak(outcomes: &[Outcome]) -> String {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for outcome in outcomes {
        for (name, rounds) in &outcome.times {
            let counts = *name == "tcpstates" || outcome.kind != Served;
            if name.starts_with("tcpstates") && counts && !rounds.0.is_empty() {
                let peak = mebibytes(rounds.peak_bytes());
                (least, most) = (least.min(peak), most.max(peak));
            }
        }
    }
    let measured = (most > 0.0).then(|| (most, format!("{least:.1} to {most:.1}")));
    let what = "peak memory of `tcpstates`, without owning processes, MiB";
    render_row("all", what, AtMost(6.0), measured)
}

fn render_row(crowd: &str, what: &str, bound: Bound, measured: Option<(f64, String)>) -> String {
    let value = measured.as_ref().map(|(value, _)| *value);
    let (sign, limit, met) = match bound {
        AtLeast(limit) => ("≥", limit, value.map(|value| value >= limit)),
        AtMost(limit) => ("≤", limit, value.map(|value| value <= limit)),
    };
    let verdict = match met {
        None => "not run",
        Some(true) => "met",
        Some(false) => "**not met**",
    };
    let shown = measured.map_or_else(|| "–".into(), |(_, shown)| shown);
    format!("| {crowd} | {what} | {sign} {limit} | {shown} | {verdict} |\n")
}

/// A name as code in a Markdown table.
fn code(name: &str) -> String {
    format!("`{}`", name.replace('|', "\\|"))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Three significant figures at any size.
fn milliseconds(seconds: f64) -> String {
    let value = seconds * 1000.0;
    let decimals = usize::from(value < 100.0) + usize::from(value < 10.0);
    format!("{value:.decimals$}")
}

/// 400000 as 400,000.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}
