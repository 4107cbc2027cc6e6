//! What a trace is asked, resolved once from what was typed, and who may answer it.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::matching::{Matcher, selector, selects_none};
use super::recording::Source;
use crate::cli::{self, FormatName, Show, TraceSource};
use crate::command::console::{Console, Presentation};
use crate::command::log::LogMessage;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::model::{Field, GroupKey, KindSet, State, Where};
use crate::question::Question;
use crate::source::{BpfError, Destroyed, Sources, Tracer};

/// The word for every network namespace.
const ALL: &str = "all";

/// What a trace is asked.
pub(in crate::command) struct Trace {
    pub(super) question: Question,
    pub(super) show: Show,
    pub(super) segments: bool,
    pub(super) duration: Option<Duration>,
    /// How many rows are enough.
    pub(super) limit: Option<u64>,
    /// Where, unless that is every network namespace.
    pub(super) sources: Sources,
    pub(super) every_netns: bool,
    source: TraceSource,
    /// What the summary counts who closes first by.
    pub(super) keys: Vec<GroupKey>,
    pub(super) top: Option<usize>,
    pub(super) presentation: Presentation,
    pub(super) no_header: bool,
    pub(super) is_quiet: bool,
    pub(super) is_verbose: bool,
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
        let netns = typed.netns.as_deref();
        let named = netns.filter(|word| *word != ALL).map(str::to_owned);
        let sourcing = cli::Sourcing {
            namespaces: cli::Namespaces {
                netns: Vec::from_iter(named),
            },
            ..cli::Sourcing::default()
        };
        let Target {
            question, sources, ..
        } = Target::traced(&typed.selection, &sourcing)?;
        if typed.kinds.kinds(typed.letters.kinds()) != KindSet::TCP {
            return Err(Failure::Usage(
                "trace records TCP connections only: omit the other kinds".to_owned(),
            ));
        }
        if let Where::NetnsTables { .. } = sources.place() {
            return Err(Failure::Trace(
                "--netns: to trace another network namespace takes CAP_SYS_ADMIN, to enter it: run as \
                 root"
                    .to_owned(),
            ));
        }
        if let Some(reason) = contradiction(&typed, &question) {
            return Err(Failure::Usage(reason.to_owned()));
        }
        let service = GroupKey {
            field: Field::Service,
            prefix: None,
        };
        let limit = typed.limit.map(NonZeroUsize::get);
        Ok(Trace {
            question,
            show: typed.show,
            segments: typed.segments,
            duration: typed.duration,
            limit: limit.and_then(|limit| u64::try_from(limit).ok()),
            every_netns: netns == Some(ALL),
            sources,
            source: typed.source,
            keys: typed.by.map_or(vec![service], |keys| keys.0),
            top: typed.top.map(NonZeroUsize::get),
            is_quiet: typed.presentation.messages.quiet,
            is_verbose: typed.presentation.messages.verbose,
            no_header: typed.letters.no_header,
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
                    let took_ms = begin.elapsed().as_secs_f64() * 1e3;
                    self.report_plan(console, |reason| {
                        format!(
                            "load 4 programs that record each change of state: {reason}; attached \
                             in {took_ms:.1} ms; the kernel selects {selector}"
                        )
                    });
                    return Ok(Source::Bpf(Box::new(tracer), selector));
                }
                Err(error) => self.fall_back(&error, matcher, console)?,
            }
        }
        if let Some(what) = matcher.needs_transitions() {
            return Err(Failure::Usage(format!(
                "filtering by {what} needs --source bpf: remove --source destroy"
            )));
        }
        self.report_plan(console, |reason| {
            let reason = match self.source {
                TraceSource::Auto => "bpf is not available",
                TraceSource::Bpf | TraceSource::Destroy => reason,
            };
            format!(
                "receive the kernel's messages about destroyed sockets: {reason}; the kernel selects \
                 network namespace {own_netns}"
            )
        });
        let listening = Destroyed::listen(self.sources.place());
        Ok(Source::Destroy(listening.map_err(Failure::to(
            "join the groups of NETLINK_SOCK_DIAG",
        ))?))
    }

    /// Reports the plan, with why it was chosen.
    fn report_plan(&self, console: &mut Console, plan: impl FnOnce(&str) -> String) {
        if self.is_verbose {
            let reason = match self.source {
                TraceSource::Auto => "bpf is available",
                TraceSource::Bpf | TraceSource::Destroy => "as requested",
            };
            console.print(&LogMessage::Plan(plan(reason)));
        }
    }

    /// Whether another source may report what bpf cannot.
    fn fall_back(
        &self,
        error: &BpfError,
        matcher: &Matcher,
        console: &mut Console,
    ) -> Result<(), Failure> {
        let remedy = match error.lacks_capabilities() {
            true => as_root(";"),
            false => String::new(),
        };
        let needed_by = match matcher.needs_transitions() {
            _ if self.source == TraceSource::Bpf => Some("--source bpf".to_owned()),
            _ if self.show == Show::Transitions => Some("--show transitions".to_owned()),
            _ if self.every_netns => Some("--netns all".to_owned()),
            Some(what) => Some(format!("filtering by {what} needs --source bpf")),
            None => None,
        };
        if let Some(what) = needed_by {
            return Err(Failure::Trace(format!("{what}: {error}{remedy}")));
        }
        if !self.is_quiet {
            console.print(&LogMessage::TraceNote(format!(
                "reporting only that connections ended, not who closed first or how: {error}{remedy}"
            )));
        }
        Ok(())
    }
}

