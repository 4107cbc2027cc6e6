//! The first lines: the host, the record, the interval, the number of sockets; with `-v` the method; the filter.

use ratatui::layout::Rect;

use super::{Canvas, cells};
use crate::model::KindSet;
use crate::model::screen::{Header, Screen, brief};
use crate::output::width::text_width;
use crate::output::{escape, utc_stamp};

/// The blanks between its parts.
const GAP: usize = 2;

/// Draws it. Where the filter has no line of its own, it is in that of the host. Where the line is
/// too short, the time is left out, then the interval, then the host, and the number of sockets last; of
/// a record, the interval, then the number of sockets, then the host, and the time last.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>, has_plan: bool) {
    let header = &screen.header;
    let paint = canvas.paint;
    let filter = match header.filter {
        "" => String::new(),
        filter => format!("filter: {}", escape::line(filter)),
    };
    let filter_line = 1 + u16::from(has_plan);
    let marks = [
        (header.is_paused, "PAUSED"),
        (screen.is_stale, "NO ANSWER"),
        (header.is_incomplete, "INCOMPLETE"),
    ];
    let marks = marks
        .into_iter()
        .filter_map(|(is_on, mark)| is_on.then_some(mark));
    let (total, clock) = (total(screen), clock(header));
    let with_time = [&*total, &*clock].join("  ");
    let (host, with_interval) = hosts(header);
    let has_filter = filter_line >= area.height && !filter.is_empty();
    let name = if has_filter { &filter } else { &with_interval };
    let shorter = if has_filter { &filter } else { &host };
    let marked: usize = marks.clone().map(|mark| mark.len() + GAP).sum();
    let fits = |(left, right): &(&str, &str)| {
        let texts = text_width(left) + marked + text_width(right);
        right.is_empty() || texts + GAP <= usize::from(area.width)
    };
    // Of a record, the time is what matters most.
    let (second, third) = match header.record {
        None => (&*total, &*total),
        Some(_) => (with_time.trim_end(), &*clock),
    };
    let choices = [
        (name.as_str(), with_time.trim_end()),
        (name, second),
        (shorter, second),
        (shorter, third),
        (if has_filter { &filter } else { "tcpstates" }, third),
        (name, ""),
    ];
    let (left, right) = choices.into_iter().find(fits).unwrap_or_default();
    let mut end = canvas.write(area, 0, 0, left, paint.heading());
    for mark in marks {
        end = canvas.write(area, 0, end + cells(GAP), mark, paint.alarm());
    }
    let column = area.width.saturating_sub(cells(text_width(right)));
    canvas.write(area, 0, column, right, paint.heading());
    if has_plan {
        canvas.write(area, 1, 0, &plan(header), paint.faint());
    }
    canvas.write(area, filter_line, 0, &filter, paint.heading());
}

/// The host, with the kinds and the record; and the same with how often samples are shown.
fn hosts(header: &Header<'_>) -> (String, String) {
    let mut host = format!("tcpstates {}", escape::line(header.host));
    if header.kinds != KindSet::TCP {
        host += &format!("  {}", header.kinds.words_typed());
    }
    if let Some(record) = header.record {
        host += &format!(" in {}", escape::line(record));
    }
    let interval = brief(header.interval);
    let with_interval = match (header.record, header.is_paused) {
        (None, _) => format!("{host}  every {interval}"),
        (Some(_), true) => host.clone(),
        (Some(_), false) => format!("{host}  plays, a sample every {interval}"),
    };
    (host, with_interval)
}

/// The number of sockets.
fn total(screen: &Screen<'_>) -> String {
    let total = screen.rows.iter().find(|row| row.state.is_none());
    total.map_or(String::new(), |row| {
        let noun = if row.sockets == 1 {
            "socket"
        } else {
            "sockets"
        };
        format!("{} {noun}", row.sockets)
    })
}

/// The time of the sample; the date is of use in a record only.
fn clock(header: &Header<'_>) -> String {
    header.time.map_or(String::new(), |time| {
        let stamp = utc_stamp(time);
        if header.record.is_some() {
            return format!("{}Z", stamp.split('.').next().unwrap_or_default());
        }
        let clock = stamp.split_once('T').map_or("", |(_, clock)| clock);
        format!("{}Z", clock.split('.').next().unwrap_or_default())
    })
}

/// The cost of the sample, the method used and why.
pub(super) fn plan(header: &Header<'_>) -> String {
    let Some(cost) = header.cost else {
        return "waiting for the first sample".to_owned();
    };
    let (took, listed) = (cost.took.as_secs_f64() * 1e3, cost.listed);
    let derived = match cost.derived {
        0 => String::new(),
        derived => format!(", {derived} derived"),
    };
    let plan = escape::line(header.plan);
    format!("{took:.1} ms, {listed} listed{derived}: {plan}")
}
