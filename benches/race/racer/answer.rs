//! What racers print, parsed and compared with what the namespace contains. Pure.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::state::{Counts, parse_state};

/// The shape of a racer's output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// tcpstates' one object.
    Json,
    /// `STATE count` lines.
    Words,
    /// `node_tcp_connection_states{state="…"} n` lines.
    Metrics,
    /// The number of lines of two /proc files, their two headers included.
    Lines,
    /// The sentence of `ss -s`, of which only the TIME_WAIT number is exact.
    Summary,
}

/// The sockets that a racer has to count.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    Everything,
    V4,
    /// All but ESTABLISHED and TIME_WAIT.
    RareStates,
    TimeWait,
    /// Sockets that do not exist.
    Nothing,
}

impl Question {
    /// The right answer for a namespace with `v4` and `v6`.
    pub(crate) fn answer(self, v4: &Counts, v6: &Counts) -> Counts {
        let all = v4.plus(v6);
        match self {
            Self::Everything => all,
            Self::V4 => v4.clone(),
            Self::RareStates => all.only(|state| state != "ESTABLISHED" && state != "TIME_WAIT"),
            Self::TimeWait => all.only(|state| state == "TIME_WAIT"),
            Self::Nothing => Counts::default(),
        }
    }
}

/// Fails when `text` does not report what is `right`.
pub(crate) fn check_answer(shape: Shape, text: &str, right: &Counts) -> Result<()> {
    if shape == Shape::Lines {
        let lines: u64 = text.trim().parse().context("no number of lines")?;
        ensure!(lines == right.total() + 2, "{lines} lines for {right}");
        return Ok(());
    }
    let counts = parse_counts(shape, text);
    let counts = counts.with_context(|| format!("cannot parse {text:.200}"))?;
    ensure!(counts == *right, "reports {counts}, not {right}");
    Ok(())
}

#[derive(Deserialize)]
struct Answer {
    states: Counts,
    total: u64,
}

fn parse_counts(shape: Shape, text: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    if shape == Shape::Json {
        let answer: Answer = serde_json::from_str(text)?;
        ensure!(answer.total == answer.states.total(), "wrong total");
        return Ok(answer.states);
    }
    for line in text.lines() {
        let row = match shape {
            Shape::Metrics => line
                .strip_prefix("node_tcp_connection_states{state=\"")
                .and_then(|row| row.split_once("\"} ")),
            Shape::Summary => line.split_once("timewait ").map(|(_, rest)| {
                let end = rest.find(|c: char| !c.is_ascii_digit());
                ("TIME_WAIT", rest.split_at(end.unwrap_or_default()).0)
            }),
            Shape::Words | Shape::Lines | Shape::Json => {
                Some(line.rsplit_once(' ').context("a line without a count")?)
            }
        };
        match row {
            // The header of ss, which awk counts like any other line; node_exporter's queued bytes.
            None | Some(("State" | "rx_queued_bytes" | "tx_queued_bytes", _)) => {}
            Some((word, sockets)) => counts.add(parse_state(word)?, sockets.parse()?),
        }
    }
    Ok(counts)
}
