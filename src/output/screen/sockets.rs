//! The sockets of one state, in place of the states.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, age_text};
use crate::model::screen::SocketsPane;
use crate::output::escape;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, pane: &SocketsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &title(pane), paint.heading());
    let note = escape::line(pane.note);
    canvas.write(area, 0, end + 2, &note, paint.warning());
    canvas.write(area, 1, 0, pane.heading, paint.heading());
    let room = usize::from(area.height.saturating_sub(2));
    // The selected line is in the middle, except near the ends.
    let first = pane.selected.saturating_sub(room / 2);
    let first = first.min(pane.lines.len().saturating_sub(room));
    let shown = pane.lines.iter().enumerate().skip(first).take(room);
    for (line, (number, text)) in (2..).zip(shown) {
        canvas.write(area, line, 0, text, Style::new());
        if number == pane.selected {
            canvas.style(area, line, area.width, paint.selected());
        }
    }
}

/// `the first 10000 CLOSE_WAIT sockets by send-queue:desc, 3 s old`.
fn title(pane: &SocketsPane<'_>) -> String {
    let what = match pane.state {
        None => "sockets".to_owned(),
        Some(state) => format!("{state} sockets"),
    };
    let Some((age, cpu)) = pane.age else {
        return format!("{what} by {}: waiting for the list", pane.sort);
    };
    let count = pane.lines.len();
    let first = if pane.is_cut { "only the first " } else { "" };
    let age = age_text(age, cpu);
    format!("{first}{count} {what} by {}  {age}", pane.sort)
}
