//! Which states have reached a limit of the kernel.

use crate::live::ReachedLimit;
use crate::model::{Listeners, Snapshot, SourceName, State, StateSet, Where};
use crate::netns::within;
use crate::proc_root::ProcRoot;
use crate::question::Question;
use crate::source::{Observer, Sources, read_sysctl};

/// The limit on TIME_WAIT sockets of a network namespace; closed connections beyond it are
/// forgotten at once, tcp(7).
const TIME_WAIT_LIMIT: &str = "net/ipv4/tcp_max_tw_buckets";

/// The limits that were reached in a sample that answers `question`. A filter may hide further
/// sockets, so a limit can be reached unnoticed, but none is reported that is not reached.
pub(super) fn reached(
    question: &Question,
    sources: &Sources,
    snapshot: &Snapshot,
) -> Vec<ReachedLimit> {
    // The settings in another proc file system are the reader's; those of several namespaces differ.
    let place = sources.place();
    if !matches!(place, Where::Here | Where::Netns(_)) {
        return Vec::new();
    }
    let sockets = snapshot.counts.get(State::TimeWait);
    let read = || within(&place, || read_sysctl(&ProcRoot::own(), TIME_WAIT_LIMIT));
    let limit = (sockets > 0).then(|| read().and_then(std::convert::identity).ok());
    let limit = limit.flatten().and_then(|limit| limit.parse().ok());
    let texts = [
        (State::Listen, accept_queues(question, sources, snapshot)),
        (State::TimeWait, time_wait_text(sockets, limit)),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(state, text)| Some((state, text?)));
    texts
        .map(|(state, text)| ReachedLimit { state, text })
        .collect()
}

/// From nine tenths of the limit on.
fn time_wait_text(sockets: u64, limit: Option<u64>) -> Option<String> {
    let limit = limit.filter(|limit| sockets >= limit - limit / 10)?;
    Some(format!(
        "{sockets} of at most {limit} (net.ipv4.tcp_max_tw_buckets); beyond that, the kernel drops them early"
    ))
}

/// The text about full accept queues, where listeners were requested and netlink answers, which
/// alone reports their limit. The dump of listeners is cheap, whatever the table.
fn accept_queues(question: &Question, sources: &Sources, snapshot: &Snapshot) -> Option<String> {
    let is_reported = snapshot.observation.source != SourceName::Proc;
    if !is_reported || snapshot.counts.get(State::Listen) == 0 {
        return None;
    }
    let question = Question {
        states: StateSet::NONE.with(State::Listen),
        ..question.clone()
    };
    let mut observer = Observer::new(question, sources.clone()).ok()?;
    let mut listeners = Listeners::default();
    // That it fails is reported when the next sample does.
    observer.list(&mut listeners).ok()?;
    let full = || listeners.iter().filter(|listener| listener.is_full());
    let longest = full().max_by_key(|listener| listener.waiting)?;
    let longest = format!(
        "{} wait at {}, and the limit is {}",
        longest.waiting,
        longest.local,
        longest.limit.unwrap_or_default()
    );
    Some(match full().count() {
        1 => format!("an accept queue is full: {longest}"),
        more => format!("{more} accept queues are full; of the longest, {longest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_wait_is_at_its_limit_from_nine_tenths_on() {
        for (sockets, limit, is_reached) in [
            (89, Some(100), false),
            (90, Some(100), true),
            (100, Some(100), true),
            (100, None, false),
            (1, Some(262_144), false),
            (1, Some(0), true),
        ] {
            let text = time_wait_text(sockets, limit);
            assert_eq!(text.is_some(), is_reached, "{sockets} {limit:?}");
        }
    }
}
