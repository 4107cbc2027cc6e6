//! Keys, independent of what the terminal sends for them.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, shift included.
    Char(char),
    /// A letter with control.
    Control(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
}

/// A movement in any list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Motion {
    /// The motion of an arrow, or of the key that vi(1) or less(1) has for it.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key moves nowhere"
    )]
    pub(super) fn of(key: Key) -> Option<Motion> {
        Some(match key {
            Key::Up | Key::Char('k') => Motion::Up,
            Key::Down | Key::Char('j') => Motion::Down,
            Key::PageUp | Key::Control('b' | 'u') => Motion::PageUp,
            Key::PageDown | Key::Control('f' | 'd') => Motion::PageDown,
            Key::Home | Key::Char('g') => Motion::First,
            Key::End | Key::Char('G') => Motion::Last,
            _ => return None,
        })
    }

    /// The place it leads to from `at`, of `count` places with `page` to a page.
    pub(super) fn from(self, at: usize, count: usize, page: usize) -> usize {
        let last = count.saturating_sub(1);
        match self {
            Motion::Up => at.saturating_sub(1),
            Motion::Down => at + 1,
            Motion::PageUp => at.saturating_sub(page),
            Motion::PageDown => at.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last)
    }
}
