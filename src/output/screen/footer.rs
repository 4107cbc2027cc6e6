//! The last lines: notices and keys, or the filter while it is edited.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::Canvas;
use crate::model::screen::{Notice, NoticeKind, Pane, Prompt, Screen};
use crate::output::escape;
use crate::output::width::text_width;

/// The lines that notices leave to others: the host, the filter, the sum and the rest of the states.
const LEAST_BODY: u16 = 4;

/// The keys of the states in a record, the most important first.
const IN_PLAYBACK: [(&str, &str); 11] = [
    ("q", "quit"),
    ("?", "help"),
    ("space", "play"),
    ("left/right", "go"),
    ("n", "next !"),
    ("g", "time"),
    ("d", "findings"),
    ("enter", "list"),
    ("tab", "groups"),
    ("b", "by"),
    ("/", "filter"),
];

/// The keys of the states, the most important first.
const IN_STATES: [(&str, &str); 13] = [
    ("q", "quit"),
    ("?", "help"),
    ("space", "pause"),
    ("", "state"),
    ("enter", "list"),
    ("tab", "groups"),
    ("b", "by"),
    ("/", "filter"),
    ("K", "kinds"),
    ("t", "trace"),
    ("c", "chart"),
    ("+-", "pace"),
    ("w", "write"),
];

/// The keys of the trace pane.
const IN_TRACE: [(&str, &str); 10] = [
    ("q", "quit"),
    ("?", "help"),
    ("t", "close"),
    ("space", "pause"),
    ("", "state"),
    ("^F^B", "scroll"),
    ("enter", "list"),
    ("/", "filter"),
    ("+-", "pace"),
    ("w", "write"),
];

/// The keys of the findings.
const IN_FINDINGS: [(&str, &str); 5] = [
    ("q", "quit"),
    ("?", "help"),
    ("esc", "back"),
    ("", "finding"),
    ("enter", "list"),
];

/// The keys of the groups.
const IN_GROUPS: [(&str, &str); 10] = [
    ("q", "quit"),
    ("?", "help"),
    ("esc", "back"),
    ("", "group"),
    ("enter", "list"),
    ("s", "sort"),
    ("o", "reverse"),
    ("b", "by"),
    ("/", "filter"),
    ("w", "write"),
];

/// The keys of one socket.
const IN_SOCKET: [(&str, &str); 6] = [
    ("q", "quit"),
    ("?", "help"),
    ("esc", "back"),
    ("", "scroll"),
    ("space", "pause"),
    ("w", "write"),
];

/// The keys of a list of choices.
const IN_CHOICES: [(&str, &str); 4] = [
    ("q", "quit"),
    ("esc", "back"),
    ("", "select"),
    ("enter", "add or remove"),
];

/// The keys of the sockets.
const IN_SOCKETS: [(&str, &str); 12] = [
    ("q", "quit"),
    ("?", "help"),
    ("esc", "back"),
    ("", "scroll"),
    ("enter", "details"),
    ("s", "sort"),
    ("o", "reverse"),
    ("n", "search"),
    ("C", "columns"),
    ("space", "pause"),
    ("t", "trace"),
    ("/", "filter"),
];

/// What of it is shown.
pub(super) struct Footer {
    /// The lines of notices, or of the filter while it is edited.
    notices: u16,
    pub(super) has_keys: bool,
}

impl Footer {
    /// Without keys.
    pub(super) fn of(height: u16, screen: &Screen<'_>) -> Footer {
        let most = match height {
            ..12 => 1,
            12..30 => 2,
            _ => 4,
        };
        let count = u16::try_from(screen.notices.len()).unwrap_or(most);
        Footer {
            notices: match &screen.prompt {
                Some(_) => height.saturating_sub(1).min(2),
                None => count.min(most).min(height.saturating_sub(LEAST_BODY)),
            },
            has_keys: false,
        }
    }

    /// Leaves this number of the lines of a height to others, if notices can share a line.
    pub(super) fn leave(&mut self, height: u16, lines: u16) {
        let most = height.saturating_sub(lines).max(1);
        self.notices = self.notices.min(most);
    }

    pub(super) fn height(&self) -> u16 {
        self.notices + u16::from(self.has_keys)
    }

