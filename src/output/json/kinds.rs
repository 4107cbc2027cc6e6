//! The keys about each of several kinds of sockets: `kinds` and `unavailable`.

use serde::{Serialize, Serializer};

use crate::model::{Field, Grouped, KeyPart, Kind, KindRead, State};

/// How each kind was read; nothing of an answer about one kind.
#[derive(Default, Serialize)]
pub(super) struct KindKeys<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<KindLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<Unavailable<'a>>,
}

#[derive(Serialize)]
struct KindLine {
    kind: &'static str,
    source: &'static str,
    complete: bool,
    /// Its sockets, where they are grouped by kind alone.
    #[serde(flatten)]
    counted: Option<Counted>,
}

#[derive(Serialize)]
struct Counted {
    total: u64,
    states: Numbers,
}

/// Numbers by the names of states.
struct Numbers(Vec<(State, u64)>);

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = self.0.iter();
        serializer.collect_map(numbers.map(|(state, number)| (state.to_string(), number)))
    }
}

impl Counted {
    /// The sockets of a kind in groups by kind; none where it has no group.
    fn of(grouped: &Grouped, kind: Kind) -> Counted {
        let mut groups = grouped.groups.iter();
        let group = groups.find(|group| *group.id == [KeyPart::Kind(kind)]);
        let number = |state| group.map_or(0, |group| group.counts.get(state));
        let own = kind.states();
        let states = grouped.states().filter(|state| own.contains(*state));
        Counted {
            total: group.map_or(0, |group| group.counts.total()),
            states: Numbers(states.map(|state| (state, number(state))).collect()),
        }
    }
}

#[derive(Serialize)]
struct Unavailable<'a> {
    kind: &'static str,
    reason: &'a str,
}

impl<'a> KindKeys<'a> {
    /// Of groups.
    pub(super) fn of(grouped: &'a Grouped) -> KindKeys<'a> {
        let read = grouped.observation.completeness.kinds();
        let is_by_kind = grouped.fields == [Field::Kind] && grouped.other.is_none();
        let line = |read: &KindRead| KindLine {
            kind: read.kind.name(),
            source: read.source.name(),
            complete: read.is_complete,
            counted: is_by_kind.then(|| Counted::of(grouped, read.kind)),
        };
        let is_available = |read: &&KindRead| read.unavailable.is_none();
        let unavailable = read.iter().filter_map(|read| {
            let (kind, reason) = (read.kind.name(), read.unavailable.as_deref()?);
            Some(Unavailable { kind, reason })
        });
        KindKeys {
            kinds: read.iter().filter(is_available).map(line).collect(),
            unavailable: unavailable.collect(),
        }
    }
}
