//! `tcpstates`: how many sockets are in each state, once or repeatedly.

use std::num::NonZeroUsize;

use super::console::{Console, Presentation};
use super::outcome::{Failure, Outcome, Status};
use super::repeat::Repetition;
use super::target::Target;
use crate::cli;
use crate::model::GroupKey;
use crate::output::Style;

/// A resolved request for a summary: by state or by group, appended or in place.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) target: Target,
    /// The words of the filter, as typed.
    pub(super) filter: String,
    /// By which keys, where it is grouped.
    pub(super) by: Option<Vec<GroupKey>>,
    /// How many groups are shown one by one.
    pub(super) top: Option<NonZeroUsize>,
    /// Whether the states without sockets are shown too.
    pub(super) zeros: bool,
    pub(super) presentation: Presentation,
    pub(super) repetition: Repetition,
}

impl Summary {
    /// Resolves the options.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn resolve(typed: cli::Summary, console: &mut Console) -> Result<Summary, Failure> {
        let cli::Grouping { by, top } = typed.grouping;
        if top.is_some() && by.is_none() {
            return Err(Failure::Usage(
                "--top needs --by KEYS: without groups there is nothing to cut".to_owned(),
            ));
        }
        Ok(Summary {
            repetition: Repetition::resolve(&typed.repetition)?,
            target: Target::resolve(&typed.selection, &typed.sourcing, &typed.owners)?,
            filter: typed.selection.words.join(" "),
            by: by.map(|keys| keys.0),
            top,
            zeros: typed.zeros,
            presentation: console.present(&typed.presentation),
        })
    }
}

/// Counts by state.
pub(super) fn run(request: &Summary, console: &mut Console) -> Result<Outcome, Failure> {
    request.target.refuse_owner_timeout()?;
    let mut sampler = request.target.sampler(Vec::new())?;
    let mut format = request.presentation.open(Style {
        repeated: request.repetition.interval.is_some(),
        zeros: request.zeros,
        ..Style::default()
    });
    let status = request.repetition.run(console, |console| {
        let sample = sampler.count(false)?;
        console.log(&sample);
        let snapshot = sampler.snapshot(&sample);
        let mut bytes = Vec::new();
        format.write_summary(&mut bytes, &snapshot);
        console.write(&bytes)?;
        Ok(Status::of(&snapshot.observation.completeness))
    })?;
    Ok(Outcome::Written(status))
}
