//! What is compared besides numbers of sockets: how each quantity of `model::Quantity` is measured.
//!
//! Totals since boot say nothing about now, so those are read before and after a window. A quantity
//! that is unknown makes the verdict UNKNOWN with the reason, and the others are judged.

mod drops;
mod ephemeral_ports;
mod kernel;
mod queues;

use std::time::Duration;

use super::worst;
use crate::command::clock::Clock;
use crate::command::log::Log;
use crate::command::outcome::Failure;
use crate::command::sample::Sample;
use crate::command::target::Target;
use crate::judge::judge_value;
use crate::model::{
    Aspect, Completeness, Counters, Holder, JudgedQuantity, Measure, Quantity, Thresholds, Trust,
    Verdict,
};
use crate::source::Readings;
use drops::Dropped;
use kernel::Kernel;
use queues::LongestQueues;

/// A value, and what has it.
#[derive(Debug, PartialEq)]
struct Measured {
    value: f64,
    /// Of a share, how much of how much.
    parts: Option<(u64, u64)>,
    trust: Trust,
    holder: Option<Holder>,
}

impl Measured {
    /// An exact number.
    #[allow(
        clippy::cast_precision_loss,
        reason = "as exact as a double, and shown rounded"
    )]
    fn number(value: u64) -> Measured {
        Measured {
            value: value as f64,
            parts: None,
            trust: Trust::Exact,
            holder: None,
        }
    }

    /// A part in percent; nothing is 0 % of nothing.
    #[allow(clippy::cast_precision_loss, reason = "as above")]
    fn share(part: u64, whole: u64) -> Measured {
        Measured {
            value: part as f64 * 100.0 / whole.max(1) as f64,
            parts: Some((part, whole)),
            ..Measured::number(0)
        }
    }

    /// By how much something grew in a second.
    #[allow(clippy::cast_precision_loss, reason = "as above")]
    fn rate(growth: u64, elapsed: Duration) -> Measured {
        Measured {
            value: growth as f64 * 1e9 / elapsed.as_nanos().max(1) as f64,
            ..Measured::number(0)
        }
    }

    /// A number, or its share of a limit.
    fn of_limit<E>(
        measure: Measure,
        value: u64,
        limit: impl FnOnce() -> Result<u64, E>,
    ) -> Result<Measured, E> {
        match measure {
            Measure::Share => Ok(Measured::share(value, limit()?)),
            Measure::Count | Measure::Rate => Ok(Measured::number(value)),
        }
    }
}

/// The quantities that are judged, and what was read of them before the window.
pub(super) struct Quantities<'a> {
    target: &'a Target,
    thresholds: &'a [Thresholds],
    readings: Readings,
    before: Counters,
    dropped: Option<Result<Sample<Dropped>, Failure>>,
    clock: Clock,
    queues: Option<LongestQueues>,
}

