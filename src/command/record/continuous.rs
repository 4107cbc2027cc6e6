//! A record that goes on: samples on a schedule, and moments with all sockets when a rule of `doctor` finds
//! something critical, in a file that is bounded.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::moment::{Labels, Recorder};
use super::not_written;
use super::rows::Before;
use super::sampling::{Sampling, Taken};
use crate::cli::{self, Sourcing};
use crate::command::console::Console;
use crate::command::log::LogMessage;
use crate::command::outcome::{Failure, Status};
use crate::command::repeat::{Repetition, Schedule};
use crate::command::runtime::{handle_signals, is_end_requested};
use crate::command::target::Target;
use crate::command::wait::{Wakeups, waker};
use crate::model::{counted, thousands};
use crate::record::line::Head;
use crate::record::{Bounds, Ring, SampleWriter, Writer};

/// How long and how large a record is unless options say otherwise.
const KEEP: Duration = Duration::from_secs(24 * 3600);
const SIZE: u64 = 256 << 20;

/// The shortest time between two moments because of the same rule.
const AGAIN: Duration = Duration::from_secs(600);

/// Records until enough samples are taken or a signal ends it.
pub(super) fn run(
    typed: &cli::Record,
    interval: Duration,
    target: Target,
    console: &mut Console,
) -> Result<Status, Failure> {
    let sourcing = Sourcing {
        namespaces: typed.namespaces.clone(),
        ..Sourcing::default()
    };
    let sampling = Sampling::new(&target, interval, &sourcing)?;
    let filter = target.typed_words();
    let (kinds, sources) = (target.kinds(), target.sources.clone());
    let mut labels = Labels::new(sources.place(), typed.anonymize);
    let head = super::head(&target, &mut labels);
    let ring = open(typed, &head, console)?;
    let mut writer = Writer::new(ring);
    write_head(&mut writer, head).map_err(|error| not_written(&typed.file, &error))?;
    let mut recording = Recording {
        sampling,
        samples: SampleWriter::default(),
        recorder: Recorder {
            kinds,
            filtered: filter.map(|_| target.question),
            sources,
            writer,
            path: typed.file.clone(),
            command_lines: typed.command_lines,
            labels,
            known: None,
        },
        window: typed.window,
        recorded: HashMap::new(),
        second: None,
        taken: 0,
        moments: 0,
    };
    let (waker, wakeups) = waker().map_err(Failure::to("make a pair of sockets"))?;
    handle_signals(waker, || {}).map_err(Failure::to("handle signals"))?;
    let repetition = Repetition {
        interval: Some(interval),
        samples: typed.samples,
    };
    let status = recording.run(repetition, &wakeups, console)?;
    recording.end()?;
    let text = format!(
        "{}: {}, {}, {} KiB\n",
        crate::output::escape::line(&typed.file.display().to_string()),
        counted(recording.taken, "sample", "samples"),
        counted(
            recording.moments,
            "moment with all sockets",
            "moments with all sockets"
        ),
        recording.recorder.writer.file().length().div_ceil(1024),
    );
    console.write(text.as_bytes())?;
    Ok(status)
}

/// Opens the file, which may have what an earlier run recorded of the same sockets.
fn open(typed: &cli::Record, head: &Head<'_>, console: &mut Console) -> Result<Ring, Failure> {
    let path = &typed.file;
    let name = path.display();
    let bounds = Bounds {
        keep: typed.keep.unwrap_or(KEEP),
        size: typed.size.unwrap_or(SIZE),
    };
    let ring = Ring::open(path, bounds, typed.force).map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            Failure::Usage(format!(
                "{name} exists and is no record that can be continued: choose another name, or replace it by --force"
            ))
        } else {
            super::not_opened(path, &error)
        }
    })?;
    refuse_other(path, &ring, head)?;
    let removed = ring.removed();
    if removed > 0 {
        let bytes = thousands(removed);
        console.say(&format!(
            "the last {bytes} bytes of {name} were not whole, and are removed"
        ));
    }
    Ok(ring)
}

