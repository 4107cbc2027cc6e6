//! The lines of a sample: numbers of sockets by kind and state, and TCP sockets by group.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::is_none;
use crate::model::{Counts, State};

/// How many sockets of each kind were in each state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sample<'a> {
    /// When the first request was sent.
    pub time: Cow<'a, str>,
    /// The kinds.
    #[serde(borrow)]
    pub kinds: Vec<KindCounts<'a>>,
    /// What was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
    /// How many network namespaces there are, those that were not read included; no key in a sample of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<usize>,
    /// As of the end of a moment.
    #[serde(default, skip_serializing_if = "is_none")]
    pub denied_processes: u64,
    /// As of the end of a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hiding: Option<Cow<'a, str>>,
}

/// The sockets of a kind in a sample.
#[derive(Debug, Serialize, Deserialize)]
pub struct KindCounts<'a> {
    /// The kind.
    pub kind: Cow<'a, str>,
    /// The source, as in an answer; `netlink+counters` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// Why the kernel could not report any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Cow<'a, str>>,
    /// How many there are.
    pub total: u64,
    /// How many are in each state; states without any have no key.
    pub states: States,
}

/// Sockets of TCP by group, the largest groups of them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Groups<'a> {
    /// When they were counted: for groups that are costly, earlier than the sample.
    pub time: Cow<'a, str>,
    /// What they are grouped by, as it is typed: `remote-addr`.
    pub by: Cow<'a, str>,
    /// Largest first.
    #[serde(borrow)]
    pub groups: Vec<Group<'a>>,
    /// The others together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Others>,
    /// What was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
}

/// A group.
#[derive(Debug, Serialize, Deserialize)]
pub struct Group<'a> {
    /// Its value of the field; no key if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// How many sockets it has.
    pub total: u64,
    /// How many are in each state.
    pub states: States,
}

/// Groups that are not recorded one by one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Others {
    /// How many groups; those beyond the limit of groups are not known.
    pub groups: u64,
    /// How many sockets they have.
    pub total: u64,
    /// How many are in each state.
    pub states: States,
}

/// Numbers by state, as an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States(pub Counts);

impl Serialize for States {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let states = self.0.present();
        json.collect_map(states.map(|(state, number)| (state.to_string(), number)))
    }
}

impl<'de> Deserialize<'de> for States {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<States, D::Error> {
        let states = BTreeMap::<Cow<'de, str>, u64>::deserialize(json)?;
        let mut counts = Counts::default();
        let mut sum = 0_u64;
        for (name, number) in states {
            let state = State::of_text(&name);
            let state = state.ok_or_else(|| D::Error::custom(format!("no state: {name}")))?;
            let added = sum.checked_add(number);
            sum = added.ok_or_else(|| D::Error::custom("too many sockets"))?;
            counts.add(state, number);
        }
        Ok(States(counts))
    }
}
