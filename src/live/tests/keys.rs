//! What every key does.

use super::*;

#[test]
fn keys_select_a_state_and_groups_follow_it() {
    let mut session = Session::new();
    let groups = |state, field| DetailQuery::Groups {
        state,
        keys: by(field),
        all: false,
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
        (Key::Char('b'), Field::Service),
        (Key::Char('B'), Field::RemoteAddr),
        (Key::Right, Field::Service),
        (Key::Left, Field::RemoteAddr),
    ] {
        session.press(&[key]);
        assert_eq!(session.view.wanted(), groups(None, field), "{key:?}");
    }
    session.press(&[Key::Char('c')]);
    assert_eq!(session.view.wanted(), DetailQuery::Nothing);
    assert!(matches!(
        session.view.screen(session.now).pane,
        Pane::Chart(_)
    ));
    session.press(&[Key::Char('c')]);
    session.view.resized(7);
    assert_eq!(
        session.view.wanted(),
        DetailQuery::Nothing,
        "no room for groups"
    );
}

#[test]
fn the_cursor_moves_over_the_lines_drawn_and_opens_that_of_the_rest() {
    let mut session = Session::new();
    session.sample(&[(E, 3), (C, 2)]);
    let places = [
        Place::State(Some(E)),
        Place::State(Some(C)),
        Place::Rest,
        Place::State(None),
    ];
    let drawn = |places: &[Place]| Drawn {
        places: (2..).zip(places.iter().copied()).collect(),
        first: 0,
    };
    session.view.drawn(drawn(&places));
    session.press(&[Key::Up]);
    assert!(session.view.screen(session.now).rest.is_selected);
    assert!(!session.row(None).is_selected, "one line is selected");
    assert_eq!(session.press(&[Key::Enter]), None);
    assert_eq!(session.view.screen(session.now).rest.page, 1);
    session.press(&[Key::Up]);
    assert!(session.row(Some(C)).is_selected);
    session.press(&[Key::Up, Key::Up]);
    assert!(session.row(Some(E)).is_selected, "no line is passed over");
    session.press(&[Key::Down, Key::Down]);
    // On a larger screen every state has a line.
    session.view.drawn(drawn(&places[..2]));
    assert!(session.row(None).is_selected);
}

#[test]
fn the_sockets_of_a_state_are_scrolled_sorted_and_left() {
    let mut session = Session::new();
    session.sample(&[(C, 100)]);
    session.press(&[Key::Char('g'), Key::Enter]);
    let wanted = |session: &Session| {
        let DetailQuery::Sockets { state, sort, .. } = session.view.wanted() else {
            panic!("no sockets wanted");
        };
        (state, sort.field, sort.descending)
    };
    let listen = Some(State::Listen);
    assert_eq!(wanted(&session), (listen, Field::AcceptQueue, true));
    session.found(Ok(listing(100)));
    let selected = |session: &Session| {
        let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
            panic!("another pane");
        };
        pane.selected
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
    // In another order, the first row is the first, and the cursor stays on another socket.
    let DetailResult::Sockets(list) = listing(100) else {
        panic!("no sockets");
    };
    let mut turned = (*list).clone();
    turned.ids.reverse();
    let turned = || Ok(DetailResult::Sockets(Arc::new(turned.clone())));
    session.found(turned());
    assert_eq!(selected(&session), 0);
    session.press(&[Key::Down, Key::Char('S')]);
    session.found(Ok(listing(100)));
    assert_eq!(selected(&session), 98);
    session.press(&[Key::Char('s'), Key::Char('g')]);
    session.found(turned());
    session.press(&[Key::Char('o')]);
    assert_eq!(wanted(&session), (listen, Field::LocalAddr, true));
    session.press(&[Key::Char('S')]);
    assert_eq!(wanted(&session), (listen, Field::AcceptQueue, true));
    session.press(&[Key::Escape]);
    assert!(matches!(session.view.wanted(), DetailQuery::Groups { .. }));
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
    let filter = session.view.filter_taken("sport = :80", KindSet::TCP);
    session.press(&[Key::Enter]);
    session.view.found(late.clone());
    assert!(
        session.view.data.sockets.found.is_none(),
        "of another filter"
    );
    session.view.found(Detail { filter, ..late });
}

