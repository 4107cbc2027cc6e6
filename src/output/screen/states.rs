//! The table of states: as many of its columns as fit, a row a state, the sum last.

mod columns;

use ratatui::layout::Rect;
use ratatui::style::Style;

use std::cmp::Reverse;

use super::{Canvas, cells, split};
use crate::model::screen::{Place, Rest, StateRow};
use crate::output::doctor::wrap;
use crate::output::text::state_name;
use columns::{StateColumn, StateColumns, signs};

/// With fewer lines, the table has no heading if states share a line.
const ROOM_FOR_HEADING: usize = 8;

/// With fewer lines, these states have two lines only if all their names fit.
const ROOM_FOR_NAMES: usize = 5;

/// The lines of the table with all rows, and without those that have nothing to show.
pub(super) fn heights(rows: &[StateRow]) -> (u16, u16) {
    (cells(rows.len() + 1), cells(needed(rows) + 1))
}

/// How many rows have something to show.
fn needed(rows: &[StateRow]) -> usize {
    rows.iter().filter(|row| row.is_needed()).count()
}

/// A line of the table.
enum Line<'a> {
    Row(&'a StateRow),
    /// The states for which there is no line of their own, and the lines that they share.
    Rest(Vec<&'a StateRow>, u16),
}

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, rows: &[StateRow], rest: Rest) {
    if rows.is_empty() || area.height == 0 {
        return;
    }
    let columns = StateColumns::fit(rows, canvas.paint, usize::from(area.width));
    let (height, needed) = (usize::from(area.height), needed(rows));
    let has_heading = height > needed || height < needed && height >= ROOM_FOR_HEADING;
    let (top, area) = split(area, u16::from(has_heading));
    let mut at = 0;
    for (column, width) in columns.iter() {
        let heading = column.heading(width);
        canvas.write(top, 0, at, &heading, canvas.paint.heading());
        at += cells(width + 1);
    }
    let shown = lines(
        rows,
        (usize::from(area.height), area.width.into()),
        rest.page,
    );
    let mut line = 0;
    for shown in shown {
        match shown {
            Line::Row(row) => draw_row(canvas, area, line, row, &columns),
            Line::Rest(states, lines) => {
                draw_rest(canvas, area, (line, lines), &states, rest, &columns);
                line += lines - 1;
            }
        }
        line += 1;
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

/// The signs of its states, `4 more`, their sum, and their names. Where these do not fit beside the
/// columns, the sum is not in its column.
fn draw_rest(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (line, lines): (u16, u16),
    states: &[&StateRow],
    rest: Rest,
    columns: &StateColumns,
) {
    let paint = canvas.paint;
    let style = states.iter().map(|row| mark(canvas, row));
    let style = style.fold(Style::new(), Style::patch);
    let signs = signs(paint, |sign| states.iter().any(|row| sign(row)));
    canvas.write(area, line, 0, &signs, style);
    let width = |wanted| columns.iter().find(|(column, _)| *column == wanted);
    let width = |wanted| width(wanted).map_or(0, |(_, width)| width);
    let room = usize::from(area.width - REST_COLUMN.min(area.width));
    let columns = (width(StateColumn::Name), width(StateColumn::Sockets));
    let mut texts = vec![rest_text(states, columns)];
    if texts.iter().any(|text| text.len() > room) {
        texts = wrap(&rest_text(states, (0, 0)), Some(room));
    }
    if let Some(cut) = texts.get(usize::from(lines)..).map(|more| more.join(" "))
        && let Some(last) = texts.get_mut(usize::from(lines) - 1)
        && !cut.is_empty()
    {
        *last = format!("{last} {cut}");
    }
    for (line, text) in (line..line + lines).zip(&texts) {
        canvas.place(area, line, Place::Rest);
        canvas.write(area, line, REST_COLUMN, text, style);
    }
    if rest.is_selected {
        let name = cells(rest_name(states).len()) + REST_COLUMN;
        canvas.style(area, line, name, style.patch(paint.selected()));
    }
}

/// The column at which the names of states begin.
const REST_COLUMN: u16 = 3;

fn rest_name(states: &[&StateRow]) -> String {
    format!("{} more", states.len())
}

/// `4 more`, in a column of this width, their sum in another, and their names.
fn rest_text(states: &[&StateRow], (name, sockets): (usize, usize)) -> String {
    let sum: u64 = states.iter().map(|row| row.sockets).sum();
    let names = states.iter().map(|row| state_name(row.state, ""));
    let names = names.collect::<Vec<_>>().join(" ");
    format!("{:<name$} {sum:>sockets$}  {names}", rest_name(states))
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

/// The lines that fit: all rows; or those with something to show; or the most important of these, and
/// the rest in one line, or in two if their names need them. The sum stays.
fn lines(rows: &[StateRow], (height, width): (usize, usize), page: usize) -> Vec<Line<'_>> {
    let mut shown: Vec<&StateRow> = rows.iter().collect();
    if shown.len() > height {
        shown.retain(|row| row.is_needed());
    }
    if shown.len() <= height {
        return shown.into_iter().map(Line::Row).collect();
    }
    let total = shown.pop().map(Line::Row);
    let room = width.saturating_sub(REST_COLUMN.into());
    let (mut own, mut rest) = fold(&shown, height.saturating_sub(2), page);
    let mut lines = 1;
    if rest_text(&rest, (0, 0)).len() > room && height > 2 {
        let longer = fold(&shown, height - 3, page);
        let needed = wrap(&rest_text(&longer.1, (0, 0)), Some(room)).len();
        if needed <= 2 || height >= ROOM_FOR_NAMES {
            (own, rest) = longer;
            lines = 2;
        }
    }
    let rest = (height > 1).then_some(Line::Rest(rest, lines));
    let own = own.into_iter().map(Line::Row);
    own.chain(rest).chain(total).take(height).collect()
}

/// The `room` most important states, and the rest by importance. On another page, the next ones
/// replace the least important, as few of them as will do. The selected one stays.
fn fold<'a>(
    shown: &[&'a StateRow],
    room: usize,
    page: usize,
) -> (Vec<&'a StateRow>, Vec<&'a StateRow>) {
    let mut ranked = shown.to_vec();
    ranked.sort_by_key(|row| Reverse((row.is_at_limit, row.sockets)));
    let behind = ranked.len().saturating_sub(room);
    let step = match behind < room {
        true => behind,
        false => room.saturating_sub(1).max(1),
    };
    let page = page % (1 + behind.div_ceil(step.max(1)));
    let next = room + page.saturating_sub(1) * step;
    let count = if page == 0 { 0 } else { step.min(room) };
    let next = ranked.iter().skip(next).take(count);
    let stay = ranked.iter().take(room - next.len());
    let mut own: Vec<&StateRow> = stay.chain(next).copied().collect();
    let selected = shown.iter().find(|row| row.is_selected);
    if let Some(selected) = selected
        && !own.iter().any(|row| row.is_selected)
        && own.pop().is_some()
    {
        own.push(selected);
    }
    let is_own = |row: &&StateRow| own.iter().any(|own| own.state == row.state);
    ranked.retain(|row| !is_own(row));
    (shown.iter().copied().filter(is_own).collect(), ranked)
}
