//! `tcpstates trace`: connections as they change and close.
//!
//! Attaches first and lists the sockets that exist then, so that nothing falls between. Reads what
//! was recorded every 50 ms: to be woken for each event would cost more than all the rest.

mod matching;
mod recording;
mod request;
mod showing;
mod summing;

use std::time::{Duration, Instant};

use super::console::Console;
use super::log::LogMessage;
use super::outcome::{Failure, Status};
use super::runtime::{self, Signal, TERMINATE};
use super::wait::{Wakeups, waker};
use crate::cli::Show;
use crate::model::trace::{Connection, Losses, Story, Transition};
use crate::netns::within;
use crate::output::trace::describe_losses;
use crate::source::Capture;
pub(super) use matching::{Matcher, selector};
pub(super) use recording::{Receiver, Recording, Source, monotonic_ns, netns_inode};
use request::as_root;
pub(super) use request::{Trace, own_path};
use showing::Display;
use summing::Sum;

/// How long records wait in the ring: a quarter of what fills it at 100,000 events a second.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How often the sockets that are remembered are compared with those that exist.
pub(super) const COMPARED: Duration = Duration::from_secs(60);

/// How often a growing loss is reported.
const SECOND: Duration = Duration::from_secs(1);

/// What was recorded is matched, counted and shown.
struct Shown<'a> {
    request: &'a Trace,
    matcher: Matcher,
    sum: Sum,
    display: Display,
    failure: Option<Failure>,
    /// The losses that were reported.
    reported: Vec<String>,
}

impl Shown<'_> {
    fn is_full(&self) -> bool {
        let limit = self.request.limit;
        limit.is_some_and(|limit| self.display.rows() >= limit)
    }

    fn transitions(&mut self, rows: &[Transition]) {
        for row in rows {
            self.sum.transition(row);
            self.show(Show::Transitions, |display| display.transition(row));
        }
    }

    fn show(&mut self, of: Show, show: impl FnOnce(&mut Display) -> Result<(), Failure>) {
        if self.request.show == of && !self.is_full() && self.failure.is_none() {
            self.failure = show(&mut self.display).err();
        }
    }

    /// Reports losses that grew.
    fn report(&mut self, losses: &Losses, console: &mut Console) {
        let lines = describe_losses(losses);
        let new = lines.iter().filter(|line| !self.reported.contains(line));
        if !self.request.is_quiet {
            new.for_each(|line| console.print(&LogMessage::TraceNote(line.clone())));
        }
        self.reported = lines;
    }

    /// Writes what is ready, after whatever went wrong before.
    fn flush(&mut self, console: &mut Console) -> Result<(), Failure> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.display.flush(console),
        }
    }
}

impl Receiver for Shown<'_> {
    fn forgotten(&self) -> u64 {
        self.matcher.forgotten()
    }

    fn transition(&mut self, row: Transition) {
        let rows = self.matcher.transitions(row);
        self.transitions(&rows);
    }

    fn connection(&mut self, row: &Connection) {
        if self.matcher.connection(row) {
            self.show(Show::Connections, |display| display.connection(row));
        }
    }

    fn close(&mut self, story: Story) {
        if self.matcher.story(&story) {
            self.sum.close(&story);
            self.show(Show::Closes, |display| display.close(&story));
        }
    }
}

/// Why a trace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was interrupted, or has shown enough, or its time is over, or its reader has left.
    Asked,
    /// By this signal, once the summary is written.
    Signal(i32),
}

