//! One moment of a record: sockets as they are listed, then the processes that hold them, names, and the
//! files of /proc.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::SystemTime;

use super::disguise::Disguise;
use super::listing::list;
use super::not_written;
use crate::command::console::Console;
use crate::command::groups::labels;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::model::{
    Descriptors, Field, KeyPart, KindSet, Label, Listeners, Names, Netns, Process, ProcessName,
    Sink, Socket, Where,
};
use crate::output::SocketLines;
use crate::owner::{Facts, Owners, Search, Seek, Wanted, query_descriptors, query_name};
use crate::question::Question;
use crate::record::line::{self, Cause, End, Holds, Line, Name, Unread};
use crate::record::{Comparison, Known, Writer};
use crate::source::{Readings, Sources};

/// How many sockets of a process are in a line.
const HOLDS: usize = 1_000;

/// What is recorded in the place of a title where addresses and names are replaced.
const UNTITLED: &str = "its title is left out (--anonymize): doctor shows it";

/// Writes moments.
pub(super) struct Recorder<W: Write> {
    pub(super) kinds: KindSet,
    /// Which sockets of these, besides those that wait for peers; `None` for all.
    pub(super) filtered: Option<Question>,
    pub(super) sources: Sources,
    pub(super) writer: Writer<W>,
    pub(super) path: PathBuf,
    /// Whether the arguments of processes are recorded.
    pub(super) command_lines: bool,
    pub(super) labels: Labels,
    /// The moment before, whose unchanged sockets the second one refers to; not in a file whose older
    /// moments are removed.
    pub(super) known: Option<Known>,
}

/// Names as they are recorded: those of the host, or others in their place.
pub(super) struct Labels {
    names: HostNames,
    disguise: Option<Disguise>,
}

impl Labels {
    /// Those of the sockets of `place`; others in their place where that is requested.
    pub(super) fn new(place: Where, anonymize: bool) -> Labels {
        Labels {
            names: HostNames::of(place),
            disguise: anonymize.then(Disguise::default),
        }
    }

    /// Reads names anew that may have changed.
    pub(super) fn refresh(&mut self) {
        self.names.refresh();
    }

    /// Whether others are in the place of those of the host.
    pub(super) fn are_others(&self) -> bool {
        self.disguise.is_some()
    }

    /// What the sockets of a group have in common, as it is recorded.
    pub(super) fn group_key(&mut self, key: &[KeyPart]) -> Box<[KeyPart]> {
        let parts = key.iter().cloned();
        match &mut self.disguise {
            None => parts.collect(),
            Some(disguise) => parts.map(|part| disguise.key_part(part)).collect(),
        }
    }

    /// The label of a group by this field with such a key.
    pub(super) fn group_label(&mut self, by: Field, key: &[KeyPart]) -> Label {
        let labels = labels(&mut self.names, &[by], key);
        labels.into_iter().next().unwrap_or(Label::None)
    }

    /// A name that belongs to no socket.
    pub(super) fn name<'a>(&'a mut self, name: &'a str) -> &'a str {
        shown(&mut self.disguise, name)
    }
}

/// A name that is a whole.
fn shown<'a>(disguise: &'a mut Option<Disguise>, name: &'a str) -> &'a str {
    match disguise {
        None => name,
        Some(disguise) => disguise.name(name),
    }
}

impl Names for Labels {
    fn user(&mut self, uid: u32) -> &str {
        shown(&mut self.disguise, self.names.user(uid))
    }

    fn interface(&mut self, index: u32) -> &str {
        shown(&mut self.disguise, self.names.interface(index))
    }

    fn cgroup(&mut self, id: u64) -> &str {
        let path = self.names.cgroup(id);
        match &mut self.disguise {
            None => path,
            Some(disguise) => disguise.path(path),
        }
    }

    fn netns(&mut self, netns: Netns) -> &str {
        self.names.netns(netns)
    }
}

/// What was recorded.
pub(super) struct Taken {
    pub(super) sockets: u64,
    pub(super) is_complete: bool,
}

/// The numbers whose names are needed.
#[derive(Default)]
struct Numbers {
    users: BTreeSet<u32>,
    interfaces: BTreeSet<u32>,
    cgroups: BTreeSet<u64>,
}

