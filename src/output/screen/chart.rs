//! The history of one state as a chart: a column a sample, the newest to the right.

use ratatui::layout::Rect;

use super::{Canvas, ramp};
use crate::model::screen::Chart;
use crate::output::utc_stamp;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, chart: &Chart) {
    let paint = canvas.paint;
    let state = chart
        .state
        .map_or("all".to_owned(), |state| state.to_string());
    let all = &chart.numbers;
    let labels = all.iter().max().map_or(1, |most| most.to_string().len()) + 1;
    let width = usize::from(area.width).saturating_sub(labels);
    let shown = all
        .get(all.len().saturating_sub(width)..)
        .unwrap_or_default();
    let title = match chart.span {
        Some((_, last)) => format!(
            "history of {state}, the last {} samples, to {}",
            shown.len(),
            utc_stamp(last)
        ),
        None => format!("history of {state}"),
    };
    canvas.write(area, 0, 0, &title, paint.heading());
    let height = area.height.saturating_sub(1);
    if shown.is_empty() || height == 0 {
        return;
    }
    let scale = ramp::Scale::of(shown);
    for (line, number) in [(1, scale.high), (height, scale.low)] {
        let label = format!("{number:>width$}", width = labels - 1);
        canvas.write(area, line, 0, &label, paint.faint());
    }
    for line in 0..height {
        // Eighths below this line.
        let below = usize::from(height - 1 - line) * 8;
        let cells = shown.iter().map(|number| {
            let filled = scale.steps(*number, usize::from(height) * 8);
            ramp::cell(filled.saturating_sub(below).min(8), paint.utf8)
        });
        let text: String = cells.collect();
        let column = u16::try_from(labels).unwrap_or(u16::MAX);
        canvas.write(area, line + 1, column, &text, paint.bar());
    }
}
