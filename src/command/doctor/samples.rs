//! The evidence of `doctor`: two samples of the sockets, the kernel's counters before and after the
//! window between them, its settings, and what TCP measures of a few connections.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use rustix::time::{ClockId, clock_gettime};

use super::others::Existing;
use super::selection::Selection;
use super::watching::{Watching, longest, watch_all};
use crate::command::clock::Clock;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::diagnose::{BoundPorts, FirstSample, Host, Measures, SecondSample, Survey, Watch};
use crate::filter::{Compare, Expression, Side, Test};
use crate::model::{
    Counters, Field, InetEnds, Kind, Listener, Listeners, Metric, Names, Note, Sink, State,
    StateSet,
};
use crate::question::Question;
use crate::source::{Observer, Readings, Report, Sources};

/// A program that waits less than this for the processor, on a busy host, has still observed what moves.
const SHORTEST_DELAY: Duration = Duration::from_secs(2);

/// What happens before connections are watched longer than the window.
pub(super) trait Longer {
    /// For the first time: what there is may have ended later.
    fn begin(&mut self, second: &SecondSample, host: &Host);

    /// Each time, with the time left and the reason.
    fn wait(&mut self, left: Duration, reason: String);
}

/// The processor time that this program had spent.
struct Cpu(Duration);

impl Cpu {
    fn now() -> Cpu {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Cpu(time.try_into().unwrap_or_default())
    }

    /// For how long of this time the program neither ran nor slept on purpose, if that is longer than it
    /// observes with such a window.
    fn held_up(&self, time: Duration, slept: Duration, window: Duration) -> Option<Duration> {
        let spent = Cpu::now().0.saturating_sub(self.0);
        let idle = time.saturating_sub(slept + spent);
        Some(idle).filter(|idle| *idle > longest(window).max(SHORTEST_DELAY))
    }
}

/// More listeners than this are counted and not kept; some 2 MiB.
const MOST_LISTENERS: usize = 20_000;

/// All that is read before the rules are applied.
pub(super) struct Samples {
    pub(super) second: SecondSample,
    pub(super) host: Host,
    /// About the processes that the filter names.
    pub(super) notes: Vec<Note>,
    /// How long the second sample took.
    pub(super) took: Duration,
}

/// What was read of one selection, with the report on its sockets.
pub(super) type Taken = Result<(Report, Samples), Failure>;

/// Takes the samples of each selection, with one window between them. The reports are those of the
/// second samples, with what was lost in all dumps. What rules watch is watched longer than the window;
/// `longer` is called before that.
///
/// # Errors
/// Of a selection, when no source answered.
pub(super) fn take_all<'a>(
    selections: impl Iterator<Item = &'a Selection>,
    window: Duration,
    longer: &mut impl Longer,
) -> Vec<Taken> {
    let mut selections = selections.peekable();
    let Some(clock) = selections
        .peek()
        .map(|one| Clock::start_window(one.sources()))
    else {
        return Vec::new();
    };
    let cpu = Cpu::now();
    let begun: Vec<_> = selections.map(|one| Begun::take(one, window)).collect();
    let since = begun.iter().flatten().map(|begun| begun.clock.elapsed());
    let pause = window.saturating_sub(since.min().unwrap_or(window));
    let mut slept = clock.wait(pause);
    let looked = begun.into_iter().map(|begun| begun?.look());
    let mut looked: Vec<Result<Looked, Failure>> = looked.collect();
    slept += watch_all(looked.iter_mut().flatten(), &clock, window, longer);
    let held_up = cpu.held_up(clock.elapsed(), slept, window);
    let watched = looked.iter_mut().flatten();
    for one in watched.filter(|one| !one.watching.selection.is_glance()) {
        one.samples.host.held_up = held_up;
    }
    let taken = looked.into_iter().map(|looked| {
        let Looked {
            report, samples, ..
        } = looked?;
        Ok((report, samples))
    });
    taken.collect()
}

/// The sample before the window.
struct Begun<'a> {
    selection: &'a Selection,
    existing: Existing<'a>,
    window: Duration,
    clock: Clock,
    readings: Readings,
    before: Counters,
    listeners: Result<(Listeners, Report), Failure>,
    first: FirstSample,
    report: Report,
    watch: Watch,
    survey: Option<Survey>,
    notes: Vec<Note>,
}

