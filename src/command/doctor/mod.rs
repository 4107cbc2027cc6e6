//! `tcpstates doctor`: what is wrong, the evidence, and what to do.
//!
//! Two samples with the window between them; then the rules, and the holders of the sockets that
//! findings are about.

mod following;
mod glance;
mod holders;
mod listing;
mod others;
mod parts;
mod rounds;
mod samples;
mod selection;
mod watching;

pub(super) use glance::glance;
pub(super) use others::RulesSink;
#[cfg(test)]
pub(super) use rounds::RuleResult;
pub(super) use rounds::{Findings, Rounds, SEVERITIES};

use std::time::Duration;

use super::console::Console;
use super::outcome::{Failure, Status};
use super::sample::Sample;
use super::target::Target;
use super::wait::within_more;
use crate::cli;
use crate::diagnose::{Examination, Host, KINDS, RULES, examine, wide_rules};
use crate::model::{
    Diagnosis, Finding, Holders, Kind, KindSet, Loss, Note, Recorded, Severity, SourceName,
};
use crate::output::{write_diagnosis, write_diagnosis_brief, write_diagnosis_json};
use holders::HolderSearch;
use parts::{Parts, Taken};
use samples::Samples;
use watching::LONGEST;

/// Diagnoses, and writes the answer.
pub(super) fn run(typed: cli::Doctor, console: &mut Console) -> Result<Status, Failure> {
    let named = kinds(&typed)?;
    let (window, sourcing) = (typed.window, typed.sourcing);
    let owner_timeout = sourcing.owner_timeout;
    console.set_verbosity(typed.messages);
    let limit = window + owner_timeout.unwrap_or_default() + typed.timeout;
    let reason = " (--window, --owner-timeout and --timeout)";
    let words = cli::Selection {
        words: typed.words,
        ..cli::Selection::default()
    };
    let work = move |more: &dyn Fn(Duration, String)| {
        let target = target(named, &words, &sourcing)?;
        let parts = Parts::of(target)?;
        diagnose(&parts, window, owner_timeout, more)
    };
    let (sample, diagnosis) = within_more(limit, reason, work, |text| console.progress(&text))??;
    console.log(&sample);
    let mut bytes = Vec::new();
    let look = console.look(typed.color);
    let rendered = match (typed.json, typed.brief) {
        (true, _) => write_diagnosis_json(&mut bytes, &diagnosis),
        (false, true) => write_diagnosis_brief(&mut bytes, &diagnosis, look),
        (false, false) => write_diagnosis(&mut bytes, &diagnosis, look),
    };
    rendered.map_err(Failure::write)?;
    console.write(&bytes)?;
    Ok(status(&diagnosis))
}

/// The sockets that are examined: of the kinds that are named, or of all that rules are about and that a
/// record has.
fn target(
    named: Option<KindSet>,
    words: &cli::Selection,
    sourcing: &cli::Sourcing,
) -> Result<Target, Failure> {
    let target = Target::of_kind(named.unwrap_or(KINDS), words, sourcing)?;
    match (named, target.sources.record()) {
        (None, Some(record)) => target.of_kinds(KINDS.intersection(record.origin.kinds)),
        _ => Ok(target),
    }
}

/// The kinds of sockets that are named; `None` for all that rules are about.
///
/// # Errors
/// When no rule is about one that is named.
fn kinds(typed: &cli::Doctor) -> Result<Option<KindSet>, Failure> {
    let lists = typed.kinds.iter().copied();
    // Of a group, those that rules are about are meant.
    let unknown = lists.filter(|kinds| !kinds.is_group());
    let unknown = unknown.fold(typed.letters.kinds(), KindSet::union);
    let unknown = unknown.difference(KINDS);
    if !unknown.is_empty() {
        return Err(Failure::Usage(format!(
            "no rule of doctor is about {} sockets; there are rules about {}",
            unknown.titles(),
            KINDS.titles()
        )));
    }
    let named = typed.letters.named(&typed.kinds);
    Ok(named.map(|named| named.intersection(KINDS)))
}

/// What is wrong at a moment of a record, with those sockets of it that a target selects.
///
/// # Errors
/// When they cannot be read any more.
pub(super) fn found_in_record(target: &Target, record: &Recorded) -> Result<Vec<Finding>, Failure> {
    // Of its own: a window goes back in it, and on.
    let target = target.at(record.again());
    let kinds = KINDS.intersection(target.kinds());
    let parts = Parts::of(target.of_kinds(kinds)?)?;
    let (_, diagnosis) = diagnose(&parts, LONGEST, None, &|_, _| {})?;
    Ok(diagnosis.findings)
}

