//! The first lines: the host, the interval, the number of sockets; with `-v` the method; the filter.

use ratatui::layout::Rect;

use super::Canvas;
use crate::model::screen::{Header, Screen, brief};
use crate::output::{escape, utc_stamp};

/// Draws it. Where the filter has no line of its own, it is in that of the host.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, screen: &Screen<'_>, has_plan: bool) {
    let header = &screen.header;
    let paint = canvas.paint;
    let filter = match header.filter {
        "" => String::new(),
        filter => format!("filter: {}", escape::line(filter)),
    };
    let filter_line = 1 + u16::from(has_plan);
    let left = match filter_line < area.height || filter.is_empty() {
        true => left(header),
        false => filter.clone(),
    };
    let mut marks = canvas.write(area, 0, 0, &left, paint.heading());
    for (is_on, mark) in [
        (header.is_paused, "PAUSED"),
        (screen.is_stale, "NO ANSWER"),
        (header.is_incomplete, "INCOMPLETE"),
    ] {
        if is_on {
            marks = canvas.write(area, 0, marks + 2, mark, paint.alarm());
        }
    }
    let right = right(screen);
    let width = u16::try_from(right.chars().count()).unwrap_or(u16::MAX);
    if let Some(column) = area.width.checked_sub(width).filter(|c| *c >= marks + 2) {
        canvas.write(area, 0, column, &right, paint.heading());
    }
    if has_plan {
        canvas.write(area, 1, 0, &plan(header), paint.faint());
    }
    canvas.write(area, filter_line, 0, &filter, paint.heading());
}

fn left(header: &Header<'_>) -> String {
    let host = escape::line(header.host);
    format!("tcpstates {host}  every {}", brief(header.interval))
}

/// The number of sockets, and the time.
fn right(screen: &Screen<'_>) -> String {
    let total = screen.rows.iter().find(|row| row.state.is_none());
    let total = total.map(|row| format!("{} sockets", row.sockets));
    // The date is of no use here.
    let time = screen.header.time.map(|time| {
        let stamp = utc_stamp(time);
        let clock = stamp.split_once('T').map_or("", |(_, clock)| clock);
        format!("{}Z", clock.split('.').next().unwrap_or_default())
    });
    let parts: Vec<String> = total.into_iter().chain(time).collect();
    parts.join("  ")
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
