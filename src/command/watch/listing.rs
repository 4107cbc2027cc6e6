//! The sockets of one state as lines of a table, the first of some order.

use std::num::NonZeroUsize;
use std::time::SystemTime;

use crate::cli::Summary;
use crate::command::asking::sources;
use crate::command::failure::Failure;
use crate::command::holders;
use crate::command::names::HostNames;
use crate::command::notes::Notes;
use crate::command::owning::Searcher;
use crate::live::Listing;
use crate::model::{Field, Socket, SortKey, State};
use crate::output::Look;
use crate::output::list::{Rows, TableRows, TableStyle};
use crate::owner::Seek;
use crate::question::{Families, Question};
use crate::source::{Observer, Report};
use crate::tally::TopN;

/// So many sockets are shown at most: more than anybody scrolls through.
const MOST: usize = 10_000;

/// Lists what `question` asks in this order, as lines for `width` columns.
pub(super) fn list(
    typed: &Summary,
    question: Question,
    sort: SortKey,
    width: usize,
) -> Result<Listing, Failure> {
    let question = Question {
        fields: vec![Field::Process, sort.field],
        ..question
    };
    let mut observer = Observer::new(question, sources(&typed.sourcing)?)?;
    let mut notes = Notes::new(std::io::sink());
    holders::refresh(&mut observer, &typed.sourcing, &mut notes)?;
    let time = SystemTime::now();
    let fields = observer.question().fields.clone();
    let mut top = TopN::new(&[sort], NonZeroUsize::new(MOST + 1), &fields);
    let mut report = observer.list(&mut top)?;
    top.sort();
    let count = top.sockets().count();
    let sockets = || top.sockets().take(MOST);
    let mut names = HostNames::default();
    if let Some(searcher) = &mut Searcher::new(
        &typed.owning,
        &typed.selection,
        &typed.sourcing,
        &observer.question().fields,
        Seek::EveryHolder,
    )? {
        names.set_owners(searcher.find(sockets(), &mut report)?);
    }
    let remark = remark(&report, &names);
    let style = style(observer.question(), width);
    let table = render(style, sockets(), time, report, &mut names)?;
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
        only_v4: question.families == Families::Only(crate::model::Family::V4),
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

/// What was lost, and whose holders are not seen.
fn remark(report: &Report, names: &HostNames) -> String {
    let losses = report.completeness.losses().iter().map(ToString::to_string);
    let note = names.owners().and_then(|owners| owners.note.clone());
    losses.chain(note).collect::<Vec<_>>().join("; ")
}
