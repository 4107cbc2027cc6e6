//! The line in which the filter is edited, what is searched for, or the time to go to.

use super::Key;
use crate::filter::{FilterError, Position};
use crate::model::screen::{Prompt, PromptError};

/// The text, and where its cursor is.
#[derive(Clone, Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// The byte at which a character begins, or the end.
    cursor: usize,
    error: Option<PromptError>,
    is_checking: bool,
    purpose: Purpose,
}

/// What is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    #[default]
    Filter,
    Search,
    Time,
}

impl Editor {
    /// An editor of what is searched for.
    pub(super) fn of_search() -> Editor {
        Editor {
            purpose: Purpose::Search,
            ..Editor::default()
        }
    }

    /// An editor of a time of a record.
    pub(super) fn of_time() -> Editor {
        Editor {
            purpose: Purpose::Time,
            ..Editor::default()
        }
    }

    pub(super) fn is_search(&self) -> bool {
        self.purpose == Purpose::Search
    }

    pub(super) fn is_time(&self) -> bool {
        self.purpose == Purpose::Time
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// An editor of a filter, with the cursor at its end.
    pub(super) fn of_filter(text: &str) -> Editor {
        Editor {
            text: text.to_owned(),
            cursor: text.len(),
            ..Editor::default()
        }
    }

    /// The text, which is being checked from now on; keys are ignored until that is done.
    pub(super) fn check(&mut self) -> String {
        self.is_checking = true;
        self.error = None;
        self.text.clone()
    }

    /// The text was refused: because of one word, or of `reason` as a whole.
    pub(super) fn refuse(&mut self, error: Option<&FilterError>, reason: &str) {
        self.is_checking = false;
        let end = self.text.len();
        let place = error.and_then(|error| place_of(error, &self.text));
        let place = place.unwrap_or(end..end);
        // Behind the word, so that it can be erased as it was typed.
        if error.is_some() {
            self.cursor = place.end;
        }
        self.error = Some(PromptError {
            place,
            reason: error.map_or(reason, |error| &error.reason).to_owned(),
        });
    }

    /// Applies a key; enter and escape are handled by the view.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key does nothing"
    )]
    pub(super) fn press(&mut self, key: Key) {
        if self.is_checking {
            return;
        }
        let (before, after) = self.text.split_at(self.cursor);
        let left = before.chars().next_back().map_or(0, char::len_utf8);
        let right = after.chars().next().map_or(0, char::len_utf8);
        let (cursor, end) = (self.cursor, self.text.len());
        match key {
            Key::Char(c) if !c.is_control() => {
                self.text.insert(cursor, c);
                self.cursor += c.len_utf8();
                self.error = None;
            }
            Key::Backspace | Key::Control('h') => self.cut(cursor - left..cursor),
            Key::Delete | Key::Control('d') => self.cut(cursor..cursor + right),
            Key::Control('w') => {
                let kept = before.trim_end().rfind(char::is_whitespace);
                self.cut(kept.map_or(0, |blank| blank + 1)..cursor);
            }
            Key::Control('u') => self.cut(0..cursor),
            Key::Control('k') => self.cut(cursor..end),
            Key::Left | Key::Control('b') => self.cursor -= left,
            Key::Right | Key::Control('f') => self.cursor += right,
            Key::Home | Key::Control('a') => self.cursor = 0,
            Key::End | Key::Control('e') => self.cursor = end,
            _ => {}
        }
    }

    fn cut(&mut self, range: std::ops::Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
        self.error = None;
    }

    pub(super) fn prompt(&self) -> Prompt<'_> {
        let (name, hint) = match self.purpose {
            Purpose::Search => (
                "search",
                "enter keeps the row found, n finds the next, esc cancels",
            ),
            Purpose::Time => (
                "time",
                "UTC, as in 03:14 or 2026-11-26T03:14:07Z; enter goes there, esc cancels",
            ),
            Purpose::Filter => (
                "filter",
                "filter in the language of ss; enter applies it, esc cancels",
            ),
        };
        Prompt {
            name,
            hint,
            text: &self.text,
            cursor: self.cursor,
            error: self.error.as_ref(),
            is_checking: self.is_checking,
        }
    }
}

/// The bytes of `text` that an error is about; `None` if something is missing at its end, or the
/// word is not in the text.
fn place_of(error: &FilterError, text: &str) -> Option<std::ops::Range<usize>> {
    let Position::Word(number) = error.place else {
        return None;
    };
    let word = text.split_whitespace().nth(number.checked_sub(1)?)?;
    // Both are parts of the same text.
    let begin = word.as_ptr() as usize - text.as_ptr() as usize;
    let inside = text.get(begin..)?.find(&error.word).unwrap_or(0);
    let length = if error.word.is_empty() {
        word.len()
    } else {
        error.word.len()
    };
    let start = begin + inside;
    Some(start..(start + length).min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: impl IntoIterator<Item = Key>) -> Editor {
        let mut editor = Editor::default();
        keys.into_iter().for_each(|key| editor.press(key));
        editor
    }

    fn chars(text: &str) -> Vec<Key> {
        text.chars().map(Key::Char).collect()
    }

    #[test]
    fn editing_keys_work_and_characters_stay_whole() {
        for (keys, text, cursor) in [
            (vec![Key::Left, Key::Backspace], "aö c", 4),
            (vec![Key::Home, Key::Right, Key::Delete], "a éc", 1),
            (vec![Key::Control('w')], "aö ", 4),
            (vec![Key::Control('w'), Key::Control('w')], "", 0),
            (vec![Key::Left, Key::Control('u')], "c", 0),
            (vec![Key::Home, Key::Right, Key::Control('k')], "a", 1),
            (vec![Key::Home, Key::Left, Key::Backspace], "aö éc", 0),
            (vec![Key::End, Key::Right, Key::Delete], "aö éc", 7),
            (vec![Key::Control('a'), Key::Char('x')], "xaö éc", 1),
        ] {
            let editor = typed(chars("aö éc").into_iter().chain(keys));
            assert_eq!((&*editor.text, editor.cursor), (text, cursor));
        }
    }

    #[test]
    fn an_error_marks_the_word_it_is_about() {
        let refused = |text: &str, word: &str, number| {
            let mut editor = typed(chars(text));
            let _ = editor.check();
            let error = FilterError {
                word: word.to_owned(),
                place: Position::Word(number),
                reason: "not a port".to_owned(),
                is_unknown_word: false,
            };
            editor.refuse(Some(&error), "");
            let place = editor.error.unwrap().place;
            assert_eq!(editor.cursor, place.end, "behind the word");
            place
        };
        assert_eq!(refused("sport = x and", "x", 3), 8..9);
        assert_eq!(refused("sport=xy  or", "xy", 1), 6..8);
        assert_eq!(refused("  or or", "or", 2), 5..7);
        assert_eq!(refused("sport =", "", 3), 7..7);
    }

    #[test]
    fn an_error_disappears_with_the_next_change_and_keys_are_ignored_while_checking() {
        let mut editor = typed(chars("a"));
        assert_eq!(editor.check(), "a");
        editor.press(Key::Char('b'));
        assert_eq!(editor.prompt().text, "a");
        editor.refuse(None, "no socket can pass");
        assert_eq!(editor.prompt().error.unwrap().reason, "no socket can pass");
        editor.press(Key::Char('b'));
        assert_eq!((editor.prompt().text, editor.prompt().error), ("ab", None));
    }
}
