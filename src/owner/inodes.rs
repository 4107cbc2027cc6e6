//! The reverse: the inodes of the sockets that processes with a name or number hold. Only the
//! descriptors of these processes are read.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::mem::MaybeUninit;

use rustix::fs::RawDir;
use rustix::io::Errno;

use super::facts::read_name;
use super::fd_table::{FdTable, FdTarget, is_gone, query_size};
use crate::model::{Moment, ProcessName, ProcessQuery, Where};
use crate::proc_root::{DIRECTORY_PIECE, ProcRoot, parse_number};

/// The sockets of the processes of a query, and why some may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inodes {
    /// Their inodes.
    pub inodes: HashSet<u64>,
    /// How many processes match and were read.
    pub processes: u64,
    /// Processes that match, or may match, and could not be read.
    pub refused: u64,
    /// The first error for which one was not read, but for a lack of permission.
    pub error: Option<String>,
    /// The mount option with which the proc file system hides processes from this one, if it does.
    pub hiding: Option<String>,
    /// Whether the proc file system shows no process at all, as a copy of its tables does.
    pub shows_none: bool,
}

/// The inodes of the sockets held by the matching processes of `place`. No process holds a connection
/// that was never accepted.
///
/// # Errors
/// When the processes cannot be listed.
pub fn inodes_of(query: &ProcessQuery, place: &Where) -> io::Result<Inodes> {
    if let Some(moment) = place.recorded().and_then(|record| record.moment()) {
        return Ok(recorded(query, moment));
    }
    let root = ProcRoot::of(place)?;
    let pids = match query {
        ProcessQuery::Name(_) => root.numbers("")?,
        ProcessQuery::Pid(pid) => vec![*pid],
    };
    let mut found = Inodes {
        hiding: root.query_hiding_here(),
        ..Inodes::default()
    };
    for pid in pids {
        let is_meant = match query {
            ProcessQuery::Name(name) => read_name(&root, pid).map(|found| found == *name),
            ProcessQuery::Pid(_) => Ok(true),
        };
        let read = is_meant.and_then(|is_meant| match is_meant {
            true => read_process(&root, pid, &mut found.inodes).map(|()| 1),
            false => Ok(0),
        });
        match read {
            Ok(processes) => found.processes += processes,
            // Ended meanwhile.
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                found.refused += 1;
                if error.kind() != io::ErrorKind::PermissionDenied {
                    found.error.get_or_insert(error.to_string());
                }
            }
        }
    }
    found.shows_none = found.processes + found.refused == 0 && root.numbers("")?.is_empty();
    Ok(found)
}

/// The same of a record.
fn recorded(query: &ProcessQuery, moment: &Moment) -> Inodes {
    let is_meant = |pid: u32, name: Option<ProcessName>| match query {
        ProcessQuery::Name(query) => name == Some(*query),
        ProcessQuery::Pid(query) => pid == *query,
    };
    let processes = moment.host.processes.iter();
    let meant = processes.filter(|process| is_meant(process.pid, process.name));
    let pids: BTreeSet<u32> = meant.map(|process| process.pid).collect();
    let unread = moment.host.unread.iter();
    let unread = unread.filter(|(pid, name)| is_meant(*pid, *name));
    let holds = moment.host.holds.iter();
    let meant = holds.filter(|(_, hold)| pids.contains(&hold.pid));
    Inodes {
        inodes: meant.map(|(inode, _)| *inode).collect(),
        processes: pids.len() as u64,
        refused: unread.count() as u64,
        ..Inodes::default()
    }
}

/// Adds what a process holds, including its threads with tables of their own.
fn read_process(root: &ProcRoot, pid: u32, inodes: &mut HashSet<u64>) -> io::Result<()> {
    let table = FdTable::open(root, pid)?;
    let mut known = Vec::new();
    // A leader without any has ended before its threads, which have the table.
    if read_table(&table, inodes)? > 0 {
        known.extend(query_size(root, &pid.to_string()));
    }
    for table in FdTable::open_unshared(root, pid, known) {
        read_table(&table, inodes)?;
    }
    Ok(())
}

/// Adds the sockets of a table; returns the number of its descriptors.
fn read_table(table: &FdTable<'_>, inodes: &mut HashSet<u64>) -> io::Result<u64> {
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_PIECE];
    let mut entries = RawDir::new(&table.directory, &mut buffer);
    let mut descriptors = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Some(fd) = parse_number(entry.file_name().to_bytes()) else {
            continue;
        };
        descriptors += 1;
        match table.target(entry.file_name()) {
            Ok(FdTarget::Socket(inode)) => {
                inodes.insert(inode);
            }
            Ok(FdTarget::Ring) => inodes.extend(table.read_registered(fd)),
            // Closed meanwhile, if it is an error.
            Ok(FdTarget::Other) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(descriptors)
}
