//! A record that is played: keys, and what is shown of a moment or sample.

use super::levels::groups;
use super::*;
use crate::live::{Move, Moved};
use crate::model::{Place as FilePlace, Position, Stretch, Ticks, Timeline, TimelinePart};

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn timeline() -> Arc<Timeline> {
    let mut ticks = Ticks::of_samples();
    (0..3).for_each(|second| ticks.push(time(second), &established(second)));
    Arc::new(Timeline {
        parts: vec![TimelinePart {
            stretch: Stretch {
                has_sockets: false,
                is_first: false,
                place: FilePlace::default(),
                first: time(0),
                last: time(2),
            },
            run: 0,
            ticks: Some(Arc::new(ticks)),
        }],
    })
}

fn established(sockets: u64) -> Counts {
    let mut counts = Counts::default();
    counts.add(E, sockets);
    counts
}

/// A session in a record, at its last sample, which has two connections.
fn played() -> Session {
    let mut session = Session::in_record();
    let moved = moved(&mut session);
    session.view.moved(session.now, moved);
    session
}

fn moved(session: &mut Session) -> Moved {
    let sample = session.taken(&[(E, 2)]);
    Moved {
        sample: Ok(sample),
        before: vec![(time(0), established(0)), (time(1), established(1))],
        timeline: timeline(),
        at: Position { part: 0, tick: 2 },
        has_sockets: false,
        causes: Vec::new(),
        cut: None,
        is_playing: false,
        reply: None,
    }
}

#[test]
fn arrows_marks_and_space_go_through_the_record() {
    let mut session = played();
    for (key, action) in [
        (Key::Left, Action::Move(Move::By(-1))),
        (Key::Right, Action::Move(Move::By(1))),
        (Key::ShiftLeft, Action::Move(Move::By(-10))),
        (Key::ShiftRight, Action::Move(Move::By(10))),
        (Key::Char('n'), Action::Move(Move::Mark { forward: true })),
        (Key::Char('N'), Action::Move(Move::Mark { forward: false })),
        (Key::Char(' '), Action::Play(true)),
        (Key::Char(' '), Action::Play(false)),
        (Key::Char('+'), Action::Interval(SECOND / 2)),
    ] {
        assert_eq!(session.press(&[key]), Some(action), "{key:?}");
    }
    assert_eq!(session.press(&[Key::Char('t')]), None);
    assert!(session.notices()[0].1.contains("no closes and transitions"));
}

#[test]
fn without_a_record_these_keys_do_what_they_did() {
    let mut session = Session::new();
    session.sample(&[(E, 2)]);
    let before = session.view.wanted();
    assert_eq!(session.press(&[Key::ShiftRight]), None);
    assert_ne!(session.view.wanted(), before, "the next grouping");
    assert_eq!(session.press(&[Key::Char(' ')]), None);
    assert!(session.view.screen(session.now).header.is_paused);
}

#[test]
fn a_time_is_typed_and_what_is_wrong_with_it_is_said_on_its_line() {
    let mut session = played();
    let keys = [Key::Char('g'), Key::Char('6'), Key::Enter];
    assert_eq!(session.press(&keys), Some(Action::GoTo("6".to_owned())));
    session.view.time_refused("allowed are");
    let prompt = session.view.screen(session.now).prompt.unwrap();
    assert_eq!((prompt.name, prompt.text), ("time", "6"));
    assert_eq!(prompt.error.unwrap().reason, "allowed are");
    let moved = moved(&mut session);
    session.view.moved(session.now, moved);
    assert!(session.view.screen(session.now).prompt.is_none());
}

#[test]
fn changes_and_history_are_those_of_the_record_whichever_way_one_came() {
    let mut session = played();
    for _ in 0..2 {
        let row = session.row(Some(E));
        assert_eq!((row.sockets, row.change), (2, Some(1)));
        assert_eq!(row.history, [0, 1, 2]);
        let again = moved(&mut session);
        session.view.moved(session.now, again);
    }
}

#[test]
fn a_sample_that_cannot_answer_shows_no_numbers_of_another_one() {
    let mut session = played();
    session.found(Ok(listing(1)));
    let reason = "a sample has no sockets".to_owned();
    let failed = FailedSample {
        at: session.now,
        reason: reason.clone(),
    };
    let mut moved = moved(&mut session);
    moved.sample = Err(failed);
    moved.cut = Some("half of it".to_owned());
    session.view.moved(session.now, moved);
    let screen = session.view.screen(session.now);
    assert!(screen.rows.is_empty() && !screen.is_stale);
    assert_eq!(screen.header.time, Some(time(2)));
    let notices = session.notices();
    assert!(
        notices.contains(&(NoticeKind::Warning, reason)),
        "{notices:?}"
    );
    let cut = "the record is not whole: half of it".to_owned();
    assert!(notices.contains(&(NoticeKind::Warning, cut)), "{notices:?}");
}

#[test]
fn a_result_about_the_moment_before_is_not_shown_and_a_failure_hides_its_list() {
    let mut session = played();
    session.press(&[Key::Enter]);
    session.found(Ok(listing(3)));
    let old = Detail {
        wanted: session.view.wanted(),
        filter: session.view.filter,
        at: session.now,
        cpu: Duration::ZERO,
        found: Ok(listing(2)),
    };
    let next = moved(&mut session);
    session.view.moved(session.now, next);
    session.view.found(old);
    let rows = |session: &Session| {
        let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
            panic!("a list");
        };
        (pane.rows.len(), pane.age.is_some())
    };
    assert_eq!(
        rows(&session),
        (3, false),
        "until those of this one are there"
    );
    session.found(Err("a sample has no sockets".to_owned()));
    assert_eq!(rows(&session), (0, false));
}

#[test]
fn groups_are_as_old_as_the_sample_before_which_they_were_counted_however_long_it_is_shown() {
    let mut session = played();
    let counted = |seconds| {
        let DetailResult::Groups(mut counted) = groups(Vec::new(), None) else {
            panic!("groups");
        };
        Arc::get_mut(&mut counted).unwrap().observation.time = time(seconds);
        DetailResult::Groups(counted)
    };
    let age = |session: &Session| {
        let Pane::Groups(pane) = session.view.screen(session.now).pane else {
            panic!("groups");
        };
        pane.age.map(|(age, _)| age)
    };
    assert_eq!(age(&session), None);
    // The sample is that of the third second.
    for (seconds, expected) in [(2, 0), (1, 1), (0, 2)] {
        session.found(Ok(counted(seconds)));
        for _ in 0..2 {
            assert_eq!(age(&session), Some(expected * SECOND), "{seconds}");
            session.now += 60 * SECOND;
        }
    }
    // Of the host, they get older while they are shown.
    let mut session = Session::new();
    session.sample(&[(E, 2)]);
    session.found(Ok(counted(0)));
    session.now += SECOND;
    assert_eq!(age(&session), Some(SECOND));
}
