//! What the place of output can show, found out once and only when a table is printed.

use std::env::var_os;
use std::ffi::OsStr;
use std::io::IsTerminal;

use rustix::fd::AsFd;

use crate::cli::ColorWhen;
use crate::output::Look;

/// A width for terminals that do not tell theirs.
const USUAL_WIDTH: usize = 80;

/// How a table may look on `out`.
pub(super) fn look(out: &(impl AsFd + IsTerminal), when: ColorWhen) -> Look {
    let terminal = out.is_terminal();
    Look {
        color: match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && !no_color() && !is_dumb(),
        },
        width: terminal.then(|| match rustix::termios::tcgetwinsize(out) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => USUAL_WIDTH,
        }),
        utf8: is_utf8(),
    }
}

/// Whether the environment asks for no colour: NO_COLOR, set and not empty (no-color.org).
fn no_color() -> bool {
    var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the terminal can do no more than print lines.
pub(super) fn is_dumb() -> bool {
    var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Whether it is the console of Linux, whose font has few characters beyond ASCII, console_codes(4).
pub(super) fn is_console() -> bool {
    var_os("TERM").is_some_and(|term| term == "linux")
}

/// Whether the locale's characters are UTF-8: the first of the three that is set decides,
/// locale(7).
fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| names_utf8(&value))
}

fn names_utf8(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_its_encoding_in_either_spelling() {
        assert!(names_utf8(OsStr::new("C.UTF-8")));
        assert!(names_utf8(OsStr::new("de_DE.utf8")));
        assert!(!names_utf8(OsStr::new("de_DE@euro")));
        assert!(!names_utf8(OsStr::new("C")));
    }
}
