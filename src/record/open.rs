//! Opens a record: finds the moment or sample that questions are about, and reads it with the one that it is
//! compared with.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::compared::{Compared, MOST_DAMAGED, read_with_sockets};
use super::index::{Index, damage};
use super::line::{Head, Line, VERSION, stamp};
use super::lines::Lines;
use super::moment::Sockets;
use super::samples::Samples;
use crate::model::{KindSet, Moment, Origin, Place, Recorded, Stretch};

/// How a gzip member begins, RFC 1952 section 2.3.1.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Which moment or sample of a record questions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The last one until this time.
    Time(SystemTime),
    /// The last one until this time of a day, in UTC: of the last day on which the record has it.
    OfDay(Duration),
    /// The first one.
    First,
}

/// Why a file cannot be used as a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// It is none.
    #[error("{path} is not a record of tcpstates: {reason}")]
    Other {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A later version wrote it.
    #[error(
        "{path} is a record of format {version}, written by tcpstates {program}; this version reads format {VERSION}"
    )]
    Newer {
        /// The file.
        path: String,
        /// Of the format.
        version: u32,
        /// The version that wrote it.
        program: String,
    },
    /// It says whose record it is, and no more.
    #[error("{path} has no moment and no sample yet")]
    Nothing {
        /// The file.
        path: String,
    },
    /// It has nothing of the time that was requested.
    #[error("{path} {reason}")]
    Outside {
        /// The file.
        path: String,
        /// What it has.
        reason: String,
        /// The same in fewer words.
        brief: String,
    },
    /// It has no moment that is whole.
    #[error("{path} has no moment and no sample that is whole: {reason}")]
    NoMoment {
        /// The file.
        path: String,
        /// How it ends.
        reason: String,
    },
}

/// Whether a file begins as a record does. What cannot be read does not, and of a pipe nothing is taken.
pub fn is_record(path: &Path) -> bool {
    let mut start = [0; GZIP.len()];
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut read = || fs::File::open(path)?.read_exact(&mut start);
    is_file && read().is_ok() && start.starts_with(GZIP)
}

/// Reads a record: the moment or sample of this time, or the last moment with sockets, or else the last
/// sample. A file that is cut off or damaged is used as far as its moments are whole.
///
/// # Errors
/// When it is no record, has nothing whole, or nothing of that time.
pub fn open(path: &Path, at: Option<At>) -> Result<Recorded, RecordError> {
    let name = || path.display().to_string();
    let unreadable = |error| RecordError::Unreadable {
        path: name(),
        error,
    };
    // Before all is read of a file that is none.
    read_origin(path, Place::default())?;
    let mut index = Index::read(path).map_err(unreadable)?;
    let no_moment = |reason: &str| RecordError::NoMoment {
        path: name(),
        reason: reason.to_owned(),
    };
    let mut damaged = 0;
    let chosen = loop {
        let Some(chosen) = choose(path, &index.stretches, at)? else {
            return Err(match &index.cut {
                Some(reason) => no_moment(reason),
                None => RecordError::Nothing { path: name() },
            });
        };
        match read(path, &index, chosen, at) {
            Ok((found, further)) => {
                let is_last = chosen + 1 == index.stretches.len();
                let further =
                    further.filter(|error| !(index.is_growing && is_last && is_end(error)));
                let damage = further.map(|error| {
                    let stretch = index.stretches.get(chosen);
                    stretch.map_or(error.to_string(), |one| damage(one, &error))
                });
                index.cut = index.cut.or(damage);
                break found;
            }
            // It is not used, and an earlier one is.
            Err(error) if damaged < MOST_DAMAGED => {
                damaged += 1;
                let stretch = index.stretches.remove(chosen);
                index.cut = Some(damage(&stretch, &error));
            }
            Err(error) => return Err(no_moment(&error.to_string())),
        }
    };
    let (earlier, moment) = chosen;
    let origin = read_origin(path, index.run_of(moment.start).unwrap_or_default())?;
    let mut record = Recorded::new(path.to_owned(), origin, earlier, moment);
    record.cut = index.cut;
    record.is_growing = index.is_growing;
    record.timeline = index.stretches.into();
    record.runs = index.heads;
    record.at = at.is_some();
    Ok(record)
}

/// Whether a file ends there.
pub(super) fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Reads whose record it is.
pub(super) fn read_origin(path: &Path, place: Place) -> Result<Origin, RecordError> {
    let name = || path.display().to_string();
    let other = |reason: String| RecordError::Other {
        path: name(),
        reason,
    };
    let mut lines = Lines::open(path, place).map_err(|error| RecordError::Unreadable {
        path: name(),
        error,
    })?;
    let first = match lines.next_line() {
        Ok(Some((_, line))) => serde_json::from_slice(line),
        Ok(None) => return Err(other("it is empty".to_owned())),
        Err(error) => {
            let is_empty = fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0);
            return Err(other(match is_record(path) {
                true => error.to_string(),
                false if is_empty => "it is empty".to_owned(),
                false => "it is not compressed by gzip, as records are".to_owned(),
            }));
        }
    };
    match first {
        Ok(Line::Record(head)) if head.version > VERSION => Err(RecordError::Newer {
            path: name(),
            version: head.version,
            program: head.program.into_owned(),
        }),
        Ok(Line::Record(head)) => origin(&head).map_err(other),
        Ok(_) | Err(_) => Err(other("its first line is another one".to_owned())),
    }
}

