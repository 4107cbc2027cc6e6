//! The words of a filter: those typed, and those that a record was made with.

use crate::command::lookup::HostLookup;
use crate::command::scope::parse_words;
use crate::filter::{Expression, FilterError, FilterText, parse};
use crate::model::Use;
use crate::source::Sources;

/// The words that select sockets. A socket must match both filters.
pub(super) struct FilterWords {
    /// Those of the record that is asked.
    recorded: Option<String>,
    /// What they are called in an error: nobody typed them.
    place: String,
    /// What was typed besides.
    typed: Vec<String>,
}

/// The filter of the record, and the one that was typed besides.
type Filters = (Option<Expression>, Option<Expression>);

impl FilterWords {
    /// What was typed about these sources; it may be what [`FilterWords::joined`] resulted in.
    pub(super) fn of(typed: &[String], sources: &Sources) -> FilterWords {
        let record = sources.record();
        let recorded = record.and_then(|record| record.origin.filter.clone());
        let typed = match &recorded {
            Some(recorded) if typed.join(" ") == *recorded => Vec::new(),
            Some(recorded) => match besides(recorded, &typed.join(" ")) {
                Some(rest) => vec![rest.to_owned()],
                None => typed.to_vec(),
            },
            None => typed.to_vec(),
        };
        let file = record.map(|record| record.path.display().to_string());
        let place = format!("the filter of {}", file.unwrap_or_default());
        FilterWords {
            recorded,
            place,
            typed,
        }
    }

    /// As one filter.
    pub(super) fn joined(&self) -> String {
        let typed = self.typed.join(" ");
        match &self.recorded {
            None => typed,
            Some(recorded) if typed.is_empty() => recorded.clone(),
            Some(recorded) => format!("({recorded}) and ({typed})"),
        }
    }

    /// Parses them.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn parse(
        &self,
        used_as: Use,
        lookup: &mut HostLookup,
    ) -> Result<Filters, FilterError> {
        let recorded = self.recorded.as_ref().map(|recorded| {
            let text = FilterText::of_file(&self.place, recorded);
            parse(&text.for_use(used_as), lookup)
        });
        let recorded = recorded.transpose()?;
        let typed = parse_words(&self.typed, used_as, lookup)?;
        Ok((recorded, typed))
    }
}

/// What is besides the filter of a record in one that was joined with it; `None` if it was not.
fn besides<'a>(recorded: &str, joined: &'a str) -> Option<&'a str> {
    let rest = joined.strip_prefix(&format!("({recorded}) and ("))?;
    let rest = rest.strip_suffix(')')?;
    let mut open = 0_usize;
    let is_whole = rest.chars().all(|character| {
        let next = match character {
            '(' => open.checked_add(1),
            ')' => open.checked_sub(1),
            _ => Some(open),
        };
        next.inspect(|next| open = *next).is_some()
    });
    is_whole.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_was_joined_with_that_of_a_record_is_taken_apart_again() {
        let recorded = "sport = :80 or (sport = :81)";
        let joined = FilterWords {
            place: String::new(),
            recorded: Some(recorded.to_owned()),
            typed: vec!["(dst 10/8)".to_owned(), "and udp".to_owned()],
        }
        .joined();
        assert_eq!(besides(recorded, &joined), Some("(dst 10/8) and udp"));
        let others = [
            "(sport = :80) and (udp)",
            "(sport = :80 or (sport = :81)) and (udp) or (tcp)",
            "(sport = :80 or (sport = :81)) and (udp",
            recorded,
        ];
        for other in others {
            assert_eq!(besides(recorded, other), None, "{other}");
        }
    }
}
