//! What a person should know now.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::View;
use super::record::Record;
use crate::model::screen::{Notice, NoticeKind, brief};

/// How long it is shown what came of a key.
const HEARD: Duration = Duration::from_secs(10);

impl View {
    /// The most important first; what came of the last key before all.
    pub(super) fn notices(&self, now: Instant) -> Vec<Notice> {
        let shown = self.shown();
        let mut notices = Vec::new();
        let mut add = |kind, text| notices.push(Notice { kind, text });
        if let Some((since, failed)) = &shown.failure {
            let ago = brief(now.saturating_duration_since(*since));
            add(
                NoticeKind::Alarm,
                format!("no answer since {ago} ago: {}", failed.reason),
            );
        }
        if let Some(last) = &shown.record.last {
            for limit in &last.limits {
                add(
                    NoticeKind::Alarm,
                    format!("{}: {}", limit.state, limit.text),
                );
            }
            for loss in last.snapshot.observation.completeness.losses() {
                add(NoticeKind::Warning, loss.to_string());
            }
        }
        if let Some(text) = self.behind(&self.data.record, now) {
            add(NoticeKind::Warning, text);
        }
        let note = shown.record.last.as_ref();
        if let Some(note) = note.and_then(|sample| sample.note.clone()) {
            add(NoticeKind::Note, note);
        }
        notices.sort_by_key(|notice| Reverse(notice.kind));
        let word = self.word.as_ref();
        let word = word.filter(|(at, _)| now.saturating_duration_since(*at) < HEARD);
        let word = word.map(|(_, notice)| notice.clone());
        word.into_iter().chain(notices).collect()
    }

    /// Whether samples come later than they should.
    fn behind(&self, record: &Record, now: Instant) -> Option<String> {
        let interval = self.settings.interval;
        if self.data.failure.is_some() {
            return None;
        }
        let Some(last) = &record.last else {
            let waited = now.saturating_duration_since(self.settings.start);
            return (waited > 2 * interval)
                .then(|| format!("behind: no sample yet after {}", brief(waited)));
        };
        let took = last.cost.took;
        let waited = now.saturating_duration_since(last.at + took);
        if waited > 2 * interval + took {
            return Some(format!("behind: no sample for {}", brief(waited)));
        }
        (took > interval).then(|| {
            let (took, interval) = (brief(took), brief(interval));
            format!("behind: a sample takes {took}, and one is wanted every {interval}")
        })
    }
}
