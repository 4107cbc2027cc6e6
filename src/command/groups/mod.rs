//! `tcpstates --by KEYS`: how many sockets are in each state, by group.

mod arrange;
mod sampler;

use super::console::Console;
use super::outcome::{Failure, Outcome, Status};
use super::summary::Summary;
use crate::model::GroupKey;
use crate::output::Style;
pub(super) use arrange::{Arrangement, Labels};
pub(super) use sampler::{GroupSampler, Groups};

/// Counts by these keys.
pub(super) fn run(
    request: &Summary,
    keys: &[GroupKey],
    console: &mut Console,
) -> Result<Outcome, Failure> {
    let mut sampler = GroupSampler::new(&request.target, keys, None)?;
    let repeated = request.repetition.interval.is_some();
    let mut arrangement =
        Arrangement::new(sampler.fields(), sampler.place(), request.top, repeated);
    let mut format = request.presentation.open(Style {
        repeated,
        zeros: request.zeros,
        ..Style::default()
    });
    let status = request.repetition.run(console, |console| {
        let mut sample = sampler.sample()?;
        let grouped = arrangement.arrange(&mut sample, sampler.asked());
        let mut bytes = Vec::new();
        format.write_groups(&mut bytes, &grouped);
        sample.notes.extend(format.note());
        console.log(&sample);
        console.write(&bytes)?;
        Ok(Status::of(&grouped.observation.completeness))
    })?;
    Ok(Outcome::Written(status))
}
