//! The targets, and whether this run met them. Each is judged on the largest crowd of its kind
//! that was raced; where that is smaller than the target's, the row says so.

use std::time::Duration;

use crate::crowd::recipe::Kind;
use crate::measure::Outcome;
use crate::racer;
use crate::report::table::{grouped, mebibytes};

/// Most memory the program may take, in bytes.
const PEAK_BYTES: u64 = 6 << 20;

/// The longest that a list of 400,000 sockets with their holders may take, and most of its memory.
const OWNERS_TIME: Duration = Duration::from_secs(5);
const OWNERS_PEAK_BYTES: u64 = 64 << 20;

/// Most of one core that watching may take.
const WATCH_SHARE: f64 = 0.12;

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A target that is the ratio of two medians.
struct Target {
    kind: Kind,
    sockets: u64,
    above: &'static str,
    below: &'static str,
    bound: Bound,
}

/// Slower ÷ faster for "n times faster than"; ours ÷ theirs for "at most n times theirs".
fn targets() -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    use Kind::{Churn, Established, Served, TimeWait, TimeWaitChurn};
    use racer::owners::{
        PROCFS_WALK, SS_LISTENERS, TCPSTATES_BY_PROCESS, TCPSTATES_LISTENERS, TCPSTATES_OWNERS,
    };
    use racer::{
        CAT, EXPORTER, RAW_ONE_FAMILY, RAW_ONE_WALK, RAW_RARE_STATES, RAW_TCP_INFO,
        RAW_TWO_FAMILIES, SS, SS_AWK, SS_DEV, SS_FILE, SS_GROUPS, SS_INFO, SS_PORT, TCPSTATES,
        TCPSTATES_BY, TCPSTATES_DEV, TCPSTATES_INFO, TCPSTATES_JUDGE, TCPSTATES_LIST,
        TCPSTATES_NETLINK, TCPSTATES_PORT, TCPSTATES_PROC, TCPSTATES_SORT, TCPSTATES_V4,
    };
    let row = |kind, sockets, above, below, bound| Target {
        kind,
        sockets,
        above,
        below,
        bound,
    };
    let (most, waiting) = (400_000, 130_000);
    let largest = |above, below, bound| row(Established, most, above, below, bound);
    vec![
        largest(SS_AWK, TCPSTATES, AtLeast(15.0)),
        largest(EXPORTER, TCPSTATES, AtLeast(15.0)),
        largest(RAW_TWO_FAMILIES, TCPSTATES, AtLeast(5.0)),
        largest(TCPSTATES, RAW_RARE_STATES, AtMost(1.3)),
        row(TimeWait, waiting, SS_AWK, TCPSTATES, AtLeast(15.0)),
        row(Churn, most, SS_AWK, TCPSTATES, AtLeast(3.0)),
        row(TimeWaitChurn, waiting, SS_AWK, TCPSTATES, AtLeast(3.0)),
        largest(TCPSTATES_NETLINK, RAW_ONE_WALK, AtMost(1.15)),
        largest(TCPSTATES_V4, RAW_ONE_FAMILY, AtMost(1.15)),
        largest(TCPSTATES_PROC, CAT, AtMost(1.15)),
        row(Established, 10, TCPSTATES, SS, AtMost(0.7)),
        largest(TCPSTATES_BY, RAW_ONE_WALK, AtMost(1.4)),
        largest(SS_GROUPS, TCPSTATES_BY, AtLeast(4.0)),
        largest(SS_FILE, TCPSTATES_LIST, AtLeast(2.0)),
        largest(TCPSTATES_SORT, RAW_ONE_WALK, AtMost(1.3)),
        largest(TCPSTATES_PORT, SS_PORT, AtMost(1.0)),
        largest(SS_DEV, TCPSTATES_DEV, AtLeast(2.5)),
        largest(TCPSTATES_JUDGE, RAW_ONE_WALK, AtMost(1.2)),
        largest(TCPSTATES_INFO, RAW_TCP_INFO, AtMost(1.1)),
        largest(SS_INFO, TCPSTATES_INFO, AtLeast(2.0)),
        row(Served, most, TCPSTATES_LISTENERS, SS_LISTENERS, AtMost(0.5)),
        row(Served, most, TCPSTATES_LISTENERS, PROCFS_WALK, AtMost(0.8)),
        row(
            Served,
            most,
            TCPSTATES_BY_PROCESS,
            TCPSTATES_OWNERS,
            AtMost(1.1),
        ),
    ]
}

pub(crate) fn render_reach(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "\n## Reach\n\n| crowd | ratio of medians | target | measured | |\n|---|---|--:|--:|---|\n",
    );
    for target in targets() {
        text += &target.render(outcomes);
    }
    text += &render_peak(outcomes);
    text += &render_owners(outcomes);
    text += &render_watch(outcomes);
    text
}

