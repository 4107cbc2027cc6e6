//! `tcpstates --by KEYS`: how many sockets are in each state, by group.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::time::{Instant, SystemTime};

use rustix::fd::AsFd;

use super::asking::{listeners_observer, observer};
use super::failure::Failure;
use super::labels::Labels;
use super::notes::{Notes, SearchReport};
use super::owning::Searcher;
use super::repeat::repeat;
use super::{Status, holders, terminal, write_all};
use crate::cli::{FormatName, Summary};
use crate::model::{Counts, Field, Group, Grouped, Key, Observation, Other, Part};
use crate::output::{GroupRows, write_groups_csv, write_groups_json, write_groups_table};
use crate::owner::{Owners, Seek};
use crate::source::{Observer, Report};
use crate::tally::{GroupTally, GroupedCounts, Kept, Listeners};

/// Answers as typed, by these keys.
pub(super) fn run(
    typed: &Summary,
    keys: &[Key],
    out: &mut (impl Write + AsFd + IsTerminal),
    notes: &mut Notes<impl Write>,
) -> Result<Status, Failure> {
    let fields: Vec<Field> = keys.iter().map(|key| key.field).collect();
    let mut sampler = Sampler {
        observer: observer(&typed.selection, &typed.sourcing, fields.clone())?,
        listeners: listeners(typed, &fields)?,
        searcher: Searcher::new(
            &typed.owning,
            &typed.selection,
            &typed.sourcing,
            &fields,
            Seek::LowestPid,
        )?,
        keys: keys.to_vec(),
        fields,
        top: typed.grouping.top,
        remembers: typed.repetition.watch.is_some(),
        before: None,
    };
    let format = typed.presentation.format();
    let look = terminal::look(out, typed.presentation.color);
    let mut first = true;
    repeat(&typed.repetition, notes, |notes| {
        holders::refresh(&mut sampler.observer, &typed.sourcing, notes)?;
        let grouped = sampler.sample(notes)?;
        for remark in &grouped.remarks {
            notes.remark(remark);
        }
        let mut bytes = Vec::new();
        let rows = GroupRows {
            zeros: typed.zeros,
            repeated: typed.repetition.watch.is_some(),
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

/// Who tells where this host listens, where direction or service need it.
fn listeners(typed: &Summary, fields: &[Field]) -> Result<Option<Observer>, Failure> {
    let needed = fields
        .iter()
        .any(|field| matches!(field, Field::Direction | Field::Service));
    if !needed {
        return Ok(None);
    }
    listeners_observer(&typed.selection, &typed.sourcing).map(Some)
}

/// Takes samples and remembers the one before.
struct Sampler {
    observer: Observer,
    listeners: Option<Observer>,
    searcher: Option<Searcher>,
    keys: Vec<Key>,
    fields: Vec<Field>,
    top: Option<NonZeroUsize>,
    /// Whether there will be another sample.
    remembers: bool,
    before: Option<Before>,
}

/// What is remembered of a sample.
struct Before {
    /// How many sockets each group had.
    totals: HashMap<Box<[Part]>, u64>,
    /// The groups that were shown.
    shown: Vec<Box<[Part]>>,
    /// How many sockets there were in all.
    total: u64,
}

fn change(now: &Counts, before: u64) -> i128 {
    i128::from(now.total()) - i128::from(before)
}

impl Sampler {
    fn sample(&mut self, notes: &mut Notes<impl Write>) -> Result<Grouped, Failure> {
        let time = SystemTime::now();
        let begin = Instant::now();
        let mut listeners = Listeners::default();
        let listening = match &mut self.listeners {
            Some(observer) => Some(observer.list(&mut listeners)?),
            None => None,
        };
        let mut tally = GroupTally::new(self.keys.clone(), listeners);
        let (mut report, owners) = self.count(&mut tally)?;
        // A listener lost is a direction wrong.
        for loss in listening.iter().flat_map(|r| r.completeness.losses()) {
            report.completeness.lose(loss.clone());
        }
        let search = owners.as_ref().map(SearchReport::of);
        notes.sample_with(&report, search.as_ref(), begin.elapsed());
        let counts = tally.all().clone();
        let (groups, beyond) = tally.into_groups();
        let remarks = beyond.iter().map(|beyond| {
            format!(
                "more than {} groups: {} sockets of further ones are counted together",
                groups.len(),
                beyond.counts.total()
            )
        });
        let remarks = remarks.collect();
        let change = self
            .before
            .as_ref()
            .map(|before| change(&counts, before.total));
        let (groups, other) = self.arrange(groups, beyond, counts.total());
        Ok(Grouped {
            observation: Observation {
                time,
                source: report.source,
                completeness: report.completeness,
            },
            asked: self.observer.question().states,
            fields: self.fields.clone(),
            groups,
            other,
            counts,
            change,
            ownership: owners.map(|owners| owners.ownership),
            remarks,
        })
    }

    /// Counts the sockets as they come; or, where groups are about their holders, when those are
    /// known.
    fn count(&mut self, tally: &mut GroupTally) -> Result<(Report, Option<Owners>), Failure> {
        let Some(searcher) = &mut self.searcher else {
            return Ok((self.observer.gather(tally)?, None));
        };
        let mut kept = Kept::new(None);
        let mut report = self.observer.gather(&mut kept)?;
        let owners = searcher.find(kept.sockets(), &mut report)?;
        for socket in kept.sockets() {
            let flow = tally.socket_of(&socket, owners.held(&socket).first());
            if flow.is_break() {
                break;
            }
        }
        Ok((report, Some(owners)))
    }

    /// Sorts the groups, largest first, cuts them off after the top ones, labels them, and adds
    /// those that vanished.
    fn arrange(
        &mut self,
        groups: GroupedCounts,
        beyond: Option<Other>,
        total: u64,
    ) -> (Vec<Group>, Option<Other>) {
        let mut shown: Vec<(Box<[Part]>, Counts)> = groups.into_iter().collect();
        shown.sort_by(|(a_key, a), (b_key, b)| {
            b.total().cmp(&a.total()).then_with(|| a_key.cmp(b_key))
        });
        let top = self.top.map_or(usize::MAX, NonZeroUsize::get);
        let rest = shown.split_off(shown.len().min(top));
        let other = fold_rest(beyond, &rest);
        let now = self.remembers.then(|| Before {
            totals: shown
                .iter()
                .chain(&rest)
                .map(|(key, counts)| (key.clone(), counts.total()))
                .collect(),
            shown: shown.iter().map(|(key, _)| key.clone()).collect(),
            total,
        });
        if let (Some(before), Some(now)) = (&self.before, &now) {
            let vanished = before.shown.iter();
            let vanished = vanished.filter(|key| !now.totals.contains_key(*key));
            shown.extend(vanished.map(|key| (key.clone(), Counts::default())));
        }
        let groups = self.label(shown);
        self.before = now;
        (groups, other)
    }

    fn label(&self, groups: Vec<(Box<[Part]>, Counts)>) -> Vec<Group> {
        let mut labels = Labels::default();
        groups
            .into_iter()
            .map(|(key, counts)| Group {
                change: self
                    .before
                    .as_ref()
                    .map(|before| change(&counts, before.totals.get(&key).copied().unwrap_or(0))),
                key: self
                    .fields
                    .iter()
                    .zip(&key)
                    .map(|(field, part)| labels.label(*field, *part))
                    .collect(),
                counts,
            })
            .collect()
    }
}

/// The groups that are cut off, and the sockets beyond the limit of groups, in one.
fn fold_rest(beyond: Option<Other>, rest: &[(Box<[Part]>, Counts)]) -> Option<Other> {
    if rest.is_empty() {
        return beyond;
    }
    let mut other = beyond.unwrap_or_default();
    other.groups = rest.len() as u64;
    for (_, counts) in rest {
        other.counts.add_all(counts);
    }
    Some(other)
}
