//! An answer as CSV (RFC 4180): a row a state asked for, so that samples can be appended.

use std::io::{self, Write};

use super::utc_stamp;
use crate::model::Snapshot;

/// Writes the rows of one sample, after a header where it is the first.
///
/// # Errors
/// The writer's.
pub fn write_csv(out: &mut impl Write, snapshot: &Snapshot, header: bool) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    if header {
        rows.write_record(["time", "source", "complete", "state", "sockets", "spread"])?;
    }
    let observation = &snapshot.observation;
    for state in snapshot.states() {
        rows.write_record([
            utc_stamp(observation.time),
            observation.source.name().to_owned(),
            observation.completeness.is_complete().to_string(),
            state.to_string(),
            snapshot.counts.get(state).to_string(),
            snapshot.spread.get(state).to_string(),
        ])?;
    }
    rows.flush()
}
