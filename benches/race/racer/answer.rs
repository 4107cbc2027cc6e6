//! What the racers print, turned into counts. Pure; one function for each shape of output.

use serde_json::Value;

use crate::fault::Fault;
use crate::state::{self, Counts, parse_state};

/// The shape of a racer's output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// tcpstates' one object.
    Json,
    /// `STATE count` lines, in anybody's spelling; header words count as no state.
    Words,
    /// `node_tcp_connection_states{state="…"} n` lines.
    Metrics,
    /// The number of lines of two /proc files, their two headers included.
    Lines,
    /// The sentence of `ss -s`; only its TIME_WAIT number means what it says.
    Summary,
}

/// What a racer told; not every tool tells it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    States(Counts),
    Total(u64),
    TimeWait(u64),
}

pub(crate) fn parse_answer(shape: Shape, text: &str) -> Result<Told, Fault> {
    let told = match shape {
        Shape::Json => json(text).map(Told::States),
        Shape::Words => words(text).map(Told::States),
        Shape::Metrics => Some(Told::States(metrics(text))),
        Shape::Lines => lines(text).map(Told::Total),
        Shape::Summary => summary(text).map(Told::TimeWait),
    };
    told.ok_or_else(|| {
        let shown: String = text.chars().take(200).collect();
        Fault::new(format!("cannot be read: {shown:?}"))
    })
}

fn json(text: &str) -> Option<Counts> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let mut counts = Counts::default();
    for (name, sockets) in answer.get("states")?.as_object()? {
        counts.add(parse_state(name)?, sockets.as_u64()?);
    }
    // The program's own sum must hold too.
    (answer.get("total")?.as_u64()? == counts.total()).then_some(counts)
}

fn words(text: &str) -> Option<Counts> {
    let mut counts = Counts::default();
    for line in text.lines() {
        let (word, sockets) = line.rsplit_once(' ')?;
        if word == "State" {
            continue; // ss's header, counted by awk like any other line.
        }
        counts.add(parse_state(word)?, sockets.parse().ok()?);
    }
    Some(counts)
}

fn metrics(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines() {
        let row = line.strip_prefix("node_tcp_connection_states{state=\"");
        if let Some((name, value)) = row.and_then(|row| row.split_once("\"} "))
            && let Some(code) = parse_state(name)
        {
            // Go prints from 1e+06 on; no crowd is that large in one state.
            counts.add(code, value.parse().unwrap_or_default());
        }
    }
    counts
}

fn lines(text: &str) -> Option<u64> {
    text.trim().parse::<u64>().ok()?.checked_sub(2)
}

fn summary(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("timewait ")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// What a racer has to tell: the crowd, as far as its question reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    Everything,
    V4,
    /// All but ESTABLISHED and TIME_WAIT.
    RareStates,
    /// Sockets that are not there.
    Nothing,
}

/// The reason why `told` is wrong of a table of `v4` and `v6`, if it is.
pub(crate) fn dispute(told: &Told, question: Question, v4: &Counts, v6: &Counts) -> Option<String> {
    let mut truth = v4.clone();
    match question {
        Question::V4 => {}
        Question::Nothing => truth = Counts::default(),
        Question::Everything => truth.merge(v6),
        Question::RareStates => {
            truth.merge(v6);
            truth = truth.without(&[state::ESTABLISHED, state::TIME_WAIT]);
        }
    }
    let (said, true_number) = match told {
        Told::States(counts) if *counts == truth => return None,
        Told::States(counts) => return Some(format!("says {counts}; there are {truth}")),
        Told::Total(total) => (*total, truth.total()),
        Told::TimeWait(sockets) => (*sockets, truth.get(state::TIME_WAIT)),
    };
    (said != true_number).then(|| format!("says {said}; there are {true_number}"))
}
