//! From the view's state to what is drawn.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::choices::sort_text;
use super::{Below, DetailResult, Listing, View};
use crate::model::GroupKey;
use crate::model::screen::{
    Chart, GroupsPane, Header, Notice, NoticeKind, Pane, Screen, SocketsPane, StateRow, brief,
};

/// How long the result of a key is shown.
const REPLY_TIME: Duration = Duration::from_secs(10);

impl View {
    /// What is drawn at `now`.
    pub fn screen(&self, now: Instant) -> Screen<'_> {
        let reply = self.reply(now);
        // While it is paused, nothing gets older.
        let now = self.frozen.as_ref().map_or(now, |(_, since)| *since);
        let shown = self.shown();
        let last = shown.record.last.as_ref();
        let observation = last.map(|sample| &sample.snapshot.observation);
        Screen {
            header: Header {
                host: &self.setup.host,
                interval: self.setup.interval,
                time: observation.map(|observation| observation.time),
                shows_plan: self.setup.shows_plan,
                plan: last.map_or("", |sample| &sample.plan),
                cost: last.map(|sample| sample.cost),
                filter: &self.setup.filter,
                is_paused: self.frozen.is_some(),
                is_incomplete: observation.is_some_and(|o| !o.completeness.is_complete()),
            },
            notices: reply.into_iter().chain(self.notices(now)).collect(),
            rows: self.rows(),
            rest: self.rest,
            is_stale: shown.failure.is_some(),
            pane: self.pane(now),
            prompt: self.editor.as_ref().map(|editor| editor.prompt()),
            help: self.help,
        }
    }

    fn rows(&self) -> Vec<StateRow> {
        let mut rows = self.shown().record.rows(self.selected);
        if self.rest.is_selected {
            rows.iter_mut().for_each(|row| row.is_selected = false);
        }
        rows
    }

    fn pane(&self, now: Instant) -> Pane<'_> {
        let shown = self.shown();
        if let Some(sockets) = self.sockets {
            let answer = &shown.sockets;
            let listing = match &answer.found {
                Some((DetailResult::Sockets(listing), ..)) => Some(&**listing),
                Some((DetailResult::Groups(_) | DetailResult::Trace(_), ..)) | None => None,
            };
            let failure = answer.failure.clone();
            return Pane::Sockets(SocketsPane {
                state: self.selected,
                sort: sort_text(sockets.sort),
                heading: listing.map_or("", |listing| &listing.heading),
                lines: listing.map_or(&[], |listing| &listing.lines),
                is_cut: listing.is_some_and(|listing| listing.is_cut),
                selected: sockets.selected,
                age: answer.age(now),
                note: failure.or(listing.map(listing_note)).unwrap_or_default(),
            });
        }
        if self.shows_findings() {
            return Pane::Findings(self.findings_pane());
        }
        if self.below == Below::Trace {
            return Pane::Trace(self.trace_pane());
        }
        if self.below == Below::Chart {
            let (numbers, span) = shown.record.history(self.selected);
            return Pane::Chart(Chart {
                state: self.selected,
                numbers,
                span,
            });
        }
        let answer = &shown.groups;
        Pane::Groups(GroupsPane {
            by: keys_text(self.grouped_by()),
            state: self.selected,
            grouped: match &answer.found {
                Some((DetailResult::Groups(grouped), ..)) => Some(&**grouped),
                Some((DetailResult::Sockets(_) | DetailResult::Trace(_), ..)) | None => None,
            },
            age: answer.age(now),
            failure: answer.failure.as_deref(),
        })
    }

    /// The result of the last key, for a while.
    fn reply(&self, now: Instant) -> Option<Notice> {
        let (at, notice) = self.reply.as_ref()?;
        (now.saturating_duration_since(*at) < REPLY_TIME).then(|| notice.clone())
    }

    /// The most important first.
    fn notices(&self, now: Instant) -> Vec<Notice> {
        let shown = self.shown();
        let mut notices = Vec::new();
        let mut add = |kind, text| notices.push(Notice { kind, text });
        if let Some((since, failed)) = &shown.failure {
            let time = brief(now.saturating_duration_since(*since));
            add(
                NoticeKind::Alarm,
                format!("no answer for {time}: {}", failed.reason),
            );
        }
        if let Some(last) = &shown.record.last {
            for limit in &last.limits {
                let text = format!("{}: {}", limit.state, limit.text);
                add(NoticeKind::Alarm, text);
            }
            for loss in last.snapshot.observation.completeness.losses() {
                add(NoticeKind::Warning, loss.to_string());
            }
            if !last.notes.is_empty() {
                add(NoticeKind::Note, joined(&last.notes));
            }
        }
        if let Some(text) = self.delay_text(now) {
            add(NoticeKind::Warning, text);
        }
        notices.extend(self.findings_notice());
        notices.sort_by_key(|notice| Reverse(notice.kind));
        notices
    }

    /// Whether samples are later than they should be, and why.
    fn delay_text(&self, now: Instant) -> Option<String> {
        let interval = self.setup.interval;
        let shown = self.shown();
        if shown.failure.is_some() {
            return None;
        }
        let Some(last) = &shown.record.last else {
            let waited = now.saturating_duration_since(self.setup.start);
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
            format!("behind: a sample takes {took}, longer than the interval of {interval}")
        })
    }
}

/// What was lost of a list, and the notes about it.
fn listing_note(listing: &Listing) -> String {
    let parts = [joined(&listing.losses), joined(&listing.notes)];
    joined(parts.iter().filter(|part| !part.is_empty()))
}

/// All of them in one line.
fn joined(parts: impl IntoIterator<Item = impl ToString>) -> String {
    let parts = parts.into_iter().map(|part| part.to_string());
    parts.collect::<Vec<_>>().join("; ")
}

/// `service,remote-addr/24,/64`, as `--by` spells it.
fn keys_text(keys: &[GroupKey]) -> String {
    let key = |key: &GroupKey| match key.prefix {
        None => key.field.name().to_owned(),
        Some(prefix) => format!("{}/{},/{}", key.field.name(), prefix.v4, prefix.v6),
    };
    keys.iter().map(key).collect::<Vec<_>>().join(",")
}
