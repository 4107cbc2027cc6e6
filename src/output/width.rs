//! How many cells of a terminal a text takes, and texts shortened to a number of cells.
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

/// The text in at most `width` cells: where it is longer, its beginning and its end around a mark. A
/// port or a process id at its end is whole or left out: a part of it looks like another one.
pub(super) fn shorten(text: &str, width: usize, utf8: bool) -> Cow<'_, str> {
    if text_width(text) <= width {
        return text.into();
    }
    let mark = if utf8 { "…" } else { "..." };
    let room = width.saturating_sub(text_width(mark));
    let end = match number_length(text) {
        0 => room / 2,
        number if number <= room => number.max(room / 2),
        _ => 0,
    };
    let begin = room - end;
    let begin = kept(text.chars(), begin);
    let end = kept(text.chars().rev(), end);
    let begin = text.get(..begin).unwrap_or_default();
    let end = text.get(text.len() - end..).unwrap_or_default();
    format!("{begin}{mark}{end}").into()
}

/// The length of `:443` or `(1234)` at the end of a text; 0 if it ends otherwise.
fn number_length(text: &str) -> usize {
    let number = text.strip_suffix(')').unwrap_or(text);
    let before = number.trim_end_matches(|c: char| c.is_ascii_digit());
    match before.chars().next_back() {
        Some(':') if number == text => text.len() - before.len() + 1,
        Some('(') if number != text => text.len() - before.len() + 1,
        Some(_) | None => 0,
    }
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
            ("127.0.0.1:47634", 9, true, "12…:47634"),
            ("127.0.0.1:47634", 9, false, "...:47634"),
            ("127.0.0.1:47634", 8, false, "127.0..."),
            ("postgres(12345)", 10, true, "po…(12345)"),
            ("postgres(12345)", 7, true, "postgr…"),
            ("a:b:443(x", 6, true, "a:b…(x"),
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
