//! Reads a moment: everything but its sockets, which are read anew for each answer.

mod namespaces;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::index::damaged;
use super::line::{
    Begin, End, File, Holds, IdName, KindLine, Line, Name, Process as ProcessLine, Unchanged,
    Unread, time_of,
};
use super::lines::Lines;
use super::{SOCKET, bounded_warnings, source_of};
use crate::model::{
    Counted, Counts, Descriptors, Hold, Kind, KindRead, KindSet, Moment, Netns, Place, Placement,
    Process, ProcessName, RecordedHost,
};
pub(super) use namespaces::MOST;
use namespaces::{Namespaces, joined_kinds};

/// More text than this besides sockets is in no moment, in bytes.
pub(super) const MOST_KEPT: usize = 512 << 20;

/// More causes than these, and more text of them in bytes, are in no moment: each of its network namespaces
/// names them.
const MOST_CAUSES: usize = 100;
const MOST_CAUSES_TEXT: usize = 64 << 10;

/// More sockets of processes than these are on no host. In tests less: to parse as many takes 20 s there.
const MOST_HOLDS: usize = if cfg!(test) { 1 << 16 } else { 1 << 24 };

/// The earlier moment that has the unchanged sockets of one.
#[derive(Debug)]
pub(super) struct Base {
    /// When it began.
    pub(super) time: SystemTime,
    /// The same as it is written.
    pub(super) stamp: String,
    /// How many sockets it must have.
    pub(super) sockets: u64,
    /// How many each of several network namespaces must have there.
    pub(super) parts: Vec<(Netns, u64)>,
}

/// A moment while it is read.
#[derive(Debug)]
struct Reading {
    moment: Moment,
    host: RecordedHost,
    base: Option<Base>,
    causes: Vec<(String, String)>,
    /// The text of these, in bytes.
    causes_text: usize,
    /// Its sockets until here, without those of network namespaces.
    sockets: u64,
    namespaces: Namespaces,
}

/// How the lines of sockets are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// All, so that their number is known to be right.
    Counted,
    /// Not, as far as tags say where they are: that some are damaged shows when they are read.
    Skipped,
}

/// Reads the moment that begins here, but for those sockets of it that are in an earlier one.
///
/// # Errors
/// When it is not whole, or the file is damaged.
pub(super) fn read_moment(
    path: &Path,
    place: Place,
    sockets: Sockets,
) -> io::Result<(Moment, Option<Base>)> {
    let mut lines = match sockets {
        Sockets::Counted => Lines::open(path, place)?,
        Sockets::Skipped => Lines::open_besides_sockets(path, place)?,
    };
    let (mut reading, mut kept) = (None::<Reading>, 0);
    loop {
        let Some((at, _)) = lines.next_line()? else {
            return Err(io::Error::other("it has no end"));
        };
        let (line, has_skipped) = (lines.line(), lines.has_skipped);
        if line.starts_with(SOCKET) {
            if let Some(reading) = &mut reading {
                *reading.sockets() += 1;
            }
            continue;
        }
        kept += line.len();
        if kept > MOST_KEPT {
            return Err(damaged(at, "more than 512 MiB besides sockets"));
        }
        let wrong = |error: String| damaged(at, &error);
        let line: Line = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        if let (Some(reading), true) = (&mut reading, has_skipped) {
            reading.trust(&line);
        }
        match (line, &mut reading) {
            (Line::Moment(begin), None) => reading = Some(begun(&begin, place).map_err(wrong)?),
            (Line::Moment(_), Some(_)) => return Err(wrong("it has no end".to_owned())),
            (Line::End(end), Some(_)) => {
                let read = reading.take().map(|reading| reading.finish(end));
                let read = read.transpose().map_err(wrong)?;
                check_rest(&mut lines, at.member)?;
                return read.ok_or_else(|| io::Error::other("it has no begin"));
            }
            (line, Some(reading)) => reading.take(line, at).map_err(wrong)?,
            (_, None) => return Err(wrong("no moment begins there".to_owned())),
        }
    }
}