/// Refuses to continue a record of other sockets, since all answers from a file are about the same ones; or one
/// with names of the host by others, and the other way round.
fn refuse_other(path: &Path, ring: &Ring, head: &Head<'_>) -> Result<(), Failure> {
    let name = path.display();
    let origin = ring.origin();
    let Some(origin) = origin.map_err(|error| Failure::Usage(error.to_string()))? else {
        return Ok(());
    };
    let sockets = |filter: Option<&str>| match filter {
        Some(filter) => format!("the sockets that match {filter}"),
        None => "all sockets".to_owned(),
    };
    let (before, now) = (origin.filter.as_deref(), head.filter.as_deref());
    let words = head.netns.as_deref().unwrap_or_default();
    let namespaces = |words: &str| match words {
        "" => "one network namespace".to_owned(),
        words => format!("the network namespaces {words}"),
    };
    let recorded = origin.netns.join(",");
    // Other names are in the place of those that were typed, for each run others.
    let are_other = match origin.is_anonymized {
        true => recorded.is_empty() != words.is_empty(),
        false => recorded != words,
    };
    let of_kinds = |kinds: &str| format!("{kinds} sockets");
    let recorded_kinds = origin.kinds.words_of();
    let (what, other) = match origin.is_anonymized {
        _ if before != now => (
            format!("a record of {}", sockets(before)),
            format!("with {}", sockets(now)),
        ),
        _ if are_other => (
            format!("a record of {}", namespaces(&recorded)),
            format!("with {}", namespaces(words)),
        ),
        _ if recorded_kinds != head.kinds => (
            format!("a record of {}", of_kinds(&recorded_kinds)),
            format!("with {}", of_kinds(&head.kinds)),
        ),
        false if head.anonymized => ("recorded without --anonymize".into(), "with it".into()),
        true if !head.anonymized => ("recorded with --anonymize".into(), "without it".into()),
        _ => return Ok(()),
    };
    Err(Failure::Usage(format!(
        "{name} is {what}, and cannot be continued {other}: choose another name, or replace it by --force"
    )))
}

/// Writes whose record it is: of an earlier run, the host may have had another kernel.
fn write_head(writer: &mut Writer<Ring>, head: Head<'_>) -> io::Result<()> {
    writer.file().begin_part(SystemTime::now())?;
    writer.head(head)?;
    writer.file().end_head();
    Ok(())
}