fn origin(head: &Head<'_>) -> Result<Origin, String> {
    let kinds = head.kinds.split(',').map(KindSet::parse);
    let kinds: Result<Vec<KindSet>, String> = kinds.collect();
    Ok(Origin {
        host: head.host.clone().into_owned(),
        kernel: head.kernel.clone().into_owned(),
        program: head.program.clone().into_owned(),
        kinds: kinds?.into_iter().fold(KindSet::NONE, KindSet::union),
        filter: head.filter.clone().map(Into::into),
        is_anonymized: head.anonymized,
        page_size: head.page_size,
        netns: head
            .netns
            .iter()
            .flat_map(|words| words.split(',').map(str::to_owned))
            .collect(),
    })
}

/// The position of the stretch that has the moment or sample; `None` if there is none at all.
///
/// # Errors
/// When the time is outside of what the record has.
pub(super) fn choose(
    path: &Path,
    all: &[Stretch],
    at: Option<At>,
) -> Result<Option<usize>, RecordError> {
    let Some(at) = at else {
        let last = all.iter().rposition(|one| one.has_sockets);
        return Ok(last.or_else(|| all.len().checked_sub(1)));
    };
    let Some(first) = all.iter().map(|one| one.first).min() else {
        return Ok(None);
    };
    let last = latest(all);
    if at == At::First {
        return Ok(Some(0));
    }
    let time = resolve(at, all);
    if time < first || time > last {
        let (where_it_is, bound, nearest) = match time < first {
            true => ("begins after", "begins", first),
            false => ("ends before", "ends", last),
        };
        return Err(RecordError::Outside {
            path: path.display().to_string(),
            reason: format!(
                "{where_it_is} {}: the nearest time that it has is {}",
                stamp(time),
                stamp(nearest)
            ),
            brief: format!("the record {bound} at {}", stamp(nearest)),
        });
    }
    // The clock may have been set back: of several that have the time, the one that is nearest to it.
    let until = all.iter().enumerate().filter(|(_, one)| one.first <= time);
    let found = until.max_by_key(|(_, one)| one.last.min(time));
    Ok(found.map(|(position, _)| position))
}

/// The time that is meant, in a record that has these.
pub(super) fn resolve(at: At, all: &[Stretch]) -> SystemTime {
    const DAY: u64 = 86_400;
    let last = latest(all);
    match at {
        At::First => all.first().map_or(last, |one| one.first),
        At::Time(time) => time,
        At::OfDay(since_midnight) => {
            let since = last.duration_since(SystemTime::UNIX_EPOCH);
            let since = since.unwrap_or_default();
            let midnight = Duration::from_secs(since.as_secs() / DAY * DAY);
            let today = SystemTime::UNIX_EPOCH + midnight + since_midnight;
            let yesterday = today - Duration::from_secs(DAY);
            let first = all.iter().map(|one| one.first).min();
            // A record that begins later has it of neither day, and its last day is the one that is named.
            match today > last && first.is_some_and(|first| first <= yesterday) {
                true => yesterday,
                false => today,
            }
        }
    }
}

/// Reads the moment or sample of a stretch, and the one that it is compared with.
/// With what is wrong behind it, as far as that was read.
fn read(
    path: &Path,
    index: &Index,
    chosen: usize,
    at: Option<At>,
) -> io::Result<(Compared, Option<io::Error>)> {
    let gone = || io::Error::other("it has no sample");
    let stretch = index.stretches.get(chosen).ok_or_else(gone)?;
    if stretch.has_sockets {
        let run = index.run_of(stretch.place);
        let read = read_with_sockets(path, &index.stretches, chosen, run, Sockets::Counted)?;
        return Ok((read, None));
    }
    // Another run may have been on another host, or counters began anew in between.
    let run = index.run_of(stretch.place).unwrap_or_default();
    let until = at.map(|at| resolve(at, &index.stretches));
    let (mut earlier, sample, damage) = match at {
        Some(At::First) => (None, Samples::open(path, stretch)?.next_sample()?, None),
        Some(At::Time(_) | At::OfDay(_)) | None => last_samples(path, stretch, until)?,
    };
    let before = chosen.checked_sub(1).and_then(|at| index.stretches.get(at));
    if earlier.is_none()
        && let Some(before) =
            before.filter(|one| !one.has_sockets && one.place.member >= run.member)
    {
        // Without it there are numbers, and no rates.
        earlier = last_samples(path, before, None)
            .ok()
            .and_then(|(_, last, _)| last);
    }
    let sample = sample.ok_or_else(gone)?;
    let earlier = earlier.filter(|one| one.time < sample.time);
    Ok(((earlier, sample), damage))
}

fn latest(all: &[Stretch]) -> SystemTime {
    let times = all.iter().map(|one| one.last);
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The last two samples of a stretch until a time, or of all; and what is wrong behind them.
///
/// # Errors
/// When there is none, and why so.
fn last_samples(
    path: &Path,
    stretch: &Stretch,
    until: Option<SystemTime>,
) -> io::Result<(Option<Moment>, Option<Moment>, Option<io::Error>)> {
    // Which are the last ones shows behind them: they are counted first, since each one costs a copy of its
    // files.
    let mut samples = Samples::open(path, stretch)?;
    let mut number = 0_usize;
    let damage = loop {
        match samples.next_time() {
            Ok(Some(time)) if until.is_none_or(|until| time <= until) => number += 1,
            // Those before the place where a file is cut off are whole.
            Err(error) if number == 0 => return Err(error),
            Err(error) => break Some(error),
            Ok(_) => break None,
        }
    };
    let mut samples = Samples::open(path, stretch)?;
    for _ in 2..number {
        samples.next_time()?;
    }
    let earlier = match number > 1 {
        true => samples.next_sample()?,
        false => None,
    };
    let last = match number > 0 {
        true => samples.next_sample()?,
        false => None,
    };
    Ok((earlier, last, damage))
}
