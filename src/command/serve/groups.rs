//! `--by KEYS`: which groups have series of their own. Their number has a bound, whatever clients do.
//!
//! A group has series if it has a hundredth of the sockets in some state, and ten of them: so the program
//! with all CLOSE_WAITs is shown among 100,000 sockets, and 2,000 equal clients are not. The choice depends
//! on this sample alone.

use std::cmp::Reverse;
use std::sync::Arc;

use super::namespaces::name_of;
use crate::cli::Keys;
use crate::command::groups::labels;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sources::refuse_several;
use crate::model::{Counts, Field, GroupKey, KeyPart, Listeners, Other};
use crate::output::label_text;
use crate::source::Sources;
use crate::tally::{GroupTally, GroupedCounts};

/// A group has series if it has at least one in this many of the sockets in some state.
const PART: u64 = 100;

/// How many sockets it must have there.
const LEAST: u64 = 10;

/// Further groups are counted together; some 5 MB.
pub(super) const MOST_GROUPS: usize = 20_000;

/// The most times that `--by` is given.
pub(super) const MOST: usize = 4;

/// The keys of one `--by`.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    pub(super) keys: Vec<GroupKey>,
    /// As a part of names: `remote_addr_service`.
    pub(super) name: String,
}

impl Grouping {
    /// Resolves every `--by`.
    ///
    /// # Errors
    /// Keys that would make a new series at each scrape, two that have the same name, or too many.
    pub(super) fn resolve(typed: Vec<Keys>, sources: &Sources) -> Result<Vec<Grouping>, Failure> {
        let mut all: Vec<Grouping> = Vec::new();
        for Keys(keys) in typed {
            let has = |field| keys.iter().any(|key| key.field == field);
            if has(Field::Netns) && (keys.len() == 1 || !sources.are_several()) {
                return Err(Failure::Usage(NETNS_ALONE.to_owned()));
            }
            if has(Field::Interface) {
                refuse_several(sources, "the key `interface`")?;
            }
            let names: Vec<String> = keys.iter().map(|key| key.field.json_key()).collect();
            let name = names.join("_");
            if all.iter().any(|known| known.name == name) {
                return Err(Failure::Usage(format!(
                    "--by {}: the metric tcpstates_sockets_by_{name} is given twice",
                    name.replace('_', "-")
                )));
            }
            all.push(Grouping { keys, name });
        }
        match all.len() > MOST {
            true => Err(Failure::Usage(format!(
                "--by may be given {MOST} times at most"
            ))),
            false => Ok(all),
        }
    }

    fn fields(&self) -> Vec<Field> {
        self.keys.iter().map(|key| key.field).collect()
    }

    /// The names of the labels.
    fn labels(&self) -> impl Iterator<Item = String> {
        self.keys
            .iter()
            .map(|key| match key.field == Field::Service {
                // Prometheus' operator for Kubernetes adds a label `service` of its own.
                true => "tcp_service".to_owned(),
                false => key.field.json_key(),
            })
    }

    /// Counts the sockets of a sample.
    pub(super) fn tally(&self, listeners: &Arc<Listeners>) -> GroupTally {
        GroupTally::new(self.keys.clone(), Arc::clone(listeners)).with_most(MOST_GROUPS)
    }

    /// Chooses the groups that have series, `top` at most.
    pub(super) fn choose(&self, tally: GroupTally, top: usize, names: &mut HostNames) -> Chosen {
        let all = tally.all().clone();
        let (groups, beyond) = tally.into_groups();
        let is_whole = beyond.is_none();
        let number = groups.len();
        let (heaviest, other) = heaviest(groups, beyond, &all, top, Floor::Share);
        let fields = self.fields();
        let shown = heaviest.into_iter().map(|(key, counts)| {
            let values = labels(names, &fields, &key);
            let values = values.iter().zip(&*key).map(|(label, part)| {
                if let KeyPart::Netns(netns) = part {
                    return name_of(*netns, names).to_string();
                }
                label_text(label, "")
            });
            (self.labels().zip(values).collect(), counts)
        });
        let shown: Vec<(Vec<(String, String)>, Counts)> = shown.collect();
        Chosen {
            name: self.name.clone(),
            shown,
            other,
            number,
            is_whole,
        }
    }
}

/// Why network namespaces are no key here.
const NETNS_ALONE: &str = "--by netns: with several network namespaces (-N all), tcpstates_sockets has a label netns already; together with other keys, as --by netns,service";

/// The groups of one `--by`.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) name: String,
    /// Those that have series: their labels and their sockets.
    pub(super) shown: Vec<(Vec<(String, String)>, Counts)>,
    /// The sockets of all others.
    pub(super) other: Counts,
    /// How many groups were counted separately.
    pub(super) number: usize,
    /// Whether all groups were.
    pub(super) is_whole: bool,
}

/// A group by its key.
pub(super) type KeyedCounts = (Box<[KeyPart]>, Counts);

/// Which groups are too small for series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Floor {
    /// Those without a hundredth of the sockets in some state, and ten of them.
    Share,
    /// The same, unless all groups together are few enough.
    ShareUnlessFew,
}

