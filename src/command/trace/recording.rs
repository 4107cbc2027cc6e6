//! Where events come from, and what is made of them: transitions, connections, closes.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::command::log::TraceCost;
use crate::command::outcome::Failure;
use crate::command::wait::Wakeups;
use crate::life::{Connections, Segments, Sent, Stories};
use crate::model::trace::{Clock, Connection, Event, EventKind, Losses, Shape, Story, Transition};
use crate::model::{InetEnds, Kind, Listeners, Sink, Socket, SourceName, State, StateSet, Where};
use crate::netns::within;
use crate::proc_root::ProcRoot;
use crate::question::Question;
use crate::source::{Capture, Captured, Destroyed, Observer, Selector, Sources, Tracer};

/// What is done with what was recorded.
pub(in crate::command) trait Receiver {
    fn transition(&mut self, row: Transition);
    fn connection(&mut self, row: &Connection);
    fn close(&mut self, story: Story);

    /// Connections that it could not keep completely.
    fn forgotten(&self) -> u64;
}

/// Who reports events.
#[derive(Debug)]
pub(in crate::command) enum Source {
    Bpf(Box<Tracer>, Selector),
    Destroy(Destroyed),
}

impl Source {
    /// As it is called in options and JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Source::Bpf(..) => "bpf",
            Source::Destroy(_) => "destroy",
        }
    }
}

/// A trace under way.
#[derive(Debug)]
pub(in crate::command) struct Recording {
    source: Source,
    capture: Option<Capture>,
    clock: Clock,
    /// Where existing sockets are listed, and the inode number of that network namespace.
    sources: Sources,
    own_netns: u32,
    /// Whether the others are traced too.
    every_netns: bool,
    connections: Connections,
    stories: Stories,
    segments: Segments,
    /// Stories that wait for their last segments.
    waiting: Vec<Story>,
    cost: TraceCost,
}

/// How long an end waits for its other end where it is not known whether that lives, and a story for
/// its segments, in nanoseconds.
const PATIENCE_NS: u64 = 2_000_000_000;

/// So many sockets are listed at once; events are taken in between, before the ring fills.
const BATCH: usize = 4_096;

impl Recording {
    pub(in crate::command) fn new(
        source: Source,
        capture: Option<Capture>,
        (sources, own_netns): (Sources, u32),
        every_netns: bool,
    ) -> Recording {
        let patience_ns = match source {
            Source::Bpf(..) => None,
            Source::Destroy(_) => Some(PATIENCE_NS),
        };
        Recording {
            source,
            capture,
            clock: Clock::new(SystemTime::now(), monotonic_ns()),
            sources,
            own_netns,
            every_netns,
            connections: Connections::default(),
            stories: Stories::new(patience_ns),
            segments: Segments::default(),
            waiting: Vec::new(),
            cost: TraceCost::default(),
        }
    }

    /// What it has cost so far.
    pub(super) fn cost(&self) -> TraceCost {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        TraceCost {
            cpu: Duration::try_from(cpu).unwrap_or_default(),
            ..self.cost
        }
    }

    pub(in crate::command) fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether it shows which end of a connection closed first.
    pub(super) fn shows_order(&self) -> bool {
        matches!(self.source, Source::Bpf(..)) || self.capture.is_some()
    }

