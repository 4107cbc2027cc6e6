//! The plain values that all other rooms exchange: states, sockets, counts, snapshots, completeness.
//!
//! Must not read files, make system calls, read a clock or draw. Each value is documented with its
//! meaning, its unit, and when it is absent.

/// Declares an enum whose values all have the same property, as one table.
macro_rules! table {
    (
        $(#[$about:meta])+ $name:ident
        $(#[$what:meta])+ $property:ident: $type:ty
        { $($(#[$meaning:meta])+ $value:ident = $entry:expr,)+ }
    ) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$meaning])+ $value,)+
        }

        impl $name {
            /// Every one, in the order of their numbers.
            pub const ALL: &[$name] = &[$($name::$value,)+];

            $(#[$what])+
            pub const fn $property(self) -> $type {
                match self {
                    $($name::$value => $entry,)+
                }
            }
        }
    };
}

mod command;
mod completeness;
mod counter;
mod counts;
mod earlier;
mod ends;
mod field;
mod finding;
mod group;
mod kind;
mod kind_set;
mod listeners;
mod metric;
mod names;
mod namespaces;
mod netns;
mod note;
pub mod page;
mod place;
mod placement;
mod process;
mod protocol;
mod recorded;
pub mod screen;
mod setting;
mod sink;
mod snapshot;
mod socket;
mod sort_key;
mod state;
mod state_set;
mod tcp_info;
#[cfg(test)]
pub(crate) mod testing;
mod threshold;
mod timeline;
pub mod trace;
mod unix;
mod words;

pub use command::{Command, shell_quoted};
pub use completeness::{Completeness, KindRead, Loss};
pub use counter::{Counter, Counters, Segments};
pub use counts::Counts;
pub use earlier::{Asked, Earlier};
pub use ends::{
    Ends, Family, InetEnds, ListenAddress, ListenPlace, NetlinkEnds, PacketEnds, is_every_address,
};
pub use field::{Extension, Field, Part, Use};
pub use finding::{Culprit, Diagnosis, Finding, Namespaces, NotExamined, Severity, Unlisted};
pub use group::{
    Direction, FamilyClass, Group, GroupHolders, GroupKey, Grouped, KeyPart, Label, Other,
    PrefixLengths, Service,
};
pub use kind::Kind;
pub use kind_set::KindSet;
pub use listeners::{Arrival, Listener, Listeners};
pub use metric::{Metric, Unit};
pub use names::Names;
use namespaces::write_unseen;
pub use namespaces::{
    NamespaceFacts, NamespacesRead, ReadNamespace, UnseenNamespace, UnseenReason,
};
pub use netns::{EVERY_NETNS, Namespace, NamespaceList, Netns, compare_names};
pub use note::Note;
pub use place::Where;
pub use placement::{Placement, is_container_id, parse_placement};
pub use process::{
    Descriptors, Held, Hold, Holders, Ownership, Process, ProcessName, ProcessQuery,
};
pub use protocol::Protocol;
pub use recorded::{
    Counted, CountedGroups, Moment, Origin, Place, Recorded, RecordedHost, RecordedNamespace,
    RecordedNamespaces, Stretch,
};
pub use setting::{Setting, Settings};
pub use sink::{CountSink, Sink, SplitSink};
pub use snapshot::{Observation, Snapshot, SourceName};
pub use socket::{Socket, SocketId, Timer, TimerKind};
pub use sort_key::SortKey;
pub use state::State;
pub use state_set::StateSet;
pub use tcp_info::{CongestionControl, TcpInfo};
pub use threshold::{
    Aspect, Breach, CheckStatus, Definition, Holder, JudgedGroup, JudgedGroups, JudgedQuantity,
    JudgedQueue, JudgedQueues, Judgement, Measure, Measurement, Quantity, Range, Scope, Side,
    Subject, Threshold, Thresholds, Trust, Verdict, Waited, decimal, grouped,
};
pub use timeline::{Position, Ticks, Timeline, TimelinePart};
pub use unix::{UnixEnds, UnixName, UnixPeer, UnixShutdown};
pub use words::{counted, duration_words, hint, is_typing_error, nearest_word, thousands, times};
