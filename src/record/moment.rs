//! Reads a moment: everything but its sockets, which are read anew for each answer.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::index::damaged;
use super::line::{
    Begin, End, File, Holds, KindLine, Line, Name, Process as ProcessLine, Unread, time_of,
};
use super::lines::Lines;
use super::{SOCKET, source_of};
use crate::model::{
    Descriptors, Hold, KindRead, KindSet, Moment, Place, Placement, Process, ProcessName,
};

/// More text than this besides sockets is in no moment, in bytes.
const MOST_KEPT: usize = 512 << 20;

/// The earlier moment that has the unchanged sockets of one.
#[derive(Debug)]
pub(super) struct Base {
    /// When it began.
    pub(super) time: SystemTime,
    /// The same as it is written.
    pub(super) stamp: String,
    /// How many sockets it must have.
    pub(super) sockets: u64,
}

/// Reads the moment that begins here, but for those sockets of it that are in an earlier one.
///
/// # Errors
/// When it is not whole, or the file is damaged.
pub(super) fn read_moment(path: &Path, place: Place) -> io::Result<(Moment, Option<Base>)> {
    let mut lines = Lines::open(path, place)?;
    let (mut moment, mut kept, mut sockets) = (None, 0, 0_u64);
    let mut base = None::<Base>;
    loop {
        let Some((at, line)) = lines.next_line()? else {
            return Err(io::Error::other("it has no end"));
        };
        if line.starts_with(SOCKET) {
            sockets += 1;
            continue;
        }
        kept += line.len();
        if kept > MOST_KEPT {
            return Err(damaged(at, "more than 512 MiB besides sockets"));
        }
        let wrong = |error: String| damaged(at, &error);
        let line: Line = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        match (line, &mut moment) {
            (Line::Moment(begin), None) => {
                moment = Some(begun(&begin, place).map_err(wrong)?);
                base = base_of(&begin).map_err(wrong)?;
            }
            (Line::Moment(_), Some(_)) => return Err(wrong("it has no end".to_owned())),
            (Line::Unchanged(run), Some(_)) => {
                let needed = run.skipped.checked_add(run.sockets);
                let base = base.as_mut().zip(needed).and_then(|(base, needed)| {
                    base.sockets = base.sockets.checked_add(needed)?;
                    sockets = sockets.checked_add(run.sockets)?;
                    Some(())
                });
                base.ok_or_else(|| wrong("it refers to no earlier moment".to_owned()))?;
            }
            (Line::End(end), Some(_)) => {
                if end.total != sockets {
                    let counted = end.total;
                    return Err(wrong(format!(
                        "it has {sockets} sockets, and its end says {counted}"
                    )));
                }
                let moment = moment.take().map(|moment| finish(moment, end));
                check_rest(&mut lines, at.member)?;
                let moment = moment.ok_or_else(|| io::Error::other("it has no begin"))?;
                return Ok((moment, base));
            }
            (line, Some(moment)) => add(moment, line).map_err(wrong)?,
            (_, None) => return Err(wrong("no moment begins there".to_owned())),
        }
    }
}

/// Reads to the end of the last member of a moment, whose checksum shows whether it is damaged. That it is
/// cut off there is no damage: all lines are whole.
fn check_rest(lines: &mut Lines, member: u64) -> io::Result<()> {
    loop {
        match lines.next_line() {
            Ok(Some((place, _))) if place.member == member => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn begun(begin: &Begin<'_>, start: Place) -> Result<Moment, String> {
    let time = time_of(&begin.time);
    let time = time.ok_or_else(|| format!("no time: {}", begin.time))?;
    Ok(Moment {
        time,
        stamp: begin.time.clone().into_owned(),
        is_first: begin.first,
        ..Moment::beginning(start)
    })
}

fn base_of(begin: &Begin<'_>) -> Result<Option<Base>, String> {
    let base = begin.base.as_deref().map(|stamp| {
        Ok(Base {
            time: time_of(stamp).ok_or_else(|| format!("no time: {stamp}"))?,
            stamp: stamp.to_owned(),
            sockets: 0,
        })
    });
    base.transpose()
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other lines are in no moment, or of a later version"
)]
fn add(moment: &mut Moment, line: Line<'_>) -> Result<(), String> {
    match line {
        Line::File(File { path, text, error }) => {
            let text = text.map(|text| Ok(text.into_owned()));
            let error = error.map(|error| Err(error.into_owned()));
            let path = path.into_owned();
            moment.files.extend(text.or(error).map(|file| (path, file)));
        }
        Line::User(name) => drop(moment.users.insert(number(&name)?, name.name.into())),
        Line::Interface(name) => {
            moment.interfaces.insert(number(&name)?, name.name.into());
        }
        Line::Cgroup(Name { id, name }) => drop(moment.cgroups.insert(id, name.into())),
        Line::Process(line) => add_process(moment, line),
        Line::Unread(Unread { pid, name }) => {
            let name = name.map(|name| ProcessName::new(name.as_bytes()));
            moment.unread.push((pid, name));
        }
        Line::Holds(Holds { pid, sockets }) => {
            let holds = sockets.into_iter();
            let holds = holds.map(|(inode, fd)| (inode, Hold::new(pid, fd)));
            moment.holds.extend(holds);
        }
        Line::Cause(cause) => moment.causes.push((cause.rule.into(), cause.title.into())),
        _ => {}
    }
    Ok(())
}

fn number(name: &Name<'_>) -> Result<u32, String> {
    let number = u32::try_from(name.id);
    number.map_err(|_| format!("the number {} is too large", name.id))
}

fn add_process(moment: &mut Moment, line: ProcessLine<'_>) {
    let descriptors = match (
        line.open_files,
        line.open_files_limit,
        line.open_files_unknown,
    ) {
        (Some(open), Some(limit), _) => Some(Ok(Descriptors { open, limit })),
        (_, _, Some(reason)) => Some(Err(reason.into_owned())),
        _ => None,
    };
    moment
        .descriptors
        .extend(descriptors.map(|descriptors| (line.pid, descriptors)));
    moment.processes.push(Process {
        pid: line.pid,
        name: line.name.map(|name| ProcessName::new(name.as_bytes())),
        command_line: line.command_line.map(Into::into),
        placement: Placement {
            unit: line.unit.map(Into::into),
            container: line.container.map(Into::into),
            pod: line.pod.map(Into::into),
        },
    });
}

fn finish(mut moment: Moment, end: End<'_>) -> Moment {
    moment.processes.sort_by_key(|process| process.pid);
    moment.holds.sort_unstable();
    let kinds = end.kinds.into_iter();
    moment.kinds = kinds.filter_map(kind_read).collect();
    moment.total = end.total;
    moment.warnings = end.warnings.into_iter().map(Into::into).collect();
    moment
}

/// `None` for a kind of a later version.
fn kind_read(line: KindLine<'_>) -> Option<KindRead> {
    Some(KindRead {
        kind: KindSet::parse(&line.kind).ok()?.only()?,
        source: source_of(line.source.as_deref()),
        is_complete: true,
        unavailable: line.unavailable.map(Into::into),
    })
}