#[test]
fn the_losses_and_notes_of_a_list_are_shown_in_one_line() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    session.press(&[Key::Enter]);
    session.found(Ok(DetailResult::Sockets(Arc::new(Listing {
        losses: vec![Loss::Overrun],
        notes: vec![
            Note::FellBack {
                directory: "/proc/net".into(),
                cause: "it is closed".to_owned(),
            },
            Note::NoMarks,
        ],
        ..Listing::default()
    }))));
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!(
        pane.note,
        "the kernel dropped messages; sockets are missing; \
         /proc/net answered, because netlink did not: it is closed; \
         marks are reported only with CAP_NET_ADMIN"
    );
}

#[test]
fn a_paused_view_does_not_change_while_samples_continue() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    session.press(&[Key::Char(' ')]);
    session.sample(&[(E, 2)]);
    assert_eq!(session.row(Some(E)).sockets, 1);
    assert!(session.view.screen(session.now).header.is_paused);
    assert_eq!(session.view.snapshot().unwrap().counts.get(E), 1);
    // What a key requests is shown all the same.
    session.press(&[Key::Enter]);
    session.found(Ok(listing(3)));
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!(pane.rows.len(), 3);
    // Nothing gets older, and nothing is examined.
    session
        .view
        .diagnosed(0, Some(vec![finding(Severity::Critical)]));
    session.now += 60 * SECOND;
    assert_eq!(session.notices(), []);
    session.press(&[Key::Escape, Key::Char(' ')]);
    assert_eq!(session.row(Some(E)).sockets, 2);
    assert_eq!(session.notices()[0].1, "behind: no sample for 59 s");
}

#[test]
fn requests_leave_the_view_and_nothing_else_does() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    for (key, request) in [
        (Key::Char('q'), Some(Action::Quit)),
        (Key::Control('c'), Some(Action::Quit)),
        (Key::Char('w'), Some(Action::Save)),
        (Key::Control('l'), Some(Action::Redraw)),
        (Key::Char('+'), Some(Action::Interval(SECOND / 2))),
        (Key::Char('-'), Some(Action::Interval(SECOND))),
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
    let action = session.press(&[Key::Enter]);
    assert_eq!(action, Some(Action::Filter("q w".to_owned())));
    assert!(session.view.screen(session.now).prompt.unwrap().is_checking);
    session
        .view
        .filter_refused(session.now, None, "no such word");
    let screen = session.view.screen(session.now);
    assert_eq!(screen.prompt.unwrap().error.unwrap().reason, "no such word");
    assert_eq!(session.view.filter_taken("sport = :80", KindSet::TCP), 1);
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
fn another_filter_leaves_the_selected_state_and_its_sockets_where_they_are() {
    let mut session = Session::new();
    session.sample(&[(E, 3), (C, 2)]);
    session.press(&[Key::Up; 5]);
    assert!(session.row(Some(C)).is_selected);
    session.press(&[Key::Enter]);
    session.found(Ok(listing(9)));
    session.press(&[Key::Down]);
    session.view.filter_taken("sport = :80", KindSet::TCP);
    session.sample(&[(C, 1)]);
    assert!(session.row(Some(C)).is_selected);
    session.found(Ok(listing(1)));
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!((pane.state, pane.selected), (Some(C), 0));
    // A filter whose question is about other states.
    session.view.filter_taken("state established", KindSet::TCP);
    session.sample_with(&[(E, 1)], |sample| {
        sample.snapshot.asked = StateSet::NONE.with(E);
    });
    assert!(session.row(None).is_selected);
}

#[test]
fn charts_traces_and_findings_are_opened_from_every_pane() {
    let in_groups = [Key::Tab];
    let in_sockets = [Key::Enter];
    let in_columns = [Key::Enter, Key::Char('C')];
    for keys in [&[][..], &in_groups, &in_sockets, &in_columns] {
        let mut session = Session::new();
        session.sample(&[(C, 9)]);
        session.press(keys);
        let shown = |session: &Session| match session.view.screen(session.now).pane {
            Pane::Chart(_) => 'c',
            Pane::Trace(_) => 't',
            Pane::Findings(_) => 'd',
            Pane::Groups(_) | Pane::Sockets(_) | Pane::Socket(_) | Pane::Choices(_) => ' ',
        };
        for key in ['c', 't', 'd', 'c'] {
            session.press(&[Key::Char(key)]);
            assert_eq!(shown(&session), key, "{keys:?}");
        }
        session.press(&[Key::Char('c')]);
        assert_eq!(shown(&session), ' ', "groups");
        session.press(keys);
        session.press(&[Key::Char('d'), Key::Char('d')]);
        assert_eq!(shown(&session), ' ', "{keys:?}: what was shown before");
        session.press(&[Key::Char('r')]);
        assert_eq!(session.notices()[0].1, "minimum and maximum reset");
    }
}
