//! The plain values every other room speaks in: states, sockets, counts, snapshots, completeness.
//!
//! Nothing here reads a file, talks to the kernel, knows a clock or draws; the values say what
//! they mean, in which unit, and when they are absent.

mod completeness;
mod counts;
mod family;
mod field;
mod grouped;
mod key;
mod metric;
mod names;
mod nearest;
mod ownership;
mod process;
pub mod screen;
mod sink;
mod snapshot;
mod socket;
mod sort_key;
mod state;
mod state_set;
mod tcp_info;

pub use completeness::{Completeness, Loss};
pub use counts::Counts;
pub use family::Family;
pub use field::{Field, Use};
pub use grouped::{Group, Grouped, Label, Other};
pub use key::{Direction, FamilyClass, Key, Part, PrefixLengths, Service};
pub use metric::{Metric, Unit};
pub use names::Names;
pub use nearest::{hint, nearest_word};
pub use ownership::Ownership;
pub use process::{Held, Hold, Process, ProcessName, ProcessQuery};
pub use sink::{CountSink, Sink, SplitSink};
pub use snapshot::{Observation, Snapshot, SourceName};
pub use socket::{Socket, Timer, TimerKind};
pub use sort_key::SortKey;
pub use state::State;
pub use state_set::StateSet;
pub use tcp_info::{CongestionControl, TcpInfo};
