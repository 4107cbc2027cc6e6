//! An answer as a table for people and awk: a row a state, in the order of a connection's life.
//!
//! Where the output is no terminal, its columns are words separated by blanks, always the same
//! ones. On a terminal a share and a bar follow as far as the width allows.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::bar::render_bar;
use super::{Look, utc_stamp};
use crate::model::{Snapshot, State};

/// Which rows and columns a table has.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Whether states without sockets have a row.
    pub zeros: bool,
    /// Whether this is one of several samples, with a time above it and a column of changes.
    pub repeated: bool,
    /// The sample before, for the changes.
    pub before: Option<&'a Snapshot>,
}

/// The longest bar; longer ones say no more.
const BAR: usize = 40;
/// The shortest bar worth drawing.
const SHORTEST_BAR: usize = 4;
/// `100.0%` and the blanks before it.
const SHARE: usize = 8;

/// One line of the table.
struct Row {
    state: Option<State>,
    name: String,
    sockets: u64,
    /// By how much the number may be off; 0 where it was listed.
    spread: u64,
    /// The change since the sample before; unknown in the first.
    change: Option<i128>,
}

/// Writes the table.
///
/// # Errors
/// The writer's.
pub fn write_table(
    out: &mut impl Write,
    snapshot: &Snapshot,
    rows: Rows<'_>,
    look: Look,
) -> io::Result<()> {
    let states = snapshot.states().chain(vanished(snapshot, rows.before));
    let body: Vec<Row> = states
        .map(|state| Row {
            state: Some(state),
            name: state.to_string(),
            sockets: snapshot.counts.get(state),
            spread: snapshot.spread.get(state),
            change: change(snapshot, rows.before, |s| s.counts.get(state)),
        })
        .filter(|row| rows.zeros || row.sockets > 0 || row.change.is_some_and(|c| c != 0))
        .collect();
    let total = Row {
        state: None,
        name: "TOTAL".to_owned(),
        sockets: snapshot.counts.total(),
        spread: snapshot.spread.total(),
        change: change(snapshot, rows.before, |s| s.counts.total()),
    };
    if rows.repeated {
        if rows.before.is_some() {
            writeln!(out)?;
        }
        writeln!(out, "{}", utc_stamp(snapshot.observation.time))?;
    }
    let table = Table::fit(&body, &total, rows.repeated, look);
    table.heading(out)?;
    for row in &body {
        table.row(out, row)?;
    }
    table.total(out, &total, snapshot.observation.completeness.is_complete())
}

/// States without a name that the sample before saw and this one did not.
fn vanished<'a>(
    now: &'a Snapshot,
    before: Option<&'a Snapshot>,
) -> impl Iterator<Item = State> + 'a {
    before
        .into_iter()
        .flat_map(|before| before.counts.unknown())
        .filter(|state| now.counts.get(*state) == 0)
}

fn change(
    now: &Snapshot,
    before: Option<&Snapshot>,
    count: impl Fn(&Snapshot) -> u64,
) -> Option<i128> {
    before.map(|before| i128::from(count(now)) - i128::from(count(before)))
}

/// The widths of the columns, chosen once for all rows.
struct Table {
    look: Look,
    name: usize,
    sockets: usize,
    changes: bool,
    /// Whether some number may be off.
    spreads: bool,
    /// Whether shares are shown.
    shares: bool,
    /// The longest bar, in columns; 0 for none.
    bar: usize,
    total: u64,
}

/// `+1000000` and the blanks before it.
const CHANGE: usize = 10;
/// `±10000` and the blanks before it.
const SPREAD: usize = 8;

impl Table {
    fn fit(body: &[Row], total: &Row, changes: bool, look: Look) -> Table {
        let name = body.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let name = name.max("ESTABLISHED".len());
        let sockets = total.sockets.to_string().len().max("SOCKETS".len());
        let spreads = total.spread > 0;
        let used = name
            + 2
            + sockets
            + if changes { CHANGE } else { 0 }
            + if spreads { SPREAD } else { 0 };
        let room = look.width.map_or(0, |width| width.saturating_sub(used));
        let bar = room.saturating_sub(SHARE + 2).min(BAR);
        Table {
            look,
            name,
            sockets,
            changes,
            spreads,
            shares: room >= SHARE,
            bar: if bar < SHORTEST_BAR { 0 } else { bar },
            total: total.sockets,
        }
    }

    fn heading(&self, out: &mut impl Write) -> io::Result<()> {
        let style = self.look.heading();
        write!(
            out,
            "{style}{:<name$}  {:>sockets$}",
            "STATE",
            "SOCKETS",
            name = self.name,
            sockets = self.sockets
        )?;
        if self.changes {
            write!(out, "{:>CHANGE$}", "CHANGE")?;
        }
        if self.spreads {
            write!(out, "{:>SPREAD$}", "SPREAD")?;
        }
        if self.shares {
            write!(out, "{:>SHARE$}", "SHARE")?;
        }
        writeln!(out, "{style:#}")
    }

    fn row(&self, out: &mut impl Write, row: &Row) -> io::Result<()> {
        let attention = row.sockets > 0 && row.state.is_some_and(State::deserves_a_look);
        let style = if attention {
            self.look.attention()
        } else {
            anstyle::Style::new()
        };
        write!(out, "{style}")?;
        self.numbers(out, row)?;
        if self.shares {
            write!(out, "{:>SHARE$}", render_share(row.sockets, self.total))?;
        }
        let bar = render_bar(row.sockets, self.total, self.bar, self.look.utf8);
        if self.bar > 0 && !bar.is_empty() {
            write!(out, "  {bar}")?;
        }
        writeln!(out, "{style:#}")
    }

    fn total(&self, out: &mut impl Write, row: &Row, complete: bool) -> io::Result<()> {
        let style = self.look.heading();
        write!(out, "{style}")?;
        self.numbers(out, row)?;
        if !complete {
            write!(out, "  incomplete")?;
        }
        writeln!(out, "{style:#}")
    }

    fn numbers(&self, out: &mut impl Write, row: &Row) -> io::Result<()> {
        write!(
            out,
            "{:<name$}  {:>sockets$}",
            row.name,
            row.sockets,
            name = self.name,
            sockets = self.sockets
        )?;
        match row.change {
            _ if !self.changes => {}
            None => write!(out, "{:>CHANGE$}", "-")?,
            Some(0) => write!(out, "{:>CHANGE$}", 0)?,
            Some(change) => write!(out, "{change:>+CHANGE$}")?,
        }
        match row.spread {
            _ if !self.spreads => Ok(()),
            0 => write!(out, "{:>SPREAD$}", "-"),
            spread => write!(out, "{:>SPREAD$}", format!("±{spread}")),
        }
    }
}

/// The share of a total, in per cent with one digit; it rounds, but never to 0 or 100.
pub(super) fn render_share(sockets: u64, total: u64) -> String {
    if sockets == 0 || total == 0 {
        return "0.0%".to_owned();
    }
    let tenths = (u128::from(sockets) * 1000 + u128::from(total) / 2) / u128::from(total);
    let tenths = match tenths {
        0 => return "<0.1%".to_owned(),
        1000 if sockets < total => 999,
        tenths => tenths,
    };
    format!("{}.{}%", tenths / 10, tenths % 10)
}
