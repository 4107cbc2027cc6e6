//! Goes through a record: to the next moment or sample, to the one before, to one of another time.
//!
//! What is kept of a sample is its time and its numbers; everything else is read anew, of the member that it is
//! in, which has at most 60.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compared::read_with_sockets;
use super::line::stamp;
use super::moment::Sockets;
use super::open::{At, RecordError, choose, is_end, read_origin, resolve};
use super::samples::Samples;
use crate::model::{
    Counts, Moment, Origin, Place, Position, Recorded, Stretch, Ticks, Timeline, TimelinePart,
};

/// More samples than these are not kept: a week of one each second has fewer.
const MOST: usize = 1_000_000;

/// More network namespaces than these are in no stretch, each counted in each of its samples, which are at most
/// 60.
const MOST_NAMESPACES: usize = 60 * super::moment::MOST;

/// The numbers of a sample that are asked for; `None` if it cannot answer.
pub(super) type Count<'a> = &'a dyn Fn(&Moment) -> Option<Counts>;

/// A place in a record.
#[derive(Debug)]
pub struct Cursor {
    path: PathBuf,
    /// Which file that was when it was opened.
    file: (u64, u64),
    /// The filter of the sockets that it began with.
    filter: Option<String>,
    cut: Option<String>,
    /// Whether another process records what follows the last part.
    is_growing: bool,
    stretches: Arc<[Stretch]>,
    runs: Vec<Place>,
    timeline: Timeline,
    at: Position,
    /// How many samples were read.
    known: usize,
    reading: Option<Reading>,
    origin: Option<(Place, Origin)>,
}

/// The samples of a part, as far as they were passed.
#[derive(Debug)]
struct Reading {
    part: usize,
    /// The number of the next one.
    next: usize,
    samples: Samples,
}

