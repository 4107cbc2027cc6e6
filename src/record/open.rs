//! Opens a record: reads it once to its end, keeps everything but the sockets, and notes where each moment
//! begins.

use std::io;
use std::path::Path;

use super::line::{
    Begin, End, File, Head, Holds, KindLine, Line, Name, Process as ProcessLine, Unread, VERSION,
    time_of,
};
use super::lines::Lines;
use crate::model::{
    Descriptors, Hold, KindRead, KindSet, Moment, Origin, Place, Placement, Process, ProcessName,
    Recorded, SourceName,
};

/// Every line of a socket begins so, as this program writes them.
const SOCKET: &[u8] = b"{\"type\":\"socket\"";

/// More text than this besides sockets is in no record, in bytes.
const MOST_KEPT: usize = 512 << 20;

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
    /// It ends before the end of its first moment.
    #[error("{path} is cut off before the end of its first moment: {reason}")]
    NoMoment {
        /// The file.
        path: String,
        /// How it ends.
        reason: String,
    },
}

/// Reads a record. A file that is cut off or damaged is used as far as its moments are whole.
///
/// # Errors
/// When it is no record, or no moment of it is whole.
pub fn open(path: &Path) -> Result<Recorded, RecordError> {
    let name = || path.display().to_string();
    let unreadable = |error| RecordError::Unreadable {
        path: name(),
        error,
    };
    let other = |reason: String| RecordError::Other {
        path: name(),
        reason,
    };
    let mut lines = Lines::open(path, Place::default()).map_err(unreadable)?;
    let first = match lines.next_line() {
        Ok(Some((_, line))) => serde_json::from_slice(line),
        Ok(None) => return Err(other("it is empty".to_owned())),
        Err(error) => return Err(other(error.to_string())),
    };
    let origin = match first {
        Ok(Line::Record(head)) if head.version > VERSION => {
            return Err(RecordError::Newer {
                path: name(),
                version: head.version,
                program: head.program.into_owned(),
            });
        }
        Ok(Line::Record(head)) => origin(&head).map_err(other)?,
        Ok(_) | Err(_) => return Err(other("its first line is another one".to_owned())),
    };
    let mut found = Found::default();
    let end = found.read(&mut lines);
    let unfinished = found.moment.is_some();
    let cut = match end {
        Err(reason) => Some(reason),
        Ok(()) if unfinished => Some("its last moment has no end".to_owned()),
        Ok(()) => None,
    };
    let reason = cut.clone().unwrap_or_else(|| "it has none".to_owned());
    Recorded::new(path.to_owned(), origin, found.moments, cut).ok_or_else(|| {
        RecordError::NoMoment {
            path: name(),
            reason,
        }
    })
}

fn origin(head: &Head<'_>) -> Result<Origin, String> {
    let kinds = head.kinds.split(',').map(KindSet::parse);
    let kinds: Result<Vec<KindSet>, String> = kinds.collect();
    Ok(Origin {
        host: head.host.clone().into_owned(),
        kernel: head.kernel.clone().into_owned(),
        program: head.program.clone().into_owned(),
        kinds: kinds?.into_iter().fold(KindSet::NONE, KindSet::union),
        page_size: head.page_size,
    })
}

/// The moments so far.
#[derive(Default)]
struct Found {
    moments: Vec<Moment>,
    /// The one that is read.
    moment: Option<Moment>,
    /// Bytes of the lines that are kept.
    kept: usize,
}

impl Found {
    /// Reads to the end of the file.
    ///
    /// # Errors
    /// Why it ends early.
    fn read(&mut self, lines: &mut Lines) -> Result<(), String> {
        loop {
            let Some((place, line)) = lines.next_line().map_err(|error| error.to_string())? else {
                return Ok(());
            };
            if line.starts_with(SOCKET) {
                continue;
            }
            self.kept += line.len();
            if self.kept > MOST_KEPT {
                return Err("it has more than 512 MiB besides sockets".to_owned());
            }
            let line: Line = serde_json::from_slice(line).map_err(|error| {
                let Place { member, lines } = place;
                format!(
                    "line {} of the gzip member at byte {member}: {error}",
                    lines + 1
                )
            })?;
            self.add(line, place)?;
        }
    }

    fn add(&mut self, line: Line<'_>, place: Place) -> Result<(), String> {
        if let Line::Moment(begin) = line {
            self.moment = Some(moment(&begin, place)?);
            return Ok(());
        }
        let Some(moment) = &mut self.moment else {
            return Ok(());
        };
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
                let holds = holds.map(|(inode, fd)| (inode, Hold { pid, fd }));
                moment.holds.extend(holds);
            }
            Line::End(end) => {
                let whole = self.moment.take();
                self.moments.extend(whole.map(|moment| finish(moment, end)));
            }
            Line::Record(_) | Line::Moment(_) | Line::Other => {}
        }
        Ok(())
    }
}

fn moment(begin: &Begin<'_>, start: Place) -> Result<Moment, String> {
    let time = time_of(&begin.time);
    let time = time.ok_or_else(|| format!("no time: {}", begin.time))?;
    Ok(Moment {
        time,
        stamp: begin.time.clone().into_owned(),
        ..Moment::beginning(start)
    })
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
        source: match line.source.as_deref() {
            Some("proc") => SourceName::Proc,
            Some(_) | None => SourceName::Netlink,
        },
        is_complete: true,
        unavailable: line.unavailable.map(Into::into),
    })
}
