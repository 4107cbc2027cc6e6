//! The contents of `/proc/thread-self/net/tcp` and `tcp6`, and waiting until they are as expected.
//!
//! Must not use the program under test. The path through `thread-self` shows the namespace of the
//! reading thread; `/proc/net` shows that of the main thread of its process.

use super::counts::SocketCounts;
use super::state::{Family, State};
use crate::wait::{DEADLINE, poll};
use std::fs;
use std::io::ErrorKind;

/// The sockets of this thread's namespace. A missing table counts as empty.
pub(crate) fn read_counts() -> SocketCounts {
    let mut observed = SocketCounts::none();
    for (family, name) in [(Family::V4, "tcp"), (Family::V6, "tcp6")] {
        for state in read_states(name) {
            observed = observed.with(family, state, 1);
        }
    }
    observed
}

fn read_states(name: &str) -> Vec<State> {
    let path = format!("/proc/thread-self/net/{name}");
    let table = match fs::read_to_string(&path) {
        Ok(table) => table,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{path}: {error}"),
    };
    table.lines().skip(1).map(parse_state).collect()
}

/// The fourth column of a row.
fn parse_state(row: &str) -> State {
    row.split_whitespace()
        .nth(3)
        .and_then(|word| u8::from_str_radix(word, 16).ok())
        .and_then(State::from_number)
        .unwrap_or_else(|| panic!("no state in {row:?}"))
}

/// Waits until exactly these sockets exist.
///
/// # Panics
/// After the deadline, with the expected and the observed counts.
#[track_caller]
pub(crate) fn wait_for(expected: &SocketCounts) {
    poll(|| (read_counts() == *expected).then_some(())).unwrap_or_else(|| {
        panic!(
            "after {DEADLINE:?} the sockets are not\n{:?}\nbut\n{:?}",
            expected.by_family_and_state(),
            read_counts().by_family_and_state()
        )
    });
}