impl Target {
    fn render(&self, outcomes: &[Outcome]) -> String {
        let judged = outcomes
            .iter()
            .filter(|outcome| outcome.kind == self.kind && outcome.sockets <= self.sockets)
            .max_by_key(|outcome| outcome.sockets);
        let ratio = judged.and_then(|outcome| {
            let above = outcome.rounds_of(self.above)?.median_wall();
            let below = outcome.rounds_of(self.below)?.median_wall();
            Some(above.as_secs_f64() / below.as_secs_f64())
        });
        let (sign, bound) = match self.bound {
            Bound::AtLeast(bound) => ("≥", bound),
            Bound::AtMost(bound) => ("≤", bound),
        };
        let met = |ratio: f64| match self.bound {
            Bound::AtLeast(bound) => ratio >= bound,
            Bound::AtMost(bound) => ratio <= bound,
        };
        let sockets = judged.map_or(self.sockets, |outcome| outcome.sockets);
        let mut crowd = format!("{} {}", grouped(sockets), self.kind);
        if sockets != self.sockets {
            crowd += &format!(" (not {})", grouped(self.sockets));
        }
        format!(
            "| {crowd} | `{}` ÷ `{}` | {sign} {bound} | {} | {} |\n",
            self.above.replace('|', "\\|"),
            self.below.replace('|', "\\|"),
            ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}")),
            ratio.map_or("not run", |ratio| verdict(met(ratio))),
        )
    }
}

/// The least and the most that any run of the program took, over all crowds.
fn render_peak(outcomes: &[Outcome]) -> String {
    let peaks = outcomes
        .iter()
        .flat_map(|outcome| &outcome.times)
        .filter(|(name, rounds)| {
            let keeps_sockets = racer::owners::NAMES.contains(name);
            name.starts_with(racer::TCPSTATES) && !keeps_sockets && !rounds.0.is_empty()
        })
        .map(|(_, rounds)| rounds.peak_bytes());
    let most = peaks.clone().max();
    let measured = peaks.min().zip(most).map_or_else(
        || "–".into(),
        |(least, most)| format!("{:.1} to {:.1}", mebibytes(least), mebibytes(most)),
    );
    format!(
        "| all | peak memory of `tcpstates`, without holders, MiB | ≤ {} | {measured} | {} |\n",
        mebibytes(PEAK_BYTES),
        most.map_or("not run", |most| verdict(most <= PEAK_BYTES)),
    )
}

/// The list with holders on the largest crowd: how long, and how much memory.
fn render_owners(outcomes: &[Outcome]) -> String {
    let listed = outcomes
        .iter()
        .filter_map(|outcome| {
            let rounds = outcome.rounds_of(racer::owners::TCPSTATES_OWNERS)?;
            Some((outcome.sockets, rounds.median_wall(), rounds.peak_bytes()))
        })
        .max_by_key(|(sockets, _, _)| *sockets);
    let name = racer::owners::TCPSTATES_OWNERS;
    let row = |crowd: &str, what: &str, most: f64, measured: &str, met: &str| {
        format!("| {crowd} | `{name}`, {what} | ≤ {most:.0} | {measured} | {met} |\n")
    };
    let (seconds, peak) = (OWNERS_TIME.as_secs_f64(), mebibytes(OWNERS_PEAK_BYTES));
    let Some((sockets, wall, bytes)) = listed else {
        let crowd = "400,000 served";
        return row(crowd, "seconds", seconds, "–", "not run")
            + &row(crowd, "peak memory, MiB", peak, "–", "not run");
    };
    let crowd = format!("{} {}", grouped(sockets), Kind::Served);
    row(
        &crowd,
        "seconds",
        seconds,
        &format!("{:.2}", wall.as_secs_f64()),
        verdict(wall <= OWNERS_TIME),
    ) + &row(
        &crowd,
        "peak memory, MiB",
        peak,
        &format!("{:.1}", mebibytes(bytes)),
        verdict(bytes <= OWNERS_PEAK_BYTES),
    )
}

fn render_watch(outcomes: &[Outcome]) -> String {
    let watched = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.sockets, outcome.watch_share?)))
        .max_by_key(|(sockets, _)| *sockets);
    let (crowd, measured, met) = match watched {
        None => (grouped(400_000), "–".into(), "not run"),
        Some((sockets, share)) => (
            grouped(sockets),
            format!("{:.1}", share * 100.0),
            verdict(share <= WATCH_SHARE),
        ),
    };
    format!(
        "| {crowd} established | `tcpstates --watch 1`, % of one core | ≤ {:.0} | {measured} | {met} |\n",
        WATCH_SHARE * 100.0
    )
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**not met**" }
}
