//! `--explain`: the parsed filter and the plan of an answer. Lists no sockets.

use std::fmt::Write as _;

use super::console::Console;
use super::outcome::{Failure, Status};
use super::target::Target;
use crate::output::escape;
use crate::source::{Need, Observer};

/// Writes one line for each part, its name first.
pub(super) fn run(target: Target, need: Need, console: &mut Console) -> Result<Status, Failure> {
    let observer = Observer::new(target.question, target.sources)?;
    let question = observer.question();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", escape::line(value));
    };
    let filter = question.filter.as_ref().map(ToString::to_string);
    line("filter", filter.as_deref().unwrap_or("none"));
    let states: Vec<String> = question.states.iter().map(|s| s.to_string()).collect();
    line("states", &states.join(" "));
    for (name, value) in observer.plan(need)?.details() {
        line(name, &value);
    }
    console.write(text.as_bytes()).map(|()| Status::Answered)
}
