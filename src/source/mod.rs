//! Where sockets come from: the kernel over netlink, its counters, or the tables of a proc file
//! system.
//!
//! An [`Observer`] is asked a question and pours the answer into a sink; nothing here keeps a
//! socket. Kernel crates are named in this room only.

mod counters;
mod derive;
mod divide;
mod error;
mod fallback;
mod halves;
mod judge;
mod kernel_state;
mod kernel_timer;
mod kernel_version;
mod observer;
mod plan;
mod port_range;
mod proc_net;
mod readings;
mod report;
mod sock_diag;
mod sysctl;
mod wire;

pub use divide::{OnlyTheKernel, Share};
pub use error::{CannotKnow, SourceError};
pub use observer::{Observer, Sources};
pub use port_range::read_local_port_range;
pub use proc_net::{NoTables, ProcError, ProcNet};
pub use readings::Readings;
pub use report::{Cost, Report};
pub use sock_diag::{Call, NetlinkError};
pub use sysctl::{read_sysctl, read_sysctl_number};
