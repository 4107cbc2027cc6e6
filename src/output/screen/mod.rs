//! The live view, drawn into the cells of a terminal.
//!
//! Draws a [`Screen`] and keeps no state; what fits is decided for each frame. Does not access
//! the terminal or handle keys. Uses the sixteen colours that every terminal has, and never the
//! background.

mod findings;
mod footer;
mod groups;
mod header;
mod help;
mod history;
mod paint;
mod panes;
mod socket;
mod states;
#[cfg(test)]
mod tests;
mod timeline;
mod trace;

pub use help::{KEYS, PLAYBACK_KEYS};
pub use paint::Paint;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use std::time::Duration;

use crate::model::screen::{Drawn, Pane, Place, Screen, StateRow, brief};
use footer::Footer;

/// With fewer lines there is no pane below the states.
const LEAST_PANE: u16 = 4;

/// From this height on the filter has a line of its own, below that of the host.
const ROOM_FOR_FILTER: u16 = 4;

/// From this height on, a record has its line.
const ROOM_FOR_TIMELINE: u16 = 6;

/// The lines for all that is known of a socket, if the screen does not limit them.
const ROOM_FOR_FACTS: u16 = 100;

/// From this height on, empty lines separate the parts.
const ROOM_FOR_AIR: u16 = 32;

fn is_airy(area: Rect) -> bool {
    area.height >= ROOM_FOR_AIR
}

/// Draws everything, and returns which lines can be selected.
pub fn draw_screen(frame: &mut Frame<'_>, screen: &Screen<'_>, paint: Paint) -> Drawn {
    let area = frame.area();
    let mut canvas = Canvas {
        buffer: frame.buffer_mut(),
        paint,
        drawn: Drawn::default(),
    };
    let cursor = draw(&mut canvas, area, screen);
    canvas.keep_to_charset(area);
    let drawn = std::mem::take(&mut canvas.drawn);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    drawn
}

