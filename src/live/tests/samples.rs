//! What samples, and their absence, make of the view.

use super::*;

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
            sample.limits.push(ReachedLimit {
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
fn a_source_that_fails_leaves_what_was_known_with_the_reason_and_since_when() {
    let mut session = Session::new();
    session.sample(&[(E, 7)]);
    for _ in 0..5 {
        session.now += SECOND;
        session.view.failed(FailedSample {
            at: session.now,
            reason: "refused".to_owned(),
        });
    }
    session.now += SECOND;
    let screen = session.view.screen(session.now);
    assert!(screen.is_stale);
    let alarm = (NoticeKind::Alarm, "no answer for 5 s: refused".to_owned());
    assert_eq!(session.notices(), [alarm]);
    assert_eq!(session.row(Some(E)).sockets, 7);
    session.sample(&[(E, 8)]);
    assert!(!session.view.screen(session.now).is_stale);
    assert_eq!(session.notices(), []);
}

#[test]
fn a_view_that_is_behind_reports_it() {
    let mut session = Session::new();
    session.now += 5 * SECOND;
    assert_eq!(session.notices()[0].1, "behind: no sample yet after 5 s");
    session.sample_with(&[], |sample| sample.cost.took = 3 * SECOND);
    let expected = "behind: a sample takes 3 s, longer than the interval of 1 s";
    assert_eq!(session.notices()[0].1, expected);
    session.sample(&[]);
    assert_eq!(session.notices(), []);
    session.now += 4 * SECOND;
    assert_eq!(session.notices()[0].1, "behind: no sample for 3.9 s");
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
