//! Traced connections as CSV (RFC 4180): a header, then a row for each.

use std::io;
use std::time::Duration;

use super::RowStyle;
use super::words::error_name;
use crate::model::InetEnds;
use crate::model::trace::{Connection, Evidence, FirstClose, Shape, Side, Story, Task, Transition};
use crate::output::utc_stamp;

/// Rows of one kind.
#[derive(Clone, Copy, Debug)]
pub struct CsvTrace {
    has_header: bool,
}

const ENDS: [&str; 5] = [
    "family",
    "local_addr",
    "local_port",
    "remote_addr",
    "remote_port",
];

impl CsvTrace {
    /// Begins with a header unless `no_header`.
    pub fn new(no_header: bool) -> CsvTrace {
        CsvTrace {
            has_header: no_header,
        }
    }

    /// Appends a transition.
    ///
    /// # Errors
    /// The writer's; a vector has none.
    pub fn transition(
        &mut self,
        out: &mut Vec<u8>,
        row: &Transition,
        style: RowStyle,
    ) -> io::Result<()> {
        let further = ["from", "to", "duration_us", "pid", "process", "error"];
        self.header(out, &further, style)?;
        let mut fields = start(
            utc_stamp(style.clock.at(row.time_ns)),
            row.cookie,
            &row.ends,
        );
        fields.extend([row.from.to_string(), row.to.to_string(), micros(row.after)]);
        fields.extend(task(row.by.as_ref()));
        fields.push(row.error.map_or(String::new(), error_name));
        fields.extend(netns(style, row.netns));
        write(out, &fields)
    }

    /// Appends a connection that has ended.
    ///
    /// # Errors
    /// The writer's; a vector has none.
    pub fn connection(
        &mut self,
        out: &mut Vec<u8>,
        row: &Connection,
        style: RowStyle,
    ) -> io::Result<()> {
        let further = [
            "opened",
            "lifetime_us",
            "first_close",
            "shape",
            "bytes_sent",
            "bytes_received",
            "segments_sent",
            "segments_received",
            "total_retrans",
            "rtt_us",
            "pid",
            "process",
            "error",
        ];
        self.header(out, &further, style)?;
        let counters = &row.counters;
        let mut fields = start(
            utc_stamp(style.clock.at(row.ended_ns)),
            row.cookie,
            &row.ends,
        );
        fields.extend([
            row.opened.name().unwrap_or_default().to_owned(),
            micros(row.lifetime()),
            row.first_close().map_or("", FirstClose::name).to_owned(),
            row.shape().map_or("", Shape::name).to_owned(),
            counters.bytes_sent.to_string(),
            row.bytes_received()
                .map_or(String::new(), |bytes| bytes.to_string()),
            counters.segments_out.to_string(),
            counters.segments_in.to_string(),
            counters.total_retrans.to_string(),
            counters.rtt_us.to_string(),
        ]);
        fields.extend(task(row.closed_by.as_ref().or(row.opened_by.as_ref())));
        fields.push(row.error.map_or(String::new(), error_name));
        fields.extend(netns(style, row.netns));
        write(out, &fields)
    }

    /// Appends a close, seen from the end that closed first where that was traced.
    ///
    /// # Errors
    /// The writer's; a vector has none.
    pub fn close(&mut self, out: &mut Vec<u8>, story: &Story, style: RowStyle) -> io::Result<()> {
        let further = [
            "first_close",
            "shape",
            "evidence",
            "pid",
            "process",
            "other_pid",
            "other_process",
            "reset_by",
            "reset_reason",
        ];
        self.header(out, &further, style)?;
        let first = &story.first;
        let mut fields = start(
            utc_stamp(style.clock.at(first.ended_ns)),
            first.cookie,
            &first.ends,
        );
        fields.extend([
            story.first_close().map_or("", FirstClose::name).to_owned(),
            story.shape().map_or("", Shape::name).to_owned(),
            story.evidence().map_or("", Evidence::name).to_owned(),
        ]);
        fields.extend(task(first.closed_by.as_ref()));
        let other = story
            .other
            .as_ref()
            .and_then(|other| other.closed_by.as_ref());
        fields.extend(task(other));
        let reset = first.close.as_ref().and_then(|close| close.reset);
        let by = story.reset_by().map_or("", Side::name);
        let reason = reset.and_then(|reset| reset.reason);
        fields.push(by.to_owned());
        fields.push(reason.map_or(String::new(), |reason| reason.key()));
        fields.extend(netns(style, first.netns));
        write(out, &fields)
    }

    fn header(&mut self, out: &mut Vec<u8>, further: &[&str], style: RowStyle) -> io::Result<()> {
        if std::mem::replace(&mut self.has_header, true) {
            return Ok(());
        }
        let usual = ["time", "cookie"].into_iter().chain(ENDS);
        let netns = style.with_netns.then_some("netns_inode");
        let names = usual.chain(further.iter().copied()).chain(netns);
        let names: Vec<String> = names.map(str::to_owned).collect();
        write(out, &names)
    }
}

/// The last field of rows that name their network namespace.
fn netns(style: RowStyle, inode: u32) -> Option<String> {
    style.with_netns.then(|| inode.to_string())
}

fn start(stamp: String, cookie: u64, ends: &InetEnds) -> Vec<String> {
    vec![
        stamp,
        format!("{cookie:x}"),
        ends.class().name().to_owned(),
        ends.local.ip().to_string(),
        ends.local.port().to_string(),
        ends.remote.ip().to_string(),
        ends.remote.port().to_string(),
    ]
}

fn task(task: Option<&Task>) -> [String; 2] {
    task.map_or_else(Default::default, |task| [task.pid.to_string(), task.text()])
}

fn micros(duration: Option<Duration>) -> String {
    duration.map_or(String::new(), |duration| {
        format!(
            "{}.{:03}",
            duration.as_micros(),
            duration.subsec_nanos() % 1_000
        )
    })
}

fn write(out: &mut Vec<u8>, fields: &[String]) -> io::Result<()> {
    crate::output::csv::write_row(out, fields.iter().cloned());
    Ok(())
}
