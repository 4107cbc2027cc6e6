//! Sentences in lines of a terminal's width.

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
}
