//! Whether this process has privileges that its caller does not have.
//!
//! Capabilities on the file (setcap(8)) would let every user read with them whatever a path given
//! on the command line leads to. The kernel marks such a process as AT_SECURE, getauxval(3).

use std::fs;
use std::io::ErrorKind;

use super::outcome::Failure;

/// `AT_SECURE`, linux/auxvec.h.
const AT_SECURE: usize = 23;

/// Refuses an option that reads a file of the caller's choice.
///
/// # Errors
/// Where this process has more privileges than its caller.
pub(super) fn refuse(option: &str) -> Result<(), Failure> {
    match is_secure() {
        false => Ok(()),
        true => Err(Failure::Usage(format!(
            "{option} is refused, because this program has more privileges than its caller, by capabilities or a mode of its file: any user could read files with them; use sudo, or ambient capabilities of a unit"
        ))),
    }
}

fn is_secure() -> bool {
    match fs::read("/proc/self/auxv") {
        Ok(vector) => {
            let words = vector.chunks_exact(size_of::<usize>());
            let words = words.filter_map(|word| word.first_chunk().copied());
            let words: Vec<usize> = words.map(usize::from_ne_bytes).collect();
            let entries = words.as_chunks::<2>().0;
            entries.contains(&[AT_SECURE, 1])
        }
        // A process with such privileges may not read its own.
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    }
}
