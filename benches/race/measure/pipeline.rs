//! Runs a pipeline of processes once and measures it; many such samples and their quartiles.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::racer::{Stage, TOOL_FOLDERS};
use crate::system::{spawn_bounded, wait_with_usage};

/// No process of a racer may take longer; the kernel's alarm ends it.
const LIFETIME: Duration = Duration::from_secs(120);

/// One round of one racer.
#[derive(Default)]
pub(crate) struct Sample {
    /// From before the first process starts until the last has ended.
    pub(crate) wall: Duration,
    /// User plus system time of all processes.
    pub(crate) cpu: Duration,
    /// Of the largest process.
    pub(crate) peak_bytes: u64,
}

/// All rounds of one racer.
#[derive(Default)]
pub(crate) struct Rounds(pub(crate) Vec<Sample>);

impl Rounds {
    /// Quartile `quarter` of the times, in seconds: 0 is the minimum, 2 the median.
    pub(crate) fn wall(&self, quarter: usize) -> f64 {
        self.quartile(quarter, |sample| sample.wall)
    }

    pub(crate) fn median_cpu(&self) -> f64 {
        self.quartile(2, |sample| sample.cpu)
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        let peaks = self.0.iter().map(|sample| sample.peak_bytes);
        peaks.max().unwrap_or_default()
    }

    /// The mean of the two nearest samples where the quartile falls between them.
    fn quartile(&self, quarter: usize, value: impl Fn(&Sample) -> Duration) -> f64 {
        let mut sorted: Vec<Duration> = self.0.iter().map(value).collect();
        sorted.sort_unstable();
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let steps = sorted.len().saturating_sub(1) * quarter;
        (at(steps / 4) + at(steps.div_ceil(4))).as_secs_f64() / 2.0
    }
}

/// Runs `stages` with pipes between them; what the last one prints goes to `output`, or nowhere.
pub(crate) fn run(stages: &[Stage], output: Option<&File>) -> Result<Sample> {
    let mut commands = Vec::new();
    let mut input = Stdio::null();
    for (index, stage) in stages.iter().enumerate() {
        let (path, arguments) = stage.split_first().context("a racer without a command")?;
        let mut command = Command::new(path);
        // With cargo's LD_LIBRARY_PATH every dynamically linked racer would search cargo's folders
        // first. netstat translates its states.
        command.args(arguments).env_clear();
        command.env("PATH", TOOL_FOLDERS).env("LC_ALL", "C");
        command.stdin(input).stderr(Stdio::null());
        input = Stdio::null();
        if index + 1 < stages.len() {
            let (reader, writer) = std::io::pipe().context("pipe")?;
            command.stdout(writer);
            input = reader.into();
        } else if let Some(file) = output {
            command.stdout(file.try_clone().context("dup")?);
        } else {
            command.stdout(Stdio::null());
        }
        commands.push(command);
    }
    let mut children = Vec::with_capacity(commands.len());
    let begun = Instant::now();
    // Each command is dropped when started: it holds the ends of pipes, and a reader sees no end
    // of input while they are open.
    for mut command in commands {
        children.push(spawn_bounded(&mut command, LIFETIME).context("cannot start")?);
    }
    let mut sample = Sample::default();
    let mut failed = Vec::new();
    for (child, stage) in children.iter().zip(stages) {
        if !wait_with_usage(child, &mut sample)? {
            failed.push(stage.join(" "));
        }
    }
    sample.wall = begun.elapsed();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(sample)
}
