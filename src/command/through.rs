//! `--from FILE --watch` where samples are appended: an answer for each moment and sample of a record, at once.

use super::console::Console;
use super::groups::{GroupSampler, ShownGroups};
use super::log::LogMessage;
use super::outcome::{Failure, Status};
use super::sample::Sample;
use super::summary::Summary;
use super::target::Target;
use crate::model::{Loss, Note, Observation, Recorded};
use crate::output::Format;
use crate::record::Cursor;

/// Writes an answer for each moment and sample, from the one on that the record is about.
///
/// # Errors
/// When one of them cannot answer, or the file cannot be read any more.
pub(super) fn run(
    request: &Summary,
    record: &Recorded,
    console: &mut Console,
) -> Result<Status, Failure> {
    if request.by.is_none() {
        request.target.refuse_owner_timeout()?;
    }
    let cannot_read = Failure::to("read the record");
    // Only times are needed of those that come later.
    let none = |_: &_| None;
    let mut cursor = Cursor::new(record, &none).map_err(&cannot_read)?;
    let mut answers = Answers {
        request,
        format: request.format(true),
        groups: None,
        notes: None,
    };
    let (mut worst, mut taken) = (Status::Answered, 0);
    loop {
        let at = cursor.position();
        let target = request.target.at(cursor.read().map_err(&cannot_read)?);
        worst = worst.max(answers.write(&target, console)?);
        taken += 1;
        if request.repetition.is_over(taken) {
            return Ok(worst);
        }
        let is_over = !cursor.step(1, &none);
        let ends_early = cursor.timeline().damage(at.part, cursor.position().part);
        if let Some(what) = ends_early.filter(|_| record.cut.is_none()) {
            console.print(&LogMessage::Warning(Loss::Doubtful { what }));
            worst = worst.max(Status::Incomplete);
        }
        if is_over {
            return Ok(worst);
        }
    }
}

/// What writes the answers.
struct Answers<'a> {
    request: &'a Summary,
    format: Box<dyn Format>,
    /// The groups of the answer before.
    groups: Option<ShownGroups>,
    /// Which record it is, as the first answer says.
    notes: Option<Vec<Note>>,
}

impl Answers<'_> {
    fn write(&mut self, target: &Target, console: &mut Console) -> Result<Status, Failure> {
        let mut bytes = Vec::new();
        let observation = match &self.request.by {
            None => {
                let mut sampler = target.sampler(Vec::new())?;
                let sample = sampler.count(false)?;
                let snapshot = sampler.snapshot(&sample);
                self.format.write_summary(&mut bytes, &snapshot);
                self.log(sample, console);
                snapshot.observation
            }
            Some(keys) => {
                let sampler = GroupSampler::new(target, keys, None)?;
                let groups = match self.groups.take() {
                    Some(groups) => groups.go_on(sampler),
                    None => ShownGroups::new(sampler, self.request.top, true),
                };
                let (mut sample, grouped) = self.groups.insert(groups).sample()?;
                self.format.write_groups(&mut bytes, &grouped);
                sample.notes.extend(self.format.note());
                self.log(sample, console);
                grouped.observation
            }
        };
        console.write(&bytes)?;
        let Observation { completeness, .. } = observation;
        Ok(Status::of(&completeness))
    }

    /// Logs the notes; which record it is once.
    fn log<T>(&mut self, mut sample: Sample<T>, console: &mut Console) {
        match &self.notes {
            None => self.notes = Some(sample.report.notes.clone()),
            Some(notes) => sample.report.notes.clone_from(notes),
        }
        // Each answer has its time.
        sample
            .notes
            .retain(|note| !matches!(note, Note::Recorded(_)));
        console.log(&sample);
    }
}
