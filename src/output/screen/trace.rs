//! The last closes and transitions of the selected state, below the states.
//!
//! Both tables leave out columns that do not fit, by what is kept of all rows, so that they do not
//! change with every row; the title and the notes are never left out.

mod tables;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, Paint, cells, is_airy, split, states_above};
use crate::model::counted;
use crate::model::screen::{Screen, TracePane, TraceRows, Traced};
use crate::output::doctor::wrap;
use crate::output::escape;
use crate::output::text::state_name;
use crate::output::trace::{clock_second, describe_losses};
use tables::{closes, ends, lines, transitions};

/// With fewer lines, tables have no headings.
const ROOM_FOR_HEADINGS: u16 = 8;

/// Draws the states that had sockets, and the pane below.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>, pane: &TracePane<'_>) {
    let below = states_above(canvas, area, screen);
    let (_, below) = split(below, u16::from(is_airy(area)));
    draw_pane(canvas, below, pane);
}

fn draw_pane(canvas: &mut Canvas<'_>, area: Rect, pane: &TracePane<'_>) {
    let paint = canvas.paint;
    canvas.write(area, 0, 0, &title(pane), paint.heading());
    let notes = notes(pane, paint, area.width.into());
    // Rows need room too.
    let most = if pane.failure.is_some() {
        area.height
    } else {
        area.height / 2
    };
    let shown = most.min(cells(notes.len()));
    for (line, (text, style)) in (1..=shown).zip(&notes) {
        let end = canvas.write(area, line, 0, text, *style);
        if line == shown && usize::from(shown) < notes.len() {
            let last = end.min(area.width.saturating_sub(1));
            canvas.write(area, line, last, paint.cut(), *style);
        }
    }
    let (_, below) = split(area, 1 + shown);
    if let Some(traced) = pane.traced {
        draw_tables(canvas, below, traced, pane.first);
    }
}

/// Why there are no rows, what was lost, and what is not reported, in lines of this width.
fn notes(pane: &TracePane<'_>, paint: Paint, width: usize) -> Vec<(String, Style)> {
    let mut notes = Vec::new();
    let mut add = |text: &str, style| {
        let lines = wrap(&escape::line(text), Some(width)).into_iter();
        notes.extend(lines.map(|line| (line, style)));
    };
    if let Some(failure) = pane.failure {
        add(failure, paint.alarm());
    }
    if let Some(traced) = pane.traced {
        let style = match traced.losses.is_complete() {
            true => Style::new(),
            false => paint.warning(),
        };
        let losses = describe_losses(&traced.losses);
        losses.iter().for_each(|loss| add(loss, style));
        traced
            .limits
            .iter()
            .for_each(|limits| add(limits, Style::new()));
    }
    notes
}

/// `ESTABLISHED since 09:13:20Z: 1 close (1 three), 10 transitions`.
fn title(pane: &TracePane<'_>) -> String {
    let state = state_name(pane.state, "all");
    let Some(traced) = pane.traced else {
        let waits = if pane.failure.is_some() {
            "no trace"
        } else {
            "waiting for the trace"
        };
        return format!("{state}: {waits}");
    };
    let TraceRows {
        shapes, changes, ..
    } = &traced.rows;
    let closes = counted(shapes.values().sum(), "close", "closes");
    let since = clock_second(traced.clock, traced.since_ns);
    if traced.limits.is_some() {
        return format!("any state since {since}Z: {closes}");
    }
    let named = shapes
        .iter()
        .filter_map(|(shape, count)| Some(((*shape)?, count)));
    let named = named.map(|(shape, count)| format!("{count} {}", shape.name()));
    let named: Vec<String> = named.collect();
    let shapes = match named.is_empty() {
        true => String::new(),
        false => format!(" ({})", named.join(", ")),
    };
    let changes = counted(*changes, "transition", "transitions");
    format!("{state} since {since}Z: {closes}{shapes}, {changes}")
}

/// Closes above, transitions below: half of the lines each, unless one needs fewer.
fn draw_tables(canvas: &mut Canvas<'_>, area: Rect, traced: &Traced, first: usize) {
    let (rows, clock, width) = (&traced.rows, traced.clock, usize::from(area.width));
    let has_headings = area.height >= ROOM_FOR_HEADINGS;
    let upper = match traced.limits {
        None => lines(closes(&rows.closes, clock), width, has_headings),
        Some(_) => lines(ends(&rows.closes, clock), width, has_headings),
    };
    let lower = match traced.limits {
        None => lines(transitions(&rows.transitions, clock), width, has_headings),
        Some(_) => Vec::new(),
    };
    let height = area.height.saturating_sub(cells(lower.len()));
    let height = cells(upper.len()).min(height.max(area.height / 2));
    let (above, below) = split(area, height);
    for (area, table) in [(above, &upper), (below, &lower)] {
        let (heading, rows) = table.split_at(usize::from(has_headings).min(table.len()));
        let (top, area) = split(area, u16::from(has_headings));
        for text in heading {
            canvas.write(top, 0, 0, text, canvas.paint.heading());
        }
        let last = rows.len().saturating_sub(area.height.into());
        let shown = rows.iter().skip(first.min(last));
        for (line, text) in (0..area.height).zip(shown) {
            canvas.write(area, line, 0, text, Style::new());
        }
    }
}