impl Cursor {
    /// At the moment or sample that a record is about.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn new(record: &Recorded, count: Count<'_>) -> io::Result<Cursor> {
        let stretches = Arc::clone(&record.timeline);
        let run_of = |place: Place| {
            let before = record.runs.iter();
            before.filter(|run| run.member <= place.member).count()
        };
        let part = |stretch: &Stretch| TimelinePart {
            stretch: *stretch,
            run: run_of(stretch.place).saturating_sub(1),
            ticks: stretch
                .has_sockets
                .then(|| Arc::new(Ticks::of_moment(stretch.first))),
        };
        let mut cursor = Cursor {
            path: record.path.clone(),
            file: identity(&record.path)?,
            filter: record.origin.filter.clone(),
            cut: record.cut.clone(),
            is_growing: record.is_growing,
            timeline: Timeline {
                parts: stretches.iter().map(part).collect(),
            },
            stretches,
            runs: record.runs.clone(),
            at: Position::default(),
            known: 0,
            reading: None,
            origin: None,
        };
        if let Some(moment) = record.last() {
            let member = moment.start.member;
            let is_it = |one: &Stretch| one.place.member == member;
            cursor.at.part = cursor.stretches.iter().position(is_it).unwrap_or(0);
            cursor.know(cursor.at.part, count);
            cursor.at.tick = cursor.last_until(cursor.at.part, |time| time <= moment.time);
        }
        Ok(cursor)
    }

    /// What the record has, as far as it was read.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Why the file ends early.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// Forgets all numbers, since others are asked for, and reads those at the cursor: its time is among them.
    pub fn forget(&mut self, count: Count<'_>) {
        for part in &mut self.timeline.parts {
            if !part.stretch.has_sockets {
                part.ticks = None;
            }
        }
        self.known = 0;
        self.know(self.at.part, count);
    }

    /// Reads the numbers of one more part: of the last one before the cursor that was not read, or else of the
    /// first one. False if all were read.
    pub fn scan(&mut self, count: Count<'_>) -> bool {
        let is_new = |part: &TimelinePart| part.ticks.is_none();
        let parts = &self.timeline.parts;
        let before = parts.get(..=self.at.part).unwrap_or_default();
        let near = before.iter().rposition(is_new);
        let Some(number) = near.or_else(|| parts.iter().position(is_new)) else {
            return false;
        };
        self.know(number, count);
        true
    }

    /// Goes on by this number of moments and samples, or back where it is negative. False at the end, or at the beginning, of the record.
    pub fn step(&mut self, by: i64, count: Count<'_>) -> bool {
        (0..by.unsigned_abs()).all(|_| match by > 0 {
            true => self.next(count),
            false => self.previous(count),
        })
    }

    fn next(&mut self, count: Count<'_>) -> bool {
        self.know(self.at.part, count);
        if self.at.tick + 1 < self.len(self.at.part) {
            self.at.tick += 1;
            return true;
        }
        for part in self.at.part + 1..self.timeline.parts.len() {
            self.know(part, count);
            if self.len(part) > 0 {
                self.at = Position { part, tick: 0 };
                return true;
            }
        }
        false
    }

    fn previous(&mut self, count: Count<'_>) -> bool {
        if let Some(tick) = self.at.tick.checked_sub(1) {
            self.at.tick = tick;
            return true;
        }
        for part in (0..self.at.part).rev() {
            self.know(part, count);
            if let Some(tick) = self.len(part).checked_sub(1) {
                self.at = Position { part, tick };
                return true;
            }
        }
        false
    }

    /// Goes to the next mark, or the one before. False if there is none.
    pub fn go_to_mark(&mut self, forward: bool) -> bool {
        let parts = self.timeline.parts.iter().enumerate();
        let mut marks = parts.filter(|(_, part)| part.is_mark());
        let found = match forward {
            true => marks.find(|(number, _)| *number > self.at.part),
            false => marks.rfind(|(number, _)| *number < self.at.part),
        };
        let Some((part, _)) = found else {
            return false;
        };
        self.at = Position { part, tick: 0 };
        true
    }

    /// Goes to the last moment or sample until a time.
    ///
    /// # Errors
    /// When the time is outside of what the record has.
    pub fn go_to(&mut self, at: At, count: Count<'_>) -> Result<(), RecordError> {
        let Some(part) = choose(&self.path, &self.stretches, Some(at))? else {
            return Ok(());
        };
        let time = resolve(at, &self.stretches);
        self.know(part, count);
        let tick = self.last_until(part, |one| one <= time);
        self.at = Position { part, tick };
        // Nothing of it may be whole.
        if self.len(part) == 0 && !self.previous(count) {
            self.next(count);
        }
        Ok(())
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// When the file is damaged there, cannot be read any more, or is another one.
    pub fn read(&mut self) -> io::Result<Recorded> {
        if identity(&self.path)? != self.file {
            return Err(io::Error::other(
                "its recorder has written it anew meanwhile, without what is too old: open it again",
            ));
        }
        let gone = || io::Error::other("it has no sample");
        let stretch = *self.stretches.get(self.at.part).ok_or_else(gone)?;
        let mut runs = self.runs.iter().rev();
        let run = runs.find(|run| run.member <= stretch.place.member).copied();
        let (earlier, moment) = match stretch.has_sockets {
            true => {
                let (all, sockets) = (&self.stretches, Sockets::Skipped);
                read_with_sockets(&self.path, all, self.at.part, run, sockets)?
            }
            false => (None, self.read_sample()?.ok_or_else(gone)?),
        };
        let origin = self.origin_of(run.unwrap_or_default())?;
        if origin.filter != self.filter {
            // Two records were made one file.
            return Err(io::Error::other(format!(
                "what was recorded there is about other sockets: --at {} shows it",
                stamp(moment.time)
            )));
        }
        let mut record = Recorded::new(self.path.clone(), origin, earlier, moment);
        record.cut.clone_from(&self.cut);
        record.is_growing = self.is_growing;
        record.timeline = Arc::clone(&self.stretches);
        record.at = true;
        Ok(record)
    }

    fn read_sample(&mut self) -> io::Result<Option<Moment>> {
        let Position { part, tick } = self.at;
        let reading = self.reading.take();
        let reading = reading.filter(|reading| reading.part == part && reading.next <= tick);
        let mut reading = match reading {
            Some(reading) => reading,
            None => {
                let gone = || io::Error::other("it has no sample");
                let stretch = self.stretches.get(part).ok_or_else(gone)?;
                Reading {
                    part,
                    next: 0,
                    samples: Samples::open(&self.path, stretch)?,
                }
            }
        };
        while reading.next < tick {
            if reading.samples.next_time()?.is_none() {
                return Ok(None);
            }
            reading.next += 1;
        }
        let sample = reading.samples.next_sample()?;
        reading.next += 1;
        self.reading = Some(reading);
        Ok(sample)
    }

    fn origin_of(&mut self, run: Place) -> io::Result<Origin> {
        if let Some((place, origin)) = &self.origin
            && *place == run
        {
            return Ok(origin.clone());
        }
        let origin = read_origin(&self.path, run);
        let origin = origin.map_err(|error| io::Error::other(error.to_string()))?;
        self.origin = Some((run, origin.clone()));
        Ok(origin)
    }

    /// Reads the numbers of a part, unless that was done.
    fn know(&mut self, number: usize, count: Count<'_>) {
        let room = MOST.saturating_sub(self.known);
        let is_last = number + 1 == self.timeline.parts.len();
        let Some(part) = self.timeline.parts.get_mut(number) else {
            return;
        };
        if part.ticks.is_none() {
            let (mut ticks, error) = read_ticks(&self.path, &part.stretch, room, count);
            let error = error.filter(|error| !(self.is_growing && is_last && is_end(error)));
            ticks.cut = error.map(|error| error.to_string());
            self.known += ticks.times.len();
            part.ticks = Some(Arc::new(ticks));
        }
    }

    fn len(&self, part: usize) -> usize {
        let part = self.timeline.parts.get(part);
        part.map_or(0, TimelinePart::len)
    }

    /// The number of the last sample of a part whose time is meant; or the first one.
    fn last_until(&self, part: usize, is_meant: impl Fn(std::time::SystemTime) -> bool) -> usize {
        let part = self.timeline.parts.get(part);
        let ticks = part.and_then(|part| part.ticks.as_ref());
        let last = ticks.and_then(|ticks| ticks.times.iter().rposition(|time| is_meant(*time)));
        last.unwrap_or(0)
    }
}

/// Which file a path leads to.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The samples of a stretch that are whole, with their numbers; no more than `room`. Also why others are not.
fn read_ticks(
    path: &Path,
    stretch: &Stretch,
    room: usize,
    count: Count<'_>,
) -> (Ticks, Option<io::Error>) {
    let mut ticks = Ticks::of_samples();
    let mut read = || -> io::Result<()> {
        let mut samples = Samples::numbers(path, stretch)?;
        let mut namespaces = 0;
        while let Some(sample) = samples.next_sample()? {
            namespaces += samples.namespaces();
            if namespaces > MOST_NAMESPACES {
                return Err(io::Error::other(
                    "more network namespaces in its samples than a record has",
                ));
            }
            if ticks.times.len() == room {
                return Err(io::Error::other("more than 1,000,000 samples"));
            }
            let counts = count(&sample);
            ticks.are_counted &= counts.is_some();
            ticks.push(sample.time, &counts.unwrap_or_default());
        }
        Ok(())
    };
    let error = read().err();
    (ticks, error)
}
