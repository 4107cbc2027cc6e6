//! Text from others, made harmless for a terminal: names of processes, users, interfaces and
//! control groups, paths, and words typed may hold line ends, escape sequences (CVE-2024-58251),
//! and characters that cannot be seen or that change the order of others.

use std::borrow::Cow;

/// Whether a character may not be printed, because it acts on the terminal or cannot be seen:
/// controls (C0, DEL, C1), zero-width characters, line and paragraph separators, and those that
/// change the direction of text (Unicode annex 9). All have four hexadecimal digits at most.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

/// A text on one line, with the hidden characters written as escapes: `\u{1b}`, `\n`.
pub fn line(text: &str) -> String {
    escape(text, is_hidden)
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

fn quote(name: &str, is_separator: fn(char) -> bool) -> Cow<'_, str> {
    let splits = |c: char| is_hidden(c) || c.is_whitespace() || is_separator(c);
    let is_ours = matches!(name, "" | "-" | "TOTAL") || name.starts_with("OTHER(");
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
            ',' => escaped.push_str("\\u{2c}"),
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
        for hidden in "\u{61c}\u{200b}\u{200d}\u{2028}\u{2029}\u{2060}\u{2069}\u{feff}\x7f".chars()
        {
            let escaped = format!("\\u{{{:x}}}", u32::from(hidden));
            assert_eq!(line(&format!("a{hidden}")), format!("a{escaped}"));
            assert_eq!(word(&format!("a{hidden}")), format!("\"a{escaped}\""));
        }
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