/// Both samples, before connections are watched any longer.
pub(super) struct Looked<'a> {
    pub(super) watching: Watching<'a>,
    readings: Readings,
    report: Report,
    pub(super) samples: Samples,
}

impl<'a> Begun<'a> {
    fn take(selection: &'a Selection, window: Duration) -> Result<Begun<'a>, Failure> {
        let (sources, mut notes) = (selection.sources(), Vec::new());
        let readings = Readings::of(sources);
        let clock = Clock::start_window(sources);
        let existing = selection.existing();
        let before = readings.counters_of(existing.kinds());
        let listeners = listeners(sources, vec![Field::Drops]);
        let mut first = FirstSample::default();
        let report = selection.first(&mut first, &existing, &mut notes)?;
        let source = sources.of_answer(report.source);
        let watching = Watching::new(selection, source, clock.clone(), window);
        let (watch, survey) = watching.before(&first)?;
        Ok(Begun {
            selection,
            existing,
            window,
            clock,
            readings,
            before,
            listeners,
            first,
            report,
            watch,
            survey,
            notes,
        })
    }

    /// Takes the second one.
    fn look(self) -> Result<Looked<'a>, Failure> {
        let Begun {
            selection,
            existing,
            window,
            clock,
            readings,
            report: earlier,
            mut notes,
            ..
        } = self;
        let (sources, again) = (selection.sources(), Instant::now());
        // Before the counters: what was dropped in between is in their growth too.
        let (listeners, listening, drops_unknown) = listeners_since(self.listeners, sources)?;
        let after = readings.counters_of(existing.kinds());
        let mut host = Host {
            place: sources.place(),
            source: sources.of_answer(earlier.source),
            kinds: selection.kinds(),
            sockets: 0,
            others: Vec::new(),
            unknown_states: 0,
            window: clock.elapsed(),
            held_up: None,
            before: self.before,
            after,
            later: None,
            settings: readings.settings_of(existing.kinds()),
            interfaces: interfaces(&listeners, sources),
            listeners,
            drops_unknown,
            unlisted: selection.unlisted(),
            measures: Measures::default(),
            survey: self.survey,
            watch: self.watch,
            page_size: readings.page_size(),
            copied: readings.are_copied(),
            filter: None,
            selected: None,
        };
        selection.apply(&mut host, &mut notes)?;
        let mut second = SecondSample::begin(self.first, &host);
        let mut report = selection.feed(&mut second, &mut host, &existing, &mut notes)?;
        host.source = sources.of_answer(report.source);
        let source = sources.of_answer(earlier.source);
        let watching = Watching::new(selection, source, clock, window);
        [earlier, listening].iter().for_each(|one| report.add(one));
        if !selection.is_glance() {
            add_suspects(selection, &mut second, &mut host, &mut report)?;
        }
        let samples = Samples {
            second,
            host,
            notes,
            took: again.elapsed(),
        };
        Ok(Looked {
            watching,
            readings,
            report,
            samples,
        })
    }
}

impl Looked<'_> {
    /// Reads the counters again, this long after the begin of the window.
    pub(super) fn read_later(&mut self, time: Duration) {
        self.samples.host.later = Some((self.readings.counters(), time));
    }
}

/// What was retransmitted to each peer.
pub(super) fn take_survey(selection: &Selection) -> Result<(Survey, Report), Failure> {
    let mut survey = Survey::default();
    let report = selection.measure(Survey::STATES, None, &mut survey)?;
    Ok((survey, report))
}

/// Adds what some rules need of a few sockets.
fn add_suspects(
    selection: &Selection,
    second: &mut SecondSample,
    host: &mut Host,
    report: &mut Report,
) -> Result<(), Failure> {
    let sources = selection.sources();
    if second.wants_bound_ports(host) {
        second.set_bound_ports(bound_ports(sources));
    }
    host.measures = measure(sources, &second.suspects(host));
    let is_tcp = host.kinds.contains(Kind::Tcp);
    if is_tcp && host.survey.is_none() && second.wants_survey(host) {
        let (survey, listed) = take_survey(selection)?;
        host.survey = Some(survey);
        report.add(&listed);
    }
    Ok(())
}

