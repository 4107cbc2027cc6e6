//! One socket, in place of the states: a name and a value a line; long values continue below.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, age_text};
use crate::model::screen::SocketPane;
use crate::output::doctor::wrap;
use crate::output::escape;

/// The column at which values begin.
const INDENT: u16 = 15;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, pane: &SocketPane<'_>) {
    let paint = canvas.paint;
    let (title, lines, is_gone, note) = match pane.facts {
        None => ("one socket: waiting for the answer", &[][..], false, ""),
        Some(facts) => (&*facts.title, &*facts.lines, facts.is_gone, &*facts.note),
    };
    let mut end = canvas.write(area, 0, 0, title, paint.heading());
    if is_gone {
        end = canvas.write(
            area,
            0,
            end + 2,
            "GONE: the last known values",
            paint.alarm(),
        );
    } else if let Some((age, cpu)) = pane.age {
        end = canvas.write(area, 0, end + 2, &age_text(age, cpu), paint.faint());
    }
    let failure = escape::line(pane.failure.unwrap_or(note));
    canvas.write(area, 0, end + 2, &failure, paint.warning());
    let width = usize::from(area.width.saturating_sub(INDENT)).max(1);
    let mut rows: Vec<(&str, String)> = Vec::new();
    for (name, text) in lines {
        let pieces = wrap(&escape::line(text), Some(width)).into_iter();
        let names = std::iter::once(*name).chain(std::iter::repeat(""));
        rows.extend(names.zip(pieces));
    }
    let room = usize::from(area.height.saturating_sub(1));
    let first = pane.first.min(rows.len().saturating_sub(room));
    canvas.drawn.first = first;
    for (line, (name, text)) in (1..area.height).zip(rows.into_iter().skip(first)) {
        canvas.write(area, line, 0, name, paint.heading());
        canvas.write(area, line, INDENT, &text, Style::new());
    }
}
