//! Groups below the states: the table of `--by`, cut to the lines there are.

use ratatui::layout::Rect;

use super::{Canvas, age_text};
use crate::model::screen::GroupsPane;
use crate::model::{Counts, Grouped, Other};
use crate::output::table::write_group_rows;
use crate::output::{Look, Style, escape};

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, pane: &GroupsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &title(pane), paint.heading());
    if let Some(failure) = pane.failure {
        let failure = escape::line(failure);
        canvas.write(area, 0, end + 2, &failure, paint.alarm());
    }
    let Some(grouped) = pane.grouped else {
        return;
    };
    let table = render(grouped, area, canvas);
    for (line, text) in (1..area.height).zip(table.lines()) {
        let style = if line == 1 {
            paint.heading()
        } else {
            ratatui::style::Style::new()
        };
        canvas.write(area, line, 0, text, style);
    }
}

/// The table, for the lines below the title.
fn render(grouped: &Grouped, area: Rect, canvas: &Canvas<'_>) -> String {
    // The title, the heading and the others take a line each. The total, which comes last, is
    // shown above.
    let room = usize::from(area.height).saturating_sub(3).max(1);
    let style = Style {
        repeated: true,
        look: Look {
            color: false,
            width: Some(area.width.into()),
            utf8: canvas.paint.utf8,
        },
        ..Style::default()
    };
    let mut bytes = Vec::new();
    write_group_rows(&mut bytes, &cut(grouped, room), &style);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first groups; the rest is added up. Groups that vanished have nothing to add.
fn cut(grouped: &Grouped, room: usize) -> Grouped {
    let mut cut = grouped.clone();
    let rest = cut.groups.split_off(cut.groups.len().min(room));
    let rest: Vec<_> = rest.iter().filter(|g| g.counts.total() > 0).collect();
    if !rest.is_empty() {
        let other = cut.other.get_or_insert_with(|| Other {
            groups: 0,
            counts: Counts::default(),
        });
        other.groups += rest.len() as u64;
        rest.iter()
            .for_each(|group| other.counts.add_all(&group.counts));
    }
    cut
}

fn title(pane: &GroupsPane<'_>) -> String {
    let state = pane
        .state
        .map_or("all".to_owned(), |state| state.to_string());
    let age = match pane.age {
        None if pane.failure.is_some() => String::new(),
        None => "  waiting for the groups".to_owned(),
        Some((age, cpu)) => format!("  {}", age_text(age, cpu)),
    };
    let incomplete = pane
        .grouped
        .is_some_and(|g| !g.observation.completeness.is_complete() || !g.notes.is_empty());
    let incomplete = if incomplete { "  incomplete" } else { "" };
    format!("{state} by {}{incomplete}{age}", pane.by)
}
