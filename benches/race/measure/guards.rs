//! How the program judged its derived counts while the table moved: by its own JSON, not by time.

use serde_json::Value;

use super::pipeline::{self, Tape};
use crate::racer::{Racer, Runner, TCPSTATES};

const OBSERVATIONS: u32 = 11;

/// Asks the program several times and notes how often it derived, and how often it listed.
pub(crate) fn observe(racers: &[Racer], tape: &mut Tape, notes: &mut Vec<String>) {
    let program = racers.iter().find(|racer| racer.name == TCPSTATES);
    let Some(Runner::Pipeline(stages)) = program
        .and_then(|racer| racer.check.as_ref())
        .map(|check| &check.runner)
    else {
        return;
    };
    let (mut listed, mut exact, mut spread) = (0, 0, 0);
    for _ in 0..OBSERVATIONS {
        let answer = pipeline::run(stages, Some(tape)).and_then(|_| tape.text());
        let Some(answer) = answer
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
        else {
            continue;
        };
        let derived = answer.get("source").and_then(Value::as_str) == Some("netlink+counters");
        match (derived, answer.get("spread")) {
            (false, _) => listed += 1,
            (true, None) => exact += 1,
            (true, Some(_)) => spread += 1,
        }
    }
    notes.push(format!(
        "of {OBSERVATIONS} answers by `tcpstates`, {listed} were listed, \
         {spread} derived with a spread, {exact} derived exactly"
    ));
}