/// The same as text, without blanks at the ends of lines; a socket with all that is known of it.
pub fn screen_text(screen: &Screen<'_>, (width, height): (u16, u16), paint: Paint) -> String {
    let is_socket = matches!(screen.pane, Pane::Socket(_));
    let height = height.max(if is_socket { ROOM_FOR_FACTS } else { 0 });
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas {
        buffer: &mut buffer,
        paint,
        drawn: Drawn::default(),
    };
    draw(&mut canvas, area, screen);
    canvas.keep_to_charset(area);
    let mut text = String::new();
    for row in buffer.content.chunks(usize::from(width).max(1)) {
        // The second cell of a wide character is empty.
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// Draws everything, and returns the position of the cursor, if there is one.
fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>) -> Option<Position> {
    if let Some(first) = screen.help {
        help::draw(canvas, area, screen, first);
        return None;
    }
    let parts = Parts::of(area.height, screen);
    let (top, rest) = split(area, parts.header);
    header::draw(canvas, top, screen, parts.has_plan);
    let (line, rest) = split(rest, parts.timeline);
    if let Some(bar) = screen.timeline.as_ref().filter(|_| line.height > 0) {
        timeline::draw(canvas, line, bar);
    }
    let (middle, bottom) = split(rest, rest.height.saturating_sub(parts.footer.height()));
    let cursor = parts.footer.draw(canvas, bottom, screen);
    draw_middle(canvas, middle, screen);
    if screen.is_stale {
        let dim = Style::new().add_modifier(Modifier::DIM);
        canvas.buffer.set_style(middle, dim);
    }
    cursor
}

/// Which lines there are besides those of the states and panes.
struct Parts {
    /// The lines of the header.
    header: u16,
    has_plan: bool,
    /// The lines of that over a whole record: none, or one.
    timeline: u16,
    footer: Footer,
}

impl Parts {
    /// Those for which there is room. First the plan is left out, then the keys, then states without
    /// sockets; these also where groups or a chart need their lines; then messages share a line.
    fn of(height: u16, screen: &Screen<'_>) -> Parts {
        let filter = u16::from(!screen.header.filter.is_empty() && height >= ROOM_FOR_FILTER);
        let blank = u16::from(height >= ROOM_FOR_AIR);
        let mut footer = Footer::of(height, screen);
        let timeline = u16::from(screen.timeline.is_some() && height >= ROOM_FOR_TIMELINE);
        let others = 1 + filter + timeline + blank;
        let (all, needed) = match screen.pane {
            Pane::Groups(_) | Pane::Chart(_) => states::heights(&screen.rows),
            Pane::Trace(_) => (2 * LEAST_PANE, 2 * LEAST_PANE),
            Pane::Sockets(_) | Pane::Findings(_) | Pane::Socket(_) | Pane::Choices(_) => {
                (LEAST_PANE, LEAST_PANE)
            }
        };
        // Without their heading.
        if screen.prompt.is_none() {
            footer.leave(height.saturating_sub(others), needed.saturating_sub(1));
        }
        let room = height.saturating_sub(others + footer.height());
        let has_room = |lines: u16| room > lines;
        footer.has_keys = screen.prompt.is_none()
            && (has_room(all) || has_room(needed) && (room < all || has_room(needed + LEAST_PANE)));
        let has_plan = screen.header.shows_plan && has_room(all + 1);
        Parts {
            header: 1 + filter + blank + u16::from(has_plan),
            has_plan,
            timeline,
            footer,
        }
    }
}

fn draw_middle(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>) {
    match &screen.pane {
        Pane::Sockets(pane) => panes::draw_sockets(canvas, area, pane),
        Pane::Findings(pane) => findings::draw(canvas, area, pane),
        Pane::Trace(pane) => trace::draw(canvas, area, screen, pane),
        Pane::Socket(pane) => socket::draw(canvas, area, pane),
        Pane::Choices(pane) => panes::draw_choices(canvas, area, pane),
        Pane::Groups(pane) => {
            let below = draw_states(canvas, area, screen, pane.selected.is_some());
            groups::draw(canvas, below, pane);
        }
        Pane::Chart(chart) => {
            let needed = states::heights(&screen.rows).1;
            let below = match area.height < needed + LEAST_PANE {
                true => states_above(canvas, area, screen),
                false => draw_states(canvas, area, screen, false),
            };
            history::draw(canvas, below, chart);
        }
    }
}

/// Draws the states, and returns the area below them: empty where it would be too small. If the cursor
/// is there, it needs room more than the states do.
fn draw_states(
    canvas: &mut Canvas<'_>,
    area: Rect,
    screen: &Screen<'_>,
    has_cursor_below: bool,
) -> Rect {
    let (all, needed) = states::heights(&screen.rows);
    let has_room = |lines: u16| area.height >= lines + LEAST_PANE;
    let height = if !has_room(all) && has_room(needed) {
        needed
    } else if !has_room(all) && has_cursor_below {
        0
    } else {
        all
    };
    let (table, below) = split(area, height);
    states::draw(canvas, table, &screen.rows, screen.rest);
    if below.height < LEAST_PANE && height > 0 {
        return Rect { height: 0, ..below };
    }
    split(below, u16::from(is_airy(area))).1
}

/// The lines of the states that come before all but one row of a pane, and those that come before half
/// of it.
const LEAST_STATES: u16 = 3;
const MOST_OF_FEW: u16 = 5;

/// Draws the states that had sockets, in two fifths of the lines, or in half of few, and returns the
/// area below them.
fn states_above(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>) -> Rect {
    let had_sockets = |row: &&StateRow| row.max > 0 || row.is_needed();
    let rows: Vec<StateRow> = screen.rows.iter().filter(had_sockets).cloned().collect();
    // At least a state, the rest and the sum, where the title and a row have lines too.
    let most = (area.height / 2).clamp(LEAST_STATES, MOST_OF_FEW);
    let most = most.max(area.height * 2 / 5);
    let most = most.min(area.height.saturating_sub(2));
    let (above, below) = split(area, most.min(cells(rows.len() + 1)));
    states::draw(canvas, above, &rows, screen.rest);
    below
}

/// How old something is, in whole seconds, and the CPU time it took.
fn age_text(age: Duration, cpu: Duration) -> String {
    let age = match age.as_secs() {
        0 => "new".to_owned(),
        seconds => format!("{} old", brief(Duration::from_secs(seconds))),
    };
    format!("{age}, took {} of CPU time", brief(cpu))
}

/// The first `height` lines of an area, or all of them, and the rest.
fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let upper = Rect { height, ..area };
    let lower = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (upper, lower)
}

/// A number of cells; no terminal has more.
fn cells(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Cells to draw in, and how.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    paint: Paint,
    drawn: Drawn,
}

impl Canvas<'_> {
    /// Writes text from a column of a line on, and returns the column after it. At the area's end it
    /// is cut, which a sign marks: the first digits of a number must not look like a number.
    fn write(&mut self, area: Rect, line: u16, column: u16, text: &str, style: Style) -> u16 {
        if line >= area.height || column >= area.width {
            return column;
        }
        let (x, y) = (area.x + column, area.y + line);
        let room = usize::from(area.width - column);
        let (end, _) = self.buffer.set_stringn(x, y, text, room, style);
        if Span::raw(text.trim_end()).width() > room {
            let (last, cut) = (area.right() - 1, self.paint.cut());
            self.buffer.set_string(last, y, cut, style);
            return area.width;
        }
        end - area.x
    }

    /// Lets a line be selected.
    fn place(&mut self, area: Rect, line: u16, place: Place) {
        if line < area.height {
            self.drawn.places.push((area.y + line, place));
        }
    }

    /// Styles the first `columns` columns of a line.
    fn style(&mut self, area: Rect, line: u16, columns: u16, style: Style) {
        if line < area.height {
            let row = Rect {
                y: area.y + line,
                width: columns.min(area.width),
                height: 1,
                ..area
            };
            self.buffer.set_style(row, style);
        }
    }

    /// Replaces other characters, if the terminal can show ASCII only.
    fn keep_to_charset(&mut self, area: Rect) {
        if self.paint.utf8 {
            return;
        }
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position)
                && !cell.symbol().is_ascii()
            {
                cell.set_symbol("?");
            }
        }
    }
}
