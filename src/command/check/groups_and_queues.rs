//! `--by KEYS`: each group judged on its own; `accept-queue=RANGE`: each listener's queue judged by
//! its limit.

use std::ops::ControlFlow;

use super::{Check, SamplePair, worst};
use crate::command::groups::{GroupSampler, Groups, labels};
use crate::command::log::Log;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::judge::{Ranking, judge_queue, worse};
use crate::model::{
    Counts, Field, GroupKey, JudgedGroup, JudgedGroups, JudgedQueue, JudgedQueues, KeyPart,
    ListenPlace, Listeners, Quantity, Sink, Socket, State, StateSet, Thresholds, Trust, UnixName,
    Verdict, thousands,
};

impl Check {
    /// Takes what samples are needed and judges each group.
    pub(super) fn judge_groups(
        &self,
        keys: &[GroupKey],
        log: &mut Log,
    ) -> Result<Verdict, Failure> {
        let mut groups = GroupSampler::new(&self.target, keys, None)?;
        let record = self.target.sources.record();
        let sample = record.filter(|record| record.counted().is_some());
        if let Some(record) = sample.filter(|_| self.socket_window().is_some()) {
            return Err(Failure::Proc(format!(
                "changes of groups are unknown: not every sample in {} has groups of its own",
                record.path.display()
            )));
        }
        let samples = SamplePair::take(self.socket_window(), &self.target.sources, || {
            let sample = groups.sample()?;
            log.sample(&sample);
            Ok(sample)
        })?;
        let (ranking, judged_empty) = self.rank(&samples);
        // A group that was counted with others before would seem to be new.
        let beyond = samples.earlier.iter().chain([&samples.now]);
        let beyond = beyond.filter_map(|sample| sample.found.beyond.as_ref());
        let beyond = beyond.map(|beyond| beyond.counts.total()).max();
        let failures = beyond.map(|sockets| {
            let sockets = thousands(sockets);
            format!("too many groups: {sockets} sockets of the others were not judged")
        });
        let fields = groups.sampler.question().fields.clone();
        let mut names = HostNames::of(groups.sampler.place.clone());
        let mut judged = JudgedGroups {
            groups: ranking.groups,
            all: beyond.is_none(),
            warning: ranking.warning,
            critical: ranking.critical,
            listed: Vec::new(),
            worst: Vec::new(),
            judged_empty,
            fields: fields.clone(),
        };
        let status = ranking.status;
        let (listed, worst_of_each) = ranking.into_worst();
        for (key, judgements) in listed {
            judged.listed.push(JudgedGroup {
                key: labels(&mut names, &fields, &key),
                status: worst(&judgements),
                judgements,
            });
        }
        for (key, judgement) in worst_of_each {
            let key = labels(&mut names, &fields, &key);
            judged.worst.push((key, judgement));
        }
        Ok(Verdict {
            status,
            failures: failures.into_iter().collect(),
            groups: Some(judged),
            ..self.observed(&samples, samples.now.found.counts.clone())
        })
    }

    /// Judges every group of the sample, and those that were there before and have vanished. If
    /// there is none, a group of no sockets is judged, and true is returned: "at least one" must
    /// not hold for no group.
    fn rank(&self, samples: &SamplePair<Groups>) -> (Ranking<Box<[KeyPart]>>, bool) {
        let mut ranking = Ranking::new(self.top);
        let none = Counts::default();
        let judged = |key: &[KeyPart]| {
            self.judgements(
                samples,
                |found| found.groups.get(key).unwrap_or(&none),
                |trust| worth(trust, key),
            )
        };
        let groups = &samples.now.found.groups;
        let earlier = samples.earlier.iter();
        let vanished = earlier.flat_map(|sample| sample.found.groups.keys());
        let vanished = vanished.filter(|key| !groups.contains_key(*key));
        for key in groups.keys().chain(vanished) {
            ranking.add(key, judged(key));
        }
        let is_empty = ranking.groups == 0;
        if is_empty {
            let key: Box<[KeyPart]> = Box::new([]);
            ranking.add(&key, judged(&key));
            ranking.groups = 0;
        }
        (ranking, is_empty)
    }

