//! Who holds a socket: from its inode to the processes whose descriptors link to it, proc_pid_fd(5).
//!
//! Sockets first: a walk over a proc file system looks for the inodes of sockets already listed and
//! keeps nothing else. What it may leave out depends on the question ([`Seek`]):
//! - Every holder: sockets are shared by fork and passed over UNIX sockets, and the kernel tells
//!   nobody by how many descriptors one is held. So every descriptor of every process is read, and
//!   the walk never stops before its end; only the order is free, and under a budget
//!   the processes of the sockets' own users come first, and a few descriptors of each of them
//!   before all of one.
//! - The lowest pid: processes are walked in the order of their numbers, each as a whole. Once every
//!   inode was found, all further holders have higher numbers, and the walk stops.
//!
//! Threads share the descriptors of their process, so a process is read at its thread group's
//! leader. A leader that has ended shows none: then its other threads are read. A thread may also
//! have unshared its descriptors (unshare(2), CLONE_FILES): such tables are looked for only while
//! sockets are without a holder, and known by having another number of open files than their
//! leader's, which Linux 6.2 and later tell. Their further holders of shared sockets are missed.
//!
//! Nothing here lists sockets, prints, or opens a descriptor of another process.

mod cgroup;
mod facts;
mod fd_table;
mod found;
mod hiding;
mod inodes;
#[cfg(test)]
mod tests;
mod walk;
mod wanted;

pub use facts::Facts;
pub use found::{Effort, Owners};
pub use inodes::{Inodes, inodes_of};
pub use walk::{Search, Seek};
pub use wanted::Wanted;
