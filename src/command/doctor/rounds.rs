//! The findings of `serve`, and of records that go on: the rules are applied again and again, each time to the sockets that one walk
//! passes on. What that walk found is the first sample of the next window, so that no request waits for
//! one.

use std::time::Duration;

use super::holders::HolderSearch;
use super::listing::{LISTENERS, list_listeners};
use super::others::RulesSink;
use super::samples::{Cpu, Earlier, add_suspects};
use super::selection::Selection;
use super::watching::{LONGEST, Watching};
use crate::cli::{self, Sourcing};
use crate::command::clock::Clock;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::{
    Examination, Feed, FirstSample, Host, KINDS, RULES, SecondSample, SecondSink, Watch, examine,
};
use crate::model::{Counters, Holders, Scope, Severity};
use crate::source::{Readings, Report};

/// The shortest window, and the longest: what happened in a longer one may be over.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(600);

/// How long processes are searched for, unless `--owner-timeout` says otherwise.
const SEARCH: Duration = Duration::from_secs(2);

/// The severities, in the order of the numbers of a [`RuleResult`].
pub(in crate::command) const SEVERITIES: [Severity; 3] =
    [Severity::Critical, Severity::Warning, Severity::Info];

/// The findings of one rule.
#[derive(Clone, Debug)]
pub(in crate::command) struct RuleResult {
    pub(in crate::command) id: &'static str,
    /// How many of each of [`SEVERITIES`].
    pub(in crate::command) findings: [u64; 3],
    /// Whether it was applied completely.
    pub(in crate::command) is_examined: bool,
}

/// The findings of all rules, in the order of the manual.
#[derive(Clone, Debug)]
pub(in crate::command) struct Findings {
    pub(in crate::command) rules: Vec<RuleResult>,
    pub(in crate::command) window: Duration,
    /// Whether nothing was lost of the sockets and of the search for processes.
    pub(in crate::command) are_whole: bool,
}

/// The report on a walk, and what it found.
type Walked<T> = (Report, T);

/// The findings, where there was an earlier sample; or why there are none.
type Outcome = Result<Option<Findings>, Failure>;

/// Applies the rules again and again.
#[derive(Debug)]
pub(in crate::command) struct Rounds {
    selection: Selection,
    search: Duration,
    /// The name of its network namespace, where it is one of several.
    netns: Option<String>,
    earlier: Option<Earlier>,
    last: Option<Findings>,
    /// The rules whose last findings are critical, each with the title of the first one.
    critical: Vec<(&'static str, String)>,
}

/// What a walk is to pass the sockets to, after everything else was read.
struct Round {
    clock: Clock,
    cpu: Cpu,
    /// The time since the window began; `None` if there was no earlier sample.
    since: Option<Clock>,
    host: Host,
    second: SecondSample,
    next: Earlier,
    reports: Vec<Report>,
}

impl Rounds {
    /// How long `serve --once` waits between two samples: as long as a window is that is not lengthened.
    pub(in crate::command) const WINDOW: Duration = LONGEST;

    /// For the sockets of every kind that rules are about.
    ///
    /// # Errors
    /// What is not valid.
    pub(in crate::command) fn new(sourcing: &Sourcing) -> Result<Rounds, Failure> {
        Ok(Rounds {
            search: sourcing.owner_timeout.unwrap_or(SEARCH),
            ..Rounds::about(Rounds::target(sourcing)?)
        })
    }

    /// The sockets of every kind that rules are about.
    ///
    /// # Errors
    /// What is not valid.
    pub(in crate::command) fn target(sourcing: &Sourcing) -> Result<Target, Failure> {
        Target::of_kind(KINDS, &cli::Selection::default(), sourcing)
    }

    /// For these sockets, of which the rules are about some kinds.
    pub(in crate::command) fn about(target: Target) -> Rounds {
        Rounds {
            selection: selection(target),
            search: SEARCH,
            netns: None,
            earlier: None,
            last: None,
            critical: Vec::new(),
        }
    }

