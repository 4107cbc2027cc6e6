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
    /// Arrow left with shift.
    ShiftLeft,
    /// Arrow right with shift.
    ShiftRight,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// The wheel of a mouse, up.
    WheelUp,
    /// The wheel of a mouse, down.
    WheelDown,
    /// A click into this line of the screen, from 0.
    Click(u16),
}

impl Key {
    /// The same key, where shift makes no difference.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "no other key is distinguished"
    )]
    pub(super) fn without_shift(self) -> Key {
        match self {
            Key::ShiftLeft => Key::Left,
            Key::ShiftRight => Key::Right,
            key => key,
        }
    }
}

/// How many lines a step of the wheel scrolls.
const WHEEL: usize = 3;

/// The place to which an arrow leads in any list, or the key that vi(1) or less(1) has for it: from
/// `at`, of `count` places with `page` to a page. `None` for any other key.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other key moves nowhere"
)]
pub(super) fn moved(key: Key, at: usize, count: usize, page: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    let to = match key {
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::Down | Key::Char('j') => at.saturating_add(1),
        Key::PageUp | Key::Control('b' | 'u') => at.saturating_sub(page),
        Key::PageDown | Key::Control('f' | 'd') => at.saturating_add(page),
        Key::WheelUp => at.saturating_sub(WHEEL),
        Key::WheelDown => at.saturating_add(WHEEL),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => last,
        _ => return None,
    };
    Some(to.min(last))
}
