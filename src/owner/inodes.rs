//! The other way round: the sockets that processes of a name or number hold, as inodes. Only their
//! descriptors are read, so it costs what they have and not what the host has.

use std::collections::HashSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::RawDir;
use rustix::io::Errno;

use super::facts::read_name;
use super::files::{
    DIRECTORY_PIECE, open_directory, open_root, open_unshared_tables, query_inode, query_size,
    read_numbers,
};
use super::hiding::query_hiding;
use super::link::parse_number;
use crate::model::ProcessQuery;

/// The sockets of some processes, and why some may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inodes {
    /// Their inodes.
    pub inodes: HashSet<u64>,
    /// How many processes are meant and were looked into.
    pub processes: u64,
    /// Processes that are, or may be, meant and may not be looked into.
    pub refused: u64,
    /// The mount option by which the proc file system hides processes, if it does.
    pub hiding: Option<String>,
}

/// The inodes of the sockets that the processes meant hold, in the proc file system at `root`. Nobody holds what was never accepted, so it is not among them.
///
/// # Errors
/// When `root` or its processes cannot be listed.
pub fn inodes_of(query: &ProcessQuery, root: &Path) -> io::Result<Inodes> {
    let root = open_root(root)?;
    let pids = match query {
        ProcessQuery::Name(_) => read_numbers(&root)?,
        ProcessQuery::Pid(pid) => vec![*pid],
    };
    let mut found = Inodes {
        hiding: query_hiding(&root),
        ..Inodes::default()
    };
    for pid in pids {
        let read = is_meant(query, &root, pid).and_then(|meant| match meant {
            true => read_process(root.as_fd(), pid, &mut found.inodes).map(|()| 1),
            false => Ok(0),
        });
        match read {
            Ok(processes) => found.processes += processes,
            // Ended meanwhile.
            Err(Errno::NOENT | Errno::SRCH) => {}
            Err(_) => found.refused += 1,
        }
    }
    Ok(found)
}

fn is_meant(query: &ProcessQuery, root: impl AsFd, pid: u32) -> Result<bool, Errno> {
    match query {
        ProcessQuery::Name(name) => Ok(read_name(root, pid)? == *name),
        ProcessQuery::Pid(_) => Ok(true),
    }
}

/// Adds what a process holds, its threads with tables of their own included.
fn read_process(root: BorrowedFd<'_>, pid: u32, inodes: &mut HashSet<u64>) -> Result<(), Errno> {
    let path = format!("{pid}/fd");
    let table = open_directory(root, &path)?;
    let mut known = Vec::new();
    // A leader without any has ended before its threads, and they have the table.
    if read_table(&table, inodes)? > 0 {
        known.extend(query_size(root, &path));
    }
    for table in open_unshared_tables(root, pid, known) {
        read_table(&table, inodes)?;
    }
    Ok(())
}

/// Adds what a table leads to; tells how many descriptors are in it.
fn read_table(table: &OwnedFd, inodes: &mut HashSet<u64>) -> Result<u64, Errno> {
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
    let mut entries = RawDir::new(table, &mut buffer);
    let mut descriptors = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if parse_number::<u32>(entry.file_name().to_bytes()).is_none() {
            continue;
        }
        descriptors += 1;
        match query_inode(table, entry.file_name()) {
            Ok(inode) => inodes.extend(inode),
            // Closed meanwhile.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(descriptors)
}
