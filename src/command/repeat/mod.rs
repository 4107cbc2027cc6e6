//! Once, or again and again: the loop around every command that can watch.

mod schedule;

use std::io::Write;
use std::time::Instant;

use super::Status;
use super::failure::Failure;
use super::notes::Notes;
use crate::cli::Repetition;
pub(super) use schedule::Schedule;

/// Takes samples as often as typed, by `sample`, which takes one and shows it.
///
/// Goes on until enough are taken or nobody reads them. A sample that fails is told and the next
/// one tried, unless it is the first: what fails for a moment (no memory, no file descriptors)
/// must not end a watch of days. The worst sample decides the status.
pub(super) fn repeat<W: Write>(
    repetition: &Repetition,
    notes: &mut Notes<W>,
    mut sample: impl FnMut(&mut Notes<W>) -> Result<Status, Failure>,
) -> Result<Status, Failure> {
    let Some(interval) = repetition.watch else {
        return match repetition.samples {
            None => sample(notes),
            Some(_) => Err(Failure::Usage(
                "--samples needs --watch SECONDS: without it there is one sample".to_owned(),
            )),
        };
    };
    let mut schedule = Schedule::new(Instant::now(), interval);
    let mut worst = sample(notes)?;
    let mut taken = 1;
    while repetition
        .samples
        .is_none_or(|samples| taken < samples.get())
    {
        std::thread::sleep(schedule.wait(Instant::now()));
        taken += 1;
        worst = worst.max(match sample(notes) {
            Err(error @ (Failure::Observe(_) | Failure::Processes(_))) => {
                notes.sample_failed(&error.to_string());
                Status::Failed
            }
            status => status?,
        });
    }
    Ok(worst)
}
