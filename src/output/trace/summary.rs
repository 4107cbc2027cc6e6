//! What a trace came to, as tables.

use std::io::{self, Write as _};
use std::time::Duration;

use super::RowStyle;
use super::rows::{CONNECTIONS, write_connection, write_heading};
use crate::model::trace::{FirstCloses, Losses, Summary};
use crate::model::{Label, counted};
use crate::output::escape;

/// Appends the summary of a trace.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_trace_summary(
    out: &mut Vec<u8>,
    summary: &Summary,
    style: RowStyle,
) -> io::Result<()> {
    let connections = counted(
        summary.connections,
        "closed connection",
        "closed connections",
    );
    let transitions = summary.transitions.map_or(String::new(), |count| {
        format!(" and {}", counted(count, "transition", "transitions"))
    });
    let seconds = summary.lasted.as_secs_f64();
    writeln!(out, "{connections}{transitions} in {seconds:.1} s")?;
    if !summary.states.is_empty() {
        writeln!(
            out,
            "\nSTATE            COUNT      P50      P90      P99      MAX"
        )?;
    }
    for times in &summary.states {
        let [p50, p90, p99] = times.percentiles.map(short_time);
        let (state, count, max) = (times.state.to_string(), times.count, short_time(times.max));
        writeln!(
            out,
            "{state:<12} {count:>9} {p50:>8} {p90:>8} {p99:>8} {max:>8}"
        )?;
    }
    if !summary.shapes.is_empty() {
        writeln!(out, "\nCLOSE            COUNT")?;
    }
    for (shape, count) in &summary.shapes {
        writeln!(out, "{:<12} {count:>9}", shape.name())?;
    }
    write_first_closes(out, summary)?;
    if !summary.longest.is_empty() {
        writeln!(out, "\nLongest connections")?;
        write_heading(out, CONNECTIONS, style)?;
    }
    for row in &summary.longest {
        write_connection(out, row, style)?;
    }
    let losses = describe_losses(&summary.losses);
    if !losses.is_empty() {
        writeln!(out)?;
    }
    losses.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn write_first_closes(out: &mut Vec<u8>, summary: &Summary) -> io::Result<()> {
    if summary.first_closes.is_empty() {
        return Ok(());
    }
    let heads: Vec<String> = summary.fields.iter().map(|field| field.heading()).collect();
    writeln!(
        out,
        "\n{:<32} {:>9} {:>9} {:>9} {:>9}",
        heads.join(","),
        "LOCAL",
        "REMOTE",
        "BOTH",
        "NOBODY"
    )?;
    let row = |out: &mut Vec<u8>, name: &str, sum: &FirstCloses| {
        writeln!(
            out,
            "{name:<32} {:>9} {:>9} {:>9} {:>9}",
            sum.local, sum.remote, sum.both, sum.nobody
        )
    };
    for (labels, sum) in &summary.first_closes {
        let labels: Vec<String> = labels.iter().map(label).collect();
        row(out, &labels.join(","), sum)?;
    }
    if summary.other.total() > 0 {
        row(out, "OTHER", &summary.other)?;
    }
    Ok(())
}

fn label(label: &Label) -> String {
    match label {
        Label::None => "-".to_owned(),
        Label::Number(number) => number.to_string(),
        Label::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Label::Text(text) => escape::word(text).to_string(),
    }
}

/// What was lost: a line for each kind of loss.
pub fn describe_losses(losses: &Losses) -> Vec<String> {
    let missed = match losses.gaps {
        0 => "on this host missed, because a program was interrupted; this trace has no gap",
        _ => "on this host missed, because a program was interrupted",
    };
    let kinds = [
        (
            losses.ring.unwrap_or(0),
            "event",
            "lost: the ring buffer was full",
        ),
        (
            losses.gaps,
            "transition",
            "lost (a later state did not follow from the last one recorded)",
        ),
        (
            losses.forgotten,
            "connection",
            "forgotten: more than fit in the table",
        ),
        (losses.capture, "segment", "lost: the capture had no room"),
        (losses.nested, "event", missed),
    ];
    let unknown = losses.ring.is_none();
    let unknown = unknown
        .then(|| "some connections lost: the kernel dropped messages or delayed them".to_owned());
    let line = |(count, one, what)| {
        let many = format!("{one}s");
        (count > 0).then(|| format!("{} {what}", counted(count, one, &many)))
    };
    unknown
        .into_iter()
        .chain(kinds.into_iter().filter_map(line))
        .collect()
}

/// `1.24ms`: three digits and a unit.
pub(in crate::output) fn short_time(duration: Duration) -> String {
    let ns = duration.as_nanos() as f64;
    let (value, unit) = match duration.as_nanos() {
        0..1_000 => return format!("{}ns", duration.subsec_nanos()),
        1_000..1_000_000 => (ns / 1e3, "us"),
        1_000_000..1_000_000_000 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2}{unit}"),
        value if value < 100.0 => format!("{value:.1}{unit}"),
        value => format!("{value:.0}{unit}"),
    }
}
