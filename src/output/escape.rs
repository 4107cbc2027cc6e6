//! Text from others, made harmless for a terminal: names of processes, users, interfaces and
//! control groups, paths, and words typed may hold line ends, escape sequences (CVE-2024-58251),
//! and characters that cannot be seen or that change the order of others.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::model::UnixName;

/// Characters that cannot be seen, or that change the direction of others: `Default_Ignorable_Code_Point`
/// and format controls of Unicode (UAX 44, UAX 9), and the braille pattern without dots. Sorted.
const INVISIBLE: [RangeInclusive<char>; 18] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether a character may not be printed, because it acts on the terminal or cannot be seen:
/// controls (C0, DEL, C1), blanks other than the space, and [`INVISIBLE`].
pub(super) fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control() || c.is_whitespace() || INVISIBLE.iter().any(|range| range.contains(&c))
}

/// A text on one line, with the hidden characters written as escapes: `\u{1b}`, `\n`.
pub fn line(text: &str) -> String {
    escape(text, is_hidden)
}

/// A text as a cell of CSV, before quoting: the same with backslashes as escapes too, so that no two
/// texts are the same cell.
pub(super) fn cell(text: &str) -> String {
    escape(text, |c| is_hidden(c) || c == '\\')
}

/// The same for one of several texts with commas between them.
pub(super) fn cell_item(text: &str) -> String {
    escape(text, |c| is_hidden(c) || matches!(c, '\\' | ','))
}

/// A name as one word of a table. A name that could be taken for a word of ours, or that holds
/// blanks or hidden characters, is in double quotes, with these, quotes and backslashes as escapes:
/// `"-"`, `"my\x20name"`. Every other name is as it is.
pub fn word(name: &str) -> Cow<'_, str> {
    quote(name, |_| false)
}

/// The same for one of several names with commas between them.
pub fn item(name: &str) -> Cow<'_, str> {
    quote(name, |c| c == ',')
}

/// The same in a sentence of a check, where a bar begins performance data.
pub(super) fn term(name: &str) -> Cow<'_, str> {
    quote(name, |c| matches!(c, ',' | '|'))
}

/// The name of a UNIX socket as one word in every format, with `@` before an abstract one as in
/// unix(7). Blanks, hidden characters, backslashes, and bytes that are not UTF-8 are escapes that a
/// filter reads back: `@a\\x00b`. So are an `@` that begins a path, and the first byte of a name that
/// could be taken for a word of ours. Empty for a socket without a name.
pub fn unix_name(name: &UnixName) -> String {
    let mut escaped = String::new();
    let bytes = name.bytes().unwrap_or_default();
    if matches!(name, UnixName::Abstract(_)) {
        escaped.push('@');
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let is_first = escaped.is_empty();
            let is_marked = is_first && matches!(c, '@' | '"');
            match c {
                '\\' => escaped.push_str("\\\\"),
                ' '..='~' if c != ' ' && !is_marked => escaped.push(c),
                '\0'..='\x7f' => push_byte(&mut escaped, c as u8),
                c if is_hidden(c) => escaped.extend(c.escape_unicode()),
                c => escaped.push(c),
            }
        }
        for byte in chunk.invalid() {
            push_byte(&mut escaped, *byte);
        }
    }
    let is_ours = matches!(&*escaped, "-" | "?" | "TOTAL") || escaped.starts_with("OTHER(");
    if is_ours && let Some(first) = bytes.first() {
        let mut marked = String::new();
        push_byte(&mut marked, *first);
        escaped.replace_range(..1, &marked);
    }
    escaped
}

fn push_byte(escaped: &mut String, byte: u8) {
    // Writing to memory does not fail.
    let _ = write!(escaped, "\\x{byte:02x}");
}

