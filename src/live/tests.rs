//! Scripted sessions: samples and keys in, what is wanted and what is to be drawn out.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{
    Detail, Found, Key, Limit, Listing, NoSample, Request, Sample, Settings, View, Wanted,
};
use crate::model::screen::{NoticeKind, Pane, SampleCost, StateRow};
use crate::model::{
    Completeness, Counts, Field, Key as GroupKey, Observation, Snapshot, SourceName, State,
    StateSet,
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
        let start = Instant::now();
        let settings = Settings {
            host: "host".to_owned(),
            interval: SECOND,
            filter: String::new(),
            groupings: vec![by(Field::Service), by(Field::RemoteAddr)],
            start,
        };
        Session {
            view: View::new(settings),
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
        change: impl FnOnce(&mut Sample),
    ) -> &mut Session {
        self.now += SECOND;
        let mut counts = Counts::default();
        for (state, sockets) in numbers {
            counts.add(*state, *sockets);
        }
        let mut sample = Sample {
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
            note: None,
            limits: Vec::new(),
        };
        change(&mut sample);
        self.view.sampled(sample);
        self
    }

    fn press(&mut self, keys: &[Key]) -> Option<Request> {
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

    fn found(&mut self, found: Result<Found, String>) {
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

fn listing(lines: usize) -> Found {
    Found::Sockets(Arc::new(Listing {
        heading: "STATE".to_owned(),
        lines: (0..lines).map(|line| line.to_string()).collect(),
        is_cut: false,
        remark: String::new(),
    }))
}

const E: State = State::Established;
const C: State = State::CloseWait;

#[test]
fn a_row_has_the_change_the_rate_over_ten_samples_and_the_extremes_since_the_start() {
    let mut session = Session::new();
    session.sample(&[(E, 100)]);
    let first = session.row(Some(E));
    assert_eq!((first.change, first.rate), (None, None));
    for n in 1..=20 {
        session.sample(&[(E, 100 + 3 * n)]);
    }
    session.sample(&[(E, 50)]);
    let row = session.row(Some(E));
    assert_eq!((row.sockets, row.min, row.max), (50, 50, 160));
    assert_eq!((row.change, row.rate), (Some(-110), Some(-8.3)));
    assert_eq!((row.history.len(), row.history.last()), (22, Some(&50)));
    assert_eq!(session.row(None).sockets, 50);
    session.press(&[Key::Char('r')]);
    let row = session.row(Some(E));
    assert_eq!((row.min, row.max), (50, 50));
}

#[test]
fn a_state_without_a_name_has_a_row_from_when_it_is_seen() {
    let mut session = Session::new();
    let odd = State::Unknown(14);
    session
        .sample(&[(E, 1)])
        .sample(&[(E, 1), (odd, 2)])
        .sample(&[]);
    let row = session.row(Some(odd));
    assert_eq!((row.history, row.change), (vec![0, 2, 0], Some(-2)));
    assert_eq!((row.min, row.max), (0, 2));
}

#[test]
fn what_grows_and_what_is_at_a_limit_is_marked() {
    let mut session = Session::new();
    for n in 0..12 {
        session.sample_with(&[(C, n), (E, 1000 + n % 2)], |sample| {
            sample.limits.push(Limit {
                state: State::TimeWait,
                text: "full".to_owned(),
            });
        });
    }
    assert!(session.row(Some(C)).is_growing && !session.row(Some(E)).is_growing);
    assert!(session.row(Some(State::TimeWait)).is_at_limit);
    let alarm = (NoticeKind::Alarm, "TIME_WAIT: full".to_owned());
    assert_eq!(session.notices(), [alarm]);
}

#[test]
fn keys_select_a_state_and_groups_follow_it() {
    let mut session = Session::new();
    let groups = |state, field| Wanted::Groups {
        state,
        keys: by(field),
    };
    assert_eq!(session.view.wanted(), groups(None, Field::Service));
    session.sample(&[(E, 1)]);
    // Arrows and vi's keys alike: from the sum, which is last.
    for (keys, selected) in [
        (&[Key::Char('k')][..], Some(State::Close)),
        (&[Key::Up, Key::Up], Some(State::LastAck)),
        (&[Key::Char('j'), Key::Down], Some(State::Close)),
        (&[Key::Char('g')], Some(State::Listen)),
        (&[Key::Char('G')], None),
        (&[Key::Home, Key::Up], Some(State::Listen)),
        (&[Key::End, Key::Down], None),
        (&[Key::PageUp], Some(State::Listen)),
        (&[Key::PageDown], None),
    ] {
        session.press(keys);
        assert_eq!(session.view.wanted(), groups(selected, Field::Service));
        assert!(session.row(selected).is_selected);
    }
    for (key, field) in [
        (Key::Char('b'), Field::RemoteAddr),
        (Key::Tab, Field::Service),
        (Key::Char('B'), Field::RemoteAddr),
        (Key::Right, Field::Service),
        (Key::Left, Field::RemoteAddr),
    ] {
        session.press(&[key]);
        assert_eq!(session.view.wanted(), groups(None, field), "{key:?}");
    }
    session.press(&[Key::Char('c')]);
    assert_eq!(session.view.wanted(), Wanted::Nothing);
    assert!(matches!(
        session.view.screen(session.now).pane,
        Pane::Chart(_)
    ));
    session.press(&[Key::Char('c')]);
    session.view.resized(10);
    assert_eq!(session.view.wanted(), Wanted::Nothing, "no room for groups");
}

#[test]
fn the_sockets_of_a_state_are_scrolled_sorted_and_left() {
    let mut session = Session::new();
    session.sample(&[(C, 100)]);
    session.press(&[Key::Char('g'), Key::Enter]);
    let wanted = |session: &Session| match session.view.wanted() {
        Wanted::Sockets { state, sort } => (state, sort.field, sort.descending),
        other @ (Wanted::Nothing | Wanted::Groups { .. }) => panic!("{other:?}"),
    };
    let listen = Some(State::Listen);
    assert_eq!(wanted(&session), (listen, Field::AcceptQueue, true));
    session.found(Ok(listing(100)));
    let selected = |session: &Session| match session.view.screen(session.now).pane {
        Pane::Sockets(pane) => pane.selected,
        other @ (Pane::Groups(_) | Pane::Chart(_)) => panic!("{other:?}"),
    };
    session.view.resized(24);
    for (key, line) in [
        (Key::Down, 1),
        (Key::PageDown, 19),
        (Key::Control('f'), 37),
        (Key::Control('b'), 19),
        (Key::Char('G'), 99),
        (Key::Down, 99),
        (Key::Char('g'), 0),
        (Key::Up, 0),
    ] {
        session.press(&[key]);
        assert_eq!(selected(&session), line, "{key:?}");
    }
    session.press(&[Key::Char('s')]);
    assert_eq!(wanted(&session), (listen, Field::LocalAddr, false));
    session.press(&[Key::Char('o')]);
    assert_eq!(wanted(&session), (listen, Field::LocalAddr, true));
    session.press(&[Key::Char('S')]);
    assert_eq!(wanted(&session), (listen, Field::AcceptQueue, true));
    session.press(&[Key::Escape]);
    assert!(matches!(session.view.wanted(), Wanted::Groups { .. }));
}

#[test]
fn what_is_not_wanted_any_more_is_not_shown() {
    let mut session = Session::new();
    session.sample(&[(C, 1)]);
    session.press(&[Key::Enter]);
    let late = Detail {
        wanted: session.view.wanted(),
        filter: 0,
        at: session.now,
        cpu: Duration::ZERO,
        found: Ok(listing(3)),
    };
    session.press(&[Key::Char('s')]);
    session.view.found(late.clone());
    assert!(session.view.data.sockets.found.is_none());
    session.press(&[Key::Char('S')]);
    let filter = session.view.filter_taken("sport = :80");
    session.press(&[Key::Enter]);
    session.view.found(late.clone());
    assert!(
        session.view.data.sockets.found.is_none(),
        "of another filter"
    );
    session.view.found(Detail { filter, ..late });
}

#[test]
fn a_paused_view_stands_still_while_samples_go_on() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    session.press(&[Key::Char(' ')]);
    session.sample(&[(E, 2)]);
    assert_eq!(session.row(Some(E)).sockets, 1);
    assert!(session.view.screen(session.now).header.is_paused);
    assert_eq!(session.view.snapshot().unwrap().counts.get(E), 1);
    // What a key asks for is shown all the same.
    session.press(&[Key::Enter]);
    session.found(Ok(listing(3)));
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!(pane.lines.len(), 3);
    session.press(&[Key::Escape, Key::Char(' ')]);
    assert_eq!(session.row(Some(E)).sockets, 2);
}

#[test]
fn a_source_that_fails_leaves_what_was_known_with_the_reason_and_since_when() {
    let mut session = Session::new();
    session.sample(&[(E, 7)]);
    for _ in 0..5 {
        session.now += SECOND;
        session.view.failed(NoSample {
            at: session.now,
            time: SystemTime::UNIX_EPOCH,
            reason: "refused".to_owned(),
        });
    }
    session.now += SECOND;
    let screen = session.view.screen(session.now);
    assert!(screen.is_stale);
    let alarm = (
        NoticeKind::Alarm,
        "no answer since 5 s ago: refused".to_owned(),
    );
    assert_eq!(session.notices(), [alarm]);
    assert_eq!(session.row(Some(E)).sockets, 7);
    session.sample(&[(E, 8)]);
    assert!(!session.view.screen(session.now).is_stale);
    assert_eq!(session.notices(), []);
}

#[test]
fn a_view_that_is_behind_says_so() {
    let mut session = Session::new();
    session.now += 5 * SECOND;
    assert_eq!(session.notices()[0].1, "behind: no sample yet after 5 s");
    session.sample_with(&[], |sample| sample.cost.took = 3 * SECOND);
    let told = "behind: a sample takes 3 s, and one is wanted every 1 s";
    assert_eq!(session.notices()[0].1, told);
    session.sample(&[]);
    assert_eq!(session.notices(), []);
    session.now += 4 * SECOND;
    assert_eq!(session.notices()[0].1, "behind: no sample for 3.9 s");
}

#[test]
fn requests_leave_the_view_and_nothing_else_does() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    for (key, request) in [
        (Key::Char('q'), Some(Request::Quit)),
        (Key::Control('c'), Some(Request::Quit)),
        (Key::Char('w'), Some(Request::Save)),
        (Key::Control('l'), Some(Request::Redraw)),
        (Key::Char('+'), Some(Request::Interval(SECOND / 2))),
        (Key::Char('-'), Some(Request::Interval(SECOND))),
        (Key::Char('?'), None),
        (Key::Char('?'), None),
        (Key::Char('x'), None),
        (Key::Delete, None),
    ] {
        assert_eq!(session.press(&[key]), request, "{key:?}");
    }
}

#[test]
fn the_filter_is_edited_checked_refused_and_taken() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    let keys: Vec<Key> = "/q w".chars().map(Key::Char).collect();
    assert_eq!(session.press(&keys), None, "letters are text now");
    let asked = session.press(&[Key::Enter]);
    assert_eq!(asked, Some(Request::Filter("q w".to_owned())));
    assert!(session.view.screen(session.now).prompt.unwrap().is_checking);
    session.view.filter_refused(None, "no such word");
    let screen = session.view.screen(session.now);
    assert_eq!(screen.prompt.unwrap().error.unwrap().reason, "no such word");
    assert_eq!(session.view.filter_taken("sport = :80"), 1);
    let screen = session.view.screen(session.now);
    assert_eq!(screen.header.filter, "sport = :80");
    assert!(screen.prompt.is_none() && screen.rows.is_empty());
    session.press(&[Key::Char('/'), Key::Char('x'), Key::Escape]);
    assert_eq!(
        session.view.screen(session.now).header.filter,
        "sport = :80"
    );
}

#[test]
fn a_hundred_thousand_samples_take_no_more_room_than_the_first_thousand() {
    let mut session = Session::new();
    let mut at_first = 0;
    for n in 0..50_000 {
        // Sockets of every state, and of numbers that no state has, come and go.
        let odd = State::Unknown(u8::try_from(20 + n % 40).unwrap());
        let numbers: Vec<_> = State::named().map(|state| (state, n % 977)).collect();
        session.sample(&numbers).sample(&[(odd, n)]);
        session.found(Err("refused".to_owned()));
        if n % 100 == 0 {
            let _ = session.view.screen(session.now);
        }
        if n == 1_000 {
            at_first = format!("{:?}", session.view.data).len();
        }
    }
    let at_last = format!("{:?}", session.view.data).len();
    // Numbers have more digits at the end.
    assert!(at_last < at_first * 3 / 2, "{at_first} {at_last}");
}
