//! Which columns of a list a terminal has room for, and in how many lines.
//!
//! A column that was named or is sorted by is never omitted.

use super::column::{heading, is_right_aligned};
use super::{GAP, line_width};
use crate::model::Field;

/// A column of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) field: Field,
    pub(super) width: usize,
    pub(super) is_right_aligned: bool,
    /// Whether it was named or is sorted by.
    pub(super) is_named: bool,
    /// Whether it may be omitted although it is no usual column.
    pub(super) is_optional: bool,
    /// Whether no row has a value, or all have the one that a title names.
    pub(super) is_empty: bool,
    /// Whether longer values are shortened to its width.
    pub(super) is_shortened: bool,
    /// Whether it begins a line that continues the one above.
    pub(super) continues: bool,
}

/// The blanks before a continued line.
pub(super) const INDENT: usize = 4;

/// The usual columns that may be omitted, the least important first.
const DISPENSABLE: [Field; 3] = [Field::AcceptQueue, Field::SendQueue, Field::ReceiveQueue];

/// A column is not shortened below this width, at which an address keeps its port.
const SHORT: usize = 11;

/// The least width of a column that has a line to itself.
const SHORTEST: usize = 8;

/// Makes the columns fit `width`: omits those without a value, then other usual ones; shortens long
/// texts; where that is not enough, omits optional columns, and at last continues rows on further
/// lines. Returns the headings of those omitted.
pub(super) fn fit(columns: &mut Vec<Column>, width: usize) -> Vec<String> {
    let mut omitted = Vec::new();
    while used(columns) > width
        && let Some(next) = least_important(columns)
    {
        omitted.push(heading(columns.remove(next).field));
    }
    while !shorten(columns, width) {
        let Some(last) = columns.iter().rposition(|column| column.is_optional) else {
            break_lines(columns, width);
            break;
        };
        omitted.push(heading(columns.remove(last).field));
    }
    omitted
}

fn used(columns: &[Column]) -> usize {
    line_width(columns.iter().map(|column| column.width))
}

fn is_usual(field: Field) -> bool {
    DISPENSABLE.contains(&field)
        || matches!(field, Field::State | Field::LocalAddr | Field::RemoteAddr)
}

/// The column to omit next, if any may be: one without a value before all others.
fn least_important(columns: &[Column]) -> Option<usize> {
    let rank = |column: &Column| {
        let place = DISPENSABLE.iter().position(|one| *one == column.field);
        let may_be_empty = column.is_optional || !is_usual(column.field);
        let is_dispensable = place.is_some() || column.is_empty && may_be_empty;
        (is_dispensable && !column.is_named).then_some((!column.is_empty, place))
    };
    let ranked = columns.iter().enumerate();
    let ranked = ranked.filter_map(|(at, column)| Some((rank(column)?, at)));
    ranked.min().map(|(_, at)| at)
}

/// Shortens the widest texts until the columns fit; false where that is not enough, and nothing is
/// shortened then.
fn shorten(columns: &mut [Column], width: usize) -> bool {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    while line_width(widths.iter().copied()) > width {
        let texts = columns.iter().zip(&mut widths).filter(|(column, width)| {
            is_text(column.field) && **width > SHORT.max(heading(column.field).len())
        });
        let Some((_, widest)) = texts.max_by_key(|(_, width)| **width) else {
            return false;
        };
        *widest -= 1;
    }
    for (column, width) in columns.iter_mut().zip(widths) {
        column.is_shortened = width < column.width;
        column.width = width;
    }
    true
}

/// Whether a value can be recognized by its beginning and end.
fn is_text(field: Field) -> bool {
    let is_word = matches!(
        field,
        Field::State | Field::Timer | Field::Family | Field::V6Only
    );
    !is_word && !is_right_aligned(field)
}

