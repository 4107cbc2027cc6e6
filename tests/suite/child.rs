//! Child processes, the same wherever the suite runs, and every wait for one with a deadline.
//!
//! A child inherits ignored signals, and a shell ignores SIGINT and SIGQUIT in what it starts in
//! the background; so [`command`] resets signals and descriptors. Must not interpret what a child
//! prints. signal(7), sh(1).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::{DEADLINE, poll_within};

/// How long a killed child may take to end.
const KILLED: Duration = Duration::from_secs(10);

/// A command whose child starts with default signals and an empty input, its outputs captured,
/// without other descriptors; it is killed when the thread that started it ends.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    syscall::reset_signals_and_descriptors(&mut command);
    command
}

/// The standard output of another tool, which must succeed; skips the test where it is missing.
#[track_caller]
pub(crate) fn run_tool<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let output = command(program)
        .args(arguments)
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail(program, &error));
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Starting a command so that every wait for it has a deadline.
pub(crate) trait Start {
    /// Starts the child.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    fn start(&mut self) -> io::Result<Running>;

    /// Runs the child to its end.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    ///
    /// # Panics
    /// Where it has not ended after [`DEADLINE`].
    #[track_caller]
    fn run_to_end(&mut self) -> io::Result<Output>;
}

impl Start for Command {
    fn start(&mut self) -> io::Result<Running> {
        let mut child = self.spawn()?;
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        Ok(Running {
            line: line_of(self),
            child,
            stdout: Pipe::of(stdout),
            stderr: Pipe::of(stderr),
            limit: DEADLINE,
        })
    }

    #[track_caller]
    fn run_to_end(&mut self) -> io::Result<Output> {
        let running = self.start()?;
        Ok(running.finish())
    }
}

/// A child that was started; the drop kills it. Every method that waits does so until a deadline,
/// then kills the child and panics with what was printed.
#[derive(Debug)]
pub(crate) struct Running {
    /// What was started, for messages.
    line: String,
    child: Child,
    stdout: Pipe,
    stderr: Pipe,
    limit: Duration,
}

/// An output of a child, as far as it was read.
#[derive(Debug)]
struct Pipe {
    /// `None` after its end, and where it was not captured.
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Running {
    /// The same with another deadline for every wait.
    pub(crate) fn within(mut self, limit: Duration) -> Running {
        self.limit = limit;
        self
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The next line of standard output without its end; `None` when there is none.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let end_of_line = |pipe: &Pipe| pipe.bytes.iter().position(|byte| *byte == b'\n');
        self.read_until("print a line", |running| {
            running.stdout.file.is_none() || end_of_line(&running.stdout).is_some()
        });
        let end = end_of_line(&self.stdout)?;
        let mut line: Vec<u8> = self.stdout.bytes.drain(..=end).collect();
        line.pop();
        Some(String::from_utf8(line).unwrap())
    }

    /// Waits until standard error contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&mut self, text: &str) {
        let contains = |bytes: &[u8]| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        self.read_until("print what is waited for", |running| {
            running.stderr.file.is_none() || contains(&running.stderr.bytes)
        });
        assert!(
            contains(&self.stderr.bytes),
            "{} ended without {text:?}: {:?}",
            self.line,
            String::from_utf8_lossy(&self.stderr.bytes)
        );
    }

    /// Reads at least so many bytes of standard output, and discards them.
    #[track_caller]
    pub(crate) fn discard(&mut self, bytes: usize) {
        self.read_until("print so much", |running| {
            running.stdout.file.is_none() || running.stdout.bytes.len() >= bytes
        });
        assert!(
            self.stdout.bytes.len() >= bytes,
            "{} ended early",
            self.line
        );
        self.stdout.bytes.clear();
    }

