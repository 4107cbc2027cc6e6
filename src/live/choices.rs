//! What keys step through: the orders of sockets, and the intervals between samples.

use std::time::Duration;

use crate::model::{Field, KindSet, SortKey, State};

/// The fields that sockets can be sorted by, in the order of the keys that step through them, and
/// whether the largest value comes first; see [`applies`].
const SORTED_BY: [(Field, bool); 11] = [
    (Field::SendQueue, true),
    (Field::ReceiveQueue, true),
    (Field::AcceptQueue, true),
    (Field::State, false),
    (Field::RemoteAddr, false),
    (Field::RemotePort, false),
    (Field::LocalAddr, false),
    (Field::LocalPort, false),
    (Field::Name, false),
    (Field::Timer, false),
    (Field::Retransmits, true),
];

/// The intervals, in milliseconds; the first and the last are the bounds of `--watch`.
const INTERVALS: [u64; 17] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    3_600_000, 21_600_000, 43_200_000, 86_400_000,
];

/// Whether sockets in a state, or in all, can differ in a field.
fn applies(field: Field, state: Option<State>) -> bool {
    match state {
        None => true,
        Some(State::Listen) => {
            matches!(
                field,
                Field::AcceptQueue | Field::LocalAddr | Field::LocalPort | Field::Name
            )
        }
        Some(_) => !matches!(field, Field::AcceptQueue | Field::State),
    }
}

fn sort_keys(state: Option<State>, kinds: KindSet) -> Vec<SortKey> {
    let fields = SORTED_BY.into_iter();
    let fields = fields.filter(|(field, _)| applies(*field, state) && field.is_of_any(kinds));
    let keys = fields.map(|(field, descending)| SortKey { field, descending });
    keys.collect()
}

/// The order in which the sockets of a state are listed first.
pub(super) fn usual_sort(state: Option<State>, kinds: KindSet) -> SortKey {
    let usual = SortKey {
        field: Field::State,
        descending: false,
    };
    sort_keys(state, kinds).first().copied().unwrap_or(usual)
}

/// The next one, or the previous one.
pub(super) fn next_sort(
    state: Option<State>,
    kinds: KindSet,
    sort: SortKey,
    forward: bool,
) -> SortKey {
    let keys = sort_keys(state, kinds);
    let count = keys.len().max(1);
    let at = keys.iter().position(|key| key.field == sort.field);
    let step = if forward { 1 } else { count - 1 };
    let at = (at.unwrap_or(0) + step) % count;
    keys.get(at).copied().unwrap_or(sort)
}

/// `send-queue:desc`, as `--sort` spells it.
pub(super) fn sort_text(sort: SortKey) -> String {
    let order = if sort.descending { ":desc" } else { "" };
    format!("{}{order}", sort.field.name())
}

/// The next shorter interval; the shortest has none.
pub(super) fn faster(interval: Duration) -> Duration {
    let mut intervals = INTERVALS.iter().rev().copied().map(Duration::from_millis);
    intervals.find(|next| *next < interval).unwrap_or(interval)
}

/// The next longer interval; the longest has none.
pub(super) fn slower(interval: Duration) -> Duration {
    let mut intervals = INTERVALS.iter().copied().map(Duration::from_millis);
    intervals.find(|next| *next > interval).unwrap_or(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_form_a_cycle_in_both_directions() {
        let states = [None, Some(State::Listen), Some(State::CloseWait)];
        let kinds = [KindSet::TCP, KindSet::UNIX, KindSet::ALL];
        let both = kinds
            .into_iter()
            .flat_map(|one| states.map(|state| (state, one)));
        for (state, kinds) in both {
            let next = |sort, forward| next_sort(state, kinds, sort, forward);
            let usual = usual_sort(state, kinds);
            assert!(usual.descending, "the largest queue first");
            let mut sort = usual;
            for _ in sort_keys(state, kinds) {
                assert_eq!(next(next(sort, true), false), sort);
                assert!(sort.field.is_of_any(kinds));
                sort = next(sort, true);
            }
            assert_eq!(sort, usual);
        }
        assert_eq!(sort_text(usual_sort(None, KindSet::TCP)), "send-queue:desc");
    }

    #[test]
    fn intervals_step_between_the_bounds_of_watch() {
        let milliseconds = Duration::from_millis;
        assert_eq!(faster(milliseconds(1_000)), milliseconds(500));
        assert_eq!(slower(milliseconds(1_000)), milliseconds(2_000));
        assert_eq!(slower(milliseconds(1_700)), milliseconds(2_000));
        assert_eq!(faster(milliseconds(50)), milliseconds(50));
        let day = milliseconds(86_400_000);
        assert_eq!(slower(day), day);
    }
}
