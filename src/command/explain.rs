//! `--explain`: the filter as it is understood, and who would judge what of it. Asks nobody.

use std::fmt::Write as _;
use std::io::Write;

use super::failure::Failure;
use super::{Status, asking, write_all};
use crate::cli::{Selection, Sourcing};
use crate::output::escape;

/// Prints a line for each thing, its name first.
pub(super) fn run(
    selection: &Selection,
    sourcing: &Sourcing,
    out: &mut impl Write,
) -> Result<Status, Failure> {
    let observer = asking::observer(selection, sourcing, Vec::new())?;
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
    write_all(out, text.as_bytes())?;
    Ok(Status::Answered)
}
