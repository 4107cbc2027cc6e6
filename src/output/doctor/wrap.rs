//! Sentences and commands in lines of a terminal's width.

use crate::model::{Command, shell_quoted};
use crate::output::escape;
use crate::output::width::text_width;

/// `text` in lines of at most `width` characters, broken at blanks; a longer word has a line of its
/// own. One line where there is no width.
pub(in crate::output) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let length = text_width(word);
        match lines.last_mut() {
            Some(line) if text_width(line) + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A command in lines of at most `width` characters, each continued as a shell reads it, so that it can
/// be copied. Words are not broken; a filter is, where it is longer than a line, because it takes a line
/// end for a blank. One line where there is no width.
pub(super) fn wrap_command(command: &Command, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX);
    let words = command.words().map(|word| (word, false));
    let filter = command.filter().into_iter().map(|filter| (filter, true));
    let mut lines: Vec<String> = Vec::new();
    for (word, can_break) in words.chain(filter) {
        let quoted = shell_quoted(word);
        let word = escape::line(&quoted);
        let length = text_width(&word) + CONTINUED.len();
        match lines.last_mut() {
            Some(line) if text_width(line) + 1 + length <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) => {
                line.push_str(CONTINUED);
                let room = width.saturating_sub(CONTINUATION.len() + CONTINUED.len());
                let pieces = wrap(&word, can_break.then_some(room)).into_iter();
                lines.extend(pieces.map(|piece| format!("{CONTINUATION}{piece}")));
            }
            None => lines.push(word),
        }
    }
    lines
}

/// The end of a line that is continued.
const CONTINUED: &str = " \\";

/// The begin of a line that continues another.
const CONTINUATION: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Where;

    #[test]
    fn lines_break_at_blanks_and_only_where_there_is_a_width() {
        let text = "one two three-and-four five";
        assert_eq!(wrap(text, None), [text]);
        assert_eq!(wrap(text, Some(8)), ["one two", "three-and-four", "five"]);
        assert_eq!(wrap(text, Some(80)), [text]);
    }

    #[test]
    fn commands_are_continued_as_a_shell_reads_them_and_broken_within_a_filter_only() {
        let filter = "dst 192.0.2.1 and sport ge 1";
        let syn_sent = Command::list("--state syn-sent").of(filter);
        let line = "tcpstates list --state syn-sent 'dst 192.0.2.1 and sport ge 1'";
        assert_eq!(wrap_command(&syn_sent, None), [line]);
        assert_eq!(wrap_command(&syn_sent, Some(80)), [line]);
        assert_eq!(
            wrap_command(&syn_sent, Some(34)),
            [
                "tcpstates list --state syn-sent \\",
                "  'dst 192.0.2.1 and sport ge 1'"
            ]
        );
        let place = Where::ProcRoot("/mnt/a long name of a copy".into());
        let copy = Command::count("").of(filter).at(&place);
        assert_eq!(
            wrap_command(&copy, Some(26)),
            [
                "tcpstates --proc-root \\",
                "  '/mnt/a long name of a copy' \\",
                "  'dst 192.0.2.1 and",
                "  sport ge 1'"
            ]
        );
        let narrow = wrap_command(&syn_sent, Some(10)).join("\n");
        let joined = narrow.replace(" \\\n ", "").replace("\n ", "");
        assert_eq!(joined, line);
    }
}
