//! Descriptor tables, proc_pid_fd(5): what the descriptors of a process or thread refer to.
//!
//! Sockets may also be held by an io_uring instance, without a descriptor of their own
//! (io_uring_register_files(3)); its descriptor lists them in `/proc/PID/fdinfo/FD`
//! (`io_uring_show_fdinfo`, io_uring/fdinfo.c), with their inodes on recent kernels.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::readlinkat_raw;
use rustix::io::Errno;

use crate::proc_root::{ProcRoot, parse_number};

/// A line for each of the files that an instance may have registered, 32,768 of them.
const RING_MOST: usize = 1 << 20;

/// Whether the process, thread or descriptor has ended meanwhile.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::SRCH)
    )
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FdTarget {
    /// A socket with this inode.
    Socket(u64),
    /// An io_uring instance.
    Ring,
    Other,
}

/// The descriptors of a process, or of a thread that does not share them.
pub(super) struct FdTable<'a> {
    root: &'a ProcRoot,
    /// `PID` or `PID/task/TID`.
    home: String,
    pub(super) directory: OwnedFd,
}

impl<'a> FdTable<'a> {
    /// The table of a process.
    pub(super) fn open(root: &'a ProcRoot, pid: u32) -> io::Result<FdTable<'a>> {
        FdTable::open_at(root, pid.to_string())
    }

    fn open_at(root: &'a ProcRoot, home: String) -> io::Result<FdTable<'a>> {
        let directory = root.open_directory(&format!("{home}/fd"))?;
        Ok(FdTable {
            root,
            home,
            directory,
        })
    }

    /// The tables that threads of a process have for themselves: one of those with the same number
    /// of open files, and none with one of the `known` numbers. Opened one after the other: a
    /// process may have more threads than we may have files.
    pub(super) fn open_unshared(
        root: &'a ProcRoot,
        pid: u32,
        mut known: Vec<u64>,
    ) -> impl Iterator<Item = FdTable<'a>> {
        let tids = root.numbers(&format!("{pid}/task")).unwrap_or_default();
        tids.into_iter().filter_map(move |tid| {
            let home = format!("{pid}/task/{tid}");
            let size = query_size(root, &home)?;
            if tid == pid || known.contains(&size) {
                return None;
            }
            known.push(size);
            FdTable::open_at(root, home).ok()
        })
    }

    /// What a descriptor refers to.
    pub(super) fn target(&self, descriptor: &CStr) -> Result<FdTarget, Errno> {
        // No link to a socket or an instance is longer; of others the beginning will do.
        let mut buffer = [MaybeUninit::uninit(); 32];
        let (link, _) = readlinkat_raw(&self.directory, descriptor, &mut buffer)?;
        Ok(parse_target(link))
    }

    /// The inodes of the sockets registered with the instance of this descriptor; none if they
    /// cannot be read, or while the instance is locked.
    pub(super) fn read_registered(&self, fd: u32) -> Vec<u64> {
        let info = format!("{}/fdinfo/{fd}", self.home);
        let info = self.root.read_start(&info, RING_MOST);
        info.map_or(Vec::new(), |info| parse_registered(&info))
    }
}

/// The number of open files of a process or thread, since Linux 6.2 (`proc_fd_getattr`); 0 before.
pub(super) fn query_size(root: &ProcRoot, home: &str) -> Option<u64> {
    let status = root.stat(&format!("{home}/fd")).ok()?;
    u64::try_from(status.st_size).ok()
}

fn parse_target(link: &[u8]) -> FdTarget {
    match parse_socket(link) {
        Some(inode) => FdTarget::Socket(inode),
        None if link == b"anon_inode:[io_uring]" => FdTarget::Ring,
        None => FdTarget::Other,
    }
}

/// The inode of a socket, from `socket:[123]`; `None` for any other file.
fn parse_socket(link: &[u8]) -> Option<u64> {
    parse_number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// The inodes in the lines `    0: socket:[123]` below `UserFiles:`.
fn parse_registered(info: &[u8]) -> Vec<u64> {
    let lines = info.split(|byte| *byte == b'\n');
    let files = lines.skip_while(|line| !line.starts_with(b"UserFiles:"));
    let files = files.skip(1).take_while(|line| line.starts_with(b" "));
    files
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            parse_socket(line.get(colon..)?.strip_prefix(b": ")?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        let target = |link: &str| parse_target(link.as_bytes());
        assert_eq!(target("socket:[123]"), FdTarget::Socket(123));
        let largest = target("socket:[18446744073709551615]");
        assert_eq!(largest, FdTarget::Socket(u64::MAX));
        assert_eq!(target("anon_inode:[io_uring]"), FdTarget::Ring);
        for other in [
            "socket:[18446744073709551616]",
            "socket:[]",
            "socket:[+1]",
            "socket:[ 1]",
            "socket:[1",
            "socket:[1] (deleted)",
            "pipe:[123]",
            "anon_inode:[eventpoll]",
            "/dev/null",
            "/socket:[1]",
            "",
        ] {
            assert_eq!(target(other), FdTarget::Other, "{other}");
        }
    }

    #[test]
    fn registered_sockets_are_those_among_the_registered_files() {
        // `cat /proc/PID/fdinfo/FD` of Linux 6.18, shortened.
        let info = "pos:\t0\nino:\t8079541\nSqMask:\t0x7\nSQEs:\t0\nUserFiles:\t4\n    \
            0: socket:[8079542]\n    2: /tmp/socket:[5]\n12345: socket:[7]\n    3: socket:[8]\n\
            UserBufs:\t0\n    0: socket:[9]\nPollList:\n";
        assert_eq!(parse_registered(info.as_bytes()), [8_079_542]);
        let wide = info.replace("12345: ", " 1234: ");
        assert_eq!(parse_registered(wide.as_bytes()), [8_079_542, 7, 8]);
        // Kernels that print the type of the file have no inode.
        assert!(parse_registered(b"UserFiles:\t1\n    0: TCP\n").is_empty());
        assert!(parse_registered(b"pos:\t0\n").is_empty());
    }
}