/// Traces until it is ended.
pub(super) fn run(request: &Trace, console: &mut Console) -> Result<Status, Failure> {
    let matcher = Matcher::new(&request.question)?;
    let place = request.sources.place();
    let capture = match request.segments {
        true => Some(
            within(&place, Capture::begin)
                .and_then(std::convert::identity)
                .map_err(no_capture)?,
        ),
        false => None,
    };
    let (waker, wakeups) = waker().map_err(Failure::to("create a socket pair"))?;
    runtime::handle_signals(waker, || {}).map_err(Failure::to("handle signals"))?;
    let own = netns_inode(&place).map_err(Failure::to("identify the network namespace"))?;
    let source = request.source(&matcher, own, console)?;
    let own = (request.sources.clone(), own);
    let mut recording = Recording::new(source, capture, own, request.every_netns);
    let begin = Instant::now();
    let mut shown = Shown {
        request,
        matcher,
        sum: Sum::new(place, &request.keys, request.top),
        display: Display::new(request, console, recording.clock(), recording.shows_order()),
        failure: None,
        reported: Vec::new(),
    };
    let listeners = recording.list_existing(&mut shown)?;
    shown.sum.set_listeners(listeners);
    announce(request, &recording, console);
    let end = record(&mut recording, &mut shown, begin, &wakeups, console)?;
    if request.segments {
        // The kernel hands segments over in blocks.
        wakeups.pause(2 * PAUSE).map_err(Failure::to("wait"))?;
    }
    recording.compare(&mut shown)?;
    recording.take(&mut shown, true)?;
    let rest = shown.matcher.rest();
    shown.transitions(&rest);
    shown.flush(console)?;
    let losses = recording.losses(&shown).map_err(cannot_read_losses)?;
    shown.report(&losses, console);
    let summary = shown
        .sum
        .summary(recording.source_name(), losses, begin.elapsed());
    shown.display.summary(&summary, console)?;
    if request.is_verbose {
        console.print(&LogMessage::TraceCost(recording.cost()));
    }
    if let End::Signal(number) = end {
        runtime::end_by(number);
    }
    Ok(match losses.is_complete() {
        true => Status::Answered,
        false => Status::Incomplete,
    })
}

/// Takes and shows what is recorded until the trace ends.
fn record(
    recording: &mut Recording,
    shown: &mut Shown<'_>,
    begin: Instant,
    wakeups: &Wakeups,
    console: &mut Console,
) -> Result<End, Failure> {
    let request = shown.request;
    let deadline = request.duration.map(|duration| begin + duration);
    let (mut compared, mut reported) = (begin, begin);
    loop {
        if shown.is_full() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(End::Asked);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let waited = recording.wait(wakeups, left.map_or(PAUSE, |left| left.min(PAUSE)));
        waited.map_err(Failure::to("wait"))?;
        if let Some(end) = take_end() {
            return Ok(end);
        }
        recording.take(shown, false)?;
        if compared.elapsed() >= COMPARED {
            recording.compare(shown)?;
            compared = Instant::now();
        }
        shown.flush(console)?;
        if !shown.display.has_reader(console) {
            return Ok(End::Asked);
        }
        if reported.elapsed() >= SECOND {
            let losses = recording.losses(shown).map_err(cannot_read_losses)?;
            shown.report(&losses, console);
            reported = Instant::now();
        }
    }
}

fn no_capture(error: std::io::Error) -> Failure {
    Failure::Trace(format!(
        "--segments: cannot open a packet socket: {error}; it needs CAP_NET_RAW: remove --segments{}",
        as_root(", or")
    ))
}

fn cannot_read_losses(error: std::io::Error) -> Failure {
    Failure::System("read how many events were lost", error)
}

/// Reports what is traced, and how it ends.
fn announce(request: &Trace, recording: &Recording, console: &mut Console) {
    if request.is_quiet {
        return;
    }
    let what = match request.show {
        Show::Closes => "how TCP connections close",
        Show::Transitions => "state changes of TCP sockets",
        Show::Connections => "how TCP connections end",
        Show::Summary => "TCP connections",
    };
    let place = match request.every_netns {
        true => "every network namespace".to_owned(),
        false => request.sources.place().to_string(),
    };
    let source = recording.source_name();
    console.print(&LogMessage::TraceNote(format!(
        "tracing {what} in {place} (source {source}); press Ctrl-C to stop and print a summary"
    )));
}

/// What the signals that came ask for.
fn take_end() -> Option<End> {
    for signal in runtime::take_signals() {
        match signal {
            Signal::Interrupt => return Some(End::Asked),
            Signal::End(TERMINATE) => return Some(End::Asked),
            Signal::End(number) => return Some(End::Signal(number)),
            Signal::Stop => runtime::stop(),
            Signal::Continue | Signal::Resize => {}
        }
    }
    None
}
