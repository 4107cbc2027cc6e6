//! What is known of a process besides its number: read once, only for processes that hold a wanted
//! socket, and only what was requested.

use std::io;

use crate::model::{Process, ProcessName, Where, parse_placement};
use crate::proc_root::ProcRoot;

/// The longest name: `TASK_COMM_LEN`, and more for kernel threads.
const NAME_MOST: usize = 128;

/// The length to which a command line is read, in bytes; some have megabytes.
const COMMAND_LINE_MOST: usize = 4096;

/// The paths of all hierarchies a process can be in.
const CGROUP_MOST: usize = 64 * 1024;

/// `PF_KTHREAD`, linux/sched.h.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Which facts are read besides the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The arguments. Reading them waits while the process changes its memory.
    pub command_line: bool,
    /// Unit, container and pod.
    pub placement: bool,
}

impl Facts {
    /// Reads them. What cannot be read is left out.
    pub(super) fn read(self, root: &ProcRoot, pid: u32, name: Option<ProcessName>) -> Process {
        let read = |wanted: bool, file: &str, most| match wanted {
            true => root.read_start(&format!("{pid}/{file}"), most),
            false => Ok(Vec::new()),
        };
        let command_line = read(self.command_line, "cmdline", COMMAND_LINE_MOST);
        let cgroup = read(self.placement, "cgroup", CGROUP_MOST);
        Process {
            pid,
            name,
            command_line: parse_command_line(&command_line.unwrap_or_default()),
            placement: parse_placement(&cgroup.unwrap_or_default()),
        }
    }
}

/// The name of a process of `place`; `None` if it cannot be read.
pub fn query_name(place: &Where, pid: u32) -> Option<ProcessName> {
    read_name(&ProcRoot::of(place).ok()?, pid).ok()
}

/// The name of a process.
pub(super) fn read_name(root: &ProcRoot, pid: u32) -> io::Result<ProcessName> {
    let name = root.read_start(&format!("{pid}/comm"), NAME_MOST)?;
    // The last line end belongs to the file; others may belong to the name.
    Ok(ProcessName::new(name.strip_suffix(b"\n").unwrap_or(&name)))
}

/// The arguments, separated by blanks; in the file each ends with a NUL.
fn parse_command_line(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    let arguments = bytes.get(..=end)?;
    Some(String::from_utf8_lossy(arguments).replace('\0', " "))
}

/// Whether a process cannot hold anything: a kernel thread, or a zombie without other threads.
/// Anyone may read `stat`, proc_pid_stat(5).
pub(super) fn holds_nothing(root: &ProcRoot, pid: u32) -> bool {
    let stat = root.read_start(&format!("{pid}/stat"), 4096);
    stat.is_ok_and(|stat| parse_holds_nothing(&stat))
}

/// The name may contain any character, so fields are counted from behind it.
fn parse_holds_nothing(stat: &[u8]) -> bool {
    let fields = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    let text = String::from_utf8_lossy(fields);
    let mut fields = text.split_whitespace();
    let state = fields.next();
    let number = |field: Option<&str>| field.and_then(|field| field.parse::<u64>().ok());
    let flags = number(fields.nth(5)).unwrap_or(0);
    let threads = number(fields.nth(10));
    flags & KERNEL_THREAD != 0 || (state == Some("Z") && threads == Some(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_joined_and_invalid_utf8_is_replaced() {
        assert_eq!(
            parse_command_line(b"nginx\0-g\0daemon off;\0").as_deref(),
            Some("nginx -g daemon off;")
        );
        assert_eq!(
            parse_command_line(b"x\xff\n\0\0\0").as_deref(),
            Some("x\u{fffd}\n")
        );
        assert_eq!(parse_command_line(b"\0\0"), None);
        assert_eq!(parse_command_line(b""), None);
    }

    #[test]
    fn kernel_threads_and_zombies_hold_nothing_whatever_their_name() {
        let stat = |name: &str, state: &str, flags: u32, threads: u32| {
            let stat = format!(
                "7 ({name}) {state} 1 7 7 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 {threads} 0 5\n"
            );
            parse_holds_nothing(stat.as_bytes())
        };
        assert!(stat("kthreadd", "S", 0x0020_8040, 1));
        assert!(stat("a) S 1 (b", "Z", 0x0040_0040, 1));
        assert!(!stat("leader has left", "Z", 0x0040_0040, 3));
        assert!(!stat(") Z 1 7 7 0 -1 2129984 (", "S", 0x0040_0040, 1));
        assert!(!parse_holds_nothing(b""));
    }
}
