//! What every key does, in place of everything else.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, header};
use crate::model::screen::Screen;
use crate::output::doctor::wrap;
use crate::output::width::text_width;

/// The keys, and what they do; the manual has them too.
pub const KEYS: [(&str, &str); 23] = [
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
    ("K", "choose the kinds of sockets"),
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

/// What further keys do in a record, and keys that do something else there; the manual has them too.
pub const PLAYBACK_KEYS: [(&str, &str); 6] = [
    ("left, right", "one sample back or on; ten with shift"),
    ("space", "play, or pause"),
    ("+, -", "play faster, slower"),
    (
        "n, N",
        "next or previous moment with all sockets (!); in a list, search",
    ),
    ("g", "go to a time (UTC)"),
    ("Home, G, ^B, ^F", "first, last; a page up, a page down"),
];

/// The keys of the live view that do something else in a record, or nothing.
const REPLACED: [&str; 6] = ["space", "+, -", "t", "r", "n, N", "g, G, ^B, ^F"];

/// What the signs mean.
const SIGNS: [&str; 3] = [
    "grows steadily: in 8 of 10 steps, and by more than chance",
    "has reached a kernel limit, which is named at the bottom",
    "HISTORY has a column for each sample, between its least and its largest number",
];

/// The column at which the text of a key begins.
const INDENT: u16 = 17;

/// The same on a terminal narrower than this: below long keys.
const NARROW: (u16, u16) = (60, 5);

/// The lines, scrolled past the first ones; the sample's method and cost are the last.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>, first: usize) {
    let paint = canvas.paint;
    let indent = match area.width {
        width if width < NARROW.0 => NARROW.1,
        _ => INDENT,
    };
    let mut lines = Vec::new();
    let mut add = |mut label: &'static str, indent: u16, text: &str| {
        if text_width(label) >= usize::from(indent) {
            lines.push((std::mem::take(&mut label), indent, String::new()));
        }
        let width = usize::from(area.width.saturating_sub(indent)).max(1);
        for piece in wrap(text, Some(width)) {
            lines.push((std::mem::take(&mut label), indent, piece));
        }
    };
    let recorded = screen.header.record.map(|_| PLAYBACK_KEYS);
    let recorded: Vec<_> = recorded.into_iter().flatten().collect();
    // What a key does in a record is there once.
    let is_other = |(keys, _): &(&str, &str)| recorded.is_empty() || !REPLACED.contains(keys);
    let live = KEYS.into_iter().filter(is_other);
    for (keys, does) in recorded.iter().copied().chain(live) {
        add(keys, indent, does);
    }
    let signs = [paint.growing(), paint.at_limit(), ""];
    for (sign, means) in signs.into_iter().zip(SIGNS) {
        add(sign, if sign.is_empty() { 1 } else { 3 }, means);
    }
    add(
        "",
        1,
        &format!("this sample: {}", header::plan(&screen.header)),
    );
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
