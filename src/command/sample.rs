//! One observation: the shape that every verb shares, whatever it found.

use std::time::{Duration, Instant, SystemTime};

use super::outcome::Failure;
use super::processes::{Processes, find_processes};
use crate::model::{Counts, Note, Observation, Ownership, Snapshot, SourceName, Where};
use crate::owner::{Effort, Owners};
use crate::question::Question;
use crate::source::{Observer, Report};

/// What was found, and how.
#[derive(Debug)]
pub(super) struct Sample<T> {
    /// When the first request was sent, by the wall clock.
    pub(super) time: SystemTime,
    /// The same by a clock that never jumps.
    pub(super) begin: Instant,
    /// From the first request to the end of the answer.
    pub(super) took: Duration,
    /// The source, its plan, its losses and its cost.
    pub(super) report: Report,
    /// Notes besides that of the report.
    pub(super) notes: Vec<Note>,
    /// Why no socket can be found, where the filter requires processes that were not found; else
    /// empty.
    pub(super) no_process: Vec<Note>,
    /// What the search for owners found and took, where there was one.
    pub(super) search: Option<(Ownership, Effort)>,
    /// The sockets, in the requested form.
    pub(super) found: T,
}

impl<T> Sample<T> {
    /// Takes one of the sockets of `place`; `observe` gets its time.
    ///
    /// # Errors
    /// Those of `observe`.
    pub(super) fn take(
        place: &Where,
        observe: impl FnOnce(SystemTime) -> Result<(Report, T), Failure>,
    ) -> Result<Sample<T>, Failure> {
        let recorded = place.recorded().map(|record| record.time());
        let (time, begin) = (recorded.unwrap_or_else(SystemTime::now), Instant::now());
        let (report, found) = observe(time)?;
        Ok(Sample {
            time,
            begin,
            took: begin.elapsed(),
            report,
            notes: Vec::new(),
            no_process: Vec::new(),
            search: None,
            found,
        })
    }

    /// The same with the sockets in another form.
    pub(super) fn map<U>(self, form: impl FnOnce(T) -> U) -> Sample<U> {
        Sample {
            time: self.time,
            begin: self.begin,
            took: self.took,
            report: self.report,
            notes: self.notes,
            no_process: self.no_process,
            search: self.search,
            found: form(self.found),
        }
    }

    /// How long after an earlier one its numbers were true: between two moments of a record, by the clock of
    /// its host.
    pub(super) fn since<U>(&self, earlier: &Sample<U>) -> Duration {
        if self.report.source == SourceName::Record {
            return self.time.duration_since(earlier.time).unwrap_or_default();
        }
        self.middle().saturating_duration_since(earlier.middle())
    }

    /// The middle of the time it took: when the numbers of a table that changes were true, as
    /// nearly as is known.
    fn middle(&self) -> Instant {
        self.begin + self.took / 2
    }

    /// Every note about the answer, that about its source first.
    pub(super) fn all_notes(&self) -> impl Iterator<Item = &Note> {
        self.report.notes.iter().chain(&self.notes)
    }

    /// What every answer carries.
    pub(super) fn observation(&self) -> Observation {
        self.report.observation(self.time)
    }

    /// Adds what a search for the owners of its sockets took, and its note.
    pub(super) fn add_search(&mut self, owners: Option<&Owners>) {
        for owners in owners.iter() {
            let notes = owners.note.iter().chain(&owners.unnamed);
            for note in notes {
                if !self.notes.iter_mut().any(|one| one.joins(note)) {
                    self.notes.push(note.clone());
                }
            }
        }
        self.search = owners.map(|owners| (owners.ownership, owners.effort));
    }
}

/// Takes samples of the same question.
#[derive(Debug)]
pub(super) struct Sampler {
    pub(super) observer: Observer,
    /// Whose sockets they are, and where the processes are that the filter names.
    pub(super) place: Where,
}

impl Sampler {
    /// The question of every sample.
    pub(super) fn question(&self) -> &Question {
        self.observer.question()
    }

    /// Takes a sample by `observe`, after the processes that the filter names were found.
    ///
    /// # Errors
    /// When processes cannot be listed, and those of `observe`.
    pub(super) fn sample<T>(
        &mut self,
        observe: impl FnOnce(&mut Observer, SystemTime) -> Result<(Report, T), Failure>,
    ) -> Result<Sample<T>, Failure> {
        let Processes { notes, missing } = find_processes(&mut self.observer, &self.place)?;
        let sample = Sample::take(&self.place, |time| observe(&mut self.observer, time))?;
        Ok(Sample {
            notes,
            no_process: missing,
            ..sample
        })
    }

    /// Counts the sockets by state; `exactly` lists every one of them, even where the kernel's
    /// counters would do.
    ///
    /// # Errors
    /// When no source answered.
    pub(super) fn count(&mut self, exactly: bool) -> Result<Sample<Counts>, Failure> {
        self.sample(|observer, _| {
            let mut counts = Counts::default();
            let report = match exactly {
                true => observer.gather(&mut counts)?,
                false => observer.count(&mut counts)?,
            };
            Ok((report, counts))
        })
    }

    /// The answer made of such a sample.
    pub(super) fn snapshot(&self, sample: &Sample<Counts>) -> Snapshot {
        Snapshot {
            observation: sample.observation(),
            asked: self.question().states,
            counts: sample.found.clone(),
            spread: sample.report.spread.clone(),
        }
    }
}
