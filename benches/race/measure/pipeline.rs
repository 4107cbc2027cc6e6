//! Runs one pipeline of real processes and takes its bill.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use super::sample::Sample;
use crate::fault::{During, Fault};
use crate::racer::{Stage, TOOL_FOLDERS, find_tool};
use crate::system;

/// No racer may take longer; the kernel's alarm ends it.
const LIFETIME: Duration = Duration::from_secs(120);

/// Where racers write: a file in memory, as large as what was printed last.
#[derive(Debug)]
pub(crate) struct Tape(File);

impl Tape {
    pub(crate) fn new() -> Result<Self, Fault> {
        let file = memfd_create("race", MemfdFlags::CLOEXEC).during("making a file in memory")?;
        Ok(Self(file.into()))
    }

    pub(crate) fn text(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        self.0.rewind().during("reading an answer")?;
        self.0
            .read_to_string(&mut text)
            .during("reading an answer")?;
        Ok(text)
    }
}

/// Runs `stages`, the last one's output onto `tape`, or nowhere.
pub(crate) fn run(stages: &[Stage], tape: Option<&mut Tape>) -> Result<Sample, Fault> {
    let mut last = Stdio::null();
    if let Some(Tape(file)) = tape {
        file.set_len(0).during("clearing the file in memory")?;
        file.rewind().during("clearing the file in memory")?;
        last = Stdio::from(file.try_clone().during("opening the file in memory")?);
    }
    let mut commands = commands(stages, last)?;
    let begun = Instant::now();
    let mut children: Vec<Child> = Vec::with_capacity(commands.len());
    let mut refused = None;
    // One at a time, and each command dropped when started: it holds the ends of the pipes, and a
    // reader sees no end while they are open.
    for (mut command, name) in commands.drain(..) {
        match system::spawn_bounded(&mut command, LIFETIME) {
            Ok(child) => children.push(child),
            Err(error) => refused = refused.or(Some(format!("starting {name}: {error}"))),
        }
    }
    let mut sample = Sample::default();
    for (child, stage) in children.iter().zip(stages) {
        let ended = system::wait_with_usage(child).during("waiting for a racer")?;
        if !ended.succeeded {
            refused = refused.or(Some(format!("{} failed", stage.join(" "))));
        }
        sample.cpu += ended.cpu;
        sample.peak_bytes = sample.peak_bytes.max(ended.peak_bytes);
    }
    sample.wall = begun.elapsed();
    refused.map_or(Ok(sample), |message| Err(Fault::new(message)))
}

/// The command lines, piped into each other, not yet started.
fn commands(stages: &[Stage], last: Stdio) -> Result<Vec<(Command, String)>, Fault> {
    let mut commands = Vec::new();
    let mut input = Stdio::null();
    let mut last = Some(last);
    for (index, stage) in stages.iter().enumerate() {
        let [name, arguments @ ..] = stage.as_slice() else {
            return Err(Fault::new("a racer without a command"));
        };
        let mut command = Command::new(find_tool(name).unwrap_or_else(|| name.into()));
        command
            .args(arguments)
            // cargo's own LD_LIBRARY_PATH would have every dynamically linked racer search cargo's
            // folders first, and netstat translates its states.
            .env_clear()
            .env("PATH", TOOL_FOLDERS)
            .env("LC_ALL", "C")
            .stdin(std::mem::replace(&mut input, Stdio::null()))
            .stderr(Stdio::null());
        if index + 1 < stages.len() {
            let (reader, writer) = std::io::pipe().during("making a pipe")?;
            command.stdout(writer);
            input = reader.into();
        } else {
            command.stdout(last.take().unwrap_or_else(Stdio::null));
        }
        commands.push((command, name.clone()));
    }
    Ok(commands)
}
