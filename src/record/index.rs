//! What a record has, in the order of the file: by the tags of its members as far as they have tags, and by
//! reading what follows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::line::{Line, stamp, time_of};
use super::lines::{Lines, open_file};
use super::open::is_end;
use super::tag::{BEGINS, ENDS, FIRST, HEAD, HEADER, MAGIC, SAMPLES, Tag};
use super::{HOLDS, SOCKET};
use crate::model::{Place, Stretch};

/// More moments and lines about the host than this are in no file without tags.
const MOST_UNTAGGED: usize = 1_000_000;

/// A member that is whole, by its tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) at: u64,
    pub(super) tag: Tag,
}

/// The members that have tags, from the begin of the file on, and where what follows begins; that may be the
/// end of the file.
pub(super) fn read_members(file: &File) -> io::Result<(Vec<Member>, u64)> {
    let length = file.metadata()?.len();
    let (mut members, mut at) = (Vec::new(), 0);
    let mut header = vec![0; usize::try_from(HEADER).unwrap_or_default()];
    while at < length {
        if file.read_exact_at(&mut header, at).is_err() {
            break;
        }
        let Some(tag) = Tag::parse(&header).filter(|tag| tag.length > HEADER) else {
            break;
        };
        let Some(end) = at.checked_add(tag.length).filter(|end| *end <= length) else {
            break;
        };
        // What a length points to must be a member again, as far as it is there.
        let mut next = MAGIC;
        let there = usize::try_from(length - end).unwrap_or(MAGIC.len());
        let next = next.get_mut(..there.min(MAGIC.len())).unwrap_or_default();
        if file.read_exact_at(next, end).is_err() || !MAGIC.starts_with(next) {
            break;
        }
        members.push(Member { at, tag });
        at = end;
    }
    Ok((members, at))
}

/// A time of a tag.
pub(super) fn time(milliseconds: i64) -> SystemTime {
    let stamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    SystemTime::try_from(stamp).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A time for a tag.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    let stamp = jiff::Timestamp::try_from(time);
    stamp.map_or(0, |stamp| stamp.as_millisecond())
}

/// What a record has.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The moments that are whole, and the samples.
    pub(super) stretches: Vec<Stretch>,
    /// Where the lines are that say whose record it is.
    pub(super) heads: Vec<Place>,
    /// Why the file ends early.
    pub(super) cut: Option<String>,
    /// Whether another process records what follows, so that this is no damage.
    pub(super) is_growing: bool,
}

