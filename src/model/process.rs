//! Processes, and which of them hold a socket.
//!
//! Only says what was found; the search is `owner`'s. All text comes from strangers and may hold
//! any character.

use std::borrow::Cow;

/// The length of a process's name in the kernel, its end mark left out: `TASK_COMM_LEN` - 1,
/// linux/sched.h.
const NAME_LEN: usize = 15;

/// What the kernel calls a process, proc_pid_comm(5): bytes, and a name in UTF-8 may be cut in the
/// middle of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessName([u8; NAME_LEN]);

impl ProcessName {
    /// The name of these bytes; what is longer than the kernel's names is cut.
    pub fn new(bytes: &[u8]) -> ProcessName {
        let mut name = [0; NAME_LEN];
        name.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        ProcessName(name)
    }

    /// As text: what is no UTF-8 becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        let bytes = self.0.split(|byte| *byte == 0).next();
        String::from_utf8_lossy(bytes.unwrap_or_default())
    }
}

/// Which processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessQuery {
    /// Those the kernel calls so; a longer name is cut as the kernel cuts it.
    Name(ProcessName),
    /// The one with this number.
    Pid(u32),
}

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number, as the proc file system that was read numbers it.
    pub pid: u32,
    /// Its name.
    pub name: ProcessName,
    /// Its arguments with a blank between them, the first 4096 bytes; `None` where it has none or
    /// nobody asked.
    pub command_line: Option<String>,
    /// The systemd unit its control group belongs to; `None` where it is none or nobody asked.
    pub unit: Option<String>,
    /// The id of its container, 64 hexadecimal digits; `None` outside of any or where nobody asked.
    pub container: Option<String>,
}

/// One way in which a process holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// Which process.
    pub pid: u32,
    /// Its descriptor; `None` if the socket is registered with an io_uring instance of it.
    pub fd: Option<u32>,
}

/// Who holds one socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'a> {
    holds: &'a [Hold],
    processes: &'a [Process],
    never_accepted: bool,
}

impl<'a> Held<'a> {
    /// Held by these, in the order of their numbers; `processes`, in the same order, has at least
    /// each of theirs.
    pub fn by(holds: &'a [Hold], processes: &'a [Process]) -> Held<'a> {
        Held {
            holds,
            processes,
            never_accepted: false,
        }
    }

    /// Held by nobody yet: the holders are those of the listener that has yet to accept it.
    pub fn not_yet(self) -> Held<'a> {
        Held {
            never_accepted: true,
            ..self
        }
    }

    /// Whether the holders are a listener's, because the connection was never accepted.
    pub fn never_accepted(&self) -> bool {
        self.never_accepted
    }

    /// Every way in which it is held: the process, lowest pid first, and the descriptor.
    pub fn holders(&self) -> impl Iterator<Item = (&'a Process, Option<u32>)> + use<'a> {
        let Held {
            holds, processes, ..
        } = *self;
        holds.iter().filter_map(move |hold| {
            let at = processes.binary_search_by_key(&hold.pid, |process| process.pid);
            Some((processes.get(at.ok()?)?, hold.fd))
        })
    }

    /// Every process once, lowest pid first.
    pub fn processes(&self) -> impl Iterator<Item = &'a Process> + use<'a> {
        let mut last = None;
        self.holders()
            .map(|(process, _)| process)
            .filter(move |process| last.replace(process.pid) != Some(process.pid))
    }

    /// The process that counts where only one can: the one with the lowest pid. `None` where
    /// nobody holds it, or nobody yet.
    pub fn first(&self) -> Option<&'a Process> {
        let (process, _) = self.holders().next()?;
        (!self.never_accepted).then_some(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32) -> Process {
        Process {
            pid,
            name: ProcessName::new(b"web"),
            command_line: None,
            unit: None,
            container: None,
        }
    }

    #[test]
    fn a_process_counts_once_however_many_descriptors_it_has() {
        let processes = [process(3), process(7), process(9)];
        let holds = [(3, 4), (3, 5), (9, 4)].map(|(pid, fd)| Hold { pid, fd: Some(fd) });
        let held = Held::by(&holds, &processes);
        assert_eq!(held.holders().count(), 3);
        let pids: Vec<_> = held.processes().map(|process| process.pid).collect();
        assert_eq!(pids, [3, 9]);
        assert_eq!(held.first().unwrap().pid, 3);
        assert!(held.not_yet().first().is_none());
        assert!(Held::default().first().is_none());
    }

    #[test]
    fn a_name_is_its_bytes_and_shows_as_text() {
        assert_eq!(ProcessName::new(b"a)\n\x1b").text(), "a)\n\x1b");
        let cut = ProcessName::new("fifteen-bytes-é".as_bytes());
        assert_eq!(cut.text(), "fifteen-bytes-\u{fffd}");
        assert_eq!(ProcessName::new(b"").text(), "");
    }
}
