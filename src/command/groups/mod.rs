//! `tcpstates --by KEYS`: how many sockets are in each state, by group.

mod arrange;
mod sampler;

use super::console::Console;
use super::outcome::{Failure, Outcome, Status};
use super::summary::Summary;
use crate::model::GroupKey;
use crate::output::Style;
pub(super) use arrange::{Labels, ShownGroups};
pub(super) use sampler::{GroupSampler, Groups};

/// Counts by these keys.
pub(super) fn run(
    request: &Summary,
    keys: &[GroupKey],
    console: &mut Console,
) -> Result<Outcome, Failure> {
    let repeated = request.repetition.interval.is_some();
    let sampler = GroupSampler::new(&request.target, keys, None)?;
    let mut groups = ShownGroups::new(sampler, request.top, repeated);
    let mut format = request.presentation.open(Style {
        repeated,
        zeros: request.zeros,
        ..Style::default()
    });
    let status = request.repetition.run(console, |console| {
        let (mut sample, grouped) = groups.sample()?;
        let mut bytes = Vec::new();
        format.write_groups(&mut bytes, &grouped);
        sample.notes.extend(format.note());
        console.log(&sample);
        console.write(&bytes)?;
        Ok(Status::of(&grouped.observation.completeness))
    })?;
    Ok(Outcome::Written(status))
}
