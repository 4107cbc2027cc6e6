//! From the view's state to what is to be drawn.

use std::time::Instant;

use super::{View, sorting};
use crate::model::GroupKey;
use crate::model::screen::{Chart, GroupsPane, Header, Pane, Screen, SocketsPane};

impl View {
    /// What is to be drawn at `now`.
    pub fn screen(&self, now: Instant) -> Screen<'_> {
        let shown = self.shown();
        let last = shown.record.last.as_ref();
        let observation = last.map(|sample| &sample.snapshot.observation);
        Screen {
            header: Header {
                host: &self.settings.host,
                interval: self.settings.interval,
                time: observation.map(|observation| observation.time),
                plan: last.map_or("", |sample| &sample.plan),
                cost: last.map(|sample| sample.cost),
                filter: &self.settings.filter,
                is_paused: self.frozen.is_some(),
                is_incomplete: observation.is_some_and(|o| !o.completeness.is_complete()),
            },
            notices: self.notices(now),
            rows: shown.record.rows(self.selected),
            is_stale: shown.failure.is_some(),
            pane: self.pane(now),
            prompt: self.editor.as_ref().map(|editor| editor.prompt()),
            help: self.shows_help,
        }
    }

    fn pane(&self, now: Instant) -> Pane<'_> {
        let shown = self.shown();
        if let Some(sockets) = self.sockets {
            let answer = &shown.sockets;
            let listing = answer.found.as_ref().map(|(listing, ..)| &**listing);
            let failure = answer.failure.as_deref();
            return Pane::Sockets(SocketsPane {
                state: self.selected,
                sort: sorting::spelled(sockets.sort),
                heading: listing.map_or("", |listing| &listing.heading),
                lines: listing.map_or(&[], |listing| &listing.lines),
                is_cut: listing.is_some_and(|listing| listing.is_cut),
                selected: sockets.selected,
                age: answer.age(now),
                remark: failure.or(listing.map(|l| l.note.as_str())).unwrap_or(""),
            });
        }
        if self.shows_chart {
            let (numbers, span) = shown.record.history(self.selected);
            return Pane::Chart(Chart {
                state: self.selected,
                numbers,
                span,
            });
        }
        Pane::Groups(GroupsPane {
            by: spelled(self.grouped_by()),
            state: self.selected,
            grouped: shown.groups.found.as_ref().map(|(groups, ..)| &**groups),
            age: shown.groups.age(now),
            failure: shown.groups.failure.as_deref(),
        })
    }
}

/// `service,remote-addr/24,/64`, as `--by` spells it.
fn spelled(keys: &[GroupKey]) -> String {
    let key = |key: &GroupKey| match key.prefix {
        None => key.field.name().to_owned(),
        Some(prefix) => format!("{}/{},/{}", key.field.name(), prefix.v4, prefix.v6),
    };
    keys.iter().map(key).collect::<Vec<_>>().join(",")
}
