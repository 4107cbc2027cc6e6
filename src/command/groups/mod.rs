//! Samples of sockets by group, for the summary, for `check` and for the live view.

mod arrange;

pub(super) use arrange::{ShownGroups, labels};

use std::time::Duration;

use super::outcome::Failure;
use super::processes::OwnerSearch;
use super::sample::{Sample, Sampler};
use super::sources::refuse_several;
use super::target::Target;
use crate::model::{
    CountedGroups, Counts, Field, GroupKey, KeyPart, KindSet, Listeners, Loss, Note, Other,
    SplitSink,
};
use crate::owner::{Owners, Seek};
use crate::record::line::stamp;
use crate::source::{Observer, Report};
use crate::tally::{BufferedSockets, GroupTally, GroupedCounts};

/// Counts sockets by group.
pub(super) struct GroupSampler {
    /// The sampler of the sockets; the fields of its question are those grouped by, in the order of
    /// the keys.
    pub(super) sampler: Sampler,
    /// Lists where this host listens, where direction or service need it.
    listeners: Option<Observer>,
    search: Option<OwnerSearch>,
    keys: Vec<GroupKey>,
    /// The limit of groups, where it is not the usual one.
    most: Option<usize>,
    /// What counts the sockets of a sample of a record that has the groups themselves.
    numbers: Option<Sampler>,
}

/// Sockets by group.
#[derive(Debug)]
pub(super) struct Groups {
    /// The sockets of each.
    pub(super) groups: GroupedCounts,
    /// The sockets of groups beyond the limit, if there were any.
    pub(super) beyond: Option<Other>,
    /// The sockets of all groups.
    pub(super) counts: Counts,
}

