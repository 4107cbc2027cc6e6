//! Which columns of a list a terminal has room for. Pure.

use super::column::Column;

/// The blanks between two columns.
pub(super) const GAP: usize = 2;

/// Leaves out columns until the rest fits `width`: of those that were asked for the last one
/// first, then the accept queue and the queues. State and addresses stay, and are never cut,
/// however narrow the terminal. Returns the headings of what was left out.
pub(super) fn fit(columns: &mut Vec<(Column, usize)>, width: usize) -> Vec<String> {
    let mut left_out = Vec::new();
    while total(columns) > width {
        let Some(at) = next_to_go(columns) else {
            break;
        };
        let (column, _) = columns.remove(at);
        left_out.push(column.heading());
    }
    left_out
}

fn total(columns: &[(Column, usize)]) -> usize {
    let gaps = columns.len().saturating_sub(1) * GAP;
    columns.iter().map(|(_, width)| width).sum::<usize>() + gaps
}

fn next_to_go(columns: &[(Column, usize)]) -> Option<usize> {
    let last = |wanted: fn(Column) -> bool| columns.iter().rposition(|(column, _)| wanted(*column));
    last(|column| matches!(column, Column::Further(_)))
        .or_else(|| last(|column| column == Column::Accept))
        .or_else(|| last(|column| matches!(column, Column::SendQueue | Column::ReceiveQueue)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Field;

    #[test]
    fn columns_go_from_the_last_one_asked_for_and_state_and_addresses_stay() {
        let all = vec![
            (Column::State, 11),
            (Column::ReceiveQueue, 6),
            (Column::SendQueue, 6),
            (Column::Accept, 6),
            (Column::Local, 20),
            (Column::Remote, 20),
            (Column::Further(Field::Uid), 5),
            (Column::Further(Field::Timer), 10),
        ];
        for (width, gone) in [
            (98, &[][..]),
            (97, &["TIMER"]),
            (86, &["TIMER"]),
            (85, &["TIMER", "UID"]),
            (78, &["TIMER", "UID", "ACCEPT"]),
            (1, &["TIMER", "UID", "ACCEPT", "SEND-Q", "RECV-Q"]),
        ] {
            let mut columns = all.clone();
            assert_eq!(fit(&mut columns, width), gone, "{width}");
            assert_eq!(columns.len() + gone.len(), all.len());
        }
    }
}
