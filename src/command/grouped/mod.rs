//! `tcpstates --by KEYS`: how many sockets are in each state, by group.

mod arrange;
mod sampler;

use std::io::{IsTerminal, Write};

use rustix::fd::AsFd;

use super::failure::Failure;
use super::notes::Notes;
use super::repeat::repeat;
use super::{Status, terminal, write_all};
use crate::cli::{FormatName, Summary};
use crate::model::Key;
use crate::output::{GroupRows, write_groups_csv, write_groups_json, write_groups_table};
pub(super) use arrange::Arrangement;
pub(super) use sampler::{Sample, Sampler};

/// Answers as typed, by these keys.
pub(super) fn run(
    typed: &Summary,
    keys: &[Key],
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    let mut sampler = Sampler::new(&typed.selection, &typed.sourcing, &typed.owning, keys)?;
    let watched = typed.repetition.watch.is_some();
    let mut arrangement = Arrangement::new(sampler.fields(), typed.grouping.top, watched);
    let format = typed.presentation.format();
    let look = terminal::look(out, typed.presentation.color);
    let mut first = true;
    repeat(&typed.repetition, notes, |notes| {
        let sample = sampler.sample(notes)?;
        notes.sample_with(&sample.report, sample.search.as_ref(), sample.took);
        let grouped = arrangement.arrange(sample, sampler.asked());
        for remark in &grouped.remarks {
            notes.remark(remark);
        }
        let mut bytes = Vec::new();
        let rows = GroupRows {
            zeros: typed.zeros,
            repeated: watched,
            first: std::mem::take(&mut first),
        };
        match format {
            FormatName::Json => write_groups_json(&mut bytes, &grouped),
            FormatName::Csv => write_groups_csv(&mut bytes, &grouped, rows.first),
            FormatName::Table => {
                write_groups_table(&mut bytes, &grouped, rows, look).map(|left_out| {
                    if !left_out.is_empty() {
                        let left_out = left_out.join(", ");
                        notes.remark(&format!("no room for the columns {left_out}"));
                    }
                })
            }
        }
        .map_err(Failure::write)?;
        write_all(out, &bytes)?;
        Ok(Status::of(&grouped.observation.completeness))
    })
}