    /// Reads one of several network namespaces, which it is about, in the way that works now.
    pub(in crate::command) fn move_to(&mut self, target: Target, name: String) {
        self.selection = selection(target);
        self.netns = Some(name);
    }

    /// The rules whose last findings are critical, each with the title of the first one.
    pub(in crate::command) fn critical(&self) -> Vec<(&'static str, String)> {
        self.critical.clone()
    }

    /// Applies the rules to what `walk` passes on, which lists every TCP socket that is selected; those of the last round
    /// are repeated, and nothing is passed on, as long as a window would be shorter than `doctor` watches.
    /// No findings where there was no sample before, or too long ago.
    ///
    /// # Errors
    /// Those of `walk`; the inner error is why there are no findings.
    pub(in crate::command) fn apply<T>(
        &mut self,
        walk: impl FnOnce(Option<&mut RulesSink<'_>>) -> Result<Walked<T>, Failure>,
    ) -> Result<(Walked<T>, Outcome), Failure> {
        let age = self.earlier.as_ref().map(|one| one.clock.elapsed());
        let least = match self.last {
            Some(_) => LONGEST,
            None => SHORTEST_WINDOW,
        };
        if age.is_some_and(|age| age < least) {
            return Ok((walk(None)?, Ok(self.last.clone())));
        }
        self.last = None;
        self.critical.clear();
        let earlier = self.earlier.take();
        let earlier = earlier.filter(|_| age <= Some(LONGEST_WINDOW));
        let mut round = match Round::begin(&self.selection, earlier) {
            Ok(round) => round,
            Err(failure) => return Ok((walk(None)?, Err(failure))),
        };
        let feed = self.selection.own_feed();
        round.next.first.feed = feed;
        let mut sink = RulesSink {
            second: SecondSink::new(&mut round.second, &round.host.listeners, feed),
            next: Some(&mut round.next.first),
        };
        let (report, found) = walk(Some(&mut sink))?;
        let (sockets, unknown) = (sink.second.sockets, sink.second.unknown_states);
        round.host.sockets = sockets;
        round.host.unknown_states += unknown;
        round.host.source = report.source;
        let are_whole = report.completeness.is_complete()
            && round
                .reports
                .iter()
                .all(|one| one.completeness.is_complete());
        let (next, examination) = round.end(&self.selection, self.search);
        self.earlier = Some(next);
        let findings = examination.map(|(examination, window, are_all_found)| {
            self.critical = critical(&examination, feed, self.netns.as_deref());
            Findings::of(&examination, window, are_whole && are_all_found)
        });
        self.last.clone_from(&findings);
        Ok(((report, found), Ok(findings)))
    }
}

impl Round {
    /// Reads what is compared besides TCP sockets.
    fn begin(selection: &Selection, earlier: Option<Earlier>) -> Result<Round, Failure> {
        let (cpu, sources) = (Cpu::now(), selection.sources());
        let clock = Clock::start(sources);
        let (readings, existing) = (Readings::of(sources), selection.existing());
        let counters = readings.counters_of(existing.kinds());
        let now = list_listeners(sources, LISTENERS.to_vec());
        let listeners = match &now {
            Ok((listeners, _)) => Ok(listeners.clone()),
            Err(failure) => Err(failure.to_string()),
        };
        let mut next = Earlier {
            clock: clock.clone(),
            counters,
            listeners,
            first: FirstSample::default(),
            watch: Watch::default(),
            survey: None,
        };
        let since = earlier.as_ref().map(|one| one.clock.clone());
        let earlier = earlier.unwrap_or_else(|| Earlier {
            clock: clock.clone(),
            counters: Counters::default(),
            listeners: Err("there is no earlier sample".to_owned()),
            first: FirstSample::default(),
            watch: Watch::default(),
            survey: None,
        });
        let (first, mut host, listening) =
            earlier.host(selection, existing.kinds(), &readings, || now)?;
        host.is_brief = host.window < LONGEST;
        selection.apply(&mut host, &mut Vec::new())?;
        let mut second = SecondSample::begin(first, &host);
        let others = existing.feed(
            &mut second,
            Some(&mut next.first),
            &mut host,
            selection.own_feed(),
            &mut Vec::new(),
        );
        // Those that failed are in the results of the rules about these kinds.
        let others = others.into_iter().filter_map(Result::ok);
        Ok(Round {
            clock,
            cpu,
            since,
            host,
            second,
            next,
            reports: std::iter::once(listening).chain(others).collect(),
        })
    }