/// Writes sockets, and notes whose names and holders are needed.
pub(super) struct Rows<'a, W: Write> {
    writer: &'a mut Writer<W>,
    fields: SocketLines,
    labels: &'a mut Labels,
    wanted: Wanted,
    numbers: Numbers,
    sockets: u64,
    previous: Previous,
    error: Option<io::Error>,
}

/// The moment before, where it has the sockets that did not change.
enum Previous {
    /// It has none of these.
    Nothing,
    /// This is that moment.
    Known(Known),
    /// These are its sockets.
    Compared(Comparison),
}

impl<W: Write> Rows<'_, W> {
    /// Writes a socket, unless it is as it was.
    fn write(&mut self, socket: &Socket) -> io::Result<()> {
        let (is_unchanged, run) = match &mut self.previous {
            Previous::Nothing => (false, None),
            Previous::Known(known) => {
                known.add(socket, self.labels);
                (false, None)
            }
            Previous::Compared(comparison) => comparison.compare(socket, self.labels),
        };
        if let Some(run) = run {
            self.writer.line(&Line::Unchanged(run))?;
        }
        if is_unchanged {
            return Ok(());
        }
        self.fields
            .push(&mut self.writer.lines, socket, self.labels);
        self.writer.pass_on()
    }

    /// Writes what is to be written behind the last socket. Returns what is known for the next moment.
    fn finish(&mut self) -> io::Result<Option<Known>> {
        match std::mem::replace(&mut self.previous, Previous::Nothing) {
            Previous::Nothing => Ok(None),
            Previous::Known(known) => Ok(Some(known)),
            Previous::Compared(comparison) => {
                let run = comparison.end().map(Line::Unchanged);
                run.map_or(Ok(()), |run| self.writer.line(&run))?;
                Ok(None)
            }
        }
    }
}

impl<W: Write> Sink for Rows<'_, W> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.sockets += 1;
        self.wanted.add(socket);
        self.numbers.users.extend(socket.owner());
        self.numbers.interfaces.extend(socket.bound_to());
        self.numbers.cgroups.extend(socket.cgroup);
        let disguise = self.labels.disguise.as_mut();
        let other = disguise.map(|disguise| disguise.socket(socket));
        let socket = other.as_ref().unwrap_or(socket);
        match self.write(socket) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl<W: Write> Recorder<W> {
    /// Records what is there now: the first of two moments, or the second one; for these reasons.
    ///
    /// # Errors
    /// When no source answers, or the file cannot be written.
    pub(super) fn record(
        &mut self,
        is_first: bool,
        causes: &[(&str, String)],
        console: &mut Console,
    ) -> Result<Taken, Failure> {
        let place = self.sources.place();
        self.labels.refresh();
        let time = SystemTime::now();
        let base = self.known.as_ref().map(|known| known.time);
        let base = base.filter(|_| !is_first);
        let previous = match self.known.take() {
            None => Previous::Nothing,
            Some(_) if is_first => Previous::Known(Known::new(time)),
            Some(known) => Previous::Compared(Comparison::new(known)),
        };
        self.begin(time, is_first, base, causes)?;
        let mut rows = Rows {
            writer: &mut self.writer,
            fields: SocketLines::recorded(self.kinds),
            labels: &mut self.labels,
            wanted: Wanted::new(false),
            numbers: Numbers::default(),
            sockets: 0,
            previous,
            error: None,
        };
        let (sources, filtered) = (&self.sources, self.filtered.as_ref());
        let mut sample = Sample::take(&place, |_| list(self.kinds, filtered, sources, &mut rows))?;
        let cannot = |error| not_written(&self.path, &error);
        self.known = rows.finish().map_err(cannot)?;
        let Rows {
            wanted,
            numbers,
            sockets,
            error,
            ..
        } = rows;
        if let Some(error) = error {
            return Err(not_written(&self.path, &error));
        }
        let facts = Facts {
            command_line: self.command_lines,
            placement: true,
        };
        let search = Search::new(&place, Seek::EveryHolder, facts, None);
        // Those of connections that were not accepted are those of their listeners, which are recorded too.
        let owners = Owners::find(search, wanted, &Listeners::default());
        let completeness = &sample.report.completeness;
        let is_complete = completeness.is_complete();
        let losses = completeness.losses().iter().map(ToString::to_string);
        let end = End {
            kinds: std::mem::take(&mut sample.found),
            total: sockets,
            warnings: losses.map(Into::into).collect(),
        };
        let (writer, labels) = (&mut self.writer, &mut self.labels);
        let written = write_processes(writer, &owners, &place, labels)
            .and_then(|()| numbers.write(writer, labels))
            .and_then(|()| writer.end_moment(end));
        written.map_err(|error| not_written(&self.path, &error))?;
        sample.add_search(Some(&owners));
        console.log(&sample);
        Ok(Taken {
            sockets,
            is_complete,
        })
    }

    /// Begins a moment, with the files of counters and settings.
    fn begin(
        &mut self,
        time: SystemTime,
        is_first: bool,
        base: Option<SystemTime>,
        causes: &[(&str, String)],
    ) -> Result<(), Failure> {
        let files = Readings::of(&self.sources).files();
        let is_disguised = self.labels.are_others();
        self.write(|writer| {
            writer.begin_moment(time, is_first, base)?;
            for (rule, title) in causes {
                // It is text with addresses and names of all kinds; the sockets follow.
                let title = match is_disguised {
                    true => UNTITLED,
                    false => title,
                };
                let (rule, title) = ((*rule).into(), title.into());
                writer.line(&Line::Cause(Cause { rule, title }))?;
            }
            for (path, text) in files {
                let path = path.into();
                let (text, error) = match text {
                    Ok(text) => (Some(text.into()), None),
                    Err(error) => (None, Some(error.into())),
                };
                writer.line(&Line::File(line::File { path, text, error }))?;
            }
            Ok(())
        })
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.writer).map_err(|error| not_written(&self.path, &error))
    }
}