    /// Draws them, and returns the position of the filter's cursor.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        screen: &Screen<'_>,
    ) -> Option<Position> {
        if area.height == 0 {
            return None;
        }
        if let Some(prompt) = &screen.prompt {
            return Some(draw_prompt(canvas, area, prompt));
        }
        let notices = screen.notices.iter().enumerate();
        for (line, (number, notice)) in (0..self.notices).zip(notices) {
            let style = match notice.kind {
                NoticeKind::Note => Style::new(),
                NoticeKind::Warning => canvas.paint.warning(),
                NoticeKind::Alarm => canvas.paint.alarm(),
            };
            let mut text = escape::line(&notice.text);
            if line + 1 == self.notices {
                text = joined(screen.notices.get(number..).unwrap_or_default(), area.width);
            }
            canvas.write(area, line, 0, &text, style);
        }
        if self.has_keys {
            draw_keys(canvas, area, self.notices, screen);
        }
        None
    }
}

/// Notices in one line: all that fit, or the first after the number of the others.
fn joined(notices: &[Notice], width: u16) -> String {
    let texts = notices.iter().map(|notice| escape::line(&notice.text));
    let texts: Vec<String> = texts.collect();
    let all = texts.join("; ");
    match (texts.first(), texts.len()) {
        (Some(first), count @ 2..) if text_width(&all) > usize::from(width) => {
            format!("(+{}) {first}", count - 1)
        }
        _ => all,
    }
}

/// As many keys as fit.
fn draw_keys(canvas: &mut Canvas<'_>, area: Rect, line: u16, screen: &Screen<'_>) {
    let keys: &[(&str, &str)] = match &screen.pane {
        Pane::Sockets(_) => &IN_SOCKETS,
        Pane::Trace(_) => &IN_TRACE,
        Pane::Findings(_) => &IN_FINDINGS,
        Pane::Socket(_) => &IN_SOCKET,
        Pane::Choices(_) => &IN_CHOICES,
        Pane::Groups(pane) if pane.selected.is_some() => &IN_GROUPS,
        Pane::Groups(_) | Pane::Chart(_) if screen.header.record.is_some() => &IN_PLAYBACK,
        Pane::Groups(_) | Pane::Chart(_) => &IN_STATES,
    };
    let paint = canvas.paint;
    let mut column = 0;
    for (key, does) in keys {
        let Some(does) = does_here(key, does, screen) else {
            continue;
        };
        let key = if key.is_empty() { paint.arrows() } else { key };
        let width = key.chars().count() + 1 + does.len();
        if usize::from(column) + width > usize::from(area.width) {
            return;
        }
        column = canvas.write(area, line, column, key, paint.heading());
        column = canvas.write(area, line, column + 1, does, paint.faint()) + 2;
    }
}

/// What a key does, which in a record is something else for some; `None` for nothing.
fn does_here<'a>(key: &str, does: &'a str, screen: &Screen<'_>) -> Option<&'a str> {
    if screen.header.record.is_none() {
        return Some(does);
    }
    match (key, &screen.pane) {
        ("space", _) => Some("play"),
        ("t", _) => None,
        // Without a list there is nothing to search in.
        ("n", Pane::Sockets(pane)) if pane.heading.is_empty() => Some("next !"),
        _ => Some(does),
    }
}

/// The filter, scrolled so that its cursor is visible, and its error in the line above.
fn draw_prompt(canvas: &mut Canvas<'_>, area: Rect, prompt: &Prompt<'_>) -> Position {
    let paint = canvas.paint;
    let line = area.height - 1;
    let start = canvas.write(
        area,
        line,
        0,
        &format!("{}: ", prompt.name),
        paint.heading(),
    );
    let room = usize::from(area.width.saturating_sub(start + 1)).max(1);
    let before = prompt.text.get(..prompt.cursor).unwrap_or(prompt.text);
    let hidden = before.chars().count().saturating_sub(room);
    let mut column = start;
    let mut cursor = start;
    for (at, c) in prompt.text.char_indices().skip(hidden) {
        let is_wrong = prompt.error.is_some_and(|error| error.place.contains(&at));
        let style = if is_wrong {
            paint.alarm().patch(paint.selected())
        } else {
            Style::new()
        };
        let shown = escape::line(c.encode_utf8(&mut [0; 4]));
        column = canvas.write(area, line, column, &shown, style);
        if at < prompt.cursor {
            cursor = column;
        }
    }
    let (above, style) = match (prompt.error, prompt.is_checking) {
        (Some(error), _) => (&*error.reason, paint.alarm()),
        (None, true) => ("checking", paint.faint()),
        (None, false) => (prompt.hint, paint.faint()),
    };
    if let Some(above_line) = line.checked_sub(1) {
        canvas.write(area, above_line, 0, &escape::line(above), style);
    }
    let column = cursor.min(area.width.saturating_sub(1));
    Position::new(area.x + column, area.y + line)
}
