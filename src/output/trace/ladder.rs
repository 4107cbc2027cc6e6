//! A close as the ladder of the textbooks: time runs down, the end that closed first is to the left.
//!
//! A solid arrow is a segment that was captured; a dashed one is inferred from the states of the
//! sockets, and the last line says so.

use std::io::{self, Write as _};

use super::RowStyle;
use super::rungs::{Arrow, Ends, Rung, rungs};
use super::words::{clock_time, end_name, explanation, headline, milliseconds};
use crate::model::trace::{Connection, Story};

/// Under this width lines are drawn instead.
pub const NARROWEST: usize = 58;

/// Wider ladders are no clearer.
const WIDEST: usize = 80;

/// The columns left of the left end: a time, blanks, a state, a blank.
const MARGIN: usize = 10 + 2 + 12;

/// Behind the right end: a blank and the longest state of a close.
const BEHIND: usize = 1 + "CLOSE_WAIT".len();

/// What a terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct LadderStyle {
    /// Its width, in columns; at least [`NARROWEST`].
    pub width: usize,
    /// Whether it shows UTF-8.
    pub utf8: bool,
}

impl LadderStyle {
    fn span(self) -> usize {
        self.width.clamp(NARROWEST, WIDEST) - MARGIN - BEHIND - 2
    }

    fn bar(self) -> char {
        if self.utf8 { '│' } else { '|' }
    }

    fn dash(self, captured: bool) -> char {
        match (captured, self.utf8) {
            (true, true) => '─',
            (false, true) => '╌',
            (true, false) => '-',
            (false, false) => '.',
        }
    }
}

/// Appends the ladder of a story, and an empty line.
///
/// # Errors
/// The writer's; a vector has none.
pub fn write_ladder(
    out: &mut Vec<u8>,
    story: &Story,
    row: RowStyle,
    style: LadderStyle,
) -> io::Result<()> {
    let ends = Ends::of(story);
    let rungs = rungs(story);
    let first = rungs.iter().find_map(|rung| rung.time_ns);
    let begin = first.unwrap_or(story.first.ended_ns);
    let netns = netns_text(row, story.first.netns);
    let time = clock_time(row.clock, begin);
    writeln!(out, "{time}  {}{netns}", headline(story))?;
    let width = MARGIN + style.span() + 2 + BEHIND;
    let (left, right) = (
        name_and_place(ends.left, ends.right),
        name_and_place(ends.right, ends.left),
    );
    for (left, right) in left.iter().zip(&right) {
        let indent = 10 + 2;
        let gap = width.saturating_sub(indent + left.chars().count() + right.chars().count());
        writeln!(
            out,
            "{:indent$}{left}{:gap$}{right}",
            "",
            "",
            gap = gap.max(1)
        )?;
    }
    for rung in &rungs {
        write_rung(out, rung, begin, style)?;
    }
    writeln!(out, "{}", explanation(story))?;
    if !rungs
        .iter()
        .filter_map(|rung| rung.arrow.as_ref())
        .all(|arrow| arrow.captured)
    {
        let captured = match story.segments.is_empty() {
            true => "no segment was captured",
            false => "segments with data are not captured",
        };
        writeln!(out, "dashed: inferred from socket states; {captured}")?;
    }
    writeln!(out)
}

/// `  netns 4026531840`, if rows name theirs.
fn netns_text(row: RowStyle, inode: u32) -> String {
    match row.with_netns {
        true => format!("  netns {inode}"),
        false => String::new(),
    }
}

/// The process of an end, where it is known, and its address.
fn name_and_place(end: Option<&Connection>, other: Option<&Connection>) -> [String; 2] {
    match (end, other) {
        (Some(end), _) => [
            end_name(end).unwrap_or_else(|| "?".to_owned()),
            end.ends.local.to_string(),
        ],
        (None, Some(other)) => ["not observed".to_owned(), other.ends.remote.to_string()],
        (None, None) => [String::new(), String::new()],
    }
}

fn write_rung(out: &mut Vec<u8>, rung: &Rung, begin: u64, style: LadderStyle) -> io::Result<()> {
    let time = rung.time_ns.and_then(|time| time.checked_sub(begin));
    let time = time.map_or(String::new(), milliseconds);
    let state = |state: Option<crate::model::State>| state.map_or(String::new(), |s| s.to_string());
    let (bar, span) = (style.bar(), style.span());
    let line = match &rung.arrow {
        Some(arrow) => draw(arrow, span, style),
        None => " ".repeat(span),
    };
    let text = format!(
        "{time:>10}  {:<12}{bar}{line}{bar} {}",
        state(rung.left),
        state(rung.right)
    );
    writeln!(out, "{}", text.trim_end())
}

/// `── FIN,ACK ──────>`; with a cross in place of its head where it never came.
fn draw(arrow: &Arrow, span: usize, style: LadderStyle) -> String {
    let dash = style.dash(arrow.captured).to_string();
    let label = format!(" {} ", arrow.label);
    let rest = span.saturating_sub(2 + label.chars().count() + 1);
    let (near, far) = (dash.repeat(2), dash.repeat(rest));
    let head = match (arrow.is_missing, arrow.to_right) {
        (true, _) => 'x',
        (false, true) => '>',
        (false, false) => '<',
    };
    match arrow.to_right {
        true => format!("{near}{label}{far}{head}"),
        false => format!("{head}{far}{label}{near}"),
    }
}

#[cfg(test)]
mod tests;
