//! Network namespaces of this host: finds, names and enters them, network_namespaces(7).
//!
//! Keeps nothing open: a descriptor, a socket or a thread in a namespace would keep the namespace and
//! its interfaces alive after its last process has ended. Reads no sockets.

mod enter;
mod find;
mod which;

pub use enter::within;
pub use which::{Access, NetnsError, Selected, select};
