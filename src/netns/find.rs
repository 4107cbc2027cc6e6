//! Every network namespace that can be found in files: those of processes, of threads whose process
//! has ended otherwise, and of mounts.
//!
//! `/proc/PID/ns/net` needs permission (ptrace(2), `PTRACE_MODE_READ_FSCREDS`), `/proc/PID/net/tcp`
//! none; its inode number is one for all processes in a namespace. Not found: what only descriptors
//! or sockets keep alive.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::proc_root::{ProcRoot, parse_mounts, parse_number, read_mounts, unescape};

/// The most files of one namespace that are remembered; another one is used if the first is gone.
const MOST_FILES: usize = 3;

/// A network namespace.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its inode number.
    pub(super) inode: u32,
    /// Files that lead into it.
    pub(super) files: Vec<PathBuf>,
    /// The directory of its first process or thread, `/proc/7`.
    pub(super) home: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// By inode number.
    pub(super) namespaces: Vec<Found>,
    /// How many processes may not be read.
    pub(super) denied: u64,
}

/// Searches the processes and the mounts that this process sees.
pub(super) fn find(proc: &ProcRoot) -> Finding {
    let mut found: BTreeMap<u32, Found> = BTreeMap::new();
    let mut denied = 0;
    let mut add = |inode: u32, file: PathBuf, home: Option<&str>| {
        let one = found.entry(inode).or_default();
        one.inode = inode;
        if one.files.len() < MOST_FILES {
            one.files.push(file);
        }
        if let (None, Some(home)) = (&one.home, home) {
            one.home = Some(home.to_owned());
        }
    };
    for pid in proc.numbers("").unwrap_or_default() {
        let mut homes = vec![pid.to_string()];
        while let Some(home) = homes.pop() {
            match proc.read_netns(&home) {
                Ok(inode) => {
                    let path = proc.join(&home);
                    let text = path.display().to_string();
                    add(inode, path.join("ns/net"), Some(&text));
                    break;
                }
                // Its first thread has ended.
                Err(error) if error.kind() == ErrorKind::NotFound && !home.contains('/') => {
                    let threads = proc.numbers(&format!("{home}/task")).unwrap_or_default();
                    homes.extend(threads.iter().map(|tid| format!("{home}/task/{tid}")));
                }
                Err(error) => denied += u64::from(error.kind() == ErrorKind::PermissionDenied),
            }
        }
    }
    for mut fields in parse_mounts(&read_mounts()) {
        let (root, file) = (fields.nth(3), fields.next());
        let number = root.and_then(|root| root.strip_prefix(b"net:["));
        let number = number.and_then(|number| number.strip_suffix(b"]"));
        if let (Some(inode), Some(file)) = (number.and_then(parse_number), file) {
            add(inode, unescape(file), None);
        }
    }
    Finding {
        namespaces: found.into_values().collect(),
        denied,
    }
}
