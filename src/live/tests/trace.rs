//! The trace pane: when it is wanted, and what it keeps.

use super::*;
use crate::live::TraceLog;
use crate::model::screen::{TraceRows, Traced};
use crate::model::testing::{close, transition};
use crate::model::trace::{Clock, Losses, Shape};

fn traced(rows: TraceRows) -> DetailResult {
    DetailResult::Trace(Arc::new(Traced {
        since_ns: 0,
        clock: Clock::new(SystemTime::UNIX_EPOCH, 0),
        limits: None,
        losses: Losses::default(),
        rows,
    }))
}

fn shown_changes(session: &Session) -> Option<u64> {
    {
        let Pane::Trace(pane) = session.view.screen(session.now).pane else {
            panic!("another pane");
        };
        pane.traced.map(|traced| traced.rows.changes)
    }
}

#[test]
fn a_trace_is_wanted_only_while_its_pane_is_shown() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    let is_wanted = |session: &Session| matches!(session.view.wanted(), DetailQuery::Trace { .. });
    assert!(!is_wanted(&session));
    for (key, expected) in [
        (Key::Char('t'), true),
        (Key::Char('t'), false),
        (Key::Char('t'), true),
        (Key::Escape, false),
        (Key::Char('t'), true),
        (Key::Char('c'), false),
        (Key::Char('t'), true),
        (Key::Char('b'), false),
        (Key::Enter, false),
        (Key::Char('t'), true),
        (Key::Enter, false),
        (Key::Escape, true),
        (Key::Char('?'), true),
        (Key::Char('?'), true),
    ] {
        session.press(&[key]);
        assert_eq!(is_wanted(&session), expected, "{key:?}");
    }
    session.view.resized(10);
    assert!(is_wanted(&session), "there is always room for it");
    session.press(&[Key::Char('g')]);
    let state = Some(State::Listen);
    assert_eq!(session.view.wanted(), DetailQuery::Trace { state });
}

#[test]
fn rows_of_another_state_or_of_an_earlier_trace_are_not_shown() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    let rows = || TraceRows {
        changes: 3,
        ..TraceRows::default()
    };
    for keys in [
        &[Key::Up][..],
        &[Key::Char('t'); 2],
        &[Key::Enter, Key::Escape],
    ] {
        session.press(&[Key::Escape, Key::Char('t')]);
        assert_eq!(shown_changes(&session), None);
        session.found(Ok(traced(rows())));
        assert_eq!(shown_changes(&session), Some(3));
        session.press(keys);
        assert_eq!(shown_changes(&session), None, "{keys:?}");
    }
}

#[test]
fn a_paused_view_keeps_its_rows_until_another_state_is_selected() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    let rows = |changes| TraceRows {
        changes,
        ..TraceRows::default()
    };
    session.press(&[Key::Char('t')]);
    session.found(Ok(traced(rows(3))));
    session.press(&[Key::Char(' ')]);
    session.found(Ok(traced(rows(4))));
    assert_eq!(shown_changes(&session), Some(3));
    session.press(&[Key::Up]);
    session.found(Ok(traced(rows(1))));
    assert_eq!(shown_changes(&session), Some(1));
    session.found(Ok(traced(rows(2))));
    assert_eq!(shown_changes(&session), Some(1));
    session.press(&[Key::Char(' ')]);
    assert_eq!(shown_changes(&session), Some(2));
}

#[test]
fn pages_scroll_the_rows_and_another_state_begins_with_the_newest() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    session.view.resized(24);
    let first = |session: &Session| {
        let Pane::Trace(pane) = session.view.screen(session.now).pane else {
            panic!("another pane");
        };
        pane.first
    };
    let mut log = TraceLog::default();
    (0..10).for_each(|second| log.transition(&transition(second, C, State::LastAck)));
    session.press(&[Key::Char('t')]);
    session.found(Ok(traced(log.rows(None))));
    for (key, expected) in [
        (Key::PageUp, 0),
        (Key::PageDown, 4),
        (Key::Control('f'), 8),
        (Key::Control('d'), 9),
        (Key::Control('b'), 5),
        (Key::Char('x'), 5),
        (Key::Up, 0),
    ] {
        session.press(&[key]);
        assert_eq!(first(&session), expected, "{key:?}");
    }
    assert!(session.row(Some(State::Close)).is_selected);
}

#[test]
fn each_state_keeps_its_last_rows_whatever_happens_in_others() {
    let mut log = TraceLog::default();
    log.transition(&transition(1, C, State::LastAck));
    log.close(close(2, Shape::Three));
    for second in 3..1_003 {
        log.transition(&transition(second, State::SynSent, E));
        log.close(close(second, Shape::Reset));
    }
    let rows = log.rows(Some(C));
    assert_eq!((rows.changes, rows.transitions.len()), (1, 1));
    assert_eq!(log.rows(Some(State::LastAck)).transitions, rows.transitions);
    let rows = log.rows(None);
    assert_eq!((rows.changes, rows.transitions.len()), (1_001, 100));
    assert_eq!(rows.transitions[0].time_ns, 1_002_000_000_000);
    assert_eq!(rows.transitions[99].time_ns, 903_000_000_000);
    for state in [E, State::FinWait1, State::TimeWait] {
        let rows = log.rows(Some(state));
        assert_eq!(rows.closes.len(), 100);
        assert_eq!(rows.shapes[&Some(Shape::Three)], 1);
        assert_eq!(rows.shapes[&Some(Shape::Reset)], 1_000);
        assert_eq!(rows.closes[0].ended_ns(), 1_002_002_000_000);
    }
    assert!(log.rows(Some(State::SynRecv)).closes.is_empty());
}
