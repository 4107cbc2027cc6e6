//! The sockets of a moment as lines, and what is noted of them: whose names and holders are needed, how many
//! there are, which are as they were.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use super::moment::Labels;
use crate::model::{Counts, Kind, Names, Netns, Placement, Sink, Socket};
use crate::output::SocketLines;
use crate::owner::Wanted;
use crate::record::line::{Line, Name};
use crate::record::{Comparison, Known, Writer};

/// The numbers and ids whose names are needed.
#[derive(Default)]
pub(super) struct Numbers {
    users: BTreeSet<u32>,
    cgroups: BTreeSet<u64>,
    containers: BTreeSet<Arc<str>>,
    pods: BTreeSet<Arc<str>>,
}

/// The sockets of the moment before, where the second one refers to those that did not change.
#[derive(Debug)]
pub(super) struct Before {
    /// When that moment began.
    pub(super) time: SystemTime,
    /// By network namespace.
    sockets: HashMap<Netns, Known>,
}

impl Before {
    /// None yet, of a moment that begins now.
    pub(super) fn new(time: SystemTime) -> Before {
        Before {
            time,
            sockets: HashMap::new(),
        }
    }
}

/// Writes sockets, and notes whose names and holders are needed.
pub(super) struct Rows<'a, W: Write> {
    pub(super) writer: &'a mut Writer<W>,
    fields: SocketLines,
    pub(super) labels: &'a mut Labels,
    pub(super) wanted: Wanted,
    pub(super) numbers: Numbers,
    /// The sockets of all network namespaces that are whole.
    pub(super) sockets: u64,
    /// What the next moment is told of this one.
    pub(super) known: Option<Before>,
    /// The moment before.
    before: Option<Before>,
    part: Part,
    pub(super) error: Option<io::Error>,
}

/// How many sockets of each kind are in each state.
pub(super) type Totals = BTreeMap<Kind, Counts>;

/// What is noted of the sockets of one network namespace.
#[derive(Default)]
struct Part {
    netns: Netns,
    interfaces: BTreeSet<u32>,
    totals: Totals,
    previous: Previous,
}

/// The moment before, where it has the sockets that did not change.
#[derive(Default)]
enum Previous {
    /// It has none of these.
    #[default]
    Nothing,
    /// This is that moment.
    Known(Known),
    /// These are its sockets.
    Compared(Comparison),
}

impl<'a, W: Write> Rows<'a, W> {
    /// Writes those of a moment after that `before`; `known` keeps them for the next one.
    pub(super) fn new(
        writer: &'a mut Writer<W>,
        fields: SocketLines,
        labels: &'a mut Labels,
        before: Option<Before>,
        known: Option<Before>,
    ) -> Rows<'a, W> {
        Rows {
            writer,
            fields,
            labels,
            wanted: Wanted::new(false),
            numbers: Numbers::default(),
            sockets: 0,
            known,
            before,
            part: Part::default(),
            error: None,
        }
    }

    /// Begins with those of one network namespace.
    pub(super) fn begin(&mut self, netns: Netns) {
        let before = self.before.as_mut();
        let before = before.and_then(|before| before.sockets.remove(&netns));
        self.part = Part {
            netns,
            previous: match (before, &self.known) {
                (Some(known), _) => Previous::Compared(Comparison::new(known)),
                (None, Some(known)) => Previous::Known(Known::new(known.time)),
                (None, None) => Previous::Nothing,
            },
            ..Part::default()
        };
    }

    /// Writes what is to be written behind the last socket of a network namespace, and the names of its
    /// interfaces. Returns how many sockets it has.
    pub(super) fn end(&mut self) -> io::Result<Totals> {
        let Part {
            netns,
            interfaces,
            totals,
            previous,
        } = std::mem::take(&mut self.part);
        match previous {
            Previous::Nothing => {}
            Previous::Known(known) => {
                let kept = self.known.as_mut();
                drop(kept.map(|kept| kept.sockets.insert(netns, known)));
            }
            Previous::Compared(comparison) => {
                let run = comparison.end().map(Line::Unchanged);
                run.map_or(Ok(()), |run| self.writer.line(&run))?;
            }
        }
        for id in interfaces {
            let name = self.labels.interface(id).to_owned().into();
            let id = id.into();
            self.writer.line(&Line::Interface(Name { id, name }))?;
        }
        self.sockets += totals.values().map(Counts::total).sum::<u64>();
        Ok(totals)
    }

    /// Writes a socket, unless it is as it was.
    fn write(&mut self, socket: &Socket) -> io::Result<()> {
        let (is_unchanged, run) = match &mut self.part.previous {
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
}

impl<W: Write> Sink for Rows<'_, W> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let counts = self.part.totals.entry(socket.kind).or_default();
        counts.add(socket.state, 1);
        self.wanted.add(socket);
        self.numbers.users.extend(socket.owner());
        self.part.interfaces.extend(socket.bound_to());
        self.numbers.cgroups.extend(socket.cgroup);
        let other = self.labels.other(socket);
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

impl Numbers {
    /// Adds what a process belongs to.
    pub(super) fn add(&mut self, placement: &Placement) {
        self.containers.extend(placement.container.clone());
        self.pods.extend(placement.pod.clone());
    }

    /// Writes their names.
    pub(super) fn write<W: Write>(
        self,
        writer: &mut Writer<W>,
        names: &mut Labels,
    ) -> io::Result<()> {
        let name = |id, name: &str| Name {
            id,
            name: name.to_owned().into(),
        };
        for id in self.users {
            writer.line(&Line::User(name(id.into(), names.user(id))))?;
        }
        for id in self.cgroups {
            writer.line(&Line::Cgroup(name(id, names.cgroup(id))))?;
        }
        for id in self.containers {
            let named = names.container(&id);
            named.map_or(Ok(()), |named| writer.line(&Line::Container(named)))?;
        }
        for uid in self.pods {
            let named = names.pod(&uid);
            named.map_or(Ok(()), |named| writer.line(&Line::Pod(named)))?;
        }
        Ok(())
    }
}