/// Passes all sockets in these states, with these fields, to a sink.
pub(super) fn list(
    sources: &Sources,
    states: StateSet,
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Report, Failure> {
    let question = Question {
        fields,
        ..Question::about(Kind::Tcp, states)
    };
    Ok(Observer::new(question, sources.clone())?.list(sink)?)
}

/// The listeners. They have a table of their own, so that no connection is read.
fn listeners(sources: &Sources, fields: Vec<Field>) -> Result<(Listeners, Report), Failure> {
    let mut listeners = Listeners::at_most(MOST_LISTENERS);
    let listen = StateSet::NONE.with(State::Listen);
    let report = list(sources, listen, fields, &mut listeners)?;
    Ok((listeners, report))
}

/// The names of the interfaces that they are bound to.
fn interfaces(listeners: &Listeners, sources: &Sources) -> HashMap<u32, String> {
    let mut names = HostNames::of(sources.place());
    let indexes = listeners.iter().filter_map(Listener::bound_to);
    indexes
        .map(|index| (index, names.interface(index).to_owned()))
        .collect()
}

/// The listeners now, with what each dropped since `before`; or without it, and why so.
fn listeners_since(
    before: Result<(Listeners, Report), Failure>,
    sources: &Sources,
) -> Result<(Listeners, Report, Option<String>), Failure> {
    let compared = before.and_then(|(before, _)| {
        let (now, report) = listeners(sources, vec![Field::Direction, Field::Drops])?;
        Ok((now.since(&before), report))
    });
    match compared {
        Ok((listeners, report)) => Ok((listeners, report, None)),
        Err(failure) => {
            let (listeners, report) = listeners(sources, vec![Field::Direction])?;
            Ok((listeners, report, Some(failure.to_string())))
        }
    }
}

/// The ports of sockets that are only bound, which netlink alone reports, and only on request.
///
/// # Errors
/// Why they are unknown, or not all of them are known.
fn bound_ports(sources: &Sources) -> Result<BoundPorts, String> {
    let mut ports = BoundPorts::default();
    let bound = StateSet::NONE.with(State::Bound);
    let report = list(sources, bound, Vec::new(), &mut ports);
    let report = report.map_err(|failure| failure.to_string())?;
    match report.completeness.losses().first() {
        None => Ok(ports),
        Some(loss) => Err(loss.to_string()),
    }
}

/// What TCP measures of these connections; nothing where the source does not report it, or they
/// have ended. The kernel selects them, so that it builds a message for these alone.
fn measure(sources: &Sources, suspects: &[InetEnds]) -> Measures {
    let mut measures = Measures::of(suspects);
    let Some(filter) = suspects
        .iter()
        .filter_map(is_between)
        .reduce(Expression::or)
    else {
        return measures;
    };
    let fields = vec![Field::Metric(Metric::RoundTripTime)];
    // Without them a finding says less, and nothing wrong.
    let _ = list_only(sources, filter, fields, &mut measures);
    measures
}

/// Passes the sockets that a filter selects to a sink.
pub(super) fn list_only(
    sources: &Sources,
    filter: Expression,
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Report, Failure> {
    let question = Question {
        fields,
        filter: Some(filter),
        ..Question::about(Kind::Tcp, StateSet::ALL)
    };
    Ok(Observer::new(question, sources.clone())?.list(sink)?)
}

/// The filter for one connection.
pub(super) fn is_between(ends: &InetEnds) -> Option<Expression> {
    let InetEnds { local, remote, .. } = ends;
    let port = |field, port: u16| Test::Number(field, Compare::Equal, port.into());
    let tests = [
        Test::Addr(Side::Local, IpNet::from(local.ip())),
        Test::Addr(Side::Remote, IpNet::from(remote.ip())),
        port(Field::LocalPort, local.port()),
        port(Field::RemotePort, remote.port()),
    ];
    Expression::all(tests.map(|test| Expression::of(test, true)))
}