    /// Judges the queues and adds the result to the verdict. If no source knows the limits, the
    /// queues are unknown, and the other judgements stay.
    pub(super) fn judge_queues(
        &self,
        thresholds: Thresholds,
        verdict: &mut Verdict,
        log: &mut Log,
    ) -> Result<(), Failure> {
        let listeners = self.target.within(StateSet::NONE.with(State::Listen));
        let sampler = listeners.sampler(vec![Field::AcceptQueue, Field::AcceptLimit]);
        let sample = sampler.and_then(|mut sampler| {
            sampler.sample(|observer, _| {
                let mut queues = Queues::default();
                Ok((observer.list(&mut queues)?, queues))
            })
        });
        let mut judged = JudgedQueues {
            thresholds,
            listeners: None,
            broken: 0,
            listed: Vec::new(),
        };
        match sample {
            Ok(sample) => {
                log.sample(&sample);
                let completeness = &sample.report.completeness;
                if let Some(observation) = &mut verdict.observation {
                    observation.completeness.join(completeness);
                }
                let mut names = HostNames::of(self.target.sources.place());
                let trust = completeness.trust();
                judge_all(&mut judged, &sample.found, trust, &mut names);
            }
            Err(failure @ (Failure::Observe(_) | Failure::CannotKnow(_))) => {
                let name = Quantity::AcceptQueue.name();
                verdict.failures.push(format!("{name}: {failure}"));
            }
            Err(failure) => return Err(failure),
        }
        judged.listed.truncate(self.top);
        let worst_of_all = worst(judged.listed.iter().map(|queue| &queue.judgement));
        verdict.status = verdict.status.max(worst_of_all);
        verdict.queues = Some(judged);
        Ok(())
    }
}

/// The accept queues of a sample.
#[derive(Default)]
struct Queues {
    internet: Listeners,
    /// The name, what waits, and the limit.
    unix: Vec<(UnixName, u32, u32)>,
}

impl Sink for Queues {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let queue = socket.accept_queue().zip(socket.accept_limit());
        match socket.unix().zip(queue) {
            Some((unix, (waiting, limit))) => {
                self.unix.push((unix.name.clone(), waiting, limit));
                ControlFlow::Continue(())
            }
            None => self.internet.socket(socket),
        }
    }
}

/// The trust in the numbers of a group. If an owner may have been missed, the group without an
/// owner may be too large; if a listener, every group that depends on listeners.
fn worth(trust: Trust, key: &[KeyPart]) -> Trust {
    let may_have_others = |part: &KeyPart| {
        matches!(
            part,
            KeyPart::Process(None)
                | KeyPart::Pid(None)
                | KeyPart::Unit(None)
                | KeyPart::Container(None)
                | KeyPart::Pod(None)
                | KeyPart::Direction(_)
                | KeyPart::Service(_)
        )
    };
    match trust {
        Trust::AtLeast if key.iter().any(may_have_others) => Trust::Nothing,
        Trust::AtLeast | Trust::Exact | Trust::Nothing => trust,
    }
}

/// Judges the queue of each listener, the worst first.
fn judge_all(judged: &mut JudgedQueues, found: &Queues, trust: Trust, names: &mut HostNames) {
    let internet = found.internet.iter().filter_map(|listener| {
        // A source that does not report limits has refused the question.
        let place = ListenPlace::Internet(names.listen_address(listener));
        Some((place, listener.waiting, listener.limit?))
    });
    let unix = found.unix.iter().map(|(name, waiting, limit)| {
        let place = ListenPlace::Unix(name.clone());
        (place, *waiting, *limit)
    });
    let queues = internet.chain(unix);
    let queues = queues.map(|(place, waiting, limit)| JudgedQueue {
        place,
        judgement: judge_queue(judged.thresholds, waiting, limit, trust),
    });
    let mut listed: Vec<JudgedQueue> = queues.collect();
    listed.sort_by(|a, b| {
        let worst_first = worse(&b.judgement, &a.judgement);
        worst_first.then_with(|| a.place.cmp(&b.place))
    });
    let is_broken = |queue: &&JudgedQueue| queue.judgement.breach.is_some();
    judged.broken = listed.iter().filter(is_broken).count() as u64;
    judged.listeners = Some(listed.len() as u64);
    judged.listed = listed;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Direction;

    #[test]
    fn groups_that_a_loss_may_make_too_large_prove_nothing() {
        let (least, nothing) = (Trust::AtLeast, Trust::Nothing);
        for (part, worth_of_it) in [
            (KeyPart::Process(None), nothing),
            (KeyPart::Pid(None), nothing),
            (KeyPart::Direction(Some(Direction::Out)), nothing),
            (KeyPart::Pid(Some(1)), least),
            (KeyPart::Port(None), least),
        ] {
            let key = [KeyPart::Port(Some(80)), part.clone()];
            assert_eq!(worth(least, &key), worth_of_it, "{part:?}");
            assert_eq!(worth(Trust::Exact, &key), Trust::Exact);
        }
    }
}
