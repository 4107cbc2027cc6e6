//! `--explain`: the parsed filter, and which part of it the kernel evaluates. Runs no query.

use std::fmt::Write as _;

use super::outcome::{Failure, Outcome};
use super::target::Target;
use crate::output::escape;
use crate::source::Observer;

/// A line for each thing, its name first.
pub(super) fn run(target: Target) -> Result<Outcome, Failure> {
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
    for share in observer.explain()? {
        if let Some(ports) = &share.ports {
            line("header", ports);
        }
        for (number, operation) in share.operations().iter().enumerate() {
            line(if number == 0 { "bytecode" } else { "" }, operation);
        }
        line("here", share.here.as_deref().unwrap_or("none"));
    }
    Ok(Outcome::Text(text.into_bytes()))
}