/// What is recorded, and where.
struct Recording {
    sampling: Sampling,
    samples: SampleWriter,
    recorder: Recorder<Ring>,
    /// The time between the two moments because of one cause.
    window: Duration,
    /// When moments were recorded last because of a rule.
    recorded: HashMap<&'static str, Instant>,
    /// When the second one of two moments is due, and their causes.
    second: Option<(Instant, Vec<(&'static str, String)>)>,
    taken: u64,
    moments: u64,
}

impl Recording {
    /// Takes samples on a schedule that neither drifts nor makes up for what was missed.
    fn run(
        &mut self,
        repetition: Repetition,
        wakeups: &Wakeups,
        console: &mut Console,
    ) -> Result<Status, Failure> {
        let interval = repetition.interval.unwrap_or_default();
        let begin = Instant::now();
        let mut schedule = Schedule::new(begin, interval);
        let (mut due, mut worst, mut attempts) = (begin, Status::Answered, 0);
        loop {
            let now = Instant::now();
            if self.second.as_ref().is_some_and(|(due, _)| *due <= now) {
                worst = worst.max(self.try_second(console));
            }
            if due <= now {
                attempts += 1;
                worst = worst.max(match self.sample(console) {
                    Err(failure) if attempts > 1 && failure.may_pass() => {
                        console.log_failed(&failure);
                        Status::Failed
                    }
                    status => status?,
                });
                if !self.recorder.writer.file().is_in_place() {
                    return Err(Failure::Proc(format!(
                        "{} was removed or replaced while it was recorded into",
                        self.recorder.path.display()
                    )));
                }
                if attempts == 1 {
                    self.announce(interval, console);
                }
                let now = Instant::now();
                due = now + schedule.wait(now);
            }
            let is_over = repetition.is_over(attempts) && self.second.is_none();
            if is_over {
                return Ok(worst);
            }
            if repetition.is_over(attempts) {
                due = self.second.as_ref().map_or(due, |(due, _)| *due) + interval;
            }
            if self.wait(due, wakeups)? {
                return Ok(Status::Answered);
            }
        }
    }

    fn announce(&self, interval: Duration, console: &mut Console) {
        let path = self.recorder.path.display();
        let every = interval.as_secs_f64();
        console.say(&format!("recording into {path} every {every} s"));
    }

    /// Waits for the next sample or moment; true where a signal requests the end.
    fn wait(&self, due: Instant, wakeups: &Wakeups) -> Result<bool, Failure> {
        let second = self.second.as_ref().map_or(due, |(second, _)| *second);
        let due = due.min(second);
        loop {
            if is_end_requested() {
                return Ok(true);
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            wakeups.pause(left).map_err(Failure::to("wait"))?;
        }
    }

    /// Records a sample, and the first of two moments if a rule requires it.
    fn sample(&mut self, console: &mut Console) -> Result<Status, Failure> {
        let Taken {
            sampled,
            is_complete,
            critical,
            counted,
        } = self.sampling.take(&mut self.recorder.labels)?;
        let file = self.recorder.writer.file();
        let written = self.samples.write(file, sampled).and_then(|()| file.sync());
        written.map_err(|error| not_written(&self.recorder.path, &error))?;
        // Not before it is written: what failed before is then printed once.
        if let Some(counted) = &counted {
            console.log(counted);
        }
        self.taken += 1;
        let now = Instant::now();
        let is_new = |(rule, _): &(&'static str, String)| {
            let last = self.recorded.get(rule);
            last.is_none_or(|last| now.duration_since(*last) >= AGAIN)
        };
        let causes: Vec<_> = critical.into_iter().filter(is_new).collect();
        if !causes.is_empty() && self.second.is_none() {
            // Also if it fails: the next one would fail too.
            self.recorded
                .extend(causes.iter().map(|(rule, _)| (*rule, now)));
            if let Err(failure) = self.moment(true, &causes, console) {
                // The sample is there, and the others go on.
                let missing = format!("no moment with all sockets was recorded: {failure}");
                console.print(&LogMessage::Error(missing));
                return Ok(Status::Failed);
            }
            self.second = Some((now + self.window, causes));
        }
        Ok(match is_complete {
            true => Status::Answered,
            false => Status::Incomplete,
        })
    }

    /// Records the second of two moments.
    fn try_second(&mut self, console: &mut Console) -> Status {
        let Some((_, causes)) = self.second.take() else {
            return Status::Answered;
        };
        match self.moment(false, &causes, console) {
            Ok(()) => Status::Answered,
            Err(failure) => {
                console.log_failed(&failure);
                Status::Failed
            }
        }
    }

    /// Records a moment, all of it or nothing.
    fn moment(
        &mut self,
        is_first: bool,
        causes: &[(&'static str, String)],
        console: &mut Console,
    ) -> Result<(), Failure> {
        let time = SystemTime::now();
        let file = self.recorder.writer.file();
        let begun = self.samples.end(file).and_then(|()| match is_first {
            true => file.begin_part(time).map(|()| true),
            false => file.begin_second(time),
        });
        let is_known = begun.map_err(|error| not_written(&self.recorder.path, &error))?;
        if is_first {
            self.recorder.known = Some(Before::new(time));
        } else if !is_known {
            self.recorder.known = None;
        }
        let recorded = self.recorder.record(is_first, causes, console);
        let file = self.recorder.writer.file();
        let ended = match &recorded {
            Ok(_) => {
                match is_first {
                    true => file.end_first(time),
                    false => file.end_part(time),
                }
                file.sync()
            }
            Err(_) => file.drop_part(),
        };
        if recorded.is_err() {
            self.recorder.writer.drop_lines();
            self.recorder.known = None;
        }
        recorded?;
        ended.map_err(|error| not_written(&self.recorder.path, &error))?;
        self.moments += 1;
        for (rule, title) in causes.iter().filter(|_| is_first) {
            console.say(&format!("recorded all sockets: {rule}: {title}"));
        }
        Ok(())
    }

    /// Ends the file.
    fn end(&mut self) -> Result<(), Failure> {
        let file = self.recorder.writer.file();
        let ended = self.samples.end(file).and_then(|()| file.sync());
        ended.map_err(|error| not_written(&self.recorder.path, &error))
    }
}
