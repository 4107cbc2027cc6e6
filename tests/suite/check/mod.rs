//! `tcpstates check`: every status over real sockets, as a monitoring system reads it.

mod answer;
mod groups;
mod incomplete;
mod perfdata;
mod quantities;
mod queues;
mod rates;
mod receive_queue;
mod refused;
mod stalled;
mod states;
mod waiting;

use crate::program::Ran;

/// The status words of monitoring plugins, by exit status.
const STATUSES: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/// What every OK says that it is about.
const EXAMINED: &str = " of this network namespace";

/// How the text ends where there is no threshold.
const NOT_JUDGED: &str = " of this network namespace; no threshold given: nothing was judged";

/// The text and the performance data of a run's first line, after checking the form of its output,
/// that the status word fits the exit status, and that OK names what was examined, which is left out
/// of the text.
#[track_caller]
fn read(ran: &Ran) -> (String, Vec<perfdata::Datum>) {
    assert_eq!(ran.stderr, "", "{ran:?}");
    let (first, long) = ran.stdout.split_once('\n').unwrap();
    assert!(!long.contains('|'), "{ran:?}");
    assert!(long.is_empty() || long.ends_with('\n'), "{ran:?}");
    let (text, data) = first.split_once('|').unwrap_or((first, ""));
    let word = STATUSES[usize::try_from(ran.status).unwrap()];
    let text = text.strip_prefix(&format!("TCPSTATES {word} - "));
    let mut text = text.unwrap_or_else(|| panic!("{ran:?}"));
    if ran.status == 0 {
        let (judged, examined) = text.rsplit_once("; ").unwrap_or(("", text));
        let (count, selected) = examined.split_once(EXAMINED).unwrap_or_default();
        let is_selected = selected.starts_with(" selected by `") && selected.ends_with('`');
        let is_named = count.contains(" TCP socket") && (selected.is_empty() || is_selected);
        assert!(
            is_named || text.ends_with("; no threshold given: nothing was judged"),
            "{ran:?}"
        );
        text = if is_named { judged } else { text };
    }
    (text.to_owned(), perfdata::parse(data))
}

/// The same, after checking the exit status.
#[track_caller]
fn read_as(ran: &Ran, status: i32) -> (String, Vec<perfdata::Datum>) {
    assert_eq!(ran.status, status, "{ran:?}");
    read(ran)
}
