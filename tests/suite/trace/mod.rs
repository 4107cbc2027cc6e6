//! `tcpstates trace` over real closes: on loopback, between namespaces, and with scripted peers.
//!
//! Without the capabilities for bpf(2), as an ordinary user has none, the same commands are tested
//! for what the unprivileged source gives.

mod article;
mod closes;
mod judge;
pub(crate) mod losses;
mod namespaces;
mod options;
mod peers;
pub(crate) mod programs;
mod refusals;
mod rows;
mod terminal;
pub(crate) mod unprivileged;

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use rustix::thread::CapabilitySet;

use crate::child::{Running, Start};
use crate::program::{Ran, command, ran};
use crate::skip::skip;
use rows::{Connection, Row, Summary, Transition};

/// Whether programs can be loaded into the kernel from here: the capabilities for it count in the
/// first user namespace only. Skips the test where a kernel that grants them cannot do it.
pub(crate) fn has_bpf() -> bool {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let capabilities = rustix::thread::capabilities(None).unwrap().effective;
    let identity = fs::read_to_string("/proc/self/uid_map").unwrap();
    let is_first = identity.split_whitespace().eq(["0", "0", "4294967295"]);
    if !is_first || !capabilities.contains(needed) {
        return false;
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        skip("this kernel has no /sys/kernel/btf/vmlinux");
    }
    true
}

/// Repeats an experiment until nothing of it was lost or late: a busy kernel may skip the programs for
/// an event, which is then a gap, and a busy machine runs a process when the moment is over.
#[track_caller]
pub(crate) fn until_complete<T>(mut experiment: impl FnMut() -> Option<T>) -> T {
    const TIMES: usize = 5;
    let mut times = std::iter::repeat_with(&mut experiment).take(TIMES);
    let complete = times.find_map(|done| done);
    complete.unwrap_or_else(|| panic!("something was lost or late each of {TIMES} times"))
}

/// A trace that has begun.
#[derive(Debug)]
pub(crate) struct Tracing(Running);

impl Tracing {
    /// Begins to trace with JSON on standard output, and returns when it records.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Tracing {
        Tracing::start_command(&mut command([&["trace", "--json"], arguments].concat()))
    }

    /// The same for any command that starts the program.
    #[track_caller]
    pub(crate) fn start_command(command: &mut std::process::Command) -> Tracing {
        let mut running = command.start().unwrap();
        running.wait_for_stderr("note: tracing ");
        Tracing(running)
    }

    pub(crate) fn running(&mut self) -> &mut Running {
        &mut self.0
    }

    /// Ends it as a person does.
    #[track_caller]
    pub(crate) fn interrupt(self) -> Traced {
        self.0.signal(Signal::INT);
        self.finish()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(self) -> Traced {
        Traced::of(ran(self.0.finish()))
    }
}

/// A trace that has ended.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) ran: Ran,
    pub(crate) connections: Vec<Connection>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) summary: Summary,
}

impl Traced {
    #[track_caller]
    fn of(ran: Ran) -> Traced {
        let mut rows: Vec<Row> = ran.stdout.lines().map(Row::parse).collect();
        let Some(Row::Summary(summary)) = rows.pop() else {
            panic!("the last line is no summary: {ran:?}");
        };
        let (mut connections, mut transitions) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Row::Connection(row) => connections.push(*row),
                Row::Transition(row) => transitions.push(*row),
                Row::Summary(_) => panic!("a summary that is not the last line: {ran:?}"),
            }
        }
        Traced {
            ran,
            connections,
            transitions,
            summary: *summary,
        }
    }

    /// Whether nothing was lost, after checking that the exit status says the same.
    #[track_caller]
    pub(crate) fn is_complete(&self) -> bool {
        let status = if self.summary.complete { 0 } else { 3 };
        assert_eq!(self.ran.status, status, "{:?}", self.ran);
        self.summary.complete
    }

    /// The closes with this port at either end.
    pub(crate) fn closes(&self, port: u16) -> Vec<&Connection> {
        let closes = self.connections.iter();
        closes.filter(|close| close.has_port(port)).collect()
    }

    /// The only close with this port.
    #[track_caller]
    pub(crate) fn close(&self, port: u16) -> &Connection {
        self.only(self.closes(port))
    }

    /// The only close between these ports.
    #[track_caller]
    pub(crate) fn close_between(&self, ports: [u16; 2]) -> &Connection {
        let mut closes = self.closes(ports[0]);
        closes.retain(|close| close.has_port(ports[1]));
        self.only(closes)
    }

    #[track_caller]
    fn only<'a>(&self, closes: Vec<&'a Connection>) -> &'a Connection {
        match closes[..] {
            [close] => close,
            ref closes => panic!("not one close: {closes:?}; {:?}", self.ran),
        }
    }
}