impl GroupSampler {
    /// Groups the sockets of `target` by these keys. With a limit `most` of groups the sockets are
    /// counted in one place, for callers to whom memory matters more than time.
    ///
    /// # Errors
    /// When the source cannot know the keys.
    pub(super) fn new(
        target: &Target,
        keys: &[GroupKey],
        most: Option<usize>,
    ) -> Result<GroupSampler, Failure> {
        let fields: Vec<Field> = keys.iter().map(|key| key.field).collect();
        if fields.contains(&Field::Interface) {
            refuse_several(&target.sources, "the key `interface`")?;
        }
        let kinds = target.question.kinds();
        if let Some(field) = fields.iter().find(|field| !field.groups(kinds)) {
            return Err(cannot_group(*field, kinds));
        }
        let counted = target.sources.record().and_then(|record| record.counted());
        if counted.is_some() && keys.iter().any(|key| key.prefix.is_some()) {
            return Err(Failure::Usage(
                "a sample has groups by whole addresses: remove the prefix, as in --by remote-addr"
                    .to_owned(),
            ));
        }
        let needs_listeners = fields.iter().any(|field| field.needs_listeners());
        let needs_listeners = needs_listeners && counted.is_none();
        // It has those of all network namespaces together.
        let are_all = target.sources.are_every() || !target.sources.are_several();
        let is_recorded = counted.filter(|_| are_all).is_some_and(|counted| {
            let mut groups = counted.groups.iter();
            groups.any(|groups| fields == [groups.by])
        });
        let numbers = is_recorded.then(|| target.sampler(Vec::new()));
        Ok(GroupSampler {
            numbers: numbers.transpose()?,
            listeners: needs_listeners.then(|| target.listeners()).transpose()?,
            search: match counted {
                Some(_) => None,
                None => target.owner_search(&fields, Seek::LowestPid)?,
            },
            sampler: target.sampler(fields)?,
            keys: keys.to_vec(),
            most,
        })
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn sample(&mut self) -> Result<Sample<Groups>, Failure> {
        let GroupSampler {
            sampler,
            listeners,
            search,
            keys,
            most,
            numbers,
        } = self;
        let record = sampler.place.recorded().cloned();
        let counted = record.as_ref().and_then(|record| record.counted());
        if let (Some(numbers), Some(counted), [key]) = (numbers, counted, &keys[..])
            && let Some(groups) = counted.groups.iter().find(|one| one.by == key.field)
        {
            return of_sample(numbers, groups);
        }
        let mut owners: Option<Owners> = None;
        let mut sample = sampler.sample(|observer, _| {
            let mut listening = Listeners::default();
            let listened = listeners.as_mut();
            let listened = listened.map(|observer| observer.list(&mut listening));
            let listened = listened.transpose()?;
            let mut tally = GroupTally::new(keys.clone(), listening);
            if let Some(most) = *most {
                tally = tally.with_most(most);
            }
            let mut report = match search {
                None if GroupTally::is_counted(keys) => count_exactly(observer, &mut tally)?,
                // Both halves of a large table at once would have a table of groups each.
                None if most.is_some() => observer.list(&mut tally)?,
                None => observer.gather(&mut tally)?,
                Some(search) => {
                    let (report, found) = count_owned(observer, search, &mut tally)?;
                    owners = Some(found);
                    report
                }
            };
            // A missing listener makes a direction wrong.
            listened.iter().for_each(|other| report.add(other));
            let counts = tally.all().clone();
            let (mut groups, beyond) = tally.into_groups();
            if let [
                GroupKey {
                    field: Field::Kind, ..
                },
            ] = keys[..]
            {
                for kind in observer.question().kinds().named() {
                    groups.entry(Box::new([KeyPart::Kind(kind)])).or_default();
                }
            }
            let found = Groups {
                groups,
                beyond,
                counts,
            };
            Ok((report, found))
        })?;
        sample.add_search(owners.as_ref());
        Ok(sample)
    }
}

/// The groups that a sample of a record has, of the states requested.
fn of_sample(sampler: &mut Sampler, groups: &CountedGroups) -> Result<Sample<Groups>, Failure> {
    let states = sampler.question().states;
    let within = |counts: &Counts| {
        let mut own = Counts::default();
        let present = counts.present();
        let meant = present.filter(|(state, _)| states.contains(*state));
        meant.for_each(|(state, number)| own.add(state, number));
        own
    };
    let mut sample = sampler.sample(|observer, _| {
        let mut report = observer.count(&mut Counts::default())?;
        for warning in &groups.warnings {
            report.completeness.lose(Loss::Doubtful {
                what: format!("when it was recorded: {warning}"),
            });
        }
        let listed = groups.groups.iter();
        let listed = listed.map(|(part, counts)| (Box::from([part.clone()]), within(counts)));
        let found = Groups {
            groups: listed.filter(|(_, counts)| counts.total() > 0).collect(),
            beyond: groups.other.as_ref().map(|other| Other {
                groups: other.groups,
                counts: within(&other.counts),
            }),
            counts: within(&groups.counts()),
        };
        Ok((report, found))
    })?;
    let apart = sample.time.duration_since(groups.time);
    if apart.is_ok_and(|apart| apart > Duration::from_secs(1)) {
        let counted = format!("the groups were counted at {}", stamp(groups.time));
        sample.notes.push(Note::Recorded(counted));
    }
    sample.time = groups.time;
    Ok(sample)
}

/// That sockets of these kinds have no groups by a field together, and which of them do not belong.
fn cannot_group(field: Field, kinds: KindSet) -> Failure {
    let name = field.name();
    let without: KindSet = kinds.iter().filter(|kind| !field.is_of(*kind)).collect();
    let why = match without.is_empty() {
        true => "internet sockets and UNIX sockets have different ones".to_owned(),
        false => format!("{} sockets have none", without.titles()),
    };
    Failure::Usage(format!(
        "the key `{name}`: {why}; select other kinds with -A"
    ))
}

/// Counts sockets by the kernel's counters where these are exact, or lists them.
fn count_exactly(observer: &mut Observer, tally: &mut GroupTally) -> Result<Report, Failure> {
    let mut counted = tally.split();
    let mut report = observer.count(&mut counted)?;
    if report.spread.total() > 0 {
        counted = tally.split();
        let listed = observer.gather(&mut counted)?;
        let derived = std::mem::replace(&mut report, listed);
        report.add_cost(&derived);
    }
    *tally = counted;
    Ok(report)
}

/// Counts sockets when their owners are known.
fn count_owned(
    observer: &mut Observer,
    search: &mut OwnerSearch,
    tally: &mut GroupTally,
) -> Result<(Report, Owners), Failure> {
    let mut buffered = BufferedSockets::new(&observer.question().fields);
    let mut report = observer.gather(&mut buffered)?;
    let owners = search.find(buffered.sockets(), &mut report)?;
    for socket in buffered.sockets() {
        // It takes every socket.
        tally.socket_of(&socket, owners.group_holders(&socket));
    }
    Ok((report, owners))
}
