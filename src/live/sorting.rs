//! What sockets on the screen can be sorted by, and in which order each begins.

use crate::model::{Field, SortKey, State};

/// Of connections; the first is where a list begins.
const CONNECTIONS: [Field; 8] = [
    Field::SendQueue,
    Field::ReceiveQueue,
    Field::RemoteAddr,
    Field::RemotePort,
    Field::LocalAddr,
    Field::LocalPort,
    Field::Timer,
    Field::Retransmits,
];

/// Of listeners.
const LISTENERS: [Field; 3] = [Field::AcceptQueue, Field::LocalAddr, Field::LocalPort];

/// Of everything.
const ALL: [Field; 10] = [
    Field::SendQueue,
    Field::ReceiveQueue,
    Field::AcceptQueue,
    Field::State,
    Field::RemoteAddr,
    Field::RemotePort,
    Field::LocalAddr,
    Field::LocalPort,
    Field::Timer,
    Field::Retransmits,
];

fn fields(state: Option<State>) -> &'static [Field] {
    match state {
        None => &ALL,
        Some(State::Listen) => &LISTENERS,
        Some(_) => &CONNECTIONS,
    }
}

/// The order in which the sockets of a state are listed first.
pub(super) fn usual(state: Option<State>) -> SortKey {
    let first = fields(state).first().copied();
    key(first.unwrap_or(Field::State))
}

/// The next one, or the one before.
pub(super) fn next(state: Option<State>, sort: SortKey, forward: bool) -> SortKey {
    let fields = fields(state);
    let at = fields.iter().position(|field| *field == sort.field);
    let step = if forward { 1 } else { fields.len() - 1 };
    let at = (at.unwrap_or(0) + step) % fields.len();
    key(fields.get(at).copied().unwrap_or(sort.field))
}

/// `send-queue:desc`, as `--sort` spells it.
pub(super) fn spelled(sort: SortKey) -> String {
    let order = if sort.descending { ":desc" } else { "" };
    format!("{}{order}", sort.field.name())
}

/// What is worth a look first: the largest queue, and the smallest address.
fn key(field: Field) -> SortKey {
    SortKey {
        field,
        descending: matches!(
            field,
            Field::SendQueue | Field::ReceiveQueue | Field::AcceptQueue | Field::Retransmits
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_comes_round_both_ways() {
        for state in [None, Some(State::Listen), Some(State::CloseWait)] {
            let usual = usual(state);
            assert!(usual.descending, "the largest queue first");
            let mut sort = usual;
            for _ in fields(state) {
                assert_eq!(next(state, next(state, sort, true), false), sort);
                sort = next(state, sort, true);
            }
            assert_eq!(sort, usual);
        }
        assert_eq!(spelled(usual(None)), "send-queue:desc");
    }
}
