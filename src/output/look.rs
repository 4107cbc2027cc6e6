//! What the place of output can show.

use anstyle::{AnsiColor, Style};

/// How a table may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether escape sequences for colour may be written.
    pub color: bool,
    /// The terminal's width in columns; `None` where the output is no terminal, whose lines then
    /// depend on nothing but the answer.
    pub width: Option<usize>,
    /// Whether block characters can be shown; else bars are drawn in ASCII.
    pub utf8: bool,
}

impl Look {
    /// For headers and totals.
    pub(super) fn heading(self) -> Style {
        self.styled(Style::new().bold())
    }

    /// For what deserves a look. Yellow is readable on light and on dark.
    pub(super) fn attention(self) -> Style {
        self.styled(Style::new().fg_color(Some(AnsiColor::Yellow.into())))
    }

    /// For what fails.
    pub(super) fn alarm(self) -> Style {
        self.styled(Style::new().bold().fg_color(Some(AnsiColor::Red.into())))
    }

    fn styled(self, style: Style) -> Style {
        if self.color { style } else { Style::new() }
    }
}