impl<'a> Quantities<'a> {
    /// Reads what is needed at the begin of the window.
    pub(super) fn begin(target: &'a Target, thresholds: &'a [Thresholds]) -> Quantities<'a> {
        let judges = |quantity| {
            let mut all = thresholds.iter();
            all.any(|one| one.aspect.quantity() == Some(quantity))
        };
        let clock = match thresholds.iter().any(|one| one.aspect.needs_window()) {
            true => Clock::start_window(&target.sources),
            false => Clock::start(&target.sources),
        };
        let readings = Readings::of(&target.sources);
        let dropped = judges(Quantity::Drops).then(|| drops::sample(&target.without_filter()));
        let counts = judges(Quantity::ListenDrops) || judges(Quantity::Retransmission);
        let before = match counts {
            true => readings.counters(),
            false => Counters::default(),
        };
        if clock.is_recorded() {
            // All that is counted once is of the end of the window, as the verdict says.
            clock.wait(Duration::ZERO);
        }
        Quantities {
            target,
            thresholds,
            readings,
            before,
            dropped,
            clock,
            queues: None,
        }
    }

    /// Waits for the end of the window, where one is needed, and adds the judgements to the verdict.
    ///
    /// # Errors
    /// Those that are not about one quantity.
    pub(super) fn judge(
        mut self,
        window: Option<Duration>,
        verdict: &mut Verdict,
        log: &mut Log,
    ) -> Result<(), Failure> {
        if self.thresholds.iter().any(|one| one.aspect.needs_window()) {
            let window = window.unwrap_or_default();
            self.clock.wait(window.saturating_sub(self.clock.elapsed()));
        }
        let mut kernel = None;
        for thresholds in self.thresholds {
            let aspect = thresholds.aspect;
            let kernel = kernel.get_or_insert_with(|| {
                Kernel::read(&self.readings, self.before.clone(), &self.clock)
            });
            let Some(quantity) = aspect.quantity() else {
                continue;
            };
            let (holder, judgement) = match self.measure(quantity, aspect, kernel, verdict, log) {
                Ok(None) => continue,
                Ok(Some(one)) => {
                    let judgement = judge_value(*thresholds, one.value, one.parts, one.trust);
                    (one.holder, Some(judgement))
                }
                Err(
                    failure @ (Failure::Observe(_) | Failure::CannotKnow(_) | Failure::Proc(_)),
                ) => {
                    let name = quantity.name();
                    verdict.failures.push(format!("{name}: {failure}"));
                    (None, None)
                }
                Err(failure) => return Err(failure),
            };
            verdict.quantities.push(JudgedQuantity {
                thresholds: *thresholds,
                holder,
                judgement,
            });
        }
        let judgements = verdict.quantities.iter();
        let status = worst(judgements.filter_map(|one| one.judgement.as_ref()));
        verdict.status = verdict.status.max(status);
        Ok(())
    }

    /// The value of a quantity; `None` for accept queues, which are judged one by one.
    fn measure(
        &mut self,
        quantity: Quantity,
        aspect: Aspect,
        kernel: &Kernel,
        verdict: &mut Verdict,
        log: &mut Log,
    ) -> Result<Option<Measured>, Failure> {
        let measured = match quantity {
            Quantity::AcceptQueue => return Ok(None),
            Quantity::ListenDrops => kernel.listen_drops().map_err(Failure::Proc)?,
            Quantity::Retransmission => kernel.retransmission().map_err(Failure::Proc)?,
            Quantity::Orphans => kernel.orphans(aspect.measure).map_err(Failure::Proc)?,
            Quantity::Memory => kernel.memory(aspect.measure).map_err(Failure::Proc)?,
            Quantity::EphemeralPorts => {
                let settings = &kernel.settings;
                let (report, measured) =
                    ephemeral_ports::fullest(self.target, settings, aspect.measure)?;
                lose(verdict, &report.completeness);
                measured
            }
            Quantity::Drops => {
                let now = drops::sample(self.target)?;
                kernel.refuse_copies().map_err(Failure::Proc)?;
                log.sample(&now);
                let before = self
                    .dropped
                    .take()
                    .unwrap_or_else(|| drops::sample(self.target))?;
                lose(verdict, &before.report.completeness);
                add(verdict, &now);
                drops::rate(&before, &now)?
            }
            Quantity::ReceiveQueue if aspect.measure == Measure::Share => {
                let sample = queues::fullest(self.target)?;
                log.sample(&sample);
                add(verdict, &sample);
                sample.found
            }
            Quantity::ReceiveQueue | Quantity::SendQueue => {
                let queues = match self.queues {
                    Some(queues) => queues,
                    None => {
                        let sample = queues::sample(self.target)?;
                        log.sample(&sample);
                        add(verdict, &sample);
                        *self.queues.insert(sample.found)
                    }
                };
                queues.longest(quantity)
            }
        };
        Ok(Some(measured))
    }
}

/// Adds to a verdict what a sample lost, and whose processes were not found for it.
fn add<T>(verdict: &mut Verdict, sample: &Sample<T>) {
    lose(verdict, &sample.report.completeness);
    if verdict.no_process.is_empty() {
        verdict.no_process.clone_from(&sample.no_process);
    }
}

fn lose(verdict: &mut Verdict, completeness: &Completeness) {
    if let Some(observation) = &mut verdict.observation {
        observation.completeness.join(completeness);
    }
}
