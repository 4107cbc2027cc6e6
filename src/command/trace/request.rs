//! What a trace is asked, resolved once from what was typed, and who may answer it.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::matching::{Matcher, selector};
use super::recording::Source;
use crate::cli::{self, Show, TraceSource};
use crate::command::console::{Console, Presentation};
use crate::command::log::LogMessage;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::model::{Field, GroupKey};
use crate::question::Question;
use crate::source::{Destroyed, TraceError, Tracer};

/// What a trace is asked.
pub(in crate::command) struct Trace {
    pub(super) question: Question,
    pub(super) show: Show,
    pub(super) segments: bool,
    pub(super) duration: Option<Duration>,
    /// How many rows are enough.
    pub(super) limit: Option<u64>,
    pub(super) every_netns: bool,
    source: TraceSource,
    /// What the summary counts who closes first by.
    pub(super) keys: Vec<GroupKey>,
    pub(super) top: Option<usize>,
    pub(super) presentation: Presentation,
    pub(super) is_quiet: bool,
    is_verbose: bool,
}

impl Trace {
    /// As typed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::command) fn resolve(
        typed: cli::Trace,
        console: &mut Console,
    ) -> Result<Trace, Failure> {
        let every_netns = typed.netns.is_some();
        if every_netns && typed.segments {
            return Err(Failure::Usage(
                "--segments captures in this network namespace only: leave --netns all out"
                    .to_owned(),
            ));
        }
        if typed.source == TraceSource::Destroy {
            if every_netns {
                return Err(Failure::Usage(
                    "--source destroy reports this network namespace only: leave --netns all out"
                        .to_owned(),
                ));
            }
            if typed.show == Show::Transitions {
                return Err(Failure::Usage(
                    "--source destroy reports no transitions, only the ends of connections: leave \
                     --show transitions out"
                        .to_owned(),
                ));
            }
        }
        let service = GroupKey {
            field: Field::Service,
            prefix: None,
        };
        let here = cli::Sourcing::default();
        let limit = typed.limit.map(NonZeroUsize::get);
        Ok(Trace {
            question: Target::traced(&typed.selection, &here)?.question,
            show: typed.show,
            segments: typed.segments,
            duration: typed.duration,
            limit: limit.and_then(|limit| u64::try_from(limit).ok()),
            every_netns,
            source: typed.source,
            keys: typed.by.map_or(vec![service], |keys| keys.0),
            top: typed.top.map(NonZeroUsize::get),
            is_quiet: typed.presentation.messages.quiet,
            is_verbose: typed.presentation.messages.verbose,
            presentation: console.present(&typed.presentation),
        })
    }

    /// Who reports events: bpf, or what is permitted.
    pub(super) fn source(
        &self,
        matcher: &Matcher,
        own_netns: u32,
        console: &mut Console,
    ) -> Result<Source, Failure> {
        if self.source != TraceSource::Destroy {
            let netns = (!self.every_netns).then_some(own_netns);
            let begin = Instant::now();
            let selector = selector(&self.question, netns);
            match Tracer::attach(&selector) {
                Ok(tracer) => {
                    if self.is_verbose {
                        let took_ms = begin.elapsed().as_secs_f64() * 1e3;
                        console.print(&LogMessage::Plan(format!(
                            "attached in {took_ms:.1} ms; the kernel selects {selector}"
                        )));
                    }
                    return Ok(Source::Bpf(Box::new(tracer), selector));
                }
                Err(error) => self.fall_back(&error, matcher, console)?,
            }
        }
        if let Some(what) = matcher.needs_transitions() {
            return Err(Failure::Usage(format!(
                "--source destroy does not report {what}: leave them out of the filter"
            )));
        }
        let listening = Destroyed::listen();
        Ok(Source::Destroy(listening.map_err(Failure::to(
            "join the groups of NETLINK_SOCK_DIAG",
        ))?))
    }

    /// Whether another source may report what bpf cannot.
    fn fall_back(
        &self,
        error: &TraceError,
        matcher: &Matcher,
        console: &mut Console,
    ) -> Result<(), Failure> {
        let remedy = match error.is_refusal() {
            true => format!("; run it as root: sudo {} trace", own_path()),
            false => String::new(),
        };
        let needed_by = match matcher.needs_transitions() {
            _ if self.source == TraceSource::Bpf => Some("--source bpf".to_owned()),
            _ if self.show == Show::Transitions => Some("--show transitions".to_owned()),
            _ if self.every_netns => Some("--netns all".to_owned()),
            Some(what) => Some(format!("a filter by {what}")),
            None => None,
        };
        if let Some(what) = needed_by {
            return Err(Failure::Trace(format!("{what}: {error}{remedy}")));
        }
        if !self.is_quiet {
            console.print(&LogMessage::TraceNote(format!(
                "ends of connections only, without who closed first and how: {error}{remedy}"
            )));
        }
        Ok(())
    }
}

/// The program as it can be typed after sudo, which has a path of its own.
pub(in crate::command) fn own_path() -> String {
    let path = std::env::current_exe();
    path.map_or("tcpstates".to_owned(), |path| path.display().to_string())
}
