//! From the view's state to what is drawn.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::choices::sort_text;
use super::levels::{Kind, Level, Sockets, columns};
use super::{Below, Listing, Saved, View};
use crate::model::screen::{
    Chart, ChoicesPane, GroupsPane, Header, Notice, NoticeKind, Pane, Screen, SocketPane,
    SocketsPane, StateRow, brief,
};
use crate::model::{self, Field, GroupKey};

/// How long the result of a key is shown.
const REPLY_TIME: Duration = Duration::from_secs(10);

impl View {
    /// What is drawn at `now`.
    pub fn screen(&self, now: Instant) -> Screen<'_> {
        let reply = self.reply(now);
        // While it is paused, nothing gets older.
        let shown = self.shown();
        let last = shown.record.last.as_ref();
        let now = self.frozen.as_ref().map_or(now, |(_, since)| *since);
        // So does nothing in a record.
        let recorded = self.playback.as_ref();
        let now = recorded.and(last).map_or(now, |sample| sample.at);
        let observation = last.map(|sample| &sample.snapshot.observation);
        let time = observation.map(|observation| observation.time);
        Screen {
            header: Header {
                host: &self.setup.host,
                interval: self.setup.interval,
                record: self.setup.record.as_deref(),
                time: recorded.map_or(time, |playback| playback.time),
                shows_plan: self.setup.shows_plan,
                plan: last.map_or("", |sample| &sample.plan),
                cost: last.map(|sample| sample.cost),
                filter: &self.setup.filter,
                kinds: self.setup.kinds,
                is_paused: match recorded {
                    Some(playback) => !playback.is_playing,
                    None => self.frozen.is_some(),
                },
                is_incomplete: observation.is_some_and(|o| !o.completeness.is_complete()),
            },
            notices: reply.into_iter().chain(self.notices(now)).collect(),
            rows: self.rows(),
            rest: self.rest,
            timeline: self.timeline_bar(),
            is_stale: shown.failure.is_some() && recorded.is_none(),
            pane: self.pane(now),
            prompt: self.editor.as_ref().map(|editor| editor.prompt()),
            help: match self.levels.last() {
                Some(Level {
                    kind: Kind::Help,
                    at,
                }) => Some(*at),
                Some(_) | None => None,
            },
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
        if let Some(choices) = self.choices() {
            return Pane::Choices(choices);
        }
        match self.content().map(|level| &level.kind) {
            Some(Kind::Sockets(sockets)) => self.sockets_pane(sockets, now),
            Some(Kind::Socket(_)) => Pane::Socket(SocketPane {
                facts: self.facts(),
                first: self.levels.last().map_or(0, |level| level.at),
                age: shown.socket.age(now),
                failure: shown.socket.failure.as_deref(),
            }),
            Some(Kind::Findings) => Pane::Findings(self.findings_pane()),
            Some(Kind::Groups | Kind::Columns | Kind::Kinds(_) | Kind::Help) => {
                self.groups_pane(now)
            }
            None => match self.below {
                Below::Groups => self.groups_pane(now),
                Below::Trace => Pane::Trace(self.trace_pane()),
                Below::Chart => Pane::Chart(Chart {
                    state: self.selected,
                    numbers: shown.record.history(self.selected),
                }),
            },
        }
    }

    /// The list of choices, where one is on top.
    fn choices(&self) -> Option<ChoicesPane> {
        let (title, choices) = match self.top()? {
            Kind::Columns => {
                let all = columns(self.setup.kinds);
                let is_shown = |field: Field| self.columns.contains(&field);
                let all = all.map(|field| (field.name(), is_shown(field)));
                ("columns besides the usual ones", all.collect())
            }
            Kind::Kinds(chosen) => {
                let all = model::Kind::ALL.iter();
                let all = all.map(|kind| (kind.name(), chosen.contains(*kind)));
                ("kinds of sockets", all.collect())
            }
            Kind::Groups | Kind::Findings | Kind::Sockets(_) | Kind::Socket(_) | Kind::Help => {
                return None;
            }
        };
        Some(ChoicesPane {
            title,
            choices,
            selected: self.cursor(),
        })
    }

    fn sockets_pane<'a>(&'a self, sockets: &'a Sockets, now: Instant) -> Pane<'a> {
        let answer = &self.shown().sockets;
        let listing = self.listing();
        let failure = answer.failure.clone();
        Pane::Sockets(SocketsPane {
            state: self.selected,
            group: sockets.group.as_ref().map(|group| &*group.labels),
            sort: sort_text(sockets.sort),
            heading: listing.map_or("", |listing| &listing.heading),
            rows: listing.map_or(&[], |listing| &listing.rows),
            omitted: listing.map_or(&[], |listing| &listing.omitted),
            is_cut: listing.is_some_and(|listing| listing.is_cut),
            selected: self.cursor(),
            age: answer.age(now),
            note: failure.or(listing.map(listing_note)).unwrap_or_default(),
        })
    }

    fn groups_pane(&self, now: Instant) -> Pane<'_> {
        let answer = &self.shown().groups;
        let grouped = self.grouped();
        let has_cursor =
            matches!(self.content(), Some(level) if matches!(level.kind, Kind::Groups));
        Pane::Groups(GroupsPane {
            by: keys_text(self.grouped_by()),
            state: self.selected,
            grouped,
            order: grouped.map_or(Vec::new(), |grouped| self.group_order(grouped)),
            sort: self.group_sort.text(),
            selected: has_cursor.then(|| self.cursor()),
            age: answer.age(now).map(|(age, cpu)| {
                // Of a record, they are compared with the sample.
                let older = self.older_than_shown(grouped);
                (older.unwrap_or(age), cpu)
            }),
            failure: answer.failure.as_deref(),
        })
    }

    /// What a key writes to a file.
    pub fn saved(&self) -> Saved<'_> {
        let as_text = || Saved::Text(self.snapshot());
        match self.content().map(|level| &level.kind) {
            Some(Kind::Groups) => self.grouped().map_or(as_text(), Saved::Groups),
            Some(Kind::Sockets(_)) => self.listing().map_or(as_text(), |listing| {
                Saved::List(self.snapshot(), &listing.heading, &listing.rows)
            }),
            None if self.below != Below::Trace && self.levels.is_empty() => {
                self.snapshot().map_or(as_text(), Saved::Sample)
            }
            Some(_) | None => as_text(),
        }
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
            match self.playback {
                None => add(
                    NoticeKind::Alarm,
                    format!("no answer for {time}: {}", failed.reason),
                ),
                Some(_) => add(NoticeKind::Warning, failed.reason.clone()),
            }
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
        notices.extend(self.playback_notices());
        notices.extend(self.findings_notice());
        notices.sort_by_key(|notice| Reverse(notice.kind));
        notices
    }

    /// Whether samples are later than they should be, and why.
    fn delay_text(&self, now: Instant) -> Option<String> {
        let interval = self.setup.interval;
        let shown = self.shown();
        if shown.failure.is_some() || self.playback.is_some() {
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