impl Numbers {
    /// Writes their names.
    fn write<W: Write>(self, writer: &mut Writer<W>, names: &mut Labels) -> io::Result<()> {
        let name = |id, name: &str| Name {
            id,
            name: name.to_owned().into(),
        };
        for id in self.users {
            writer.line(&Line::User(name(id.into(), names.user(id))))?;
        }
        for id in self.interfaces {
            writer.line(&Line::Interface(name(id.into(), names.interface(id))))?;
        }
        for id in self.cgroups {
            writer.line(&Line::Cgroup(name(id, names.cgroup(id))))?;
        }
        Ok(())
    }
}

/// Writes the processes that hold sockets, and those that could not be read.
fn write_processes<W: Write>(
    writer: &mut Writer<W>,
    owners: &Owners,
    place: &Where,
    labels: &mut Labels,
) -> io::Result<()> {
    let mut held: HashMap<u32, Vec<(u64, Option<u32>)>> = HashMap::new();
    for (inode, hold) in owners.holds() {
        held.entry(hold.pid).or_default().push((inode, hold.fd()));
    }
    for process in owners.processes() {
        let pid = process.pid;
        let descriptors = query_descriptors(place, pid);
        writer.line(&Line::Process(process_line(process, descriptors, labels)))?;
        for holds in held.remove(&pid).unwrap_or_default().chunks(HOLDS) {
            let sockets = holds.to_vec();
            writer.line(&Line::Holds(Holds { pid, sockets }))?;
        }
    }
    for &pid in &owners.unread {
        let name = query_name(place, pid);
        let name = name.map(|name| labels.name(&name.text()).to_owned().into());
        writer.line(&Line::Unread(Unread { pid, name }))?;
    }
    Ok(())
}

fn process_line(
    process: &Process,
    descriptors: Result<Descriptors, String>,
    labels: &mut Labels,
) -> line::Process<'static> {
    let placement = &process.placement;
    let mut named = |name: Option<&str>| Some(labels.name(name?).to_owned().into());
    line::Process {
        pid: process.pid,
        name: named(process.name.as_ref().map(ProcessName::text).as_deref()),
        command_line: process.command_line.clone().map(Into::into),
        unit: named(placement.unit.as_deref()),
        container: named(placement.container.as_deref()),
        pod: named(placement.pod.as_deref()),
        open_files: descriptors.as_ref().ok().map(|known| known.open),
        open_files_limit: descriptors.as_ref().ok().map(|known| known.limit),
        open_files_unknown: descriptors.err().map(Into::into),
    }
}
