//! One moment of a record: sockets as they are listed, then the processes that hold them, names, and the
//! files of /proc.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use super::disguise::Disguise;
use super::listing::{list, with_states};
use super::not_written;
use super::rows::{Before, Numbers, Rows};
use super::several::list_each;
use crate::command::console::Console;
use crate::command::groups::labels;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::model::{
    Descriptors, Field, KeyPart, KindSet, Label, Listeners, Loss, Names, Netns, Process,
    ProcessName, Socket, Where,
};
use crate::output::SocketLines;
use crate::owner::{Facts, Owners, Search, Seek, Wanted, query_descriptors, query_name};
use crate::question::Question;
use crate::record::Writer;
use crate::record::line::{self, Cause, End, Holds, IdName, KindLine, Line, Unread};
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
    /// The moment before, whose unchanged sockets the second one refers to; `None` where that is not there, so
    /// that the second one has all.
    pub(super) known: Option<Before>,
}

/// Names as they are recorded: those of the host, or others in their place.
pub(super) struct Labels {
    place: Where,
    names: HostNames,
    disguise: Option<Disguise>,
}

impl Labels {
    /// Those of the sockets of `place`; others in their place where that is requested.
    pub(super) fn new(place: Where, anonymize: bool) -> Labels {
        Labels {
            names: HostNames::of(place.clone()),
            place,
            disguise: anonymize.then(Disguise::default),
        }
    }

    /// Drops the names that may have changed, or are those of one of several network namespaces.
    pub(super) fn refresh(&mut self) {
        self.names.refresh();
        self.names.move_to(self.place.clone());
    }

    /// Names interfaces as in this one of several network namespaces.
    pub(super) fn enter(&mut self, place: Where, netns: Netns, name: &str) {
        self.names.move_to(place);
        self.names.set_netns(netns, name);
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

    /// The socket with other addresses or another name, where these are replaced.
    pub(super) fn other(&mut self, socket: &Socket) -> Option<Socket> {
        let disguise = self.disguise.as_mut();
        disguise.map(|disguise| disguise.socket(socket))
    }

    /// The id and the name of a container; `None` where no name is known.
    pub(super) fn container(&mut self, id: &str) -> Option<IdName<'static>> {
        let name = self.names.find_container(id)?;
        Some(self.id_name(id, &name))
    }

    /// The same of a pod.
    pub(super) fn pod(&mut self, uid: &str) -> Option<IdName<'static>> {
        let name = self.names.find_pod(uid)?;
        Some(self.id_name(uid, &name))
    }

    fn id_name(&mut self, id: &str, name: &str) -> IdName<'static> {
        IdName {
            id: self.name(id).to_owned().into(),
            name: self.name(name).to_owned().into(),
        }
    }

    /// The name of a network namespace.
    pub(super) fn namespace<'a>(&'a mut self, name: &'a str) -> &'a str {
        match &mut self.disguise {
            None => name,
            Some(disguise) => disguise.namespace(name),
        }
    }

    /// A name that belongs to no socket.
    pub(super) fn name<'a>(&'a mut self, name: &'a str) -> &'a str {
        shown(&mut self.disguise, name)
    }

    /// The path of a file.
    pub(super) fn path<'a>(&'a mut self, path: &'a str) -> &'a str {
        match &mut self.disguise {
            None => path,
            Some(disguise) => disguise.path(path),
        }
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
        let name = self.names.netns(netns);
        match &mut self.disguise {
            None => name,
            Some(disguise) => disguise.namespace(name),
        }
    }
}

