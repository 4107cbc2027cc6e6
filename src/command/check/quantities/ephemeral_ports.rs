//! `ephemeral-ports`: the destination for whose connections most ports are taken.

use super::Measured;
use crate::command::outcome::Failure;
use crate::command::target::Target;
use crate::diagnose::OutgoingPorts;
use crate::model::{Field, Holder, Kind, Listeners, Measure, Settings, State, StateSet, Trust};
use crate::question::Question;
use crate::source::{Observer, Report};

/// The fullest destination of the connections that the filter selects. Of each destination every
/// connection counts, since each takes a port.
///
/// # Errors
/// When no source answered, or the ports are unknown.
pub(super) fn fullest(
    target: &Target,
    settings: &Settings,
    measure: Measure,
) -> Result<(Report, Measured), Failure> {
    let sources = &target.sources;
    let mut listeners = Listeners::default();
    let listening = Question {
        fields: vec![Field::Direction],
        ..Question::about(Kind::Tcp, StateSet::NONE.with(State::Listen))
    };
    let first = Observer::new(listening, sources.clone())?.list(&mut listeners)?;
    let mut ports = OutgoingPorts::new(settings, &listeners).map_err(Failure::Proc)?;
    let connected = Question::about(Kind::Tcp, OutgoingPorts::STATES);
    let mut report = Observer::new(connected, sources.clone())?.list(&mut ports)?;
    report.add(&first);
    let fullest = match &target.question.filter {
        None => ports.fullest(),
        Some(_) => {
            let mut selected = target.clone();
            selected.question.states = OutgoingPorts::STATES;
            let mut sampler = selected.sampler(Vec::new())?;
            let sample = sampler.sample(|observer, _| {
                let mut sink = ports.fullest_of();
                Ok((observer.list(&mut sink)?, sink.fullest))
            })?;
            report.add(&sample.report);
            sample.found
        }
    };
    let taken = fullest.map_or(0, |one| one.taken);
    let measured = Measured::of_limit(measure, taken, || Ok::<_, Failure>(ports.limit()))?;
    let trust = match ports.is_whole() {
        true => report.completeness.trust(),
        false => Trust::AtLeast,
    };
    let holder = fullest.map(|one| Holder::Destination {
        source: one.source,
        peer: one.peer,
    });
    let measured = Measured {
        trust,
        holder,
        ..measured
    };
    Ok((report, measured))
}
