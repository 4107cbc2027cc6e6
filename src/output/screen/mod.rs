//! The live view, drawn into the cells of a terminal.
//!
//! Draws a [`Screen`] and keeps no state; what fits is decided for each frame. Does not access
//! the terminal or handle keys. Uses the sixteen colours that every terminal has, and never the
//! background.

mod findings;
mod footer;
mod header;
mod help;
mod history;
mod paint;
mod panes;
mod states;
#[cfg(test)]
mod tests;
mod trace;

pub use help::KEYS;
pub use paint::Paint;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use std::time::Duration;

use crate::model::screen::{Pane, Screen, brief};

/// With fewer lines there is no pane below the states.
const LEAST_PANE: u16 = 4;

/// From this height on, empty lines separate the parts.
const ROOM_FOR_AIR: u16 = 32;

fn is_airy(area: Rect) -> bool {
    area.height >= ROOM_FOR_AIR
}

/// Draws everything.
pub fn draw_screen(frame: &mut Frame<'_>, screen: &Screen<'_>, paint: Paint) {
    let area = frame.area();
    let mut canvas = Canvas {
        buffer: frame.buffer_mut(),
        paint,
    };
    let cursor = draw(&mut canvas, area, screen);
    canvas.keep_to_charset(area);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws everything, and returns the position of the cursor, if there is one.
fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>) -> Option<Position> {
    if screen.help {
        help::draw(canvas, area);
        return None;
    }
    let (top, rest) = split(area, header::height(area, screen));
    header::draw(canvas, top, screen);
    let (middle, bottom) = split(rest, rest.height - footer::height(rest, screen));
    let cursor = footer::draw(canvas, bottom, screen);
    draw_middle(canvas, middle, screen);
    if screen.is_stale {
        let dim = Style::new().add_modifier(Modifier::DIM);
        canvas.buffer.set_style(middle, dim);
    }
    cursor
}

fn draw_middle(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>) {
    if let Pane::Sockets(pane) = &screen.pane {
        return panes::draw_sockets(canvas, area, pane);
    }
    if let Pane::Findings(pane) = &screen.pane {
        return findings::draw(canvas, area, pane);
    }
    if let Pane::Trace(pane) = &screen.pane {
        return trace::draw(canvas, area, &screen.rows, pane);
    }
    let (table, below) = split(area, states::height(screen));
    states::draw(canvas, table, &screen.rows);
    if below.height < LEAST_PANE {
        return;
    }
    let (_, below) = split(below, u16::from(is_airy(area)));
    match &screen.pane {
        Pane::Groups(pane) => panes::draw_groups(canvas, below, pane),
        Pane::Chart(chart) => history::draw(canvas, below, chart),
        Pane::Sockets(_) | Pane::Trace(_) | Pane::Findings(_) => {}
    }
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

/// Cells to draw in, and how.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    paint: Paint,
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

    /// Styles the first so many columns of a line.
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