impl Reading {
    /// Takes the number of sockets from the line that ends what has them, since not all were counted.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other lines end nothing that has sockets"
    )]
    fn trust(&mut self, line: &Line<'_>) {
        let total = match line {
            Line::End(end) if !self.namespaces.are_any => Some(end.total),
            Line::NamespaceEnd(end) => Some(end.total),
            _ => None,
        };
        total.into_iter().for_each(|total| *self.sockets() = total);
    }

    /// The number of sockets of what the next lines are about.
    fn sockets(&mut self) -> &mut u64 {
        let open = self.namespaces.open();
        open.map_or(&mut self.sockets, |open| &mut open.sockets)
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other lines are in no moment, or of a later version"
    )]
    fn take(&mut self, line: Line<'_>, at: Place) -> Result<(), String> {
        match line {
            Line::Unchanged(run) => self.add_unchanged(run)?,
            Line::Namespace(one) => self.namespaces.begin(one, &self.moment, at)?,
            Line::NamespaceEnd(end) => self.namespaces.end(end, self.base.as_mut())?,
            Line::File(File {
                path, text, error, ..
            }) => {
                let text = text.map(|text| Ok(text.into_owned()));
                let error = error.map(|error| Err(error.into_owned()));
                let path = path.into_owned();
                let file = text.or(error).map(|file| (path, file));
                self.moment_of_lines().files.extend(file);
            }
            Line::Interface(name) => {
                let (number, name) = (number(&name)?, name.name.into());
                self.moment_of_lines().interfaces.insert(number, name);
            }
            Line::Cause(cause) => self.add_cause(cause.rule.into(), cause.title.into())?,
            other => add(&mut self.host, other)?,
        }
        Ok(())
    }

    fn add_cause(&mut self, rule: String, title: String) -> Result<(), String> {
        self.causes_text += rule.len() + title.len();
        if self.causes.len() == MOST_CAUSES || self.causes_text > MOST_CAUSES_TEXT {
            return Err("more causes than a moment has".to_owned());
        }
        self.causes.push((rule, title));
        Ok(())
    }

    /// The moment whose files and interfaces the next lines have: of a network namespace, if one has begun.
    fn moment_of_lines(&mut self) -> &mut Moment {
        let open = self.namespaces.open();
        open.map_or(&mut self.moment, |open| &mut open.moment)
    }

    fn add_unchanged(&mut self, run: Unchanged) -> Result<(), String> {
        let needed = run.skipped.checked_add(run.sockets);
        let base = self.base.as_mut().zip(needed);
        let (base, needed) = base.ok_or("it refers to no earlier moment")?;
        let (of_base, sockets) = match self.namespaces.open() {
            Some(open) => (&mut open.needed, &mut open.sockets),
            None => (&mut base.sockets, &mut self.sockets),
        };
        let added = of_base
            .checked_add(needed)
            .zip(sockets.checked_add(run.sockets));
        (*of_base, *sockets) = added.ok_or("it refers to no earlier moment")?;
        Ok(())
    }

    /// The moment, which is whole with this line.
    fn finish(self, end: End<'_>) -> Result<(Moment, Option<Base>), String> {
        let Reading {
            mut moment,
            mut host,
            base,
            causes,
            sockets,
            namespaces,
            ..
        } = self;
        let sockets = sockets.checked_add(namespaces.sockets);
        let sockets = sockets.ok_or("too many sockets")?;
        if end.total != sockets {
            let counted = end.total;
            return Err(format!(
                "it has {sockets} sockets, and its end says {counted}"
            ));
        }
        host.processes.sort_unstable_by_key(|process| process.pid);
        host.holds.sort_unstable();
        moment.host = Arc::new(host);
        moment.causes = causes.into();
        moment.numbers = numbers_of(&end.kinds, end.total);
        moment.kinds = kinds_of(end.kinds);
        let hiding = end.hiding.map(Into::into);
        let namespaces = namespaces.finish(end.denied_processes, hiding, &moment);
        if let Some(namespaces) = &namespaces {
            moment.kinds = joined_kinds(namespaces);
        }
        moment.namespaces = namespaces.map(Arc::new);
        moment.total = end.total;
        moment.warnings = bounded_warnings(&end.warnings).into();
        Ok((moment, base))
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

fn begun(begin: &Begin<'_>, start: Place) -> Result<Reading, String> {
    let parse = |stamp: &str| time_of(stamp).ok_or_else(|| format!("no time: {stamp}"));
    let base = begin.base.as_deref().map(|stamp| {
        Ok::<_, String>(Base {
            time: parse(stamp)?,
            stamp: stamp.to_owned(),
            sockets: 0,
            parts: Vec::new(),
        })
    });
    Ok(Reading {
        moment: Moment {
            time: parse(&begin.time)?,
            stamp: begin.time.clone().into_owned(),
            is_first: begin.first,
            ..Moment::beginning(start)
        },
        host: RecordedHost::default(),
        base: base.transpose()?,
        causes: Vec::new(),
        causes_text: 0,
        sockets: 0,
        namespaces: Namespaces::default(),
    })
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other lines are in no moment, or of a later version"
)]
fn add(host: &mut RecordedHost, line: Line<'_>) -> Result<(), String> {
    match line {
        Line::User(name) => drop(host.users.insert(number(&name)?, name.name.into())),
        Line::Cgroup(Name { id, name }) => drop(host.cgroups.insert(id, name.into())),
        Line::Container(IdName { id, name }) => {
            drop(host.containers.insert(id.into(), name.into()))
        }
        Line::Pod(IdName { id, name }) => drop(host.pods.insert(id.into(), name.into())),
        Line::Process(line) => add_process(host, line),
        Line::Unread(Unread { pid, name }) => {
            let name = name.map(|name| ProcessName::new(name.as_bytes()));
            host.unread.push((pid, name));
        }
        Line::Holds(Holds { pid, sockets }) => {
            let holds = sockets.into_iter();
            let holds = holds.map(|(inode, fd)| (inode, Hold::new(pid, fd)));
            host.holds.extend(holds);
            if host.holds.len() > MOST_HOLDS {
                return Err("more sockets of processes than any host has".to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

fn number(name: &Name<'_>) -> Result<u32, String> {
    let number = u32::try_from(name.id);
    number.map_err(|_| format!("the number {} is too large", name.id))
}

fn add_process(host: &mut RecordedHost, line: ProcessLine<'_>) {
    let descriptors = match (
        line.open_files,
        line.open_files_limit,
        line.open_files_unknown,
    ) {
        (Some(open), Some(limit), _) => Some(Ok(Descriptors { open, limit })),
        (_, _, Some(reason)) => Some(Err(reason.into_owned())),
        _ => None,
    };
    host.descriptors
        .extend(descriptors.map(|descriptors| (line.pid, descriptors)));
    host.processes.push(Process {
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

/// How each kind was read; those of a later version are left out.
fn kinds_of(lines: Vec<KindLine<'_>>) -> Vec<KindRead> {
    let kinds = lines.into_iter().filter_map(|line| {
        Some(KindRead {
            kind: kind_of(&line)?,
            source: source_of(line.source.as_deref()),
            is_complete: true,
            unavailable: line.unavailable.map(Into::into),
        })
    });
    kinds.collect()
}

/// How many sockets of each kind are in each state; `None` where not all lines have that.
fn numbers_of(lines: &[KindLine<'_>], total: u64) -> Option<Counted> {
    let read = lines.iter().filter(|line| line.unavailable.is_none());
    let counts = |line: &KindLine<'_>| Some((kind_of(line)?, line.states.as_ref()?.0.clone()));
    let kinds: Vec<(Kind, Counts)> = read.map(counts).collect::<Option<_>>()?;
    let sum = kinds.iter().map(|(_, counts)| u128::from(counts.total()));
    let is_known = !kinds.is_empty() && sum.sum::<u128>() == u128::from(total);
    is_known.then_some(Counted {
        kinds,
        groups: Vec::new(),
    })
}

fn kind_of(line: &KindLine<'_>) -> Option<Kind> {
    KindSet::parse(&line.kind).ok()?.only()
}