    /// Applies the rules after the walk, if there was an earlier sample; and begins the next window.
    fn end(self, selection: &Selection, search: Duration) -> (Earlier, Option<Examined>) {
        let Round {
            clock,
            cpu,
            since,
            mut host,
            mut second,
            mut next,
            ..
        } = self;
        let source = host.source;
        let findings = since.map(|since| {
            add_suspects(selection, &mut second, &mut host);
            Watching::new(selection, source, since, host.window).once(&second, &mut host);
            host.held_up = cpu.held_up(clock.elapsed(), Duration::ZERO, SHORTEST_WINDOW);
            examined(&second, &host, search)
        });
        let watching = Watching::new(selection, source, clock, LONGEST);
        (next.watch, next.survey) = watching.between(&next.first, &second, &host);
        (next, findings)
    }
}

/// The results of the rules, the window, and whether every holder was found that was searched for.
type Examined = (Examination, Duration, bool);

/// Applies the rules, with the holders of the sockets that findings are about.
fn examined(second: &SecondSample, host: &Host, search: Duration) -> Examined {
    let mut examination = examine(second, host, &Holders::default());
    let nothing = |_: Duration, _: String| {};
    let mut search = HolderSearch::new(Some(search), host.window, &nothing);
    if !examination.inodes().is_empty() {
        search.find(&examination, &host.place);
        examination = examine(second, host, &search.holders);
    }
    let are_all_found = search.found.iter().all(|owners| owners.loss.is_none());
    (examination, host.window, are_all_found)
}

/// The sockets of a target that rules are about. Other network namespaces are not searched for at each round.
fn selection(target: Target) -> Selection {
    Selection::one_of_several(target.among(KINDS).unwrap_or(target))
}

/// The rules with critical findings; of selected sockets, those about these, since the others were not passed
/// to the rules. Titles name the network namespace, if it is one of several.
fn critical(
    examination: &Examination,
    feed: Feed,
    netns: Option<&str>,
) -> Vec<(&'static str, String)> {
    let findings = examination.findings.iter();
    let findings = findings.filter(|one| feed == Feed::All || one.scope == Scope::Selection);
    let mut critical: Vec<(&'static str, String)> = Vec::new();
    for one in findings.filter(|one| one.severity == Severity::Critical) {
        if !critical.iter().any(|(id, _)| *id == one.id) {
            let netns = netns.filter(|_| one.scope != Scope::Host);
            let place = netns.map(|name| format!("netns {name}: "));
            critical.push((one.id, place.unwrap_or_default() + &one.title));
        }
    }
    critical
}

impl Findings {
    fn of(examination: &Examination, window: Duration, are_whole: bool) -> Findings {
        Findings {
            rules: RULES
                .iter()
                .map(|id| RuleResult::of(id, examination))
                .collect(),
            window,
            are_whole,
        }
    }
}

impl RuleResult {
    fn of(id: &'static str, examination: &Examination) -> RuleResult {
        let number = |severity| {
            let findings = examination.findings.iter();
            let its = findings.filter(|one| one.id == id && one.severity == severity);
            its.count() as u64
        };
        RuleResult {
            id,
            findings: SEVERITIES.map(number),
            is_examined: examination.examined.contains(&id),
        }
    }
}