/// What makes no sense together.
fn contradiction(typed: &cli::Trace, question: &Question) -> Option<&'static str> {
    let (show, is_destroy) = (typed.show, typed.source == TraceSource::Destroy);
    let is_csv = typed.presentation.format() == FormatName::Csv;
    let of_connections = matches!(show, Show::Closes | Show::Connections);
    let cases = [
        (
            typed.netns.as_deref() == Some(ALL) && typed.segments,
            "--segments captures in one network namespace: remove --netns all",
        ),
        (
            typed.netns.as_deref() == Some(ALL) && is_destroy,
            "--source destroy reports one network namespace: remove --netns all",
        ),
        (
            show == Show::Transitions && is_destroy,
            "--source destroy reports no transitions, only the ends of connections: remove --show \
             transitions",
        ),
        (
            show == Show::Summary && is_csv,
            "the summary has no CSV: use --json with --show summary",
        ),
        (
            show == Show::Summary && typed.limit.is_some(),
            "--limit counts rows, and --show summary prints none: use --duration",
        ),
        (
            of_connections && selects_none(question, &[State::Listen, State::Bound]),
            "no connection is ever in state LISTEN or BOUND; listeners have transitions: use --show \
             transitions",
        ),
        (
            selects_none(question, &[State::Bound]),
            "the kernel reports no transition into or out of BOUND: remove it from the states",
        ),
    ];
    let case = cases.into_iter().find(|(is_so, _)| *is_so);
    case.map(|(_, reason)| reason)
}

/// The advice to type the same command as root, after `separator`; none for root.
pub(super) fn as_root(separator: &str) -> String {
    if rustix::process::geteuid().is_root() {
        return String::new();
    }
    let typed = std::env::args_os().skip(1);
    let typed = typed.map(|word| quoted(&word.to_string_lossy()));
    let words: Vec<String> = typed.collect();
    let (path, words) = (own_path(), words.join(" "));
    format!("{separator} run it as root: sudo {} {words}", quoted(&path))
}

/// A word as a shell reads it, sh(1).
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The program as it can be typed after sudo, which has a path of its own.
pub(in crate::command) fn own_path() -> String {
    let path = std::env::current_exe();
    path.map_or("tcpstates".to_owned(), |path| path.display().to_string())
}
