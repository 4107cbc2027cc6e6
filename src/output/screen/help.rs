//! What every key does, in place of everything else.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, header};
use crate::model::screen::Screen;

/// The keys, and what they do; the manual has them too.
pub const KEYS: [(&str, &str); 22] = [
    ("q, ^C", "quit"),
    ("space", "pause or resume the view; sampling continues"),
    ("up, down, k, j", "select a line, or scroll"),
    ("g, G, ^B, ^F", "first, last; a page up, a page down"),
    (
        "enter",
        "sockets of the state or group; details of the socket",
    ),
    ("tab", "move between the states and the groups"),
    ("esc, backspace", "back"),
    (
        "s, S",
        "sort sockets or groups by the next or previous column",
    ),
    ("o", "reverse that order"),
    ("b, B", "group by the next or the previous keys"),
    ("n, N", "sockets: search, the next one found; search anew"),
    ("C", "sockets: choose the columns"),
    ("c", "show a chart of the selected state, or the groups"),
    (
        "t",
        "trace the last closes and transitions of the state, or stop",
    ),
    (
        "d",
        "show what is wrong; enter lists the sockets of a finding",
    ),
    ("/", "edit the filter; enter applies it, esc cancels"),
    ("+, -", "sample more often, less often"),
    ("r", "reset minimum and maximum"),
    ("w", "write what is shown to a new file in this directory"),
    (
        "m",
        "use the mouse, or let the terminal select text with it",
    ),
    ("^L", "redraw the screen"),
    ("?", "show these keys"),
];

/// What the signs mean.
const SIGNS: [&str; 3] = [
    "grows steadily: in 8 of 10 steps, and by more than chance",
    "has reached a kernel limit, which is named at the bottom",
    "HISTORY has a column for each sample, between its least and its largest number",
];

/// The lines, scrolled past the first ones; the sample's method and cost are the last.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>, first: usize) {
    let paint = canvas.paint;
    let keys = KEYS.map(|(keys, does)| (keys, 17, does.to_owned()));
    let signs = [paint.growing(), paint.at_limit(), ""];
    let signs = signs.into_iter().zip(SIGNS);
    let signs = signs.map(|(sign, means)| (sign, if sign.is_empty() { 1 } else { 3 }, means));
    let signs = signs.map(|(sign, column, means)| (sign, column, means.to_owned()));
    let plan = (
        "",
        1,
        format!("this sample: {}", header::plan(&screen.header)),
    );
    let lines: Vec<_> = keys.into_iter().chain(signs).chain([plan]).collect();
    let room = usize::from(area.height.saturating_sub(1));
    let first = first.min(lines.len().saturating_sub(room));
    canvas.drawn.first = first;
    let title = match lines.len() > room {
        true => "keys (press any key to return; arrows scroll)",
        false => "keys (press any key to return)",
    };
    canvas.write(area, 0, 0, title, paint.heading());
    for (line, (label, column, text)) in (1..area.height).zip(lines.into_iter().skip(first)) {
        canvas.write(area, line, 1, label, paint.heading());
        canvas.write(area, line, column, &text, Style::new());
    }
}
