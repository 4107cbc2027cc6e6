//! Sentences and commands in lines of a terminal's width.

/// `text` in lines of at most `width` characters, broken at blanks; a longer word has a line of its
/// own. One line where there is no width.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A command in lines of at most `width` characters, each continued as a shell reads it, and so
/// that it can be copied as it stands. What stands between quotes is only broken where it is longer
/// than a line: a filter takes a line end for a blank. One line where there is no width.
pub(super) fn wrap_command(command: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![command.to_owned()];
    };
    let mut lines: Vec<String> = Vec::new();
    for word in shell_words(command) {
        let length = word.chars().count() + CONTINUED.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) => {
                line.push_str(CONTINUED);
                let room = width.saturating_sub(CONTINUATION.len() + CONTINUED.len());
                let pieces = wrap(word, Some(room)).into_iter();
                lines.extend(pieces.map(|piece| format!("{CONTINUATION}{piece}")));
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The end of a line that is continued.
const CONTINUED: &str = " \\";

/// The begin of a line that continues another.
const CONTINUATION: &str = "  ";

/// What stands between blanks that are not between single quotes.
fn shell_words(command: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    command.split(move |character| {
        is_quoted ^= character == '\'';
        character == ' ' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_only_where_there_is_a_width() {
        let text = "one two three-and-four five";
        assert_eq!(wrap(text, None), [text]);
        assert_eq!(wrap(text, Some(8)), ["one two", "three-and-four", "five"]);
        assert_eq!(wrap(text, Some(80)), [text]);
    }

    #[test]
    fn commands_are_continued_as_a_shell_reads_them_and_not_between_quotes() {
        let command = "tcpstates list --state syn-sent 'dst 192.0.2.1 and sport ge 1' -p";
        assert_eq!(wrap_command(command, None), [command]);
        assert_eq!(wrap_command(command, Some(80)), [command]);
        assert_eq!(
            wrap_command(command, Some(34)),
            [
                "tcpstates list --state syn-sent \\",
                "  'dst 192.0.2.1 and sport ge 1' \\",
                "  -p"
            ]
        );
        assert_eq!(
            wrap_command("tcpstates 'src 192.0.2.1 and dst 192.0.2.2' -p", Some(24)),
            [
                "tcpstates \\",
                "  'src 192.0.2.1 and",
                "  dst 192.0.2.2' -p"
            ]
        );
        let narrow = wrap_command(command, Some(10)).join("\n");
        let joined = narrow.replace(" \\\n ", "").replace("\n ", "");
        assert_eq!(joined, command);
    }
}
