//! Network namespaces of this host: finds, names and enters them, network_namespaces(7).
//!
//! Keeps nothing open: a descriptor, a socket or a thread in a namespace would keep the namespace and
//! its interfaces alive after its last process has ended. Reads no sockets.

mod engines;
mod enter;
mod find;
mod members;
mod names;
mod select;
mod which;

pub use engines::{Engines, short_id};
pub use enter::within;
pub use members::{
    Access, Member, Members, Tables, find_members, is_mounted, is_reachable, own_name,
};
pub use select::{NetnsError, identify, select};
