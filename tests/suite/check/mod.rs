//! `tcpstates check`: every status over real sockets, as a monitoring system reads it.

mod answer;
mod groups;
mod incomplete;
mod perfdata;
mod queues;
mod rates;
mod refused;
mod stalled;
mod states;

use crate::program::Ran;

/// The status words of monitoring plugins, by exit status.
const STATUSES: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/// The text and the performance data of a run's first line, after checking the form of its output
/// and that the status word fits the exit status.
#[track_caller]
fn read(ran: &Ran) -> (String, Vec<perfdata::Datum>) {
    assert_eq!(ran.stderr, "", "{ran:?}");
    let (first, long) = ran.stdout.split_once('\n').unwrap();
    assert!(!long.contains('|'), "{ran:?}");
    assert!(long.is_empty() || long.ends_with('\n'), "{ran:?}");
    let (text, data) = first.split_once('|').unwrap_or((first, ""));
    let word = STATUSES[usize::try_from(ran.status).unwrap()];
    let text = text.strip_prefix(&format!("TCPSTATES {word} - "));
    let text = text.unwrap_or_else(|| panic!("{ran:?}")).to_owned();
    (text, perfdata::parse(data))
}

/// The same, after checking the exit status.
#[track_caller]
fn read_as(ran: &Ran, status: i32) -> (String, Vec<perfdata::Datum>) {
    assert_eq!(ran.status, status, "{ran:?}");
    read(ran)
}