/// The groups that are heavy enough, heaviest first, `top` at most; and the sockets of the others.
pub(super) fn heaviest(
    groups: GroupedCounts,
    beyond: Option<Other>,
    all: &Counts,
    top: usize,
    floor: Floor,
) -> (Vec<KeyedCounts>, Counts) {
    let are_few = floor == Floor::ShareUnlessFew && beyond.is_none() && groups.len() <= top;
    let lightest = are_few.then_some(0);
    let mut other = beyond.map(|beyond| beyond.counts).unwrap_or_default();
    let mut heavy = Vec::new();
    for (key, counts) in groups {
        match weight(&counts, all).or(lightest) {
            Some(weight) => heavy.push((Reverse(weight), key, counts)),
            None => other.add_all(&counts),
        }
    }
    heavy.sort_unstable_by(|(a, a_key, _), (b, b_key, _)| a.cmp(b).then_with(|| a_key.cmp(b_key)));
    for (.., counts) in heavy.drain(heavy.len().min(top)..) {
        other.add_all(&counts);
    }
    let heavy = heavy.into_iter().map(|(_, key, counts)| (key, counts));
    (heavy.collect(), other)
}

/// The largest part that a group has of the sockets in some state, in millionths; `None` for too small
/// ones.
fn weight(counts: &Counts, all: &Counts) -> Option<u64> {
    let parts = counts.present().filter_map(|(state, own)| {
        let of = all.get(state);
        let is_heavy = own >= LEAST && own.saturating_mul(PART) >= of;
        is_heavy.then(|| own.saturating_mul(1_000_000) / of.max(1))
    });
    parts.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    fn counts(numbers: &[(State, u64)]) -> Counts {
        let mut counts = Counts::default();
        for (state, number) in numbers {
            counts.add(*state, *number);
        }
        counts
    }

    fn group(port: u16, numbers: &[(State, u64)]) -> KeyedCounts {
        (Box::new([KeyPart::Port(Some(port))]), counts(numbers))
    }

    fn choose(groups: &[KeyedCounts], top: usize) -> (Vec<u16>, Counts) {
        choose_by(groups, top, Floor::Share)
    }

    fn choose_by(groups: &[KeyedCounts], top: usize, floor: Floor) -> (Vec<u16>, Counts) {
        let mut all = Counts::default();
        groups.iter().for_each(|(_, counts)| all.add_all(counts));
        let groups = groups.iter().cloned().collect();
        let (heavy, other) = heaviest(groups, None, &all, top, floor);
        let ports = heavy.iter().filter_map(|(key, _)| match key[..] {
            [KeyPart::Port(port)] => port,
            _ => None,
        });
        (ports.collect(), other)
    }

    #[test]
    fn the_holder_of_all_close_waits_is_shown_and_thousands_of_equal_clients_are_not() {
        let mut groups: Vec<_> = (1000..3000)
            .map(|port| group(port, &[(State::Established, 50)]))
            .collect();
        groups.push(group(
            1,
            &[(State::Established, 1), (State::CloseWait, 150)],
        ));
        let (ports, other) = choose(&groups, 20);
        assert_eq!(ports, [1]);
        assert_eq!(other.get(State::Established), 2000 * 50);
        assert_eq!(other.get(State::CloseWait), 0);
    }

    #[test]
    fn nine_sockets_are_too_few_and_the_top_cuts_the_lightest() {
        let groups = [
            group(1, &[(State::CloseWait, 9)]),
            group(2, &[(State::Established, 60)]),
            group(3, &[(State::Established, 30)]),
            group(4, &[(State::Established, 10)]),
        ];
        assert_eq!(choose(&groups, 20).0, [2, 3, 4]);
        let (ports, other) = choose(&groups, 2);
        assert_eq!(ports, [2, 3]);
        assert_eq!(
            other,
            counts(&[(State::CloseWait, 9), (State::Established, 10)])
        );
    }

    #[test]
    fn few_groups_are_all_shown_where_that_is_requested_and_one_more_leaves_the_heavy_ones() {
        let few = [
            group(1, &[(State::Established, 60)]),
            group(2, &[(State::Established, 1)]),
            group(3, &[(State::Listen, 2)]),
        ];
        let by = |groups: &[KeyedCounts], top| choose_by(groups, top, Floor::ShareUnlessFew);
        let (mut ports, other) = by(&few, 3);
        ports.sort_unstable();
        assert_eq!((ports, other.total()), (vec![1, 2, 3], 0));
        let (ports, other) = by(&few, 2);
        assert_eq!((ports, other.total()), (vec![1], 3));
    }

    #[test]
    fn a_hundredth_of_a_state_is_enough_and_less_is_not() {
        let groups = [
            group(1, &[(State::TimeWait, 9_890)]),
            group(2, &[(State::TimeWait, 100)]),
            group(3, &[(State::TimeWait, 10)]),
        ];
        assert_eq!(choose(&groups, 20).0, [1, 2]);
    }
}
