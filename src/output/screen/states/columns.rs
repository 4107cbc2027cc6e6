//! The columns of the table of states: which of them fit, how wide they are, and their text.

use super::Paint;
use crate::model::screen::StateRow;
use crate::output::table::{change_text, render_share};

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Growth and limits.
    Sign,
    Name,
    Sockets,
    /// By how much the number may be off.
    Spread,
    Change,
    Rate,
    /// The share of all sockets, as a bar.
    Share,
    /// The same in per cent.
    Percent,
    Min,
    Max,
    History,
}

use Column::{Change, History, Max, Min, Name, Percent, Rate, Share, Sign, Sockets, Spread};

/// All of them, from left to right.
const ALL: [Column; 11] = [
    Sign, Name, Sockets, Spread, Change, Rate, Percent, Share, Min, Max, History,
];

/// Those that are omitted if there is no room, the first first; the others never are.
const DISPENSABLE: [Column; 7] = [Percent, Min, Max, History, Rate, Share, Change];

/// The columns shown.
pub(super) struct Columns {
    shown: Vec<(Column, usize)>,
    /// The sockets of all states, of which shares are.
    pub(super) total: u64,
}

impl Columns {
    pub(super) fn fit(rows: &[StateRow], paint: Paint, width: usize) -> Columns {
        let total = rows.iter().find(|row| row.state.is_none());
        let total = total.map_or(0, |row| row.sockets);
        let natural = |column: Column| {
            let texts = rows.iter().map(|row| column.text(row, total, paint));
            let widest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
            (column, widest.max(column.least_width()))
        };
        let has_spread = rows.iter().any(|row| row.spread > 0);
        let columns = ALL.into_iter().filter(|c| has_spread || *c != Spread);
        let mut shown: Vec<_> = columns.map(natural).collect();
        for column in DISPENSABLE {
            if sum(&shown) > width {
                shown.retain(|(shown, _)| *shown != column);
            }
        }
        narrow(&mut shown, width);
        // The rest of the width is for the history, or else for the bars.
        let left = width.saturating_sub(sum(&shown));
        for grows in [History, Share] {
            if let Some((_, width)) = shown.iter_mut().find(|(column, _)| *column == grows) {
                *width += left;
                break;
            }
        }
        Columns { shown, total }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Column, usize)> {
        self.shown.iter().copied()
    }
}

fn sum(columns: &[(Column, usize)]) -> usize {
    let cells = columns.iter().map(|(_, width)| width + 1).sum::<usize>();
    cells.saturating_sub(1)
}

/// If not even the columns that always stay fit, names are cut, and numbers omitted: without its
/// last digits, a number would be another one.
fn narrow(shown: &mut Vec<(Column, usize)>, width: usize) {
    if let lacking @ 1.. = sum(shown).saturating_sub(width)
        && let Some((_, name)) = shown.iter_mut().find(|(column, _)| *column == Name)
    {
        *name = name.saturating_sub(lacking).max(1);
    }
    while sum(shown) > width && shown.len() > 2 {
        shown.pop();
    }
}

impl Column {
    fn least_width(self) -> usize {
        match self {
            Sign => 2,
            Name => "ESTABLISHED".len(),
            Share => 9,
            Change | Rate => 7,
            Sockets | Percent => 7,
            Min | Max => 6,
            Spread => 6,
            History => 10,
        }
    }

    pub(super) fn heading(self, width: usize) -> String {
        let name = match self {
            Sign => "",
            Name => "STATE",
            Sockets => "SOCKETS",
            Spread => "SPREAD",
            Change => "CHANGE",
            Rate => "RATE/S",
            Share => "SHARE",
            Percent => "%",
            Min => "MIN",
            Max => "MAX",
            History => "HISTORY",
        };
        // The newest number is on the right.
        if self == History {
            return format!("{name:>width$}");
        }
        self.aligned(name, width)
    }

    /// Names are aligned to the left and cut to the width, numbers to the right.
    pub(super) fn aligned(self, text: &str, width: usize) -> String {
        match self {
            Sign | Name | Share => format!("{text:<width$.width$}"),
            Sockets | Spread | Change | Rate | Percent | Min | Max | History => {
                format!("{text:>width$}")
            }
        }
    }

    /// The text, if it has one.
    pub(super) fn text(self, row: &StateRow, total: u64, paint: Paint) -> String {
        match self {
            Sign => {
                let limit = if row.is_at_limit {
                    paint.at_limit()
                } else {
                    ""
                };
                let growing = if row.is_growing { paint.growing() } else { "" };
                format!("{limit}{growing}")
            }
            Name => row.state.map_or("TOTAL".to_owned(), |s| s.to_string()),
            Sockets => row.sockets.to_string(),
            Spread => match row.spread {
                0 => "-".to_owned(),
                spread => format!("{}{spread}", paint.plus_minus()),
            },
            Change => change_text(row.change),
            Rate => row.rate.map_or("-".to_owned(), rate),
            Percent if row.state.is_some() => render_share(row.sockets, total),
            Min => row.min.to_string(),
            Max => row.max.to_string(),
            Percent | Share | History => String::new(),
        }
    }
}

/// Sockets a second: `+0.3`, `-12.0`, `+1500`.
fn rate(rate: f64) -> String {
    if rate.abs() < 0.05 {
        "0.0".to_owned()
    } else if rate.abs() < 1000.0 {
        format!("{rate:+.1}")
    } else {
        format!("{rate:+.0}")
    }
}
