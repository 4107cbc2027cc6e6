//! The line over a whole record: the numbers of a state over time, the moments with findings, where the
//! recorder was started anew or the clock set back, and where the view is.
//!
//! A column stands for the same time everywhere, except that nothing is drawn for the time between two runs
//! of the recorder.

use std::time::{Duration, SystemTime};

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::history::{Scale, cell};
use super::{Canvas, cells};
use crate::model::screen::TimelineBar;
use crate::model::{Position, Timeline};
use crate::output::utc_stamp;
use crate::output::width::text_width;

/// The line of numbers has at least this many columns, or no times beside it.
const LEAST: usize = 12;

/// Samples have a gap between them that are farther apart than this number of usual intervals.
const GAP: u32 = 3;

/// What is in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Column {
    /// The largest number of its samples, or of the last one before it.
    number: Option<u64>,
    /// Whether no sample was taken for longer than usual.
    is_gap: bool,
    /// Whether the time before is unknown.
    is_break: bool,
    is_mark: bool,
    is_here: bool,
}

/// Draws it into the first line of an area.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, bar: &TimelineBar<'_>) {
    let paint = canvas.paint;
    let (begin, end) = ends(bar.timeline, area.width.into());
    let labels = text_width(&begin) + text_width(&end);
    let blanks = 2 * usize::from(!begin.is_empty());
    let width = usize::from(area.width).saturating_sub(labels + blanks);
    let columns = columns(bar, width);
    let numbers: Vec<u64> = columns.iter().filter_map(|one| one.number).collect();
    let scale = Scale::of(&numbers);
    canvas.write(area, 0, 0, &begin, paint.faint());
    let left = cells(usize::from(area.width) - width - text_width(&end))
        .saturating_sub(u16::from(!end.is_empty()));
    for (at, column) in columns.iter().enumerate() {
        let (sign, style) = match column {
            Column { is_here: true, .. } => {
                let style = match column.is_mark {
                    true => paint.alarm(),
                    false => paint.heading(),
                };
                (paint.here().to_owned(), style.patch(paint.selected()))
            }
            Column { is_mark: true, .. } => ("!".to_owned(), paint.alarm()),
            Column { is_break: true, .. } => (paint.anew().to_owned(), paint.heading()),
            Column {
                number: Some(number),
                ..
            } => {
                let sign = cell(scale.steps(*number, 8), paint.utf8);
                (sign.to_string(), paint.bar())
            }
            Column { is_gap: true, .. } => (paint.no_sample().to_owned(), paint.faint()),
            Column { .. } => (" ".to_owned(), Style::new()),
        };
        canvas.write(area, 0, left + cells(at), &sign, style);
    }
    let right = area.width.saturating_sub(cells(text_width(&end)));
    canvas.write(area, 0, right, &end, paint.faint());
}

/// The times at both ends, as far as there is room: with the date where the days differ.
fn ends(timeline: &Timeline, width: usize) -> (String, String) {
    let (Some(first), Some(last)) = (timeline.parts.first(), timeline.parts.last()) else {
        return (String::new(), String::new());
    };
    let (first, last) = (utc_stamp(first.stretch.first), utc_stamp(last.stretch.last));
    let is_one_day = first.get(..10) == last.get(..10);
    let forms = match is_one_day {
        true => [11..19, 11..16],
        false => [5..16, 5..10],
    };
    let parts = forms.map(|form| (first.get(form.clone()), last.get(form)));
    let fits = |(begin, end): &(Option<&str>, Option<&str>)| {
        let length = begin.map_or(0, str::len) + end.map_or(0, str::len);
        width >= length + 2 + LEAST
    };
    let found = parts.into_iter().find(fits);
    let (begin, end) = found.unwrap_or_default();
    let text = |text: Option<&str>| text.unwrap_or_default().replace('T', " ");
    (text(begin), text(end))
}

/// Where the parts of a record begin on the line.
struct Layout {
    begins: Vec<Duration>,
    total: Duration,
    width: usize,
}

impl Layout {
    fn of(timeline: &Timeline, width: usize) -> Layout {
        let mut layout = Layout {
            begins: Vec::new(),
            total: Duration::ZERO,
            width,
        };
        let mut before: Option<SystemTime> = None;
        for (number, part) in timeline.parts.iter().enumerate() {
            let gap = before.filter(|_| !timeline.is_break(number));
            let gap = gap.and_then(|before| part.stretch.first.duration_since(before).ok());
            layout.total = layout.total.saturating_add(gap.unwrap_or_default());
            layout.begins.push(layout.total);
            layout.total = layout.total.saturating_add(part.duration());
            before = Some(part.stretch.last);
        }
        layout
    }

    fn column(&self, timeline: &Timeline, part: usize, time: SystemTime) -> usize {
        let first = timeline.parts.get(part).map(|part| part.stretch.first);
        let since = first.and_then(|first| time.duration_since(first).ok());
        let begin = self.begins.get(part).copied().unwrap_or_default();
        let since = begin.saturating_add(since.unwrap_or_default());
        let last = self.width.saturating_sub(1);
        let total = self.total.as_millis().max(1);
        let column = since.as_millis().saturating_mul(last as u128) / total;
        usize::try_from(column).unwrap_or(last).min(last)
    }
}

/// The time between two samples, as it is on average within a part; `None` if no part has two.
fn usual_step(timeline: &Timeline) -> Option<Duration> {
    let mut steps = 0;
    let mut time = Duration::ZERO;
    for part in timeline.parts.iter().filter(|part| part.len() > 1) {
        steps += part.len() - 1;
        time = time.saturating_add(part.duration());
    }
    time.checked_div(u32::try_from(steps).unwrap_or(u32::MAX))
}

fn columns(bar: &TimelineBar<'_>, width: usize) -> Vec<Column> {
    let timeline = bar.timeline;
    let layout = Layout::of(timeline, width);
    let step = usual_step(timeline);
    let mut columns = vec![Column::default(); width];
    // The last sample, its column and its number.
    let mut last: Option<(SystemTime, usize, u64)> = None;
    for (number, part) in timeline.parts.iter().enumerate() {
        let begin = layout.column(timeline, number, part.stretch.first);
        if let Some(column) = columns.get_mut(begin) {
            column.is_mark |= part.is_mark();
            column.is_break |= timeline.is_break(number);
        }
        let Some(ticks) = &part.ticks else {
            last = None;
            continue;
        };
        last = last.filter(|_| !timeline.is_break(number));
        let counted = ticks.times.iter().enumerate();
        for (tick, time) in counted.filter(|_| ticks.are_counted) {
            let at = layout.column(timeline, number, *time);
            let sockets = ticks.number(tick, bar.state);
            if let Some((before, from, sockets)) = last {
                let apart = time.duration_since(before).unwrap_or_default();
                let is_gap = step.is_some_and(|step| apart > step.saturating_mul(GAP));
                let between = columns.get_mut(from + 1..at).unwrap_or_default();
                for column in between {
                    column.is_gap = is_gap;
                    column.number = Some(sockets).filter(|_| !is_gap);
                }
            }
            if let Some(column) = columns.get_mut(at) {
                column.number = column.number.max(Some(sockets));
            }
            last = Some((*time, at, sockets));
        }
    }
    let Position { part, .. } = bar.at;
    if let Some(time) = timeline.time(bar.at) {
        let at = layout.column(timeline, part, time);
        if let Some(column) = columns.get_mut(at) {
            column.is_here = true;
        }
    }
    columns
}
