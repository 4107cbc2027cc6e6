//! The sockets of one state in place of the states, and a list of choices in place of them.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, age_text, cells, split};
use crate::model::screen::{ChoicesPane, Place, SocketsPane};
use crate::output::doctor::wrap;
use crate::output::escape;
use crate::output::value::label_text;

/// Draws the sockets of one state, around the selected one; the heading only where a row has room below.
pub(super) fn draw_sockets(canvas: &mut Canvas<'_>, area: Rect, pane: &SocketsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &sockets_title(pane), paint.heading());
    let note = escape::line(&pane.note);
    match pane.heading.is_empty() {
        // There is nothing else.
        true => write_reason(canvas, split(area, 1).1, &note, paint.warning()),
        false => drop(canvas.write(area, 0, end + 2, &note, paint.warning())),
    }
    let lines = pane.heading.lines().count().max(1);
    let (_, area) = split(area, 1);
    let has_heading = usize::from(area.height) >= 2 * lines;
    let (top, area) = split(area, if has_heading { cells(lines) } else { 0 });
    for (line, text) in (0..).zip(pane.heading.lines()) {
        canvas.write(top, line, 0, text, paint.heading());
    }
    let room = usize::from(area.height) / lines;
    let first = first_around(pane.selected, pane.rows.len(), room.max(1));
    let shown = pane.rows.iter().enumerate().skip(first).take(room.max(1));
    let shown = shown.flat_map(|(number, row)| row.lines().map(move |text| (number, text)));
    for (line, (number, text)) in (0..).zip(shown) {
        canvas.write(area, line, 0, text, Style::new());
        canvas.place(area, line, Place::Row(number));
        if number == pane.selected {
            canvas.style(area, line, area.width, paint.selected());
        }
    }
}

/// Writes why there is nothing to show, in as many lines as it takes.
pub(super) fn write_reason(canvas: &mut Canvas<'_>, area: Rect, reason: &str, style: Style) {
    let pieces = wrap(reason, Some(usize::from(area.width).max(1)));
    for (line, piece) in (0..).zip(pieces) {
        canvas.write(area, line, 0, &piece, style);
    }
}

/// `the first 10000 CLOSE_WAIT sockets by send-queue:desc, without RECV-Q  3 s old`.
fn sockets_title(pane: &SocketsPane<'_>) -> String {
    let noun = match (pane.rows.len(), pane.age) {
        (1, Some(_)) => "socket",
        _ => "sockets",
    };
    let what = match pane.state {
        None => noun.to_owned(),
        Some(state) => format!("{state} {noun}"),
    };
    let group = pane.group.into_iter().flatten();
    let group: Vec<String> = group
        .map(|label| escape::line(&label_text(label, "-")))
        .collect();
    let what = match group.is_empty() {
        true => what,
        false => format!("{what} of {}", group.join(", ")),
    };
    let Some((age, cpu)) = pane.age else {
        return match pane.note.is_empty() {
            true => format!("{what} by {}: waiting for the list", pane.sort),
            false => format!("{what} by {}: no list", pane.sort),
        };
    };
    let count = pane.rows.len();
    let first = if pane.is_cut { "only the first " } else { "" };
    let without = match pane.omitted {
        [] => String::new(),
        omitted => format!(", without {}", omitted.join(", ")),
    };
    let age = age_text(age, cpu);
    format!("{first}{count} {what} by {}{without}  {age}", pane.sort)
}

/// Draws a list of choices around the selected line; those that are chosen have a cross.
pub(super) fn draw_choices(canvas: &mut Canvas<'_>, area: Rect, pane: &ChoicesPane) {
    let paint = canvas.paint;
    let title = format!("{}: enter adds or removes one, esc returns", pane.title);
    canvas.write(area, 0, 0, &title, paint.heading());
    let room = usize::from(area.height.saturating_sub(1));
    let first = first_around(pane.selected, pane.choices.len(), room);
    let shown = pane.choices.iter().enumerate().skip(first).take(room);
    for (line, (number, (name, is_chosen))) in (1..).zip(shown) {
        let mark = if *is_chosen { "[x]" } else { "[ ]" };
        let text = format!("{mark} {name}");
        canvas.write(area, line, 0, &text, Style::new());
        canvas.place(area, line, Place::Row(number));
        if number == pane.selected {
            canvas.style(area, line, area.width, paint.selected());
        }
    }
}

/// The first of the rows shown: the selected one is in the middle, except near the ends.
pub(super) fn first_around(selected: usize, count: usize, room: usize) -> usize {
    let first = selected.saturating_sub(room / 2);
    first.min(count.saturating_sub(room))
}
