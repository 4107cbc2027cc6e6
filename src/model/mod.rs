//! The plain values every other room speaks in: states, sockets, counts, snapshots, completeness.
//!
//! Nothing here reads a file, talks to the kernel, knows a clock or draws; the values say what
//! they mean, in which unit, and when they are absent.

mod completeness;
mod counter;
mod counts;
mod ends;
mod family;
mod field;
mod finding;
mod group_key;
mod grouped;
mod holders;
mod kind;
mod listeners;
mod metric;
mod names;
mod nearest;
mod number;
mod ownership;
mod place;
mod process;
pub mod screen;
mod setting;
mod sink;
mod snapshot;
mod socket;
mod sort_key;
mod state;
mod state_set;
mod tcp_info;
mod threshold;

pub use completeness::{Completeness, Loss};
pub use counter::{Counter, Counters};
pub use counts::Counts;
pub use ends::{Ends, InetEnds, UnixName};
pub use family::Family;
pub use field::{Field, Use};
pub use finding::{
    Command, Culprit, Diagnosis, Finding, Namespaces, NotExamined, Severity, Unlisted, shell_quoted,
};
pub use group_key::{Direction, FamilyClass, GroupKey, KeyPart, PrefixLengths, Service};
pub use grouped::{Group, Grouped, Label, Other};
pub use holders::Holders;
pub use kind::Kind;
pub use listeners::{Listener, Listeners};
pub use metric::{Metric, Unit};
pub use names::Names;
pub use nearest::{hint, nearest_word};
pub use number::{counted, thousands};
pub use ownership::Ownership;
pub use place::{Netns, Where};
pub use process::{Held, Hold, Process, ProcessName, ProcessQuery};
pub use setting::{Setting, Settings};
pub use sink::{CountSink, Sink, SplitSink};
pub use snapshot::{Observation, Snapshot, SourceName};
pub use socket::{Socket, Timer, TimerKind};
pub use sort_key::SortKey;
pub use state::State;
pub use state_set::StateSet;
pub use tcp_info::{CongestionControl, TcpInfo};
pub use threshold::{
    Aspect, Breach, CheckStatus, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, Judgement,
    Measure, Measurement, Range, Side, Subject, Threshold, Thresholds, Trust, Verdict, decimal,
    grouped,
};
