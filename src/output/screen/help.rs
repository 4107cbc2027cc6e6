//! What every key does, in place of everything else.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Canvas;

/// The keys, and what they do; the manual has them too.
pub const KEYS: [(&str, &str); 18] = [
    ("q, ^C", "quit"),
    ("space", "pause or resume the view; sampling continues"),
    ("up, down, k, j", "select a state, or scroll"),
    ("g, G, ^B, ^F", "first, last; a page up, a page down"),
    ("enter", "show the sockets in the selected state"),
    ("esc", "back"),
    ("s, S", "sockets: sort by the next or the previous key"),
    ("o", "sockets: reverse the order"),
    ("b, B", "group by the next or the previous keys"),
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
    (
        "w",
        "write the sample shown to a new JSON file in this directory",
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

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let paint = canvas.paint;
    let title = "keys (press any key to return)";
    canvas.write(area, 0, 0, title, paint.heading());
    let mut line = 1;
    for (keys, does) in KEYS {
        canvas.write(area, line, 1, keys, paint.heading());
        canvas.write(area, line, 17, does, Style::new());
        line += 1;
    }
    let signs = [paint.growing(), paint.at_limit(), ""];
    for (sign, means) in signs.into_iter().zip(SIGNS) {
        canvas.write(area, line, 1, sign, paint.warning());
        let column = if sign.is_empty() { 1 } else { 3 };
        canvas.write(area, line, column, means, Style::new());
        line += 1;
    }
}
