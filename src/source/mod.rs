//! Where sockets come from: the kernel over netlink, its counters, or the tables of a proc file
//! system.
//!
//! An [`Observer`] answers a question by passing sockets to a sink; nothing here keeps a socket.
//! Kernel crates are named in this room only.

mod bpf;
mod counted;
mod counters;
mod derive;
mod error;
mod kernel;
mod kinds;
mod observer;
mod plan;
mod proc_net;
mod readings;
mod recorded;
mod report;
mod several;
mod sock_diag;
mod still;
mod sysctl;
mod trace;
mod unlisted;
mod walk;
mod wire;

pub use bpf::{BpfError, Btf, BtfError};
pub use counted::count_sample;
pub use error::{CannotKnow, NetlinkError, SourceError, UnsupportedTest};
pub use kinds::Protocols;
pub use observer::Observer;
pub use plan::{DumpFilter, Need, Plan, Several, Sources};
pub use proc_net::{NoTables, ProcError, ProcNet};
pub use readings::Readings;
pub use report::{Cost, Report};
pub use several::{OneNamespace, in_each_namespace, visit_each};
pub use sysctl::{read_local_port_range, read_sysctl};
pub use trace::{Capture, Captured, Destroyed, Lost, MOST_PORT_RANGES, Selector, Tracer};
pub use unlisted::{read_mptcp, read_unlisted};
pub use wire::{Message, Messages, NetlinkDump, PacketDump, Payload, Request, Spare, UnixDump};
