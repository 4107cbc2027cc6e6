//! Groups below the states, and the sockets of one state in their place.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, age_text};
use crate::model::screen::{GroupsPane, SocketsPane};
use crate::model::{Counts, Grouped, Other};
use crate::output::table::write_group_rows;
use crate::output::text::state_name;
use crate::output::{self, Look, escape};

/// Draws the table of `--by`, cut to the lines there are.
pub(super) fn draw_groups(canvas: &mut Canvas<'_>, area: Rect, pane: &GroupsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &groups_title(pane), paint.heading());
    if let Some(failure) = pane.failure {
        let failure = escape::line(failure);
        canvas.write(area, 0, end + 2, &failure, paint.alarm());
    }
    let Some(grouped) = pane.grouped else {
        return;
    };
    let table = render(grouped, area, canvas);
    for (line, text) in (1..area.height).zip(table.lines()) {
        let style = match line {
            1 => paint.heading(),
            _ => Style::new(),
        };
        canvas.write(area, line, 0, text, style);
    }
}

/// The table, for the lines below the title.
fn render(grouped: &Grouped, area: Rect, canvas: &Canvas<'_>) -> String {
    // The title, the heading and the others take a line each. The total, which comes last, is
    // shown above.
    let room = usize::from(area.height).saturating_sub(3).max(1);
    let style = output::Style {
        repeated: true,
        look: Look {
            color: false,
            width: Some(area.width.into()),
            height: None,
            utf8: canvas.paint.utf8,
        },
        ..output::Style::default()
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
        let counts = Counts::default();
        let other = cut.other.get_or_insert(Other { groups: 0, counts });
        other.groups += rest.len() as u64;
        rest.iter()
            .for_each(|group| other.counts.add_all(&group.counts));
    }
    cut
}

fn groups_title(pane: &GroupsPane<'_>) -> String {
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
    format!("{state} by {}{incomplete}{age}", pane.by)
}

/// Draws the sockets of one state, around the selected one.
pub(super) fn draw_sockets(canvas: &mut Canvas<'_>, area: Rect, pane: &SocketsPane<'_>) {
    let paint = canvas.paint;
    let end = canvas.write(area, 0, 0, &sockets_title(pane), paint.heading());
    let note = escape::line(&pane.note);
    canvas.write(area, 0, end + 2, &note, paint.warning());
    canvas.write(area, 1, 0, pane.heading, paint.heading());
    let room = usize::from(area.height.saturating_sub(2));
    // The selected line is in the middle, except near the ends.
    let first = pane.selected.saturating_sub(room / 2);
    let first = first.min(pane.lines.len().saturating_sub(room));
    let shown = pane.lines.iter().enumerate().skip(first).take(room);
    for (line, (number, text)) in (2..).zip(shown) {
        canvas.write(area, line, 0, text, Style::new());
        if number == pane.selected {
            canvas.style(area, line, area.width, paint.selected());
        }
    }
}

/// `the first 10000 CLOSE_WAIT sockets by send-queue:desc, 3 s old`.
fn sockets_title(pane: &SocketsPane<'_>) -> String {
    let what = match pane.state {
        None => "sockets".to_owned(),
        Some(state) => format!("{state} sockets"),
    };
    let Some((age, cpu)) = pane.age else {
        return format!("{what} by {}: waiting for the list", pane.sort);
    };
    let count = pane.lines.len();
    let first = if pane.is_cut { "only the first " } else { "" };
    let age = age_text(age, cpu);
    format!("{first}{count} {what} by {}  {age}", pane.sort)
}
