//! Which processes hold a socket: from its inode to the descriptors that link to it,
//! proc_pid_fd(5).
//!
//! Sockets come first: a walk over a proc file system searches for the inodes of sockets that are
//! already listed, and keeps nothing else. What it may skip depends on the question ([`Seek`]):
//! - Every holder: sockets are shared by fork and sent over UNIX sockets, and the kernel does not
//!   report how many descriptors refer to one. So every descriptor of every process is read, by
//!   several threads where there are many. Only the order is free: with a time limit, the processes of
//!   the sockets' own users come first, and some descriptors of each of them before all of one.
//! - The lowest pid: processes are read completely and in the order of their pids. Once every inode
//!   is found, all other holders have higher pids, and the walk ends.
//!
//! Threads share the descriptors of their process, so a process is read at its thread group's
//! leader. A leader that has ended has none: then its other threads are read. A thread may also
//! have a table of its own (unshare(2), CLONE_FILES). Such tables are searched only while some
//! sockets have no known holder, and are recognized by a number of open files that differs from
//! their leader's, which Linux 6.2 and later report. Further holders of a shared socket in such
//! tables are missed.
//!
//! Must not list sockets, print, or open a descriptor of another process.

mod descriptors;
mod facts;
mod fd_table;
mod inodes;
mod owners;
#[cfg(test)]
mod tests;
mod walk;
mod wanted;
mod workers;

pub use descriptors::query_descriptors;
pub use facts::{Facts, query_name};
pub use inodes::{Inodes, inodes_of};
pub use owners::{Effort, Owners};
pub use walk::{Search, Seek};
pub use wanted::Wanted;
