//! The contents of `/proc/thread-self/net/tcp` and `tcp6`, and waiting until they are as expected.
//!
//! Must not use the program under test. The path through `thread-self` shows the namespace of the
//! reading thread; `/proc/net` shows that of the main thread of its process.

use super::counts::SocketCounts;
use super::state::{Family, State};
use std::fs;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// Longer than any state transition takes; reached only on failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

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
/// After [`DEADLINE`], with the expected and the observed counts.
#[track_caller]
pub(crate) fn wait_for(expected: &SocketCounts) {
    let start = Instant::now();
    loop {
        let observed = read_counts();
        if observed == *expected {
            return;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "the sockets did not become\n{:?}\nbut are\n{:?}",
            expected.by_family_and_state(),
            observed.by_family_and_state()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
