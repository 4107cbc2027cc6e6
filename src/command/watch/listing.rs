//! The sockets of one state as lines of a table, the first of some order.

use std::num::NonZeroUsize;
use std::time::SystemTime;

use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::live::Listing;
use crate::model::{Family, Field, Socket, SortKey, State};
use crate::output::Look;
use crate::output::list::{Rows, TableRows, TableStyle};
use crate::owner::Seek;
use crate::question::{Families, Question};
use crate::source::Report;
use crate::tally::TopN;

/// So many sockets are shown at most: more than anybody scrolls through.
const MOST: usize = 10_000;

/// Lists the sockets of `target` in this order, as lines for `width` columns.
pub(super) fn list(target: &Target, sort: SortKey, width: usize) -> Result<Listing, Failure> {
    let fields = vec![Field::Process, sort.field];
    let mut search = target.owner_search(&fields, Seek::EveryHolder)?;
    let mut names = HostNames::default();
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
    let remark = remark(&sample.report, &names);
    let style = style(sampler.question(), width);
    let table = render(
        style,
        top.sockets().take(MOST),
        time,
        sample.report,
        &mut names,
    )?;
    let mut lines = table.lines().map(str::to_owned);
    Ok(Listing {
        heading: lines.next().unwrap_or_default(),
        lines: lines.take(count.min(MOST)).collect(),
        is_cut: count > MOST,
        remark,
    })
}

fn style(question: &Question, width: usize) -> TableStyle {
    let further = vec![Field::Process];
    TableStyle {
        further,
        listeners: question.states.contains(State::Listen),
        only_v4: question.families == Families::Only(Family::V4),
        repeated: false,
        look: Look {
            color: false,
            width: Some(width),
            utf8: false,
        },
    }
}

fn render(
    style: TableStyle,
    sockets: impl Iterator<Item = Socket>,
    time: SystemTime,
    report: Report,
    names: &mut HostNames,
) -> Result<String, Failure> {
    let mut rows = TableRows::new(style);
    let mut bytes = Vec::new();
    let observation = report.observation(time);
    let fill = || {
        rows.begin(&mut bytes, time)?;
        let mut listed = 0;
        for socket in sockets {
            rows.row(&mut bytes, &socket, names)?;
            listed += 1;
        }
        rows.end(&mut bytes, &observation, listed, names)
    };
    fill().map_err(Failure::write)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What was lost, and whose owners are not seen.
fn remark(report: &Report, names: &HostNames) -> String {
    let losses = report.completeness.losses().iter().map(ToString::to_string);
    let note = names.owners().and_then(|owners| owners.note.clone());
    losses.chain(note).collect::<Vec<_>>().join("; ")
}
