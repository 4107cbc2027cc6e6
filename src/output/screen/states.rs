//! The table of states: as many of its columns as fit, a row a state, the sum last.

mod columns;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Canvas;
use crate::model::screen::{Screen, StateRow};
use columns::{StateColumn, StateColumns};

pub(super) fn height(screen: &Screen<'_>) -> u16 {
    let rows = u16::try_from(screen.rows.len()).unwrap_or(u16::MAX);
    rows.saturating_add(1)
}

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, rows: &[StateRow]) {
    if rows.is_empty() || area.height == 0 {
        return;
    }
    let columns = StateColumns::fit(rows, canvas.paint, usize::from(area.width));
    let mut at = 0;
    for (column, width) in columns.iter() {
        let heading = column.heading(width);
        canvas.write(area, 0, at, &heading, canvas.paint.heading());
        at += cells(width + 1);
    }
    let shown = visible(rows, usize::from(area.height - 1));
    for (line, row) in (1..).zip(shown) {
        draw_row(canvas, area, line, row, &columns);
    }
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Rect,
    line: u16,
    row: &StateRow,
    columns: &StateColumns,
) {
    let paint = canvas.paint;
    let mark = if row.is_at_limit {
        paint.alarm()
    } else if row.is_growing {
        paint.warning()
    } else if row.state.is_none() {
        paint.heading()
    } else {
        Style::new()
    };
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

/// The rows that fit: all; or those with sockets or a change; or those around the selected one. The
/// sum stays.
fn visible(rows: &[StateRow], height: usize) -> Vec<&StateRow> {
    let mut shown: Vec<&StateRow> = rows.iter().collect();
    if shown.len() > height {
        shown.retain(|row| {
            row.state.is_none()
                || row.is_selected
                || row.sockets > 0
                || row.change.unwrap_or(0) != 0
        });
    }
    if shown.len() > height
        && let Some(total) = shown.pop()
    {
        let room = height.saturating_sub(1);
        let selected = shown.iter().position(|row| row.is_selected).unwrap_or(0);
        let first = selected.saturating_sub(room / 2);
        let first = first.min(shown.len().saturating_sub(room));
        shown = shown.into_iter().skip(first).take(room).collect();
        shown.push(total);
    }
    shown
}

/// A number of cells; no terminal has more.
fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}
