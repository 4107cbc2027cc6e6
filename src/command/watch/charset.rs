//! What the terminal of the live view can show.

use crate::command::terminal;
use crate::output::Look;
use crate::output::screen::Paint;

/// Colour as for tables; characters beyond ASCII too, but for the console of Linux.
pub(super) fn paint(look: Look) -> Paint {
    Paint {
        color: look.color,
        utf8: look.utf8 && !terminal::is_console(),
    }
}
