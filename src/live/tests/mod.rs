//! Scripted sessions: samples and keys in, queries and screens out.

mod findings;
mod keys;
mod kinds;
mod levels;
mod playback;
mod samples;
mod trace;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{
    Action, Detail, DetailQuery, DetailResult, FailedSample, Key, Listing, ReachedLimit, Setup,
    StateSample, View,
};
use crate::model::screen::{Drawn, NoticeKind, Pane, Place, SampleCost, StateRow};
use crate::model::testing::ends;
use crate::model::{
    Command, Completeness, Counts, Field, Finding, GroupKey, Kind, KindSet, Loss, Note,
    Observation, Severity, Snapshot, SocketId, SourceName, State, StateSet,
};

const SECOND: Duration = Duration::from_secs(1);

fn by(field: Field) -> Vec<GroupKey> {
    vec![GroupKey {
        field,
        prefix: None,
    }]
}

/// A view, and the time that passes for it.
struct Session {
    view: View,
    start: Instant,
    now: Instant,
}

impl Session {
    fn new() -> Session {
        Session::of(None)
    }

    /// One that shows a record.
    fn in_record() -> Session {
        Session::of(Some("a.rec".to_owned()))
    }

    fn of(record: Option<String>) -> Session {
        let start = Instant::now();
        let setup = Setup {
            host: "host".to_owned(),
            interval: SECOND,
            record,
            filter: String::new(),
            kinds: KindSet::TCP,
            shows_plan: false,
            groupings: vec![by(Field::Service), by(Field::RemoteAddr), by(Field::Kind)],
            start,
        };
        Session {
            view: View::new(setup),
            start,
            now: start,
        }
    }

    /// A second later, so many sockets are in these states.
    fn sample(&mut self, numbers: &[(State, u64)]) -> &mut Session {
        self.sample_with(numbers, |_| {})
    }

    fn sample_with(
        &mut self,
        numbers: &[(State, u64)],
        change: impl FnOnce(&mut StateSample),
    ) -> &mut Session {
        let mut sample = self.taken(numbers);
        change(&mut sample);
        self.view.sampled(sample);
        self
    }

    /// A sample a second later.
    fn taken(&mut self, numbers: &[(State, u64)]) -> StateSample {
        self.now += SECOND;
        let mut counts = Counts::default();
        for (state, sockets) in numbers {
            counts.add(*state, *sockets);
        }
        StateSample {
            at: self.now,
            snapshot: Snapshot {
                observation: Observation {
                    time: SystemTime::UNIX_EPOCH + (self.now - self.start),
                    source: SourceName::Netlink,
                    completeness: Completeness::default(),
                },
                asked: StateSet::ALL,
                counts,
                spread: Counts::default(),
            },
            plan: "one walk".to_owned(),
            cost: SampleCost {
                took: Duration::from_millis(1),
                listed: 1,
                derived: 0,
            },
            notes: Vec::new(),
            limits: Vec::new(),
        }
    }

    fn press(&mut self, keys: &[Key]) -> Option<Action> {
        let mut request = None;
        for key in keys {
            request = self.view.press(*key, self.now);
        }
        request
    }

    fn row(&self, state: Option<State>) -> StateRow {
        let rows = self.view.screen(self.now).rows;
        rows.into_iter().find(|row| row.state == state).unwrap()
    }

    fn notices(&self) -> Vec<(NoticeKind, String)> {
        let notices = self.view.screen(self.now).notices;
        notices.into_iter().map(|n| (n.kind, n.text)).collect()
    }

    fn found(&mut self, found: Result<DetailResult, String>) {
        let detail = Detail {
            wanted: self.view.wanted(),
            filter: self.view.filter,
            at: self.now,
            cpu: Duration::from_millis(3),
            found,
        };
        self.view.found(detail);
    }
}

/// The id of the socket in this line.
fn id(line: usize) -> SocketId {
    SocketId {
        kind: Kind::Tcp,
        cookie: Some(line as u64),
        ends: Some(ends("192.0.2.1:80", "192.0.2.2:40000")),
        inode: 1,
        interface: 0,
    }
}

fn listing(lines: usize) -> DetailResult {
    DetailResult::Sockets(Arc::new(Listing {
        heading: "STATE".to_owned(),
        rows: (0..lines).map(|line| line.to_string()).collect(),
        omitted: Vec::new(),
        ids: (0..lines).map(id).collect(),
        is_cut: false,
        losses: Vec::new(),
        notes: Vec::new(),
    }))
}

fn finding(severity: Severity) -> Finding {
    let show = Command::list("-p --state close-wait").of("sport = 80");
    Finding::new(severity, "a title".to_owned(), 1.0, Vec::new(), "why").with_commands([show])
}

const E: State = State::Established;
const C: State = State::CloseWait;
