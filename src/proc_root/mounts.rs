//! The table of mounts of a process, proc_pid_mountinfo(5): anyone may read that of any process.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::ProcRoot;

/// More than any host's table of mounts has, in bytes.
const MOUNTS_MOST: usize = 16 << 20;

/// That of this process; empty if it cannot be read.
pub fn read_mounts() -> Vec<u8> {
    ProcRoot::own().mounts("self").unwrap_or_default()
}

impl ProcRoot {
    /// That of a process.
    ///
    /// # Errors
    /// As for [`ProcRoot::open_file`].
    pub fn mounts(&self, home: &str) -> io::Result<Vec<u8>> {
        self.read_start(&format!("{home}/mountinfo"), MOUNTS_MOST)
    }
}

/// The fields of each line.
pub fn parse_mounts(mounts: &[u8]) -> impl Iterator<Item = impl Iterator<Item = &[u8]> + Clone> {
    let lines = mounts.split(|byte| *byte == b'\n');
    lines.map(|line| line.split(|byte| *byte == b' '))
}

/// A path in a field: undoes `\040`, the kernel's spelling of blanks, line ends and backslashes.
pub fn unescape(field: &[u8]) -> PathBuf {
    let mut parts = field.split(|byte| *byte == b'\\');
    let mut bytes = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3).unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        bytes.extend(u8::from_str_radix(digits, 8));
        bytes.extend(rest);
    }
    PathBuf::from(OsString::from_vec(bytes))
}