impl Index {
    /// Where the line is that says whose record a place in it is.
    pub(super) fn run_of(&self, place: Place) -> Option<Place> {
        let mut heads = self.heads.iter().rev();
        heads.find(|head| head.member <= place.member).copied()
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(path: &Path) -> io::Result<Index> {
        let file = open_file(path)?;
        let (members, rest) = read_members(&file)?;
        let mut index = Index::default();
        let mut begun = None;
        for Member { at, tag } in members {
            let place = Place {
                member: at,
                lines: 0,
            };
            if tag.is(HEAD) {
                index.heads.push(place);
            }
            if tag.is(SAMPLES) {
                index.stretches.push(Stretch {
                    has_sockets: false,
                    is_first: false,
                    place,
                    first: time(tag.first),
                    last: time(tag.last),
                });
            }
            if tag.is(BEGINS) {
                begun = Some(moment(place, time(tag.first), tag.is(FIRST)));
            }
            if tag.is(ENDS) {
                index.stretches.extend(begun.take());
            }
        }
        if rest < file.metadata()?.len() {
            let at = Place {
                member: rest,
                lines: 0,
            };
            let mut reading = Reading {
                most: index.heads.len() + index.stretches.len() + MOST_UNTAGGED,
                index: &mut index,
                begun,
            };
            let read = Lines::open(path, at).and_then(|mut lines| reading.read(&mut lines));
            let unfinished = reading.begun;
            let ends = read.as_ref().err().is_some_and(is_end);
            index.is_growing = ends && is_begun(&file, rest)? && is_locked(&file)?;
            index.cut = match (read, unfinished) {
                (Err(error), Some(moment)) => Some(damage(&moment, &error)),
                (Err(error), None) => Some(error.to_string()),
                (Ok(()), Some(moment)) => Some(damage(&moment, &no_end())),
                (Ok(()), None) => None,
            };
        } else if let Some(moment) = begun {
            index.is_growing = is_locked(&file)?;
            index.cut = Some(damage(&moment, &no_end()));
        }
        if index.is_growing {
            index.cut = None;
        }
        Ok(index)
    }
}

/// Whether a member begins there that is written: its length is in its tag when it is whole.
fn is_begun(file: &File, at: u64) -> io::Result<bool> {
    let length = file.metadata()?.len().saturating_sub(at);
    let mut header = vec![0; usize::try_from(length.min(HEADER)).unwrap_or_default()];
    file.read_exact_at(&mut header, at)?;
    Ok(length < HEADER || Tag::parse(&header).is_some_and(|tag| tag.length == 0))
}

/// Whether another process records into a file.
fn is_locked(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => flock(file, FlockOperation::Unlock)
            .map(|()| false)
            .map_err(Into::into),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}

fn moment(place: Place, time: SystemTime, is_first: bool) -> Stretch {
    Stretch {
        has_sockets: true,
        is_first,
        place,
        first: time,
        last: time,
    }
}

/// What has no tags is read line by line.
struct Reading<'a> {
    index: &'a mut Index,
    /// The moment that is read.
    begun: Option<Stretch>,
    /// How many heads and stretches there may be in all.
    most: usize,
}

impl Reading<'_> {
    fn read(&mut self, lines: &mut Lines) -> io::Result<()> {
        while let Some((place, line)) = lines.next_line()? {
            // These are the most of a moment; they are read with it.
            if line.starts_with(SOCKET) || line.starts_with(HOLDS) {
                continue;
            }
            let line = serde_json::from_slice(line);
            let line = line.map_err(|error| damaged(place, &error.to_string()))?;
            self.take(&line, place)?;
        }
        Ok(())
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other lines are what a moment or a sample has"
    )]
    fn take(&mut self, line: &Line<'_>, place: Place) -> io::Result<()> {
        let parse = |stamp: &str| {
            let time = time_of(stamp);
            time.ok_or_else(|| damaged(place, &format!("no time: {stamp}")))
        };
        if self.index.heads.len() + self.index.stretches.len() > self.most {
            return Err(damaged(place, "more moments than a record has"));
        }
        match line {
            Line::Record(_) => self.index.heads.push(place),
            Line::Moment(begin) => {
                self.begun = Some(moment(place, parse(&begin.time)?, begin.first));
            }
            Line::End(_) => self.index.stretches.extend(self.begun.take()),
            Line::Sample(sample) => {
                let time = parse(&sample.time)?;
                match self.index.stretches.last_mut() {
                    Some(last) if last.place.member == place.member && !last.has_sockets => {
                        last.last = time;
                    }
                    _ => self.index.stretches.push(Stretch {
                        has_sockets: false,
                        is_first: false,
                        // The files and groups of its samples come before them.
                        place: Place { lines: 0, ..place },
                        first: time,
                        last: time,
                    }),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What is not whole, and why.
pub(super) fn damage(stretch: &Stretch, error: &io::Error) -> String {
    let (first, last) = (stamp(stretch.first), stamp(stretch.last));
    match stretch.has_sockets {
        true => format!("the moment of {first} is not whole: {error}"),
        false => format!("the samples from {first} to {last} are not whole: {error}"),
    }
}

fn no_end() -> io::Error {
    io::Error::other("it has no end")
}

/// What is wrong in the file, and where.
pub(super) fn damaged(place: Place, what: &str) -> io::Error {
    let Place { member, lines } = place;
    io::Error::other(format!(
        "line {} of the gzip member at byte {member}: {what}",
        lines + 1
    ))
}