    pub(super) fn source_name(&self) -> &'static str {
        self.source.name()
    }

    /// Lists the sockets that exist in the own network namespace, so that the states they leave are
    /// known; returns where the host listens.
    ///
    /// # Errors
    /// When no source lists them.
    pub(in crate::command) fn list_existing(
        &mut self,
        receiver: &mut impl Receiver,
    ) -> Result<Listeners, Failure> {
        let sources = self.sources.clone();
        let mut listing = Listing {
            recording: self,
            receiver,
            listeners: Listeners::default(),
            batch: Vec::new(),
            listed: 0,
        };
        let is_whole = list(sources, &mut listing)?;
        listing.add();
        let listeners = listing.listeners;
        if is_whole && !self.every_netns {
            self.connections.all_are_listed();
        }
        Ok(listeners)
    }

    /// Compares the sockets that are remembered with those that exist: one that has gone without an
    /// event is a gap.
    ///
    /// # Errors
    /// When no source lists them.
    pub(in crate::command) fn compare(
        &mut self,
        receiver: &mut impl Receiver,
    ) -> Result<(), Failure> {
        if self.every_netns || self.connections.is_empty() {
            return Ok(());
        }
        let begin_ns = monotonic_ns();
        let mut existing = Existing::default();
        if list(self.sources.clone(), &mut existing)? {
            self.take_events(receiver);
            self.connections.compare(&existing.0, begin_ns);
        }
        Ok(())
    }

    /// Whether events of a socket between these ends are recorded.
    fn records(&self, ends: &InetEnds) -> bool {
        match &self.source {
            Source::Bpf(_, selector) => selector.matches(ends),
            Source::Destroy(_) => false,
        }
    }

    /// Waits for a signal, no longer than `most`; with `destroy` for messages too, because the room
    /// for them is small.
    ///
    /// # Errors
    /// Those of poll(2).
    pub(super) fn wait(&self, wakeups: &Wakeups, most: Duration) -> io::Result<()> {
        match &self.source {
            Source::Bpf(..) => wakeups.pause(most),
            Source::Destroy(destroyed) => wakeups.wait(destroyed, most).map(drop),
        }
    }

    /// Takes what was recorded since the last time; `is_last` waits for nothing more.
    ///
    /// # Errors
    /// The source's.
    pub(in crate::command) fn take(
        &mut self,
        receiver: &mut impl Receiver,
        is_last: bool,
    ) -> Result<(), Failure> {
        self.take_segments();
        let now_ns = monotonic_ns();
        let due = (!is_last).then_some(now_ns);
        self.take_events(receiver);
        for (row, other_lives) in self.connections.ended(due) {
            receiver.connection(&row);
            self.stories.add(row, other_lives);
        }
        if let Source::Destroy(destroyed) = &mut self.source {
            let (stories, cost) = (&mut self.stories, &mut self.cost);
            cost.reads += 1;
            let mut add = |row: Connection| {
                cost.events += 1;
                receiver.connection(&row);
                let is_local = row.ends.local.ip() == row.ends.remote.ip();
                stories.add(row, is_local);
            };
            let taken = match is_last {
                true => destroyed.drain_all(now_ns, &mut add),
                false => destroyed.drain(now_ns, &mut add),
            };
            taken.map_err(Failure::to("receive from netlink"))?;
        }
        self.waiting.extend(self.stories.take(due));
        self.take_stories(receiver, now_ns, is_last);
        Ok(())
    }

    fn take_events(&mut self, receiver: &mut impl Receiver) {
        if let Source::Bpf(tracer, selector) = &mut self.source {
            let (connections, cost) = (&mut self.connections, &mut self.cost);
            cost.reads += 1;
            tracer.drain(|event| {
                cost.events += 1;
                let is_selected = selector.selects(&event.ends);
                // The kernel passes on what has no port yet, and all that happens to listeners.
                if !is_selected && !lacks_port(&event) {
                    return;
                }
                if let Some(row) = connections.event(&event) {
                    receiver.transition(row);
                }
                if !is_selected {
                    connections.doubt(event.cookie);
                }
            });
        }
    }

    /// Hands on the stories that have all their segments, or have waited for them.
    fn take_stories(&mut self, receiver: &mut impl Receiver, now_ns: u64, is_last: bool) {
        let waits = self.capture.is_some() && !is_last;
        for mut story in std::mem::take(&mut self.waiting) {
            let is_recent = now_ns < story.ended_ns().saturating_add(PATIENCE_NS)
                && story.shape() != Some(Shape::Timeout);
            if self.capture.is_none() || self.segments.complete(&mut story, waits && is_recent) {
                receiver.close(story);
            } else {
                self.waiting.push(story);
            }
        }
    }

    fn take_segments(&mut self) {
        let (clock, segments) = (self.clock, &mut self.segments);
        if let Some(capture) = &mut self.capture {
            capture.drain(|captured| segments.add(sent(captured, clock)));
        }
    }

    /// What was not recorded so far.
    ///
    /// # Errors
    /// The system's.
    pub(in crate::command) fn losses(&mut self, receiver: &impl Receiver) -> io::Result<Losses> {
        let gaps = self.connections.gaps();
        let (ring, nested) = match &self.source {
            Source::Bpf(tracer, _) => {
                let lost = tracer.lost()?;
                (Some(lost.ring), lost.nested)
            }
            Source::Destroy(destroyed) => ((!destroyed.has_lost()).then_some(0), 0),
        };
        let dropped = self.capture.as_mut().map_or(Ok(0), Capture::dropped)?;
        Ok(Losses {
            ring,
            nested,
            gaps: gaps.gaps,
            forgotten: gaps.forgotten + receiver.forgotten(),
            capture: dropped + self.segments.left_out(),
        })
    }
}

