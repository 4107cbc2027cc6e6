//! The table of states: as many of its columns as fit, a row a state, the sum last.

mod columns;

use ratatui::layout::Rect;
use ratatui::style::Style;

use std::cmp::Reverse;

use super::{Canvas, split};
use crate::model::screen::{Place, Rest, StateRow};
use crate::output::text::state_name;
use columns::{StateColumn, StateColumns};

/// With fewer lines, the table has no heading, if rows need its line.
const ROOM_FOR_HEADING: u16 = 4;

/// The lines of the table with all rows, and without those that have nothing to show.
pub(super) fn heights(rows: &[StateRow]) -> (u16, u16) {
    let needed = rows.iter().filter(|row| row.is_needed()).count();
    (cells(rows.len() + 1), cells(needed + 1))
}

/// A line of the table.
enum Line<'a> {
    Row(&'a StateRow),
    /// The states for which there is no line of their own.
    Rest(Vec<&'a StateRow>),
}

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, rows: &[StateRow], rest: Rest) {
    if rows.is_empty() || area.height == 0 {
        return;
    }
    let columns = StateColumns::fit(rows, canvas.paint, usize::from(area.width));
    let has_heading = area.height >= heights(rows).1.min(ROOM_FOR_HEADING);
    let (top, area) = split(area, u16::from(has_heading));
    let mut at = 0;
    for (column, width) in columns.iter() {
        let heading = column.heading(width);
        canvas.write(top, 0, at, &heading, canvas.paint.heading());
        at += cells(width + 1);
    }
    let shown = lines(rows, usize::from(area.height), rest.page);
    for (line, shown) in (0..).zip(shown) {
        match shown {
            Line::Row(row) => draw_row(canvas, area, line, row, &columns),
            Line::Rest(states) => draw_rest(canvas, area, line, &states, rest, &columns),
        }
    }
}

/// The colour of a row.
fn mark(canvas: &Canvas<'_>, row: &StateRow) -> Style {
    if row.is_at_limit {
        canvas.paint.alarm()
    } else if row.is_growing {
        canvas.paint.warning()
    } else if row.state.is_none() {
        canvas.paint.heading()
    } else {
        Style::new()
    }
}

/// `4 more`, their sum, and their names as far as there is room.
fn draw_rest(
    canvas: &mut Canvas<'_>,
    area: Rect,
    line: u16,
    states: &[&StateRow],
    rest: Rest,
    columns: &StateColumns,
) {
    canvas.place(area, line, Place::Rest);
    let sum: u64 = states.iter().map(|row| row.sockets).sum();
    let style = states.iter().map(|row| mark(canvas, row));
    let style = style.fold(Style::new(), Style::patch);
    let mut at = 0;
    for (column, width) in columns.iter() {
        let text = if column == StateColumn::Name {
            format!("{} more", states.len())
        } else if column == StateColumn::Sockets {
            sum.to_string()
        } else {
            String::new()
        };
        canvas.write(area, line, at, &column.aligned(&text, width), style);
        at += cells(width + 1);
        if rest.is_selected && column == StateColumn::Name {
            canvas.style(area, line, at - 1, style.patch(canvas.paint.selected()));
        }
        if column == StateColumn::Sockets {
            break;
        }
    }
    let names = states.iter().map(|row| state_name(row.state, ""));
    let names: Vec<String> = names.collect();
    canvas.write(area, line, at + 1, &names.join(" "), style);
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Rect,
    line: u16,
    row: &StateRow,
    columns: &StateColumns,
) {
    let paint = canvas.paint;
    let mark = mark(canvas, row);
    canvas.place(area, line, Place::State(row.state));
    let mut at = 0;
    for (column, width) in columns.iter() {
        let text = column.text(row, columns.total, width, paint);
        let style = if column.is_drawn() { paint.bar() } else { mark };
        canvas.write(area, line, at, &column.aligned(&text, width), style);
        at += cells(width + 1);
        // Sign and name alone, so that numbers and bars keep their colours.
        if row.is_selected && column == StateColumn::Name {
            canvas.style(area, line, at - 1, mark.patch(paint.selected()));
        }
    }
}

/// The lines that fit: all rows; or those with something to show; or the largest of these, or the
/// next largest on another page, and the rest in one. The selected one and the sum stay.
fn lines(rows: &[StateRow], height: usize, page: usize) -> Vec<Line<'_>> {
    let mut shown: Vec<&StateRow> = rows.iter().collect();
    if shown.len() > height {
        shown.retain(|row| row.is_needed());
    }
    if shown.len() <= height {
        return shown.into_iter().map(Line::Row).collect();
    }
    let total = shown.pop().map(Line::Row);
    // The sum and the rest have a line each.
    let room = height.saturating_sub(2);
    let mut ranked = shown.clone();
    ranked.sort_by_key(|row| Reverse(row.sockets));
    let first = page % ranked.len().div_ceil(room.max(1)).max(1) * room;
    let mut own: Vec<&StateRow> = ranked.into_iter().skip(first).take(room).collect();
    let selected = shown.iter().find(|row| row.is_selected);
    if let Some(selected) = selected
        && !own.iter().any(|row| row.is_selected)
        && own.pop().is_some()
    {
        own.push(selected);
    }
    let has_own = |row: &&StateRow| own.iter().any(|own| own.state == row.state);
    let (own, rest): (Vec<_>, Vec<_>) = shown.iter().partition(|row| has_own(row));
    let own = own.into_iter().map(Line::Row);
    let rest = (height > 1).then_some(Line::Rest(rest));
    own.chain(rest).chain(total).take(height).collect()
}

/// A number of cells; no terminal has more.
fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}
