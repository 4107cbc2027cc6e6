//! Groups below the states: the key, the sum, the change, then the states that occur.
//!
//! The sum is always shown. Where the width is too small, keys are shortened in the middle, then the
//! states with the fewest sockets are left out, then the change.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::panes::{first_around, write_reason};
use super::{Canvas, age_text, split};
use crate::model::screen::{GroupsPane, Place};
use crate::model::{Counts, Group, Grouped, Label, State};
use crate::output::escape;
use crate::output::table::change_text;
use crate::output::text::state_name;
use crate::output::value::label_text;
use crate::output::width::{shorten, text_width};

/// The cells that a shortened key keeps while something else can be left out.
const LEAST_KEY: usize = 16;

/// The blanks between two columns.
const GAP: usize = 2;

/// Draws the rows that fit, around the selected one. Without a cursor, groups for which there is no
/// line are added up in the last one.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, pane: &GroupsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &title(pane), paint.heading());
    if let Some(failure) = pane.failure {
        let failure = escape::line(failure);
        match pane.grouped {
            Some(_) => drop(canvas.write(area, 0, end + 2, &failure, paint.alarm())),
            None => write_reason(canvas, split(area, 1).1, &failure, paint.alarm()),
        }
    }
    let Some(grouped) = pane.grouped else {
        return;
    };
    let columns = Columns::fit(grouped, area.width.into());
    let heading = columns.heading(grouped);
    canvas.write(
        area,
        1,
        0,
        &columns.line(&heading, canvas.paint.utf8),
        paint.heading(),
    );
    let rows = rows(pane, grouped, usize::from(area.height.saturating_sub(2)));
    for (line, (place, row)) in (2..area.height).zip(rows) {
        let text = columns.line(&columns.cells(grouped, &row), canvas.paint.utf8);
        let style = match row {
            Row::Total => paint.heading(),
            Row::Group(_) | Row::Other(..) => Style::new(),
        };
        canvas.write(area, line, 0, &text, style);
        if let Some(place) = place {
            canvas.place(area, line, Place::Row(place));
            if pane.selected == Some(place) {
                canvas.style(area, line, area.width, paint.selected());
            }
        }
    }
}

/// `CLOSE_WAIT by service  3 s old, took 12 ms of CPU time`; with a cursor `CLOSE_WAIT by service, 3 of
/// 214 by total:desc  3 s old, ...`.
fn title(pane: &GroupsPane<'_>) -> String {
    let state = state_name(pane.state, "all");
    let age = match pane.age {
        None if pane.failure.is_some() => String::new(),
        None => "  waiting for the groups".to_owned(),
        Some((age, cpu)) => format!("  {}", age_text(age, cpu)),
    };
    let incomplete = pane
        .grouped
        .is_some_and(|g| !g.observation.completeness.is_complete() || !g.notes.is_empty());
    let incomplete = if incomplete { "  incomplete" } else { "" };
    let others = pane.grouped.and_then(|grouped| grouped.other.as_ref());
    let count = pane.order.len() + others.map_or(0, |_| 1);
    let place = match pane.selected {
        Some(at) if count > 0 => format!(", {} of {count} by {}", at + 1, pane.sort),
        Some(_) | None => String::new(),
    };
    format!("{state} by {}{place}{incomplete}{age}", pane.by)
}

/// A row below the heading.
enum Row<'a> {
    Group(&'a Group),
    /// The number of groups, and their sockets.
    Other(u64, Counts),
    Total,
}

