//! `--compare`: an answer saved by `--json`, which another one is compared with.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::files;
use super::outcome::Failure;
use crate::model::{
    Asked, Counts, Earlier, Field, Group, Grouped, Kind, KindSet, Label, Note, Other, State,
    StateSet,
};
use crate::output::parse_stamp;

/// A million groups in some ten states have fewer MiB.
const LONGEST: u64 = 512;

/// The shape of the JSON that is read.
const VERSION: u32 = 1;

/// A saved answer. Other keys are ignored: within a version, keys are added.
#[derive(Deserialize)]
struct Answer {
    version: u32,
    time: String,
    complete: bool,
    total: u64,
    states: BTreeMap<String, u64>,
    groups: Option<Vec<AnswerGroup>>,
    other: Option<IgnoredAny>,
    filter: Option<String>,
    kind: Option<String>,
    family: Option<String>,
    netns: Option<AnswerNetns>,
    #[serde(default)]
    by: Vec<String>,
    /// The kinds of sockets that could not be reported.
    #[serde(default)]
    unavailable: Vec<AnswerUnavailable>,
}

#[derive(Deserialize)]
struct AnswerUnavailable {
    kind: String,
}

#[derive(Deserialize)]
struct AnswerNetns {
    asked: String,
}

#[derive(Deserialize)]
struct AnswerGroup {
    key: BTreeMap<String, Label>,
    total: u64,
}

/// A saved answer to the same question.
pub(super) struct Saved {
    pub(super) earlier: Earlier,
    /// The sockets of each group.
    groups: HashMap<Vec<Label>, u64>,
    /// Whether further groups were only added up.
    is_cut: bool,
    /// The kinds of sockets that it lacks.
    unavailable: KindSet,
    /// The name of its file.
    name: String,
}

impl Saved {
    /// Reads the last answer in a file.
    ///
    /// # Errors
    /// A usage error for what is no such answer, or one to another question.
    pub(super) fn read(
        path: &Path,
        asked: &Asked,
        states: StateSet,
        fields: &[Field],
    ) -> Result<Saved, Failure> {
        let (name, text) = files::read("--compare", path, LONGEST)?;
        Saved::parse(name, &text, asked, states, fields)
    }

    /// The same of an answer from the record in a file.
    ///
    /// # Errors
    /// As for [`Saved::read`].
    pub(super) fn of_answer(
        path: &Path,
        answer: &[u8],
        asked: &Asked,
        states: StateSet,
        fields: &[Field],
    ) -> Result<Saved, Failure> {
        let text = String::from_utf8_lossy(answer);
        Saved::parse(path.display().to_string(), &text, asked, states, fields)
    }

    fn parse(
        name: String,
        text: &str,
        asked: &Asked,
        states: StateSet,
        fields: &[Field],
    ) -> Result<Saved, Failure> {
        let saved =
            parse(text).and_then(|answer| Saved::of(name.clone(), answer, asked, states, fields));
        saved.map_err(|why| Failure::Usage(format!("--compare: {name}: {why}")))
    }

    fn of(
        name: String,
        answer: Answer,
        asked: &Asked,
        states: StateSet,
        fields: &[Field],
    ) -> Result<Saved, String> {
        if let Some(difference) = difference(&answer, asked) {
            return Err(format!("its answer is {difference}"));
        }
        let counts = counts(&answer, states)?;
        let time = parse_stamp(&answer.time).ok_or("its time is not valid")?;
        let mut groups = HashMap::new();
        for mut group in answer.groups.into_iter().flatten() {
            let key = fields
                .iter()
                .map(|field| group.key.remove(&field.json_key()));
            let key: Option<Vec<Label>> = key.collect();
            let key = key.filter(|_| group.key.is_empty());
            groups.insert(key.ok_or("a group has other keys")?, group.total);
        }
        let unavailable = answer.unavailable.iter();
        let unavailable = unavailable.filter_map(|one| KindSet::parse(&one.kind).ok());
        Ok(Saved {
            unavailable: unavailable.fold(KindSet::NONE, KindSet::union),
            name,
            earlier: Earlier {
                time,
                is_complete: answer.complete,
                counts,
            },
            groups,
            is_cut: answer.other.is_some(),
        })
    }

    /// Refuses an answer that lacks a kind of sockets which the other one has.
    ///
    /// # Errors
    /// Which kinds.
    pub(super) fn refuse_lack(&self, grouped: &Grouped) -> Result<(), Failure> {
        let read = grouped.observation.completeness.kinds().iter();
        let unavailable = read.filter(|read| read.unavailable.is_some());
        let now: KindSet = unavailable.map(|read| read.kind).collect();
        let (before, name) = (self.unavailable, &self.name);
        for (lacking, which) in [
            (before.difference(now), "its"),
            (now.difference(before), "this"),
        ] {
            if !lacking.is_empty() {
                let titles = lacking.titles();
                return Err(Failure::Usage(format!(
                    "--compare: {name}: {titles} sockets are not available in {which} answer: name the other kinds with -A"
                )));
            }
        }
        Ok(())
    }