fn quote(name: &str, is_separator: fn(char) -> bool) -> Cow<'_, str> {
    let splits = |c: char| is_hidden(c) || c.is_whitespace() || is_separator(c);
    let is_ours = matches!(name, "" | "-" | "?" | "TOTAL") || name.starts_with("OTHER(");
    if !is_ours && !name.starts_with('"') && !name.contains(splits) {
        return name.into();
    }
    let escaped = escape(name, |c| splits(c) || matches!(c, '"' | '\\'));
    format!("\"{escaped}\"").into()
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !is_escaped(c) => escaped.push(c),
            ' ' => escaped.push_str("\\x20"),
            ',' | '|' => escaped.extend(c.escape_unicode()),
            c => escaped.extend(c.escape_default()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_as_escapes() {
        assert_eq!(
            line("a b\x1b[31m\n\u{9b}\u{202e}é"),
            r"a b\u{1b}[31m\n\u{9b}\u{202e}é"
        );
        let ends = INVISIBLE
            .iter()
            .flat_map(|range| [*range.start(), *range.end()]);
        let blanks = "\u{a0}\u{1680}\u{2000}\u{200a}\u{202f}\u{205f}\u{3000}";
        for hidden in "\x7f\u{9b}".chars().chain(blanks.chars()).chain(ends) {
            let escaped = format!("\\u{{{:x}}}", u32::from(hidden));
            assert_eq!(line(&format!("a{hidden}")), format!("a{escaped}"));
            assert_eq!(cell(&format!("a{hidden}")), format!("a{escaped}"));
            assert_eq!(word(&format!("a{hidden}")), format!("\"a{escaped}\""));
        }
    }

    #[test]
    fn characters_that_can_be_seen_are_written_as_they_are() {
        let seen = "~¡®é\u{34e}\u{61b}\u{115e}\u{1161}中\u{3163}\u{ffa1}\u{fffd}😀\u{e1000}";
        assert_eq!(line(seen), seen);
        assert_eq!(word(seen), seen);
    }

    #[test]
    fn names_of_unix_sockets_are_one_word_and_no_two_are_the_same() {
        let path = |name: &[u8]| UnixName::Path(name.into());
        let hidden = |name: &[u8]| UnixName::Abstract(name.into());
        for (name, expected) in [
            (UnixName::Unnamed, ""),
            (path(b"/run/php/fpm.sock"), "/run/php/fpm.sock"),
            (
                path("/run/\u{e9}\u{202e}".as_bytes()),
                "/run/\u{e9}\\u{202e}",
            ),
            (path(b"/a b\n\x1b[0m\x7f"), r"/a\x20b\x0a\x1b[0m\x7f"),
            (path(b"\xff/\xc3"), r"\xff/\xc3"),
            (path(br"a\x20b"), r"a\\x20b"),
            (path(b"@x"), r"\x40x"),
            (hidden(b"x"), "@x"),
            (hidden(b"@x"), "@@x"),
            (hidden(b"\0a\0"), r"@\x00a\x00"),
            (hidden(b""), "@"),
            (path(b"-"), r"\x2d"),
            (path(b"?"), r"\x3f"),
            (path(b"--"), "--"),
            (path(b"TOTAL"), r"\x54OTAL"),
            (path(b"OTHER(1)"), r"\x4fTHER(1)"),
            (path(b"\"a\""), r#"\x22a""#),
        ] {
            assert_eq!(unix_name(&name), expected);
            assert_eq!(word(&unix_name(&path(b"/a b"))), r"/a\x20b");
        }
    }

    #[test]
    fn no_two_texts_are_the_same_cell() {
        assert_eq!(cell("e\x1bx"), r"e\u{1b}x");
        assert_eq!(cell(r"e\u{1b}x"), r"e\\u{1b}x");
        assert_eq!(cell_item("a,b"), r"a\u{2c}b");
        assert_eq!(term("a|b"), r#""a\u{7c}b""#);
    }

    #[test]
    fn a_name_is_one_word_that_is_not_taken_for_another() {
        for plain in [
            "nginx", r"a\x20b", "(sd-pam)", "a\"b\"", "é", "OTHER", "total", "--",
        ] {
            assert_eq!(word(plain), plain);
        }
        for (name, quoted) in [
            ("", r#""""#),
            ("-", r#""-""#),
            ("?", r#""?""#),
            ("TOTAL", r#""TOTAL""#),
            ("OTHER(9)", r#""OTHER(9)""#),
            ("a b\tc", r#""a\x20b\tc""#),
            ("\u{3000}\\", r#""\u{3000}\\""#),
            (r#""-""#, r#""\"-\"""#),
        ] {
            assert_eq!(word(name), quoted);
        }
        assert_eq!(
            (word("a,b"), item("a,b")),
            ("a,b".into(), r#""a\u{2c}b""#.into())
        );
    }
}
