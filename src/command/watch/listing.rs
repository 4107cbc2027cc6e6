//! The sockets of one state as lines of a table, the first of some order.

use std::num::NonZeroUsize;

use crate::command::list::list_style;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::live::Listing;
use crate::model::{Field, SortKey};
use crate::output::{Format, Look, Style, Table};
use crate::owner::Seek;
use crate::source::Report;
use crate::tally::TopN;

/// So many sockets are shown at most: more than anybody scrolls through.
const MOST: usize = 10_000;

/// Lists the sockets of `target` in this order, as lines for `width` columns.
pub(super) fn list(target: &Target, sort: SortKey, width: usize) -> Result<Listing, Failure> {
    let fields = vec![Field::Process, sort.field];
    let mut search = target.owner_search(&fields, Seek::EveryHolder)?;
    let mut names = HostNames::of(target.sources.place());
    let mut sampler = target.sampler(fields.clone())?;
    let sample = sampler.sample(|observer, _| {
        let mut top = TopN::new(&[sort], NonZeroUsize::new(MOST + 1), &fields);
        let mut report = observer.list(&mut top)?;
        top.sort();
        if let Some(search) = &mut search {
            names.set_owners(search.find(top.sockets().take(MOST), &mut report)?);
        }
        Ok((report, top))
    })?;
    let (time, top) = (sample.time, sample.found);
    let count = top.sockets().count();
    let note = note(&sample.report, &names);
    let mut table = Table::new(Style {
        columns: vec![Field::Process],
        look: Look {
            width: Some(width),
            ..Look::default()
        },
        ..list_style(sampler.question())
    });
    let mut bytes = Vec::new();
    table.begin_list(&mut bytes, time);
    for socket in top.sockets().take(MOST) {
        table.write_socket(&mut bytes, &socket, &mut names);
    }
    let observation = sample.report.observation(time);
    let listed = count.min(MOST);
    table.end_list(&mut bytes, &observation, listed as u64, &mut names);
    let table = String::from_utf8_lossy(&bytes);
    let mut lines = table.lines().map(str::to_owned);
    Ok(Listing {
        heading: lines.next().unwrap_or_default(),
        lines: lines.take(listed).collect(),
        is_cut: count > MOST,
        note,
    })
}

/// What was lost, and whose owners are not seen.
fn note(report: &Report, names: &HostNames) -> String {
    let losses = report.completeness.losses().iter().map(ToString::to_string);
    let note = names.owners().and_then(|owners| owners.note.clone());
    losses.chain(note).collect::<Vec<_>>().join("; ")
}
