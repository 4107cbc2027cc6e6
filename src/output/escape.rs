//! Text from strangers, made harmless for a terminal: names of processes, users, interfaces and
//! control groups, paths, and words typed may hold line ends and escape sequences
//! (CVE-2024-58251).

/// The same text with control characters, and those that make a terminal show others in another
/// order (Unicode annex 9), spelt out: `\u{1b}`, `\n`.
pub fn line(text: &str) -> String {
    escape(text, |c| c.is_control() || reorders_text(c))
}

/// The same, and blanks spelt out too, so that it is one word to awk; `-` for nothing.
pub fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    escape(text, |c| {
        c.is_control() || c.is_whitespace() || reorders_text(c)
    })
}

fn escape(text: &str, harmful: impl Fn(char) -> bool) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' if harmful(c) => harmless.push_str("\\x20"),
            c if harmful(c) => harmless.extend(c.escape_default()),
            c => harmless.push(c),
        }
    }
    harmless
}

fn reorders_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_play_with_a_terminal_is_spelt_out() {
        assert_eq!(
            line("a b\x1b[31m\n\u{9b}\u{202e}é"),
            r"a b\u{1b}[31m\n\u{9b}\u{202e}é"
        );
        assert_eq!(word("a b\tc"), r"a\x20b\tc");
        assert_eq!(word(""), "-");
    }
}