/// Whether an end has no port before the next event.
fn lacks_port(event: &Event) -> bool {
    let to_syn_recv = matches!(
        event.kind,
        EventKind::Transition {
            to: State::SynRecv,
            ..
        }
    );
    event.ends.local.port() == 0 || to_syn_recv && event.ends.remote.port() == 0
}

/// Lists the sockets of one network namespace; returns whether that is all of them, with their cookies,
/// which /proc lacks.
fn list(sources: Sources, sink: &mut impl Sink) -> Result<bool, Failure> {
    let report = Observer::new(Question::about(Kind::Tcp, StateSet::ALL), sources)?.list(sink)?;
    Ok(report.completeness.is_complete() && report.source == SourceName::Netlink)
}

/// The states of sockets that exist, by their cookies. What is left of a closed socket has its cookie
/// too, and is in no state of its own.
#[derive(Default)]
struct Existing(HashMap<u64, State>);

impl Sink for Existing {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let state = match socket.full {
            Some(false) => State::TimeWait,
            Some(true) | None => socket.state,
        };
        self.0.extend(socket.cookie.map(|cookie| (cookie, state)));
        ControlFlow::Continue(())
    }
}

/// Sockets that existed before, as they are listed.
struct Listing<'a, R> {
    recording: &'a mut Recording,
    receiver: &'a mut R,
    listeners: Listeners,
    batch: Vec<(u64, State, InetEnds)>,
    /// Sockets that were listed since events were taken.
    listed: usize,
}

impl<R: Receiver> Listing<'_, R> {
    /// Adds what was listed, after the events until then.
    fn add(&mut self) {
        self.recording.take_events(self.receiver);
        self.listed = 0;
        let netns = self.recording.own_netns;
        let batch = std::mem::take(&mut self.batch);
        self.recording.connections.add_existing(netns, batch);
    }
}

impl<R: Receiver> Sink for Listing<'_, R> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        if socket.state == State::Listen {
            let _ = self.listeners.socket(socket);
        }
        if let (Some(cookie), Some(ends)) = (socket.cookie, socket.internet())
            && socket.full != Some(false)
            && self.recording.records(ends)
        {
            self.batch.push((cookie, socket.state, *ends));
        }
        self.listed += 1;
        if self.listed == BATCH {
            self.add();
        }
        ControlFlow::Continue(())
    }
}

/// The inode number of the network namespace of `place`.
///
/// # Errors
/// The system's.
pub(in crate::command) fn netns_inode(place: &Where) -> io::Result<u32> {
    within(place, || ProcRoot::own().read_netns("thread-self")).and_then(std::convert::identity)
}

fn sent(captured: Captured, clock: Clock) -> Sent {
    Sent {
        time_ns: clock.monotonic_ns(captured.time),
        source: captured.source,
        destination: captured.destination,
        flags: captured.flags,
        seq: captured.seq,
        ack: captured.ack,
        length: captured.length,
    }
}

pub(in crate::command) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
