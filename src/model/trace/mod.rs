//! What a tracer records of sockets while they change, and what that comes to.

mod clock;
mod connection;
mod event;
mod reset;
mod segment;
mod story;
mod summary;
mod transition;

pub use clock::Clock;
pub use connection::{Acknowledged, Close, Connection, FirstClose, Opened, Reset, Shape, Side};
pub use event::{Counters, Event, EventKind, Task};
pub use reset::ResetReason;
pub use segment::{Flags, Segment};
pub use story::{Evidence, Story};
pub use summary::{FirstCloses, Losses, StateTimes, Summary};
pub use transition::Transition;