    /// Enters what changed, appends the groups that are gone, the largest first, and cuts both
    /// after the `top` ones.
    pub(super) fn compare(mut self, grouped: &mut Grouped, top: Option<NonZeroUsize>) {
        grouped.change = Some(difference_of(
            grouped.counts.total(),
            self.earlier.counts.total(),
        ));
        for group in &mut grouped.groups {
            let before = self.groups.remove(&group.key);
            // One that is not in a list that was cut may have been among the rest.
            let before = before.or((!self.is_cut).then_some(0));
            group.change = before.map(|before| difference_of(group.counts.total(), before));
        }
        // A group that is not in today's list may be among the rest.
        if grouped.other.is_some() {
            self.groups.clear();
        }
        let top = top.map_or(usize::MAX, NonZeroUsize::get);
        let rest = grouped.groups.split_off(grouped.groups.len().min(top));
        if !rest.is_empty() {
            let other = grouped.other.get_or_insert_with(Other::default);
            other.groups += rest.len() as u64;
            for group in &rest {
                other.counts.add_all(&group.counts);
            }
        }
        let gone = self.groups.into_iter().filter(|(_, total)| *total > 0);
        let mut gone: Vec<(Vec<Label>, u64)> = gone.collect();
        gone.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
        let more = gone.split_off(gone.len().min(top));
        grouped
            .groups
            .extend(gone.into_iter().map(|(key, total)| Group {
                id: Box::default(),
                key,
                counts: Counts::default(),
                change: Some(difference_of(0, total)),
            }));
        if !more.is_empty() {
            grouped.notes.push(Note::MoreGroupsGone {
                groups: more.len() as u64,
            });
        }
    }
}

fn difference_of(now: u64, before: u64) -> i128 {
    i128::from(now) - i128::from(before)
}

/// The last of the answers, which may be in one line each or in several.
fn parse(text: &str) -> Result<Answer, String> {
    let answers = serde_json::Deserializer::from_str(text).into_iter();
    let mut last = None;
    for answer in answers {
        last =
            Some(answer.map_err(|error| format!("not an answer of `tcpstates --json`: {error}"))?);
    }
    last.ok_or_else(|| "it is empty".to_owned())
}

/// In what the question of an answer differs.
fn difference(answer: &Answer, asked: &Asked) -> Option<String> {
    let or_none = |text: Option<&str>, none: &str| text.unwrap_or(none).to_owned();
    if answer.version != VERSION {
        return Some(format!("of version {}, not {VERSION}", answer.version));
    }
    if answer.kind != asked.kind {
        let kind = |text| or_none(text, Kind::Tcp.name());
        let (before, now) = (kind(answer.kind.as_deref()), kind(asked.kind.as_deref()));
        return Some(format!("about {before} sockets, and this one about {now}"));
    }
    if answer.by != asked.by {
        let by = |keys: &[String]| match keys {
            [] => "not grouped".to_owned(),
            keys => format!("by {}", keys.join(",")),
        };
        return Some(format!("{}, this one is {}", by(&answer.by), by(&asked.by)));
    }
    if answer.filter != asked.filter {
        let filter = |text: Option<&str>| match text {
            None => "without a filter".to_owned(),
            Some(text) => format!("filtered by `{text}`"),
        };
        let (before, now) = (
            filter(answer.filter.as_deref()),
            filter(asked.filter.as_deref()),
        );
        return Some(format!("{before}, this one is {now}"));
    }
    let netns = answer.netns.as_ref().map(|netns| &*netns.asked);
    if netns != asked.netns.as_deref() {
        let of = |text| or_none(text, "this network namespace");
        let (before, now) = (of(netns), of(asked.netns.as_deref()));
        return Some(format!("about {before}, this one is about {now}"));
    }
    if answer.family.as_deref() != asked.family {
        let family = |text| or_none(text, "both families");
        let (before, now) = (family(answer.family.as_deref()), family(asked.family));
        return Some(format!("about {before}, this one is about {now}"));
    }
    None
}

/// The numbers of an answer about these states.
fn counts(answer: &Answer, states: StateSet) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut total = Some(0_u64);
    for (name, number) in &answer.states {
        let state = parse_state(name).ok_or_else(|| format!("it has a state `{name}`"))?;
        total = total.and_then(|total| total.checked_add(*number));
        counts.add(state, *number);
    }
    if total != Some(answer.total) {
        return Err("its total is not the sum of its states".to_owned());
    }
    let named = answer.states.keys().filter_map(|name| State::of_name(name));
    let found: StateSet = named.collect();
    if found != states {
        let names = |set: StateSet| {
            let names: Vec<String> = set.iter().map(|state| state.to_string()).collect();
            names.join(", ")
        };
        return Err(format!(
            "its answer is about {}, this one is about {}",
            names(found),
            names(states)
        ));
    }
    Ok(counts)
}

/// A state as answers name it.
fn parse_state(name: &str) -> Option<State> {
    let number = || {
        name.strip_prefix("UNKNOWN(")?
            .strip_suffix(')')?
            .parse()
            .ok()
    };
    State::of_name(name).or_else(|| number().map(State::Unknown))
}
