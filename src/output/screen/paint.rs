//! Colours and signs. A sign or a word repeats the meaning of every colour.

use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colour is allowed; bold, dim and reverse are always used.
    pub color: bool,
    /// Whether characters beyond ASCII can be shown.
    pub utf8: bool,
}

impl Paint {
    pub(super) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// For what grows, or was lost. Yellow is readable on light and on dark.
    pub(super) fn warning(self) -> Style {
        self.colored(self.heading(), Color::Yellow)
    }

    /// For limits and failures.
    pub(super) fn alarm(self) -> Style {
        self.colored(self.heading(), Color::Red)
    }

    fn colored(self, style: Style, color: Color) -> Style {
        if self.color { style.fg(color) } else { style }
    }

    /// For bars.
    pub(super) fn bar(self) -> Style {
        self.colored(Style::new(), Color::Cyan)
    }

    /// The sign of a state that grows steadily.
    pub(super) fn growing(self) -> &'static str {
        if self.utf8 { "▲" } else { "^" }
    }

    /// The sign of a state at a limit.
    pub(super) fn at_limit(self) -> &'static str {
        "!"
    }

    /// The sign that there is more to the right; as less(1) has it in ASCII.
    pub(super) fn cut(self) -> &'static str {
        if self.utf8 { "…" } else { ">" }
    }

    /// The sign of the moment or sample of a record that is shown.
    pub(super) fn here(self) -> &'static str {
        if self.utf8 { "◆" } else { "@" }
    }

    /// The sign before which the time of a record is unknown.
    pub(super) fn anew(self) -> &'static str {
        if self.utf8 { "│" } else { "|" }
    }

    /// The sign that no sample was taken.
    pub(super) fn no_sample(self) -> &'static str {
        if self.utf8 { "·" } else { "~" }
    }

    /// The sign before a spread.
    pub(super) fn plus_minus(self) -> &'static str {
        if self.utf8 { "±" } else { "+-" }
    }

    /// The arrow keys that go up and down.
    pub(super) fn arrows(self) -> &'static str {
        if self.utf8 { "↑↓" } else { "j/k" }
    }
}
