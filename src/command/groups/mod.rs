//! `tcpstates --by KEYS`: how many sockets are in each state, by group.

mod arrange;
mod sampler;

use super::console::{Console, Presentation};
use super::outcome::{Failure, Outcome, Status};
use super::summary::Summary;
use crate::cli::FormatName;
use crate::model::Key;
use crate::output::{GroupRows, write_groups_csv, write_groups_json, write_groups_table};
pub(super) use arrange::{Arrangement, Labels};
pub(super) use sampler::{GroupSampler, Groups};

/// Counts by these keys.
pub(super) fn run(
    request: &Summary,
    keys: &[Key],
    console: &mut Console,
) -> Result<Outcome, Failure> {
    let mut sampler = GroupSampler::new(&request.target, keys, None)?;
    let repeated = request.repetition.interval.is_some();
    let mut arrangement = Arrangement::new(sampler.fields(), request.top, repeated);
    let Presentation { format, look } = request.presentation;
    let mut first = true;
    let status = request.repetition.run(console, |console| {
        let mut sample = sampler.sample()?;
        let grouped = arrangement.arrange(&mut sample, sampler.asked());
        let mut bytes = Vec::new();
        let rows = GroupRows {
            zeros: request.zeros,
            repeated,
            first: std::mem::take(&mut first),
        };
        let left_out = match format {
            FormatName::Json => write_groups_json(&mut bytes, &grouped).map(|()| Vec::new()),
            FormatName::Csv => {
                write_groups_csv(&mut bytes, &grouped, rows.first).map(|()| Vec::new())
            }
            FormatName::Table => write_groups_table(&mut bytes, &grouped, rows, look),
        }
        .map_err(Failure::write)?;
        if !left_out.is_empty() {
            let left_out = left_out.join(", ");
            sample
                .notes
                .push(format!("no room for the columns {left_out}"));
        }
        console.log(&sample);
        console.write(&bytes)?;
        Ok(Status::of(&grouped.observation.completeness))
    })?;
    Ok(Outcome::Written(status))
}
