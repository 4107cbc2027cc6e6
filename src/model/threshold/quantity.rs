//! What `check` compares besides numbers of sockets: each name with its unit, scope and states.
//!
//! To add one: an entry here, the file in `command/check/quantities` that measures it, and its
//! definition in tcpstates-check(1).

use serde::Serialize;

use super::Measure;
use crate::model::{Field, Kind, State, StateSet};

/// What a value is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One of the selected sockets.
    Socket,
    /// One of the selected listeners.
    Listener,
    /// All selected sockets together.
    Selection,
    /// One destination of the whole network namespace.
    Destination,
    /// The whole network namespace.
    Namespace,
    /// The whole host, also in a network namespace of its own.
    Host,
}

/// What is true of every value of a quantity.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The word on the command line.
    pub name: &'static str,
    /// What a value is about.
    pub scope: Scope,
    /// In which units it can be compared, the usual one first.
    pub measures: &'static [Measure],
    /// A threshold, as an example.
    pub example: &'static str,
    /// The unit of a number without `%` or `/s`, where it is none of whole things.
    pub bytes: bool,
    /// Whether it is measured over a window, because the kernel only has totals since its start.
    pub grows: bool,
    /// Whether a share is never more than 100 %.
    pub is_part: bool,
    /// The states of the sockets that have it; none where it is not one of sockets.
    pub states: StateSet,
}

/// The states whose sockets have bytes in queues.
const WITH_QUEUES: StateSet = StateSet::ALL
    .with(State::Unconnected)
    .without(State::Listen)
    .without(State::SynRecv)
    .without(State::TimeWait);

const COUNTED: Definition = Definition {
    name: "",
    scope: Scope::Namespace,
    measures: &[Measure::Count, Measure::Share],
    example: "",
    bytes: false,
    grows: false,
    is_part: false,
    states: StateSet::NONE,
};

table! {
    /// Something that is compared besides numbers of sockets.
    Quantity
    /// What is true of all its values.
    definition: Definition
    {
        /// The fullest accept queue, in percent of its limit.
        AcceptQueue = Definition {
            name: "accept-queue",
            scope: Scope::Listener,
            measures: &[Measure::Share],
            example: "accept-queue=80%",
            states: StateSet::NONE.with(State::Listen),
            ..COUNTED
        },
        /// Connections that did not get into an accept queue, per second.
        ListenDrops = Definition {
            name: "listen-drops",
            measures: &[Measure::Rate],
            example: "listen-drops=0/s",
            grows: true,
            ..COUNTED
        },
        /// Retransmitted segments, in percent of those sent in the window.
        Retransmission = Definition {
            name: "retransmission",
            measures: &[Measure::Share],
            example: "retransmission=1%",
            grows: true,
            is_part: true,
            ..COUNTED
        },
        /// Bytes received and not read yet by the program, or their share of the socket's limit: the
        /// most of one socket.
        ReceiveQueue = Definition {
            name: "receive-queue",
            scope: Scope::Socket,
            example: "receive-queue=1000000",
            bytes: true,
            states: WITH_QUEUES,
            ..COUNTED
        },
        /// Bytes not acknowledged yet by the peer: the most of one socket.
        SendQueue = Definition {
            name: "send-queue",
            scope: Scope::Socket,
            measures: &[Measure::Count],
            example: "send-queue=1000000",
            bytes: true,
            states: WITH_QUEUES,
            ..COUNTED
        },
        /// What the kernel dropped for the selected sockets, per second.
        Drops = Definition {
            name: "drops",
            scope: Scope::Selection,
            measures: &[Measure::Rate],
            example: "drops=0/s",
            grows: true,
            states: StateSet::ALL
                .with(State::Unconnected)
                .without(State::SynRecv)
                .without(State::TimeWait),
            ..COUNTED
        },
        /// Closing sockets that no process holds, or their share of the limit.
        Orphans = Definition {
            name: "orphans",
            scope: Scope::Host,
            example: "orphans=50%",
            ..COUNTED
        },
        /// TCP's memory in bytes, or its share of the limit.
        Memory = Definition {
            name: "memory",
            scope: Scope::Host,
            example: "memory=50%",
            bytes: true,
            ..COUNTED
        },
        /// Ports that connections to the fullest destination take, or their share.
        EphemeralPorts = Definition {
            name: "ephemeral-ports",
            scope: Scope::Destination,
            example: "ephemeral-ports=75%",
            ..COUNTED
        },
    }
}

impl Quantity {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The one with this name; `_` is read as `-`, in any case.
    pub fn parse(word: &str) -> Option<Quantity> {
        let word = word.to_lowercase().replace('_', "-");
        let mut all = Quantity::ALL.iter().copied();
        all.find(|quantity| quantity.name() == word)
    }

    /// Whether it is about sockets of this kind, or there are some that have it.
    pub fn is_of(self, kind: Kind) -> bool {
        match self {
            Quantity::ReceiveQueue | Quantity::SendQueue => true,
            Quantity::Drops => Field::Drops.is_of(kind),
            Quantity::AcceptQueue => Field::AcceptQueue.is_of(kind),
            Quantity::ListenDrops
            | Quantity::Retransmission
            | Quantity::Orphans
            | Quantity::Memory
            | Quantity::EphemeralPorts => kind == Kind::Tcp,
        }
    }

    /// Whether sockets of this kind have the limit that it is a percentage of.
    pub fn has_limit(self, kind: Kind) -> bool {
        match self {
            Quantity::ReceiveQueue => Field::ReceiveLimit.is_of(kind),
            Quantity::AcceptQueue
            | Quantity::ListenDrops
            | Quantity::Retransmission
            | Quantity::SendQueue
            | Quantity::Drops
            | Quantity::Orphans
            | Quantity::Memory
            | Quantity::EphemeralPorts => true,
        }
    }

    /// Whether it can be compared in this unit.
    pub fn has(self, measure: Measure) -> bool {
        self.definition().measures.contains(&measure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_in_both_spellings_and_no_state_has_it() {
        for quantity in Quantity::ALL {
            let name = quantity.name();
            let shouted = name.replace('-', "_").to_uppercase();
            for word in [name, &shouted] {
                assert_eq!(Quantity::parse(word), Some(*quantity));
                assert_eq!(State::parse(word), None);
            }
            assert!(
                quantity
                    .definition()
                    .example
                    .starts_with(&format!("{name}="))
            );
        }
        assert_eq!(Quantity::parse("total"), None);
    }
}