/// The rows for `room` lines, each with its number, if it can be selected.
fn rows<'a>(
    pane: &GroupsPane<'_>,
    grouped: &'a Grouped,
    room: usize,
) -> Vec<(Option<usize>, Row<'a>)> {
    let groups = pane.order.iter().filter_map(|at| grouped.groups.get(*at));
    let groups: Vec<&Group> = groups.collect();
    let other = grouped.other.as_ref();
    let count = groups.len() + usize::from(other.is_some());
    let group = |(at, group): (usize, &&'a Group)| (Some(at), Row::Group(group));
    let own = other.map(|other| {
        let row = Row::Other(other.groups, other.counts.clone());
        (Some(groups.len()), row)
    });
    if count < room {
        let all = groups.iter().enumerate().map(group);
        return all.chain(own).chain([(None, Row::Total)]).collect();
    }
    if let Some(selected) = pane.selected {
        let first = first_around(selected, count, room);
        let all = groups.iter().enumerate().map(group).chain(own);
        return all.skip(first).take(room).collect();
    }
    let shown = room.saturating_sub(1).max(1).min(groups.len());
    // Groups that vanished have nothing to add.
    let hidden = groups
        .iter()
        .skip(shown)
        .filter(|group| group.counts.total() > 0);
    let (mut number, mut counts) = other.map_or((0, Counts::default()), |other| {
        (other.groups, other.counts.clone())
    });
    for group in hidden {
        number += 1;
        counts.add_all(&group.counts);
    }
    let rest = (counts.total() > 0).then_some((None, Row::Other(number, counts)));
    let shown = groups.iter().enumerate().take(shown).map(group);
    shown.chain(rest).collect()
}

/// The columns shown.
struct Columns {
    /// The width of each key.
    keys: Vec<usize>,
    total: usize,
    change: Option<usize>,
    states: Vec<(State, usize)>,
}

impl Columns {
    fn fit(grouped: &Grouped, width: usize) -> Columns {
        let others = grouped.other.as_ref().map_or(0, |other| other.groups);
        let others = format!("OTHER({})", others + grouped.groups.len() as u64);
        let keys = grouped.fields.iter().enumerate().map(|(at, field)| {
            let labels = grouped.groups.iter().filter_map(|group| group.key.get(at));
            let widths = labels.map(|label| text_width(&cell(label)));
            let other = if at == 0 { others.len() } else { 0 };
            widths
                .chain([field.heading().len(), other])
                .max()
                .unwrap_or(0)
        });
        let keys: Vec<usize> = keys.collect();
        let of = |counts: &Counts, state| counts.get(state).to_string().len();
        let states = grouped
            .states()
            .filter(|state| grouped.counts.get(*state) > 0);
        let states = states.map(|state| {
            let heading = state_name(Some(state), "").len();
            (state, of(&grouped.counts, state).max(heading))
        });
        let changes = grouped.groups.iter().map(|group| group.change);
        let changes = changes.chain([grouped.change]);
        let change = changes.map(|change| change_text(change).len());
        let mut columns = Columns {
            keys: keys.iter().map(|width| LEAST_KEY.min(*width)).collect(),
            total: grouped.counts.total().to_string().len().max("TOTAL".len()),
            change: Some(change.max().unwrap_or(0).max("CHANGE".len())),
            states: states.collect(),
        };
        while columns.width() > width {
            let rarest = columns.states.iter().map(|(state, _)| *state);
            match rarest.min_by_key(|state| grouped.counts.get(*state)) {
                Some(rarest) => columns.states.retain(|(state, _)| *state != rarest),
                None if columns.change.is_some() => columns.change = None,
                None => break,
            }
        }
        // Keys have what is left, or give up what is lacking.
        for (at, natural) in keys.into_iter().enumerate() {
            let (spare, lacking) = (width.saturating_sub(columns.width()), columns.width());
            let lacking = lacking.saturating_sub(width);
            if let Some(key) = columns.keys.get_mut(at) {
                *key = (*key + spare).min(natural).saturating_sub(lacking).max(1);
            }
        }
        columns
    }

    /// The cells of a line.
    fn width(&self) -> usize {
        let states = self.states.iter().map(|(_, width)| *width);
        let keys = self.keys.iter().copied();
        let widths = keys.chain([self.total]).chain(self.change).chain(states);
        widths.map(|width| width + GAP).sum::<usize>() - GAP
    }

    fn heading(&self, grouped: &Grouped) -> Vec<String> {
        let keys = grouped.fields.iter().map(|field| field.heading());
        let change = self.change.map(|_| "CHANGE".to_owned());
        let states = self
            .states
            .iter()
            .map(|(state, _)| state_name(Some(*state), ""));
        keys.chain(["TOTAL".to_owned()])
            .chain(change)
            .chain(states)
            .collect()
    }

    fn cells(&self, grouped: &Grouped, row: &Row<'_>) -> Vec<String> {
        let named = |name: String| {
            let others = grouped.fields.iter().skip(1).map(|_| "-".to_owned());
            std::iter::once(name).chain(others).collect()
        };
        let (keys, counts, change): (Vec<String>, _, _) = match row {
            Row::Group(group) => (
                group.key.iter().map(cell).collect(),
                &group.counts,
                group.change,
            ),
            Row::Other(groups, counts) => (named(format!("OTHER({groups})")), counts, None),
            Row::Total => (named("TOTAL".to_owned()), &grouped.counts, grouped.change),
        };
        let change = self.change.map(|_| change_text(change));
        let states = self.states.iter();
        let states = states.map(|(state, _)| counts.get(*state).to_string());
        let total = [counts.total().to_string()];
        keys.into_iter()
            .chain(total)
            .chain(change)
            .chain(states)
            .collect()
    }

    /// Cells as a line: keys to the left and shortened, numbers to the right.
    fn line(&self, cells: &[String], utf8: bool) -> String {
        let states = self.states.iter().map(|(_, width)| *width);
        let numbers = [self.total].into_iter().chain(self.change).chain(states);
        let widths = self.keys.iter().copied().chain(numbers);
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let cell = shorten(cell, width, utf8);
            let blanks = " ".repeat(width.saturating_sub(text_width(&cell)));
            let (before, after) = match at < self.keys.len() {
                true => ("", &*blanks),
                false => (&*blanks, ""),
            };
            line.push_str(&format!("{before}{cell}{after}{:GAP$}", ""));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A key as one word.
fn cell(label: &Label) -> String {
    match label {
        Label::Text(text) => escape::word(text).into_owned(),
        Label::None | Label::Number(_) | Label::Flag(_) => label_text(label, "-"),
    }
}