/// Begins another line where the next column does not fit.
fn break_lines(columns: &mut [Column], width: usize) {
    let mut end = 0;
    for (at, column) in columns.iter_mut().enumerate() {
        column.continues = at > 0 && end + GAP + column.width > width;
        let begin = match (at, column.continues) {
            (0, _) => 0,
            (_, true) => INDENT,
            (_, false) => end + GAP,
        };
        let room = width.saturating_sub(begin).max(SHORTEST);
        if is_text(column.field) && column.width > room {
            column.width = room;
            column.is_shortened = true;
        }
        end = begin + column.width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 8] = [
        Field::State,
        Field::ReceiveQueue,
        Field::SendQueue,
        Field::AcceptQueue,
        Field::LocalAddr,
        Field::RemoteAddr,
        Field::Uid,
        Field::Process,
    ];

    /// Columns of these widths; the last two are named.
    fn columns(empty: &[Field]) -> Vec<Column> {
        let widths = [11, 6, 6, 6, 20, 20, 5, 24];
        let named = [Field::Uid, Field::Process];
        let column = |(field, width)| Column {
            field,
            width,
            is_right_aligned: is_right_aligned(field),
            is_named: named.contains(&field),
            is_optional: false,
            is_empty: empty.contains(&field),
            is_shortened: false,
            continues: false,
        };
        FIELDS.into_iter().zip(widths).map(column).collect()
    }

    #[test]
    fn empty_columns_go_first_then_usual_ones_then_texts_are_shortened() {
        let queues = [Field::ReceiveQueue, Field::SendQueue];
        for (width, empty, gone, is_shortened) in [
            (112, &[][..], &[][..], false),
            (111, &[], &["ACCEPT"], false),
            (111, &queues, &["SEND-Q"], false),
            (103, &queues, &["SEND-Q", "RECV-Q"], false),
            (95, &queues, &["SEND-Q", "RECV-Q", "ACCEPT"], false),
            (87, &[], &["ACCEPT", "SEND-Q", "RECV-Q"], true),
            (60, &[], &["ACCEPT", "SEND-Q", "RECV-Q"], true),
        ] {
            let mut columns = columns(empty);
            assert_eq!(fit(&mut columns, width), gone, "{width}");
            assert_eq!(columns.len() + gone.len(), FIELDS.len());
            assert!(used(&columns) <= width, "{width}: {columns:?}");
            assert_eq!(columns.iter().any(|c| c.is_shortened), is_shortened);
            assert!(!columns.iter().any(|column| column.continues));
        }
    }

    #[test]
    fn a_named_column_is_never_omitted_and_rows_continue_where_nothing_else_helps() {
        for width in 1..60 {
            let mut columns = columns(&[Field::Uid]);
            columns[1].is_named = true;
            let gone = fit(&mut columns, width);
            assert_eq!(gone, ["ACCEPT", "SEND-Q"], "{width}");
            let mut lines: Vec<usize> = Vec::new();
            for column in &columns {
                match lines.last_mut() {
                    Some(line) if !column.continues => *line += GAP + column.width,
                    Some(_) => lines.push(INDENT + column.width),
                    None => lines.push(column.width),
                }
            }
            let longest = lines.into_iter().max().unwrap();
            assert!(
                longest <= width.max(INDENT + SHORTEST),
                "{width}: {columns:?}"
            );
        }
    }

    #[test]
    fn an_optional_column_is_omitted_before_rows_continue_and_first_where_a_title_names_it() {
        let mut columns = columns(&[Field::State]);
        columns[7].is_named = false;
        columns[7].is_optional = true;
        let queues = ["ACCEPT", "SEND-Q", "RECV-Q"];
        let at = |columns: &[Column], width| {
            let mut columns = columns.to_vec();
            let gone = fit(&mut columns, width);
            (gone, columns.iter().any(|column| column.continues))
        };
        assert_eq!(at(&columns, 60).0, queues);
        let (gone, continues) = at(&columns, 50);
        assert_eq!(gone.last().unwrap(), "PROCESS");
        assert!(!continues);
        assert!(at(&columns, 40).1);
        columns[0].is_optional = true;
        assert_eq!(at(&columns, 111).0, ["STATE"]);
        assert!(!at(&columns, 40).1);
    }
}
