//! What is wrong, in place of the states: a line for each finding, and the selected one below.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Canvas;
use crate::model::screen::{FindingsPane, Place};
use crate::model::{Finding, Severity, counted};
use crate::output::doctor::wrap;
use crate::output::escape;

/// The column at which text begins, after a label.
const INDENT: u16 = 12;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, pane: &FindingsPane<'_>) {
    let paint = canvas.paint;
    let count = counted(pane.findings.len() as u64, "finding", "findings");
    let title = match (pane.not_examined, pane.is_recorded) {
        (Some(why), _) => why.to_owned(),
        (None, true) => format!("{count} of all rules at this moment"),
        (None, false) => {
            format!("{count} without ESTABLISHED and TIME_WAIT; tcpstates doctor examines all")
        }
    };
    canvas.write(area, 0, 0, &title, paint.heading());
    // Half of the lines for the list, around the selected one.
    let room = usize::from(area.height / 2).max(1);
    let first = pane.selected.saturating_sub(room - 1);
    let mut line = 1;
    for (number, finding) in pane.findings.iter().enumerate().skip(first).take(room) {
        let style = match finding.severity {
            Severity::Info => Style::new(),
            Severity::Warning => paint.warning(),
            Severity::Critical => paint.alarm(),
        };
        canvas.write(area, line, 0, finding.severity.name(), style);
        canvas.write(area, line, INDENT, &escape::line(&finding.title), style);
        canvas.place(area, line, Place::Row(number));
        if number == pane.selected {
            canvas.style(area, line, area.width, paint.selected());
        }
        line += 1;
    }
    if let Some(finding) = pane.findings.get(pane.selected) {
        draw_one(canvas, area, line + 1, finding);
    }
}

/// The network namespace where there are several, the evidence, the reason and the remedy, as far as there
/// is room.
fn draw_one(canvas: &mut Canvas<'_>, area: Rect, mut line: u16, finding: &Finding) {
    let width = usize::from(area.width.saturating_sub(INDENT));
    let netns = finding.netns.iter().map(|name| ("netns", name.as_str()));
    let evidence = finding
        .evidence
        .iter()
        .map(|text| ("evidence", text.as_str()));
    let remedy = finding.remedy.iter().map(|text| ("do", text.as_str()));
    let why = [("why", finding.why)];
    let mut last = "";
    for (label, text) in netns.chain(evidence).chain(why).chain(remedy) {
        for piece in wrap(&escape::line(text), Some(width)) {
            if label != last {
                canvas.write(area, line, 2, label, Style::new());
                last = label;
            }
            canvas.write(area, line, INDENT, &piece, Style::new());
            line += 1;
        }
    }
}
