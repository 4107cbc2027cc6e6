//! The trace pane's part of the thread that samples: traces while the pane is open, and no longer.
//!
//! Programs are in the kernel only while [`Details::trace`] runs, which ends with the first request
//! for something else. Another state is no reason to begin anew.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::Event;
use super::details::{DetailRequest, Details, is_trace};
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::command::trace::{
    COMPARED, Matcher, PAUSE, Receiver, Recording, Source, monotonic_ns, netns_inode, own_path,
    selector,
};
use crate::live::{Detail, DetailQuery, DetailResult, TraceLog};
use crate::model::screen::Traced;
use crate::model::trace::{Connection, Losses, Story, Transition};
use crate::model::{Kind, Where};
use crate::source::{BpfError, Destroyed, Tracer};

/// Rows are shown no more often: a person cannot read more.
const SHOWN: Duration = Duration::from_millis(250);

impl Details {
    /// Traces until something else is requested, which it returns; `None` if nothing can be any
    /// more.
    pub(super) fn trace(&self, mut request: DetailRequest) -> Option<DetailRequest> {
        let mut tracing = match Tracing::begin(&request.target) {
            Ok(tracing) => tracing,
            Err(failure) => return self.give_up(&request, &failure),
        };
        // When rows were sent; `None` for rows of what is requested now.
        let mut sent: Option<Instant> = None;
        loop {
            let is_due = sent.is_none_or(|at| at.elapsed() >= SHOWN);
            match tracing.take(is_due) {
                Ok(has_news) if has_news || sent.is_none() => {
                    if !self.send(&request, Ok(tracing.rows(&request.wanted))) {
                        return None;
                    }
                    sent = Some(Instant::now());
                }
                Ok(_) => {}
                Err(failure) => return self.give_up(&request, &failure),
            }
            match self.requests.recv_timeout(PAUSE) {
                Ok(other) if continues(&request, &other) => {
                    request = other;
                    sent = None;
                }
                Ok(other) => return Some(other),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Reports why there are no rows, and waits for another request.
    fn give_up(&self, request: &DetailRequest, failure: &Failure) -> Option<DetailRequest> {
        match self.send(request, Err(failure.to_string())) {
            true => self.requests.recv().ok(),
            false => None,
        }
    }

    fn send(&self, request: &DetailRequest, found: Result<DetailResult, String>) -> bool {
        self.events.send(Event::Detail(Box::new(Detail {
            wanted: request.wanted.clone(),
            filter: request.filter,
            at: Instant::now(),
            cpu: Duration::ZERO,
            found,
        })))
    }
}

/// Whether a request is about the sockets that are traced already.
fn continues(request: &DetailRequest, other: &DetailRequest) -> bool {
    is_trace(other) && other.target == request.target
}

/// A trace for the pane.
struct Tracing {
    recording: Recording,
    kept: Kept,
    limits: Option<String>,
    since_ns: u64,
    losses: Losses,
    compared: Instant,
}

/// The rows that the filter selects.
struct Kept {
    matcher: Matcher,
    log: TraceLog,
    /// Whether there are any since this was last asked.
    has_news: bool,
}

impl Receiver for Kept {
    fn transition(&mut self, row: Transition) {
        for row in self.matcher.transitions(row) {
            self.log.transition(&row);
            self.has_news = true;
        }
    }

    fn connection(&mut self, _: &Connection) {}

    fn forgotten(&self) -> u64 {
        self.matcher.forgotten()
    }

    fn close(&mut self, story: Story) {
        if self.matcher.story(&story) {
            self.log.close(story);
            self.has_news = true;
        }
    }
}

impl Tracing {
    /// Attaches, and lists the sockets that exist then.
    fn begin(target: &Target) -> Result<Tracing, Failure> {
        let place = target.sources.place();
        if !matches!(place, Where::Here | Where::Netns(_)) {
            let options = place.options().join(" ");
            return Err(Failure::Usage(format!(
                "only one network namespace that can be entered is traced: remove {options}"
            )));
        }
        let Some(target) = target.only(Kind::Tcp) else {
            let kinds = target.kinds().titles();
            return Err(Failure::Usage(format!(
                "only TCP connections are traced, and {kinds} sockets are selected"
            )));
        };
        let matcher = Matcher::new(&target.question)?;
        let own = netns_inode(&place).map_err(Failure::to("identify the network namespace"))?;
        let selector = selector(&target.question, Some(own));
        let since_ns = monotonic_ns();
        let (source, limits) = match Tracer::attach(&selector) {
            Ok(tracer) => (Source::Bpf(Box::new(tracer), selector), None),
            Err(error) => fall_back(&error, &matcher, &place)?,
        };
        let mut kept = Kept {
            matcher,
            log: TraceLog::default(),
            has_news: false,
        };
        let mut recording = Recording::new(source, None, (target.sources.clone(), own), false);
        recording.list_existing(&mut kept)?;
        Ok(Tracing {
            recording,
            kept,
            limits,
            since_ns,
            losses: Losses::default(),
            compared: Instant::now(),
        })
    }

    /// Takes what was recorded since the last time. Returns whether rows or losses are new since
    /// this was last asked with `is_due`.
    fn take(&mut self, is_due: bool) -> Result<bool, Failure> {
        self.recording.take(&mut self.kept, false)?;
        if self.compared.elapsed() >= COMPARED {
            self.recording.compare(&mut self.kept)?;
            self.compared = Instant::now();
        }
        if !is_due {
            return Ok(false);
        }
        let losses = self.recording.losses(&self.kept);
        let losses = losses.map_err(Failure::to("read how many events were lost"))?;
        let is_new = std::mem::take(&mut self.kept.has_news) || losses != self.losses;
        self.losses = losses;
        Ok(is_new)
    }

    /// The rows that are wanted.
    fn rows(&self, wanted: &DetailQuery) -> DetailResult {
        let mut rows = self.kept.log.rows(None);
        // Without states, rows are of any.
        if let (DetailQuery::Trace { state }, None) = (wanted, &self.limits) {
            rows = self.kept.log.rows(*state);
        }
        DetailResult::Trace(Arc::new(Traced {
            since_ns: self.since_ns,
            clock: self.recording.clock(),
            limits: self.limits.clone(),
            losses: self.losses,
            rows,
        }))
    }
}

/// The source that needs no privilege, and what it does not report.
///
/// # Errors
/// Where the filter tests for that; where netlink is not available.
fn fall_back(
    error: &BpfError,
    matcher: &Matcher,
    place: &Where,
) -> Result<(Source, Option<String>), Failure> {
    let sudo = format!("sudo {} --watch 1", own_path());
    let reason = match error.lacks_capabilities() {
        true => format!(" without CAP_BPF and CAP_PERFMON: {sudo}"),
        false => format!(": {error}"),
    };
    if let Some(what) = matcher.needs_transitions() {
        return Err(Failure::Trace(format!("no filter by {what}{reason}")));
    }
    let listening = Destroyed::listen(place.clone());
    let listening = listening.map_err(Failure::to("join the groups of NETLINK_SOCK_DIAG"))?;
    let limits = format!("no states or shapes{reason}");
    Ok((Source::Destroy(listening), Some(limits)))
}
