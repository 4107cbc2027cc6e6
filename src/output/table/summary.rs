//! The number of sockets in each state as a table: a row a state, in the order of a connection's
//! life. On a terminal a share and a bar follow as far as the width allows.

use super::{GAP, change_text, completeness_text, line_width, write_line};
use crate::model::{Counts, Snapshot, State};
use crate::output::Style;
use crate::output::share::{render_bar, render_share};
use crate::output::text::state_name;

/// The longest bar; longer ones say no more.
const BAR: usize = 40;
/// The shortest bar worth drawing.
const SHORTEST_BAR: usize = 4;
/// `+1000000`.
const CHANGE: usize = 8;
/// `±10000`.
const SPREAD: usize = 6;
/// `100.0%`.
const SHARE: usize = 6;

/// One line of the table.
struct Row {
    /// `None` for the total.
    state: Option<State>,
    sockets: u64,
    /// By how much the number may be off; 0 where it was listed.
    spread: u64,
    /// The change since the sample before; unknown in the first.
    change: Option<i128>,
}

impl Row {
    fn of(state: Option<State>, now: &Snapshot, before: Option<&Counts>) -> Row {
        let sockets = now.counts.number(state);
        Row {
            state,
            sockets,
            spread: now.spread.number(state),
            change: before.map(|before| now.counts.change(before, state)),
        }
    }

    /// All cells but the share.
    fn cells(&self) -> [String; 4] {
        let spread = match self.spread {
            0 => "-".to_owned(),
            spread => format!("±{spread}"),
        };
        let (name, change) = (state_name(self.state, "TOTAL"), change_text(self.change));
        [name, self.sockets.to_string(), change, spread]
    }
}

/// Appends the heading, the rows and the total.
pub(super) fn write_rows(
    out: &mut Vec<u8>,
    now: &Snapshot,
    before: Option<&Counts>,
    style: &Style,
) {
    // States without a name that only the sample before has.
    let vanished = before.into_iter().flat_map(Counts::unknown);
    let vanished = vanished.filter(|state| now.counts.get(*state) == 0);
    let rows = now.states().chain(vanished);
    let rows = rows.map(|state| Row::of(Some(state), now, before));
    let has_changed = |row: &Row| row.change.is_some_and(|change| change != 0);
    let rows: Vec<Row> = rows
        .filter(|row| style.zeros || row.sockets > 0 || has_changed(row))
        .collect();
    let total = Row::of(None, now, before);
    let table = Layout::fit(&rows, &total, style);
    let look = style.look;
    let write = |out: &mut Vec<u8>, style, cells: &[String], tail: &str| {
        write_line(out, style, cells, (&table.widths, 1), tail);
    };
    let headings = ["STATE", "SOCKETS", "CHANGE", "SPREAD"].map(str::to_owned);
    let headings = table.shown(headings, Some("SHARE".to_owned()));
    if !style.no_header {
        write(out, look.heading(), &headings, "");
    }
    for row in &rows {
        let attention = row.sockets > 0 && row.state.is_some_and(State::deserves_a_look);
        let style = if attention {
            look.attention()
        } else {
            anstyle::Style::new()
        };
        let bar = match render_bar(row.sockets, total.sockets, table.bar, look.utf8) {
            bar if table.bar > 0 && !bar.is_empty() => format!("  {bar}"),
            _ => String::new(),
        };
        let share = render_share(row.sockets, total.sockets);
        write(out, style, &table.shown(row.cells(), Some(share)), &bar);
    }
    if !style.no_header {
        let tail = completeness_text(&now.observation);
        write(out, look.heading(), &table.shown(total.cells(), None), tail);
    }
}

/// The columns, chosen once for all rows.
struct Layout {
    changes: bool,
    /// Whether some number may be off.
    spreads: bool,
    widths: Vec<usize>,
    /// The longest bar; 0 for none.
    bar: usize,
}

impl Layout {
    fn fit(rows: &[Row], total: &Row, style: &Style) -> Layout {
        let names = rows.iter().map(|row| state_name(row.state, "").len());
        let name = names.max().unwrap_or(0).max("ESTABLISHED".len());
        let sockets = total.sockets.to_string().len().max("SOCKETS".len());
        let (changes, spreads) = (style.has_changes(), total.spread > 0);
        let mut widths = vec![name, sockets];
        widths.extend(changes.then_some(CHANGE));
        widths.extend(spreads.then_some(SPREAD));
        let used = line_width(widths.iter().copied());
        let room = style
            .look
            .width
            .map_or(0, |width| width.saturating_sub(used));
        widths.extend((room >= GAP + SHARE).then_some(SHARE));
        let bar = room.saturating_sub(GAP + SHARE + GAP).min(BAR);
        Layout {
            changes,
            spreads,
            widths,
            bar: if bar < SHORTEST_BAR { 0 } else { bar },
        }
    }

    /// The cells of the columns shown; the total has no share.
    fn shown(&self, cells: [String; 4], share: Option<String>) -> Vec<String> {
        let [state, sockets, change, spread] = cells;
        let change = self.changes.then_some(change);
        let optional = change.into_iter().chain(self.spreads.then_some(spread));
        let cells = [state, sockets].into_iter().chain(optional);
        cells.chain(share).collect()
    }
}