    /// Closes the reading end of standard output.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout.file = None;
    }

    /// Waits until it ends.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        match poll_within(self.limit, || self.child.try_wait().unwrap()) {
            Some(status) => status,
            None => self.expire("end"),
        }
    }

    /// Reads its outputs to their ends and waits until it ends.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        self.read_until("close its outputs", |running| {
            running.stdout.file.is_none() && running.stderr.file.is_none()
        });
        Output {
            status: self.wait(),
            stdout: std::mem::take(&mut self.stdout.bytes),
            stderr: std::mem::take(&mut self.stderr.bytes),
        }
    }

    #[track_caller]
    fn read_until(&mut self, what: &str, is_enough: impl Fn(&Running) -> bool) {
        let start = Instant::now();
        while !is_enough(self) {
            let left = self.limit.saturating_sub(start.elapsed());
            if !read_available([&mut self.stdout, &mut self.stderr], left) {
                self.expire(what);
            }
        }
    }

    #[track_caller]
    fn expire(&mut self, what: &str) -> ! {
        self.kill();
        let printed = [&self.stdout, &self.stderr].map(|pipe| String::from_utf8_lossy(&pipe.bytes));
        panic!(
            "{} (process {}) did not {what} within {:?} and was killed; it printed {printed:?}",
            self.line,
            self.child.id(),
            self.limit
        );
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = poll_within(KILLED, || self.child.try_wait().ok().flatten());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Pipe {
    fn of(descriptor: Option<OwnedFd>) -> Pipe {
        Pipe {
            file: descriptor.map(File::from),
            bytes: Vec::new(),
        }
    }

    fn read(&mut self) {
        let mut buffer = [0; 64 * 1024];
        let length = self
            .file
            .as_mut()
            .map_or(0, |file| file.read(&mut buffer).unwrap());
        self.bytes.extend_from_slice(&buffer[..length]);
        if length == 0 {
            self.file = None;
        }
    }
}

/// Reads what open pipes hold; false where nothing comes within `limit`.
fn read_available(pipes: [&mut Pipe; 2], limit: Duration) -> bool {
    let mut open: Vec<_> = pipes
        .into_iter()
        .filter(|pipe| pipe.file.is_some())
        .collect();
    let mut polled: Vec<_> = open
        .iter()
        .filter_map(|pipe| Some(PollFd::new(pipe.file.as_ref()?, PollFlags::IN)))
        .collect();
    match poll(&mut polled, Some(&limit.try_into().unwrap())) {
        Err(rustix::io::Errno::INTR) => return true,
        outcome => outcome.unwrap(),
    };
    let ready: Vec<_> = polled.iter().map(|one| !one.revents().is_empty()).collect();
    let ready_pipes = open.iter_mut().zip(&ready).filter(|(_, ready)| **ready);
    ready_pipes.for_each(|(pipe, _)| pipe.read());
    ready.contains(&true)
}

/// The program and its arguments, shortened.
fn line_of(command: &Command) -> String {
    const MOST: usize = 200;
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ").chars().take(MOST).collect()
}

mod tests {
    use super::*;

    #[test]
    fn a_child_starts_with_default_signals_and_the_standard_descriptors_only() {
        let status = run_tool("cat", ["/proc/self/status"]);
        for set in ["SigBlk", "SigIgn"] {
            let line = status.lines().find(|line| line.starts_with(set)).unwrap();
            let mask = line.split_whitespace().last().unwrap();
            // Signals 32 and 33 are libc's own, nptl(7).
            let others = u64::from_str_radix(mask, 16).unwrap() & !(0b11 << 31);
            assert_eq!(others, 0, "{line}");
        }
        // And the one by which the folder is read.
        let descriptors = run_tool("ls", ["/proc/self/fd"]);
        let descriptors: Vec<_> = descriptors.lines().collect();
        assert_eq!(descriptors, ["0", "1", "2", "3"]);
    }

    #[test]
    fn a_suite_that_ignores_signals_starts_children_that_do_not() {
        let test =
            "child::tests::a_child_starts_with_default_signals_and_the_standard_descriptors_only";
        let script = format!(
            "trap '' HUP INT QUIT TERM; exec 9</dev/null; exec /proc/{}/exe --exact {test}",
            std::process::id()
        );
        let output = command("sh").args(["-c", &script]).run_to_end().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("1 passed"), "{output:?}");
    }

    #[test]
    fn a_child_that_does_not_end_is_killed_at_its_deadline() {
        let mut sleep = command("sleep");
        let sleep = sleep.arg("300").start().unwrap();
        let process = format!("/proc/{}", sleep.id());
        let sleep = sleep.within(Duration::from_millis(20));
        let expired = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sleep.finish()));
        let message = expired.unwrap_err().downcast::<String>().unwrap();
        assert!(message.starts_with("sleep 300 (process "), "{message}");
        assert!(
            message.contains("did not close its outputs within 20ms"),
            "{message}"
        );
        assert!(!std::path::Path::new(&process).exists());
    }

    #[test]
    fn lines_are_read_as_they_come_and_the_rest_is_kept() {
        let mut shell = command("sh");
        shell.args(["-c", "echo a; echo b; echo c >&2; kill -9 $$"]);
        let mut shell = shell.start().unwrap();
        assert_eq!(shell.next_line().as_deref(), Some("a"));
        let output = shell.finish();
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&b"b\n"[..], &b"c\n"[..])
        );
        assert_eq!(output.status.signal(), Some(9));
    }
}
