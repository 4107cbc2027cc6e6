//! `check`: every status on purpose, over real sockets; what monitoring reads of it.

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

/// The words of the monitoring plugins by their exit status.
const STATUSES: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/// What a run prints, after checking that it has the form that monitoring reads, and that word and
/// status say the same: the text of the first line, and its performance data.
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

/// The same, after checking the status.
#[track_caller]
fn read_as(ran: &Ran, status: i32) -> (String, Vec<perfdata::Datum>) {
    assert_eq!(ran.status, status, "{ran:?}");
    read(ran)
}
