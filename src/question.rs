//! Which sockets are selected, whatever source will answer.
//!
//! Made from the command line by `command`, read by `source` to choose a plan; depends on neither.

use std::borrow::Cow;
use std::fmt;

use crate::filter::{Expression, Folded, Test};
use crate::model::{Extension, Family, Field, Kind, KindSet, Part, StateSet};

/// A question about the sockets of one network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The kind of the sockets, or the first one of several.
    pub kind: Kind,
    /// The other kinds.
    pub further: KindSet,
    /// Whether the kinds are a group, of which those that the kernel cannot report are left out and named;
    /// else one of them makes the answer fail.
    pub is_group: bool,
    /// The families of the sockets.
    pub families: Families,
    /// The states of the sockets; never empty.
    pub states: StateSet,
    /// What must be known of each socket; a source without one of them cannot answer. Empty for
    /// counts per state.
    pub fields: Vec<Field>,
    /// The filter that the sockets must pass; `None` for none. Its tests of states are in `states`
    /// already, as far as possible.
    pub filter: Option<Expression>,
    /// The part of it that a sample of a record is asked: the numbers of a sample are of sockets that match
    /// the filter of its record.
    pub beyond_record: Option<Expression>,
}

impl Question {
    /// About every socket of this kind in these states, with the fields that every source has.
    pub fn about(kind: Kind, states: StateSet) -> Question {
        Question {
            kind,
            further: KindSet::NONE,
            is_group: false,
            families: Families::Both,
            states,
            fields: Vec::new(),
            filter: None,
            beyond_record: None,
        }
    }

    /// The same about sockets of several kinds; of none, about TCP.
    pub fn about_all(kinds: KindSet, states: StateSet) -> Question {
        Question {
            further: kinds.iter().skip(1).collect(),
            is_group: kinds.is_group_of_requests(),
            ..Question::about(kinds.first(), states)
        }
    }

    /// Every kind of the sockets.
    pub fn kinds(&self) -> KindSet {
        self.further.with(self.kind)
    }

    /// Whether the kernel counts its sockets, and only these.
    pub fn has_counters(&self) -> bool {
        self.further.is_empty() && self.kind.has_counters()
    }

    /// The question about each kind, those together that one request lists, without those that have no
    /// such sockets.
    pub fn by_kind(&self) -> Vec<Cow<'_, Question>> {
        match self.further.is_empty() {
            true => vec![Cow::Borrowed(self)],
            false => {
                let requests = self.kinds().by_request();
                let each = requests.filter_map(|kinds| self.of(kinds));
                each.map(Cow::Owned).collect()
            }
        }
    }

    /// The same without states and tests that the kinds of the sockets decide; `None` if no socket can
    /// pass it.
    pub fn narrowed(&self) -> Option<Question> {
        if self.further.is_empty() {
            return self.of(self.kinds());
        }
        let states = self
            .by_kind()
            .iter()
            .map(|question| question.states)
            .reduce(StateSet::union)?;
        Some(Question {
            states,
            ..self.clone()
        })
    }

    /// The question about some kinds of several; `None` if they have no such sockets.
    fn of(&self, kinds: KindSet) -> Option<Question> {
        if !kinds.has_internet() && self.families != Families::Both {
            return None;
        }
        let states = kinds.meant(self.states);
        let (states, filter) = narrow(self.filter.as_ref(), kinds, states)?;
        let (_, beyond_record) = narrow(self.beyond_record.as_ref(), kinds, states)?;
        (!states.is_empty()).then(|| Question {
            families: self.families,
            fields: self.fields.clone(),
            filter,
            beyond_record,
            ..Question::about_all(kinds, states)
        })
    }

    /// Whether the answer is in the attributes of the kernel's records, not only in their headers.
    pub fn needs_attributes(&self) -> bool {
        let mut parts = self.fields.iter().map(|field| field.part());
        let is_attribute = |part| matches!(part, Part::Attribute | Part::Extension(_));
        parts.any(is_attribute) || self.extensions().next().is_some()
    }

    /// The attributes to request, for the answer and for the filter; some repeatedly.
    pub fn extensions(&self) -> impl Iterator<Item = Extension> {
        self.needed().filter_map(|field| match field.part() {
            Part::Extension(extension) => Some(extension),
            Part::Row | Part::Header | Part::Attribute => None,
        })
    }

    /// Whether the answer or the filter needs a field.
    pub fn needs(&self, field: Field) -> bool {
        self.needed().any(|needed| needed == field)
    }

    /// Every field that the answer or the filter needs.
    pub fn needed(&self) -> impl Iterator<Item = Field> {
        let tested = self.filter.iter().flat_map(Expression::tests);
        let fields = self.fields.iter().copied();
        fields.chain(tested.filter_map(Test::field))
    }
}

/// The states in which sockets of these kinds can pass a filter, and what remains to be tested of them; `None`
/// if none can.
fn narrow(
    filter: Option<&Expression>,
    kinds: KindSet,
    states: StateSet,
) -> Option<(StateSet, Option<Expression>)> {
    match filter.map(|filter| filter.meant(kinds)) {
        None | Some(Folded::Always) => Some((states, None)),
        Some(Folded::Never) => None,
        Some(Folded::Tests(filter)) => match filter.narrow(states) {
            (states, Folded::Tests(rest)) => Some((states, Some(rest))),
            (states, Folded::Always) => Some((states, None)),
            (_, Folded::Never) => None,
        },
    }
}

/// One address family, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// AF_INET and AF_INET6.
    Both,
    /// One of the two.
    Only(Family),
}

impl Families {
    /// The families selected, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [Family::V4, Family::V6]
            .into_iter()
            .filter(move |family| self == Families::Both || self == Families::Only(*family))
    }

    /// Those of these families that pass a test; `None` where neither does.
    pub fn filter(self, passes: impl Fn(Family) -> bool) -> Option<Families> {
        let mut passing = self.iter().filter(|family| passes(*family));
        let first = passing.next()?;
        Some(match passing.next() {
            Some(_) => Families::Both,
            None => Families::Only(first),
        })
    }
}

impl Families {
    /// The word for the family, if there is only one.
    pub fn only(self) -> Option<&'static str> {
        match self {
            Families::Both => None,
            Families::Only(Family::V4) => Some("ipv4"),
            Families::Only(Family::V6) => Some("ipv6"),
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Families::Both => "IPv4 and IPv6",
            Families::Only(Family::V4) => "IPv4",
            Families::Only(Family::V6) => "IPv6",
        })
    }
}
