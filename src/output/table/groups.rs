//! Groups as a table: the key, the total, the change, then the states that occur.
//!
//! The total is before the states, so that a narrow terminal, which has room for the first states
//! only, still shows it: long keys are shortened for it. Lines are never broken.

use super::{change_text, completeness_text, line_width, write_line};
use crate::model::{Counts, Grouped, Label, State};
use crate::output::value::label_text;
use crate::output::width::{shorten, text_width};
use crate::output::{Style, escape};

/// Keys are shortened to this width before states are omitted.
const SHORT: usize = 15;

/// Keys are shortened no further, whatever the width.
const SHORTEST: usize = 4;

/// Appends the table and returns the names of the columns that did not fit: those of the states
/// with the fewest sockets. Long keys are shortened first.
pub(in crate::output) fn write_group_rows(
    out: &mut Vec<u8>,
    grouped: &Grouped,
    style: &Style,
) -> Vec<String> {
    let occurs = |state: &State| style.zeros || grouped.counts.get(*state) > 0;
    let mut states: Vec<State> = grouped.states().filter(occurs).collect();
    let mut omitted = Vec::new();
    loop {
        let table = Lines {
            grouped,
            states: &states,
            changes: style.has_changes(),
            no_header: style.no_header,
        };
        let mut widths = table.widths();
        let rarest = states.iter().copied();
        let rarest = rarest.min_by_key(|state| grouped.counts.get(*state));
        let least = if rarest.is_some() { SHORT } else { SHORTEST };
        let fits = shorten_keys(&mut widths, grouped.fields.len(), least, style.look.width);
        match rarest {
            Some(rarest) if !fits => {
                states.retain(|state| *state != rarest);
                omitted.push(rarest.to_string());
            }
            _ => {
                table.write(out, &widths, style);
                return omitted;
            }
        }
    }
}

/// Makes the widest of the first `keys` columns narrower until a line fits; false where it does not.
fn shorten_keys(widths: &mut [usize], keys: usize, least: usize, width: Option<usize>) -> bool {
    let used = line_width(widths.iter().copied());
    let excess = width.map_or(0, |width| used.saturating_sub(width));
    for _ in 0..excess {
        let widest = widths.iter_mut().take(keys).max();
        let Some(widest) = widest.filter(|widest| **widest > least) else {
            return false;
        };
        *widest -= 1;
    }
    true
}

/// The lines, made anew for each pass over them: a million groups need not be held as text.
struct Lines<'a> {
    grouped: &'a Grouped,
    states: &'a [State],
    changes: bool,
    no_header: bool,
}

impl Lines<'_> {
    /// The heading, a line a group, the others, the total.
    fn lines(&self) -> impl Iterator<Item = Vec<String>> {
        let grouped = self.grouped;
        let groups = grouped.groups.iter().map(|group| {
            let key = group.key.iter().map(cell).collect();
            self.line(key, &group.counts, group.change)
        });
        let other = grouped.other.iter().map(|other| {
            let name = format!("OTHER({})", other.groups);
            self.line(self.named(name), &other.counts, None)
        });
        let total = std::iter::once_with(|| {
            self.line(
                self.named("TOTAL".to_owned()),
                &grouped.counts,
                grouped.change,
            )
        });
        let heading = std::iter::once_with(|| self.heading());
        let is_shown = |_: &Vec<String>| !self.no_header;
        let (heading, total) = (heading.filter(is_shown), total.filter(is_shown));
        heading.chain(groups).chain(other).chain(total)
    }

    fn heading(&self) -> Vec<String> {
        let keys = self.grouped.fields.iter().map(|field| field.heading());
        let change = self.changes.then(|| "CHANGE".to_owned());
        keys.chain(["TOTAL".to_owned()])
            .chain(change)
            .chain(self.states.iter().map(ToString::to_string))
            .collect()
    }

    fn line(&self, key: Vec<String>, counts: &Counts, change: Option<i128>) -> Vec<String> {
        let numbers = self
            .states
            .iter()
            .map(|state| counts.get(*state).to_string());
        key.into_iter()
            .chain([counts.total().to_string()])
            .chain(self.changes.then(|| change_text(change)))
            .chain(numbers)
            .collect()
    }

    /// A name in the place of a key, with as many cells.
    fn named(&self, name: String) -> Vec<String> {
        let rest = self.grouped.fields.iter().skip(1).map(|_| "-".to_owned());
        std::iter::once(name).chain(rest).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for line in self.lines() {
            widths.resize(line.len(), 0);
            for (width, cell) in widths.iter_mut().zip(&line) {
                *width = text_width(cell).max(*width);
            }
        }
        widths
    }

    fn write(&self, out: &mut Vec<u8>, widths: &[usize], style: &Style) {
        let (left, look) = (self.grouped.fields.len(), style.look);
        let mut lines = self.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let is_last = lines.peek().is_none();
            let (style, tail) = match is_last {
                _ if self.no_header => (anstyle::Style::new(), ""),
                true => (
                    style.look.heading(),
                    completeness_text(&self.grouped.observation),
                ),
                false if number == 0 => (style.look.heading(), ""),
                false => (anstyle::Style::new(), ""),
            };
            let cells = line.iter().zip(widths).enumerate();
            let cells = cells.map(|(at, (cell, width))| match at < left {
                true => shorten(cell, *width, look.utf8).into_owned(),
                false => cell.clone(),
            });
            write_line(out, style, &cells.collect::<Vec<_>>(), (widths, left), tail);
        }
    }
}

/// A cell is one word, so that awk can count columns.
fn cell(label: &Label) -> String {
    match label {
        Label::Text(text) => escape::word(text).into_owned(),
        Label::None | Label::Number(_) | Label::Flag(_) => label_text(label, "-"),
    }
}
