//! One moment of a record: sockets as they are listed, then the processes that hold them, names, and the
//! files of /proc.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::SystemTime;

use super::listing::list;
use super::not_written;
use crate::command::console::Console;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::model::{Descriptors, KindSet, Listeners, Names, Process, Sink, Socket, Where};
use crate::output::SocketLines;
use crate::owner::{Facts, Owners, Search, Seek, Wanted, query_descriptors, query_name};
use crate::record::Writer;
use crate::record::line::{self, Begin, End, Holds, Line, Name, Unread};
use crate::source::{Readings, Sources};

/// How many sockets of a process are in a line.
const HOLDS: usize = 1_000;

/// Writes moments.
pub(super) struct Recorder {
    pub(super) kinds: KindSet,
    pub(super) sources: Sources,
    pub(super) writer: Writer<File>,
    pub(super) path: PathBuf,
    /// Whether the arguments of processes are recorded.
    pub(super) command_lines: bool,
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
pub(super) struct Rows<'a> {
    writer: &'a mut Writer<File>,
    fields: SocketLines,
    names: HostNames,
    wanted: Wanted,
    numbers: Numbers,
    sockets: u64,
    error: Option<io::Error>,
}

impl Sink for Rows<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.sockets += 1;
        self.wanted.add(socket);
        self.numbers.users.extend(socket.owner());
        self.numbers.interfaces.extend(socket.bound_to());
        self.numbers.cgroups.extend(socket.cgroup);
        self.fields
            .push(&mut self.writer.lines, socket, &mut self.names);
        match self.writer.pass_on() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Recorder {
    /// Records what is there now.
    ///
    /// # Errors
    /// When no source answers, or the file cannot be written.
    pub(super) fn record(&mut self, console: &mut Console) -> Result<Taken, Failure> {
        let place = self.sources.place();
        self.begin()?;
        let mut rows = Rows {
            writer: &mut self.writer,
            fields: SocketLines::recorded(self.kinds),
            names: HostNames::of(place.clone()),
            wanted: Wanted::new(false),
            numbers: Numbers::default(),
            sockets: 0,
            error: None,
        };
        let sources = &self.sources;
        let mut sample = Sample::take(&place, |_| list(self.kinds, sources, &mut rows))?;
        let Rows {
            names,
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
        let end = Line::End(End {
            kinds: std::mem::take(&mut sample.found),
            total: sockets,
            warnings: losses.map(Into::into).collect(),
        });
        self.write(|writer| {
            write_processes(writer, &owners, &place)?;
            numbers.write(writer, names)?;
            writer.line(&end)?;
            writer.end_member()
        })?;
        sample.add_search(Some(&owners));
        console.log(&sample);
        Ok(Taken {
            sockets,
            is_complete,
        })
    }

    /// Begins a moment, with the files of counters and settings.
    fn begin(&mut self) -> Result<(), Failure> {
        let time = line::stamp(SystemTime::now()).into();
        let files = Readings::of(&self.sources).files();
        self.write(|writer| {
            // A moment begins a member, so that it is found without reading the one before.
            writer.end_member()?;
            writer.line(&Line::Moment(Begin { time }))?;
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
        write: impl FnOnce(&mut Writer<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.writer).map_err(|error| not_written(&self.path, &error))
    }
}

impl Numbers {
    /// Writes their names.
    fn write(self, writer: &mut Writer<File>, mut names: HostNames) -> io::Result<()> {
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
fn write_processes(writer: &mut Writer<File>, owners: &Owners, place: &Where) -> io::Result<()> {
    let mut held: HashMap<u32, Vec<(u64, Option<u32>)>> = HashMap::new();
    for (inode, hold) in owners.holds() {
        held.entry(hold.pid).or_default().push((inode, hold.fd));
    }
    for process in owners.processes() {
        let holds = held.remove(&process.pid).unwrap_or_default();
        let descriptors = query_descriptors(place, process.pid);
        write_process(writer, process, descriptors, &holds)?;
    }
    for &pid in &owners.unread {
        let name = query_name(place, pid);
        let name = name.as_ref().map(|name| name.text());
        writer.line(&Line::Unread(Unread { pid, name }))?;
    }
    Ok(())
}

fn write_process(
    writer: &mut Writer<File>,
    process: &Process,
    descriptors: Result<Descriptors, String>,
    holds: &[(u64, Option<u32>)],
) -> io::Result<()> {
    let placement = &process.placement;
    let (known, unknown) = match descriptors {
        Ok(known) => (Some(known), None),
        Err(reason) => (None, Some(reason.into())),
    };
    writer.line(&Line::Process(line::Process {
        pid: process.pid,
        name: process.name.as_ref().map(|name| name.text()),
        command_line: process.command_line.as_deref().map(Into::into),
        unit: placement.unit.as_deref().map(Into::into),
        container: placement.container.as_deref().map(Into::into),
        pod: placement.pod.as_deref().map(Into::into),
        open_files: known.map(|known| known.open),
        open_files_limit: known.map(|known| known.limit),
        open_files_unknown: unknown,
    }))?;
    for holds in holds.chunks(HOLDS) {
        writer.line(&Line::Holds(Holds {
            pid: process.pid,
            sockets: holds.to_vec(),
        }))?;
    }
    Ok(())
}
