//! The thread that applies the rules of `doctor` which need no more than the view samples anyway.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::{Event, Events};
use crate::command::clock::cpu_time;
use crate::command::doctor::{found_in_record, glance};
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::model::Finding;

/// The time between the two samples of the rules.
const WINDOW: Duration = Duration::from_secs(1);

/// The shortest time between two examinations.
const LEAST: Duration = Duration::from_secs(5);

/// How many times its CPU time passes between two: a fiftieth of a core, so that the view with all its
/// threads stays below a tenth.
const SHARE: u32 = 50;

/// The sockets to examine.
pub(super) struct Examined {
    pub(super) target: Target,
    /// The filter as typed.
    pub(super) words: String,
    /// Its number.
    pub(super) filter: u64,
}

impl Examined {
    /// The sockets of a target, with its filter as typed and the number of that filter.
    pub(super) fn new(target: &Target, words: String, filter: u64) -> Examined {
        Examined {
            target: target.clone(),
            words,
            filter,
        }
    }
}

/// Examines the sockets requested last until the other end of one of its channels is gone.
pub(super) fn run(events: &Events, requests: &Receiver<Examined>) {
    let Ok(mut request) = requests.recv() else {
        return;
    };
    loop {
        let (begin, cpu) = (Instant::now(), cpu_time());
        // That samples fail is reported with the counts.
        if let Ok(found) = examine(&request)
            && !events.send(Event::Findings(request.filter, found))
        {
            return;
        }
        let cpu = cpu_time().saturating_sub(cpu);
        let pause = match request.target.sources.record() {
            None => LEAST.max(cpu.saturating_mul(SHARE)),
            // Nothing changes there.
            Some(_) => Duration::MAX,
        };
        match requests.recv_timeout(pause.saturating_sub(begin.elapsed())) {
            Ok(other) => request = requests.try_iter().last().unwrap_or(other),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What is wrong; `None` where the rules are not about such sockets.
fn examine(request: &Examined) -> Result<Option<Vec<Finding>>, Failure> {
    match request.target.sources.record() {
        None => glance(&request.target, &request.words, WINDOW),
        Some(record) if record.counted().is_some() => Ok(None),
        Some(record) => found_in_record(&request.target, record).map(Some),
    }
}
