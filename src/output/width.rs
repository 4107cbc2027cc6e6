//! How many cells of a terminal a text takes, and texts shortened to so many.
//!
//! Wide characters take two cells, combining ones none (Unicode Standard Annex 11).

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The cells of a text.
pub(super) fn text_width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.width(),
    }
}

/// The cells of a text as bytes.
pub(super) fn cell_width(cell: &[u8]) -> usize {
    match cell.is_ascii() {
        true => cell.len(),
        false => String::from_utf8_lossy(cell).width(),
    }
}

/// The text in at most `width` cells: where it is longer, its beginning and its end around a mark.
pub(super) fn shorten(text: &str, width: usize, utf8: bool) -> Cow<'_, str> {
    if text_width(text) <= width {
        return text.into();
    }
    let mark = if utf8 { "…" } else { "..." };
    let room = width.saturating_sub(text_width(mark));
    let (begin, end) = (room - room / 2, room / 2);
    let begin = kept(text.chars(), begin);
    let end = kept(text.chars().rev(), end);
    let begin = text.get(..begin).unwrap_or_default();
    let end = text.get(text.len() - end..).unwrap_or_default();
    format!("{begin}{mark}{end}").into()
}

/// How many bytes of these characters fit.
fn kept(characters: impl Iterator<Item = char>, room: usize) -> usize {
    let mut cells = 0;
    let fitting = characters.take_while(|c| {
        cells += c.width().unwrap_or(0);
        cells <= room
    });
    fitting.map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (text, width) in [
            ("", 0),
            ("nginx", 5),
            ("数据库服务", 10),
            ("🦀", 2),
            ("e\u{301}", 1),
        ] {
            assert_eq!(text_width(text), width, "{text}");
            assert_eq!(cell_width(text.as_bytes()), width, "{text}");
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        for (text, width, utf8, expected) in [
            ("nginx", 5, true, "nginx"),
            ("[2001:db8::1:2:3]:443", 12, true, "[2001:…]:443"),
            ("[2001:db8::1:2:3]:443", 12, false, "[2001...:443"),
            ("数据库服务", 10, true, "数据库服务"),
            ("数据库服务", 9, true, "数据…服务"),
            ("数据库服务", 8, true, "数据…务"),
            ("🦀🦀", 3, true, "…"),
            ("🦀🦀🦀", 5, true, "🦀…🦀"),
            ("abcdef", 1, true, "…"),
        ] {
            let shortened = shorten(text, width, utf8);
            assert!(text_width(&shortened) <= width.max(1), "{shortened}");
            assert_eq!(shortened, expected);
        }
        for width in 0..12 {
            let shortened = shorten("e\u{301}数abc🦀defgh", width, true);
            assert!(text_width(&shortened) <= width.max(1), "{shortened}");
        }
    }
}