/// Takes the samples, applies the rules, and searches for the holders of the sockets found.
fn diagnose(
    parts: &Parts,
    window: Duration,
    owner_timeout: Option<Duration>,
    more: &dyn Fn(Duration, String),
) -> Result<(Sample<Vec<Taken>>, Diagnosis), Failure> {
    let mut search = HolderSearch::new(owner_timeout, window, more);
    let mut sample = Sample::take(&parts.place, |_| parts.take(window, &mut search))?;
    let taken = &mut sample.found;
    // Without the window.
    sample.took = taken.iter().map(|one| one.samples.took).sum();
    for one in &mut *taken {
        // Dumps of several kinds have the same note about their source.
        let new = one.samples.notes.drain(..);
        let is_new = |note: &Note| !sample.report.notes.contains(note);
        sample.notes.extend(new.filter(is_new));
    }
    let mut examination = examine_all(taken, &Holders::default());
    let needs_holders = !examination.inodes().is_empty();
    if needs_holders {
        search.find(&examination, &parts.place);
        examination = examine_all(taken, &search.holders);
    }
    let hosts = || taken.iter().map(|one| &one.samples.host);
    let longest = |time: fn(&Host) -> Duration| hosts().map(time).max().unwrap_or_default();
    let window = longest(|host| host.window);
    let kinds = counted_by_kind(taken);
    let watched = longest(|host| host.watch.longest());
    let held_up = hosts().find_map(Host::held_up_text);
    for owners in search.found.iter().filter(|_| needs_holders) {
        if let Some(loss) = &owners.loss {
            sample.report.completeness.lose(loss.clone());
        }
        sample.add_search(Some(owners));
    }
    // Some rules were not applied because of it, and what they are about may be wrong.
    if let Some(what) = held_up {
        sample.report.completeness.lose(Loss::Doubtful { what });
    }
    if sample.report.source == SourceName::Record && window < LONGEST {
        let what = too_short(window);
        sample.report.completeness.lose(Loss::Doubtful { what });
    }
    let diagnosis = Diagnosis {
        observation: sample.observation(),
        place: parts.place.clone(),
        total: kinds.iter().map(|(_, sockets)| sockets).sum(),
        kinds,
        filter: parts.words.clone(),
        window,
        watched,
        findings: examination.findings,
        examined: examination.examined,
        wide: wide_rules().collect(),
        rules: RULES,
        not_examined: examination.not_examined,
    };
    Ok((sample, diagnosis))
}

/// How many sockets of each kind were examined, in all network namespaces; 0 of one that exists nowhere.
fn counted_by_kind(taken: &[Taken]) -> Vec<(Kind, u64)> {
    let hosts = taken.iter().map(|one| &one.samples.host);
    let kinds = hosts.clone().map(|host| host.kinds);
    let kinds = kinds.fold(KindSet::NONE, KindSet::union);
    let number = |kind| hosts.clone().map(|host| host.sockets_of(kind)).sum();
    kinds.iter().map(|kind| (kind, number(kind))).collect()
}

/// The results of all rules in each network namespace, as one.
fn examine_all(taken: &[Taken], holders: &Holders) -> Examination {
    let examined = taken.iter().map(|one| {
        let Samples { second, host, .. } = &one.samples;
        (one.name.clone(), examine(second, host, holders))
    });
    Examination::join(examined)
}

/// The exit status: findings outrank what was lost.
fn status(diagnosis: &Diagnosis) -> Status {
    match diagnosis.worst() {
        Some(Severity::Critical) => Status::Critical,
        Some(Severity::Warning) => Status::Warning,
        Some(Severity::Info) | None => Status::of(&diagnosis.observation.completeness),
    }
}

/// That what stands still is unknown, of a record with this time between its moments.
fn too_short(window: Duration) -> String {
    match window.is_zero() {
        true => "no moment comes before it: what grows or stands still is unknown, and a later --at may know it"
            .to_owned(),
        false => format!(
            "its moments are {:.1} s apart: what stands still is known after {:.0} s (record --window)",
            window.as_secs_f64(),
            LONGEST.as_secs_f64(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completeness, Finding, Observation, SourceName, Where};

    #[test]
    fn the_worst_finding_decides_the_exit_status_and_information_never_does() {
        use Severity::{Critical, Info, Warning};
        let finding = |severity| Finding::new(severity, String::new(), 0.0, Vec::new(), "");
        for (severities, expected) in [
            (vec![], Status::Answered),
            (vec![Info], Status::Answered),
            (vec![Warning, Info], Status::Warning),
            (vec![Critical, Warning, Info], Status::Critical),
        ] {
            let diagnosis = Diagnosis {
                observation: Observation {
                    time: std::time::UNIX_EPOCH,
                    source: SourceName::Netlink,
                    completeness: Completeness::default(),
                },
                place: Where::Here,
                total: 0,
                kinds: Vec::new(),
                filter: None,
                window: Duration::ZERO,
                watched: Duration::ZERO,
                findings: severities.into_iter().map(finding).collect(),
                examined: Vec::new(),
                wide: Vec::new(),
                rules: RULES,
                not_examined: Vec::new(),
            };
            assert_eq!(status(&diagnosis), expected);
        }
    }
}