/// What was recorded.
pub(super) struct Taken {
    pub(super) sockets: u64,
    /// In how many network namespaces, where several were recorded.
    pub(super) namespaces: Option<usize>,
    pub(super) is_complete: bool,
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
        let keeps = self.known.is_some();
        let before = self.known.take().filter(|_| !is_first);
        let base = before.as_ref().map(|before| before.time);
        let known = (keeps && is_first).then(|| Before::new(time));
        let several = self.sources.several().cloned();
        self.begin(time, is_first, base, causes, several.is_none())?;
        let fields = SocketLines::recorded(self.kinds, several.is_some());
        let mut rows = Rows::new(&mut self.writer, fields, &mut self.labels, before, known);
        let (kinds, filtered) = (self.kinds, self.filtered.as_ref());
        let sources = &self.sources;
        let mut sample = Sample::take(&place, |_| match &several {
            Some(several) => list_each(kinds, filtered, several, &mut rows),
            None => {
                rows.begin(Netns::CALLER);
                list(kinds, filtered, sources, &mut rows)
            }
        })?;
        if several.is_none() && rows.error.is_none() {
            match rows.end() {
                Ok(totals) => with_states(&mut sample.found, &totals),
                Err(error) => rows.error = Some(error),
            }
        }
        let Rows {
            wanted,
            numbers,
            sockets,
            known,
            error,
            ..
        } = rows;
        self.known = known;
        if let Some(error) = error {
            return Err(not_written(&self.path, &error));
        }
        self.labels.refresh();
        let (owners, taken) = self.end(&mut sample, wanted, numbers, sockets)?;
        sample.add_search(Some(&owners));
        console.log(&sample);
        Ok(taken)
    }

    /// Ends a moment, with the processes that hold its sockets, and their names.
    fn end(
        &mut self,
        sample: &mut Sample<Vec<KindLine<'static>>>,
        wanted: Wanted,
        mut numbers: Numbers,
        sockets: u64,
    ) -> Result<(Owners, Taken), Failure> {
        let place = self.sources.place();
        let facts = Facts {
            command_line: self.command_lines,
            placement: true,
        };
        let search = Search::new(&place, Seek::EveryHolder, facts, None);
        // Those of connections that were not accepted are those of their listeners, which are recorded too.
        let owners = Owners::find(search, wanted, &Listeners::default());
        let held = owners.processes().iter();
        held.for_each(|process| numbers.add(&process.placement));
        let completeness = &mut sample.report.completeness;
        let read = completeness.namespaces().map(|all| &*all.read);
        let read = read.unwrap_or_default().iter();
        read.for_each(|one| numbers.add(&one.facts.placement));
        let (writer, labels) = (&mut self.writer, &mut self.labels);
        let cannot = |error| not_written(&self.path, &error);
        write_processes(writer, &owners, &place, labels)
            .and_then(|()| numbers.write(writer, labels))
            .map_err(cannot)?;
        if let Some(what) = writer.doubt().map(str::to_owned) {
            completeness.lose(Loss::Doubtful { what });
        }
        let losses = completeness.losses().iter().map(ToString::to_string);
        let namespaces = completeness.namespaces();
        let end = End {
            kinds: std::mem::take(&mut sample.found),
            total: sockets,
            // Of several network namespaces, each has its own.
            warnings: match namespaces {
                None => losses.map(Into::into).collect(),
                Some(_) => Vec::new(),
            },
            denied_processes: namespaces.map_or(0, |read| read.denied),
            hiding: namespaces.and_then(|read| Some(read.hiding.clone()?.into())),
        };
        let taken = Taken {
            sockets,
            namespaces: namespaces.map(|read| read.read.len()),
            is_complete: completeness.is_complete(),
        };
        writer.end_moment(end).map_err(cannot)?;
        Ok((owners, taken))
    }

    /// Begins a moment, with the files of counters and settings if it is about one network namespace.
    fn begin(
        &mut self,
        time: SystemTime,
        is_first: bool,
        base: Option<SystemTime>,
        causes: &[(&str, String)],
        with_files: bool,
    ) -> Result<(), Failure> {
        let files = with_files.then(|| Readings::of(&self.sources).files());
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
            write_files(writer, files.unwrap_or_default())
        })
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.writer).map_err(|error| not_written(&self.path, &error))
    }
}

/// Writes files of counters and settings, or why they cannot be read.
pub(super) fn write_files<W: Write>(
    writer: &mut Writer<W>,
    files: Vec<(String, Result<String, String>)>,
) -> io::Result<()> {
    for (path, text) in files {
        let path = path.into();
        let (text, error) = match text {
            Ok(text) => (Some(text.into()), None),
            Err(error) => (None, Some(error.into())),
        };
        let netns = None;
        writer.line(&Line::File(line::File {
            netns,
            path,
            text,
            error,
        }))?;
    }
    Ok(())
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
