//! What every key does, over everything else.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Canvas;

/// The keys, and what they do; in a manual's words, since the manual has them too.
pub const KEYS: [(&str, &str); 16] = [
    ("q, ^C", "quit"),
    ("space", "pause the view, not the sampling; and go on"),
    ("up, down, k, j", "select a state, or scroll"),
    ("g, G, ^B, ^F", "to the first, the last; a page up, down"),
    ("enter", "show the sockets in the selected state"),
    ("esc", "back"),
    ("s, S", "sockets: sort by the next, the previous key"),
    ("o", "sockets: reverse the order"),
    ("b, B", "group by the next, the previous keys"),
    ("c", "chart of the selected state, or groups again"),
    ("/", "edit the filter; enter takes it, esc leaves it"),
    ("+, -", "sample faster, slower"),
    ("r", "minimum and maximum begin anew"),
    ("w", "write the sample shown as JSON to a new file here"),
    ("^L", "draw everything again"),
    ("?", "these keys"),
];

/// What the signs mean.
const SIGNS: [&str; 3] = [
    "grows steadily: in 8 of 10 steps, and by more than chance",
    "at a limit of the kernel's, which a line at the bottom names",
    "HISTORY has a column a sample, from the smallest to the largest number",
];

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let paint = canvas.paint;
    canvas.write(area, 0, 0, "keys (any key goes back)", paint.heading());
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
