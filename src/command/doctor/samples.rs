//! The evidence of `doctor`: two samples of the sockets, the kernel's counters before and after the
//! window between them, its settings, and what TCP measures of a few connections.

use std::time::{Duration, Instant};

use super::following::{Followed, wait_in_window};
use super::listing::{
    LISTENERS, bound_ports, interfaces, list_listeners, listeners_since, measure,
};
use super::others::Existing;
use super::selection::Selection;
use super::watching::{Watching, longest, watch_all};
use crate::command::clock::{Clock, cpu_time};
use crate::command::outcome::Failure;
use crate::diagnose::{FirstSample, Host, Measures, SecondSample, Survey, Watch};
use crate::model::{Counters, Field, Kind, KindSet, Listeners, Note};
use crate::source::{Readings, Report};

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
pub(super) struct Cpu(Duration);

impl Cpu {
    pub(super) fn now() -> Cpu {
        Cpu(cpu_time())
    }

    /// For how long of this time the program neither ran nor slept on purpose, if that is longer than it
    /// observes with such a window.
    pub(super) fn held_up(
        &self,
        time: Duration,
        slept: Duration,
        window: Duration,
    ) -> Option<Duration> {
        let spent = Cpu::now().0.saturating_sub(self.0);
        let idle = time.saturating_sub(slept + spent);
        Some(idle).filter(|idle| *idle > longest(window).max(SHORTEST_DELAY))
    }
}

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
    let mut begun: Vec<_> = selections.map(|one| Begun::take(one, window)).collect();
    let since = begun
        .iter()
        .flatten()
        .map(|begun| begun.earlier.clock.elapsed());
    let pause = window.saturating_sub(since.min().unwrap_or(window));
    let followed = begun.iter_mut().flatten().filter_map(Begun::followed);
    let mut slept = wait_in_window(&mut followed.collect::<Vec<_>>(), &clock, pause);
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

/// What is kept of the sample before the window.
#[derive(Debug)]
pub(super) struct Earlier {
    /// The time since its begin.
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    /// The listeners, with their drops; or why those are unknown.
    pub(super) listeners: Result<Listeners, String>,
    pub(super) first: FirstSample,
    pub(super) watch: Watch,
    pub(super) survey: Option<Survey>,
}

impl Earlier {
    /// The host after the window, before anything is read of the sockets but listeners, which `now` lists
    /// with their drops; with the first sample, and the report on the listeners.
    ///
    /// # Errors
    /// When listeners cannot be listed.
    pub(super) fn host(
        self,
        selection: &Selection,
        kinds: KindSet,
        readings: &Readings,
        now: impl FnOnce() -> Result<(Listeners, Report), Failure>,
    ) -> Result<(FirstSample, Host, Report), Failure> {
        let sources = selection.sources();
        // Before the counters: what was dropped in between is in their growth too.
        let (listeners, listening, drops_unknown) = listeners_since(self.listeners, now, sources)?;
        let host = Host {
            place: sources.place(),
            source: sources.of_answer(listening.source),
            kinds: selection.kinds(),
            sockets: 0,
            others: Vec::new(),
            unknown_states: 0,
            window: self.clock.elapsed(),
            held_up: None,
            is_brief: false,
            before: self.counters,
            after: readings.counters_of(kinds),
            later: None,
            settings: readings.settings_of(kinds),
            interfaces: interfaces(&listeners, sources),
            listeners,
            drops_unknown,
            unlisted: selection.unlisted(),
            measures: Measures::default(),
            survey: self.survey,
            watch: self.watch,
            page_size: readings.page_size(),
            still: readings.still(),
            filter: None,
            selected: None,
        };
        Ok((self.first, host, listening))
    }
}

/// The sample before the window.
struct Begun<'a> {
    selection: &'a Selection,
    existing: Existing<'a>,
    window: Duration,
    readings: Readings,
    earlier: Earlier,
    report: Report,
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
        let counters = readings.counters_of(existing.kinds());
        let listeners = list_listeners(sources, vec![Field::Drops]);
        let mut first = FirstSample::default();
        let report = selection.first(&mut first, &existing, &mut notes)?;
        let source = sources.of_answer(report.source);
        let watching = Watching::new(selection, source, clock.clone(), window);
        let (watch, survey) = watching.before(&first)?;
        Ok(Begun {
            selection,
            existing,
            window,
            readings,
            earlier: Earlier {
                clock,
                counters,
                listeners: listeners
                    .map(|(listeners, _)| listeners)
                    .map_err(|failure| failure.to_string()),
                first,
                watch,
                survey,
            },
            report,
            notes,
        })
    }

    /// The attempts to connect that are followed in the window, if any are.
    fn followed(&mut self) -> Option<Followed<'_>> {
        let (sources, earlier) = (self.selection.sources(), &mut self.earlier);
        let source = sources.of_answer(self.report.source);
        let clock = earlier.clock.clone();
        let watching = Watching::new(self.selection, source, clock, self.window);
        watching.followed(&mut earlier.watch)
    }

    /// Takes the second one.
    fn look(self) -> Result<Looked<'a>, Failure> {
        let Begun {
            selection,
            existing,
            window,
            readings,
            earlier,
            report: before,
            mut notes,
        } = self;
        let (sources, again) = (selection.sources(), Instant::now());
        let clock = earlier.clock.clone();
        let now = || list_listeners(sources, LISTENERS.to_vec());
        let (first, mut host, listening) =
            earlier.host(selection, existing.kinds(), &readings, now)?;
        host.source = sources.of_answer(before.source);
        selection.apply(&mut host, &mut notes)?;
        let mut second = SecondSample::begin(first, &host);
        let mut report = selection.feed(&mut second, &mut host, &existing, &mut notes)?;
        host.source = sources.of_answer(report.source);
        let source = sources.of_answer(before.source);
        let watching = Watching::new(selection, source, clock, window);
        [before, listening].iter().for_each(|one| report.add(one));
        if !selection.is_glance() {
            add_suspects(selection, &mut second, &mut host);
            add_survey(selection, &second, &mut host, &mut report)?;
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
pub(super) fn add_suspects(selection: &Selection, second: &mut SecondSample, host: &mut Host) {
    let sources = selection.sources();
    if second.wants_bound_ports(host) {
        second.set_bound_ports(bound_ports(sources));
    }
    host.measures = measure(sources, &second.suspects(host));
}

/// Adds what was retransmitted to each peer, if it matters and was not measured before the window.
fn add_survey(
    selection: &Selection,
    second: &SecondSample,
    host: &mut Host,
    report: &mut Report,
) -> Result<(), Failure> {
    let is_tcp = host.kinds.contains(Kind::Tcp);
    if is_tcp && host.survey.is_none() && second.wants_survey(host) {
        let (survey, listed) = take_survey(selection)?;
        host.survey = Some(survey);
        report.add(&listed);
    }
    Ok(())
}
