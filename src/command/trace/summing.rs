//! What a trace comes to: what is counted while it runs, and the summary with its names.

use std::time::{Duration, SystemTime};

use crate::command::groups::labels;
use crate::command::names::HostNames;
use crate::life::TraceTally;
use crate::model::trace::{Connection, Losses, Opened, Side, Story, Summary, Transition};
use crate::model::{
    Field, GroupHolders, GroupKey, KeyPart, Kind, Listeners, Netns, ProcessName, Service, Socket,
    State, Where,
};

/// Groups of the summary that are listed unless `--top` says how many.
const USUAL_TOP: usize = 10;

/// Adds up transitions and closes.
pub(super) struct Sum {
    /// Whose names its groups have.
    place: Where,
    tally: TraceTally,
    keys: Vec<GroupKey>,
    listeners: Listeners,
    top: Option<usize>,
}

impl Sum {
    /// Counts in `place` who closes first by these keys; the `top` groups, and as many of the connections that
    /// lived longest, are in the summary.
    pub(super) fn new(place: Where, keys: &[GroupKey], top: Option<usize>) -> Sum {
        Sum {
            place,
            tally: TraceTally::new(top.unwrap_or(0)),
            keys: keys.to_vec(),
            listeners: Listeners::default(),
            top,
        }
    }

    /// Where the host listens, for connections that existed before.
    pub(super) fn set_listeners(&mut self, listeners: Listeners) {
        self.listeners = listeners;
    }

    pub(super) fn transition(&mut self, row: &Transition) {
        self.tally.transition(row);
    }

    /// Counts a connection once, seen from the end that accepted it where that was traced.
    pub(super) fn close(&mut self, story: &Story) {
        let (end, first) = story.seen_from_server(self.is_server(&story.first));
        let key = self.key(end);
        self.tally.close(story, first, &key);
    }

    /// Whether an end accepted its connection; of one that was open before, by who listens.
    fn is_server(&self, end: &Connection) -> bool {
        match end.opened {
            Opened::By(side) => side == Side::Remote,
            Opened::Before | Opened::Unknown => matches!(
                self.listeners.service(Kind::Tcp, Netns::CALLER, &end.ends),
                Service::Served(_)
            ),
        }
    }

    /// What a connection is grouped by.
    fn key(&self, row: &Connection) -> Vec<KeyPart> {
        let socket = Socket {
            uid: row.uid,
            // So that its creator is its owner, although no process holds it any more.
            inode: u64::MAX,
            ..Socket::bare(Kind::Tcp, State::Close, row.ends)
        };
        let holder = row.task();
        let held = GroupHolders {
            own: holder.map(|task| (Some(ProcessName::new(task.text().as_bytes())), task.pid)),
            ..GroupHolders::default()
        };
        let part = |key: &GroupKey| match (key.field, row.opened) {
            // Who opened it is known better than from who listens now.
            (Field::Service, Opened::By(side)) => Some(KeyPart::Service(Some(match side {
                Side::Local => Service::Used(row.ends.remote),
                Side::Remote => Service::Served(row.ends.local.port()),
            }))),
            _ => key.part(&socket, &self.listeners, held),
        };
        self.keys.iter().filter_map(part).collect()
    }

    /// The summary of a trace that took so long.
    pub(super) fn summary(
        &self,
        source: &'static str,
        losses: Losses,
        lasted: Duration,
    ) -> Summary {
        let fields: Vec<Field> = self.keys.iter().map(|key| key.field).collect();
        let mut names = HostNames::of(self.place.clone());
        let (groups, mut other) = self.tally.first_closes();
        let top = self.top.unwrap_or(USUAL_TOP);
        let mut first_closes = Vec::new();
        for (key, sum) in groups {
            if first_closes.len() < top {
                first_closes.push((labels(&mut names, &fields, key), sum.clone()));
            } else {
                other.join(sum);
            }
        }
        Summary {
            time: SystemTime::now(),
            lasted,
            source,
            transitions: (source == "bpf").then_some(self.tally.transitions()),
            connections: self.tally.connections(),
            shapes: self.tally.shapes(),
            states: self.tally.states(),
            fields,
            first_closes,
            other,
            longest: self.tally.longest(),
            losses,
        }
    }
}
