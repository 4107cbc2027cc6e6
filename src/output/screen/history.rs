//! The history of a state: as a chart, or as one line. A column for each sample, the newest to the
//! right.
//!
//! A line is scaled between the smallest and the largest number shown; but over a range of at least a tenth
//! of the largest, so that small changes look small, and a constant is in the middle.

use ratatui::layout::Rect;

use super::{Canvas, cells};
use crate::model::screen::Chart;
use crate::output::text::state_name;
use crate::output::utc_stamp;

/// Eighths of a column, from one to eight.
const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same, roughly, in ASCII.
const ASCII: [char; 8] = ['_', '.', '-', ':', '=', '+', '*', '#'];

/// A scale for some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// Where the columns begin.
    low: u64,
    /// Where they end.
    high: u64,
}

impl Scale {
    pub(super) fn of(numbers: &[u64]) -> Scale {
        let high = numbers.iter().copied().max().unwrap_or(0);
        let low = numbers.iter().copied().min().unwrap_or(0);
        let lacking = (high / 10).max(2).saturating_sub(high - low);
        Scale {
            low: low.saturating_sub(lacking / 2),
            high: high.saturating_add(lacking.div_ceil(2)),
        }
    }

    /// How many of `steps` a number fills; only 0 fills none.
    pub(super) fn steps(self, number: u64, steps: usize) -> usize {
        let above = u128::from(number.saturating_sub(self.low));
        let range = u128::from((self.high - self.low).max(1));
        let filled = (above * steps as u128).div_ceil(range);
        let filled = usize::try_from(filled).unwrap_or(steps).min(steps);
        if number == 0 { 0 } else { filled.max(1) }
    }
}

/// One cell of a column, by how many eighths of it are filled, from none.
pub(super) fn cell(eighths: usize, utf8: bool) -> char {
    let ramp = if utf8 { &EIGHTHS } else { &ASCII };
    let filled = eighths.checked_sub(1).and_then(|at| ramp.get(at.min(7)));
    filled.copied().unwrap_or(' ')
}

/// The newest numbers, no more than `width`.
fn last(numbers: &[u64], width: usize) -> &[u64] {
    let first = numbers.len().saturating_sub(width);
    numbers.get(first..).unwrap_or_default()
}

/// The last numbers as one line of at most `width` columns, a number a column.
pub(super) fn line(numbers: &[u64], width: usize, utf8: bool) -> String {
    let shown = last(numbers, width);
    let scale = Scale::of(shown);
    let cells = shown
        .iter()
        .map(|number| cell(scale.steps(*number, 8), utf8));
    cells.collect()
}

/// The columns between two times of the axis: more than a time takes.
const TICK: usize = 12;

/// Draws the chart, from zero to the largest number shown, over an axis with the times of samples.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, chart: &Chart) {
    let paint = canvas.paint;
    let state = state_name(chart.state, "all");
    let all = &chart.numbers;
    let most = all.iter().map(|(_, number)| *number).max();
    let labels = most.map_or(1, |most| most.to_string().len()) + 1;
    let room = usize::from(area.width).saturating_sub(labels);
    let shown = all
        .get(all.len().saturating_sub(room)..)
        .unwrap_or_default();
    let title = match shown.len() {
        0 => format!("history of {state}"),
        count => format!("history of {state}, the last {count} samples, UTC"),
    };
    canvas.write(area, 0, 0, &title, paint.heading());
    let height = area.height.saturating_sub(2);
    if shown.is_empty() || height == 0 {
        return;
    }
    let high = shown.iter().map(|(_, number)| *number).max().unwrap_or(0);
    let scale = Scale {
        low: 0,
        high: high.max(1),
    };
    let left = cells(labels);
    for (line, number) in [(1, scale.high), (height + 1, 0)] {
        let label = format!("{number:>width$}", width = labels - 1);
        canvas.write(area, line, 0, &label, paint.faint());
    }
    for line in 0..height {
        // Eighths below this line.
        let below = usize::from(height - 1 - line) * 8;
        let cells = shown.iter().map(|(_, number)| {
            let filled = scale.steps(*number, usize::from(height) * 8);
            cell(filled.saturating_sub(below).min(8), paint.utf8)
        });
        let text: String = cells.collect();
        canvas.write(area, line + 1, left, &text, paint.bar());
    }
    for (at, (time, _)) in shown.iter().enumerate().step_by(TICK) {
        let stamp = utc_stamp(*time);
        let label = format!("|{}", stamp.get(11..19).unwrap_or_default());
        // A part of a time would look like another one.
        if labels + at + label.len() <= usize::from(area.width) {
            canvas.write(area, height + 1, cells(labels + at), &label, paint.faint());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_from_the_smallest_to_the_largest_and_only_nothing_is_blank() {
        assert_eq!(line(&[0, 1, 4, 8], 8, true), " ▁▄█");
        assert_eq!(line(&[0, 1, 4, 8], 2, true), "▁█");
        assert_eq!(line(&[0, 1, 4, 8], 8, false), " _:#");
        assert_eq!(line(&[], 8, true), "");
        assert_eq!(line(&[0, 0], 8, true), "  ");
        assert_eq!(line(&[1, 1, 700], 2, true), "▁█");
    }

    #[test]
    fn small_changes_look_small() {
        assert_eq!(line(&[1000, 1002, 1000], 8, true), "▄▅▄");
        assert_eq!(line(&[4, 4], 8, true), "▄▄");
        assert_eq!(line(&[1, 1], 8, true), "▄▄");
        assert_eq!(line(&[1000, 900, 1000], 8, true), "█▁█");
        let scale = Scale::of(&[u64::MAX, 0]);
        assert_eq!(scale.steps(u64::MAX, 8), 8);
    }
}
