//! The columns of the table of states: which of them fit, how wide they are, and their text.

use crate::model::screen::StateRow;
use crate::output::screen::{Paint, history};
use crate::output::share::{render_bar, render_share};
use crate::output::table::change_text;
use crate::output::text::state_name;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateColumn {
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

use StateColumn::{Change, History, Max, Min, Name, Percent, Rate, Share, Sign, Sockets, Spread};

/// All of them, from left to right.
const ALL: [StateColumn; 11] = [
    Sign, Name, Sockets, Spread, Change, Rate, Percent, Share, Min, Max, History,
];

/// Those that are omitted if there is no room, the first first; the others never are.
const DISPENSABLE: [StateColumn; 7] = [Percent, Min, Max, History, Rate, Share, Change];

/// The columns shown.
pub(super) struct StateColumns {
    shown: Vec<(StateColumn, usize)>,
    /// The sockets of all states: the whole of every share.
    pub(super) total: u64,
}

impl StateColumns {
    pub(super) fn fit(rows: &[StateRow], paint: Paint, width: usize) -> StateColumns {
        let total = rows.iter().find(|row| row.state.is_none());
        let total = total.map_or(0, |row| row.sockets);
        let natural = |column: StateColumn| {
            let texts = rows.iter().map(|row| column.text(row, total, 0, paint));
            let widest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
            (column, widest.max(column.layout().1))
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
        StateColumns { shown, total }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (StateColumn, usize)> {
        self.shown.iter().copied()
    }
}

fn sum(columns: &[(StateColumn, usize)]) -> usize {
    let cells = columns.iter().map(|(_, width)| width + 1).sum::<usize>();
    cells.saturating_sub(1)
}

/// If not even the columns that always stay fit, names are cut, and numbers omitted: without its
/// last digits, a number would be another one.
fn narrow(shown: &mut Vec<(StateColumn, usize)>, width: usize) {
    if let lacking @ 1.. = sum(shown).saturating_sub(width)
        && let Some((_, name)) = shown.iter_mut().find(|(column, _)| *column == Name)
    {
        *name = name.saturating_sub(lacking).max(1);
    }
    while sum(shown) > width && shown.len() > 2 {
        shown.pop();
    }
}

impl StateColumn {
    /// The heading, the least width, and whether texts are aligned to the left.
    fn layout(self) -> (&'static str, usize, bool) {
        match self {
            Sign => ("", 2, true),
            Name => ("STATE", "ESTABLISHED".len(), true),
            Sockets => ("SOCKETS", 7, false),
            Spread => ("SPREAD", 6, false),
            Change => ("CHANGE", 7, false),
            Rate => ("RATE/S", 7, false),
            Percent => ("%", 7, false),
            Share => ("SHARE", 9, true),
            Min => ("MIN", 6, false),
            Max => ("MAX", 6, false),
            // The newest number is on the right.
            History => ("HISTORY", 10, false),
        }
    }

    pub(super) fn heading(self, width: usize) -> String {
        self.aligned(self.layout().0, width)
    }

    /// Names are aligned to the left and cut to the width, numbers to the right.
    pub(super) fn aligned(self, text: &str, width: usize) -> String {
        match self.layout() {
            (.., true) => format!("{text:<width$.width$}"),
            (.., false) => format!("{text:>width$}"),
        }
    }

    /// Whether it is drawn instead of written.
    pub(super) fn is_drawn(self) -> bool {
        matches!(self, Share | History)
    }

    /// The text, if it has one; a drawing fills the width.
    pub(super) fn text(self, row: &StateRow, total: u64, width: usize, paint: Paint) -> String {
        match self {
            Sign => signs(paint, |sign| sign(row)),
            Name => state_name(row.state, "TOTAL"),
            Sockets => row.sockets.to_string(),
            Spread => match row.spread {
                0 => "-".to_owned(),
                spread => format!("{}{spread}", paint.plus_minus()),
            },
            Change => change_text(row.change),
            Rate => row.rate.map_or("-".to_owned(), rate),
            Percent if row.state.is_some() => render_share(row.sockets, total),
            Share if row.state.is_some() => render_bar(row.sockets, total, width, paint.utf8),
            Percent | Share => String::new(),
            Min => row.min.to_string(),
            Max => row.max.to_string(),
            History => history::line(&row.history, width, paint.utf8),
        }
    }
}

/// The signs that apply: of a limit, and of growth.
pub(super) fn signs(paint: Paint, applies: impl Fn(fn(&StateRow) -> bool) -> bool) -> String {
    let limit = applies(|row| row.is_at_limit).then_some(paint.at_limit());
    let growing = applies(|row| row.is_growing).then_some(paint.growing());
    limit.into_iter().chain(growing).collect()
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
