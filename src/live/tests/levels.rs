//! Levels: groups with a cursor, lists of groups, one socket, columns, search, the mouse, what is saved.

use super::*;
use crate::live::{GroupOf, Saved};
use crate::model::screen::SocketFacts;
use crate::model::{Group, Grouped, KeyPart, Label, Other};

fn group(port: u16, sockets: u64) -> Group {
    let mut counts = Counts::default();
    counts.add(C, sockets);
    Group {
        id: Box::new([KeyPart::Port(Some(port))]),
        key: vec![Label::Number(port.into())],
        counts,
        change: Some(0),
    }
}

pub(super) fn groups(groups: Vec<Group>, other: Option<Other>) -> DetailResult {
    DetailResult::Groups(Arc::new(Grouped {
        observation: Observation {
            time: SystemTime::UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        },
        asked: StateSet::ALL,
        fields: vec![Field::Service],
        groups,
        other,
        counts: Counts::default(),
        change: None,
        ownership: None,
        notes: Vec::new(),
    }))
}

/// The view with two groups, and others, and the cursor in them.
fn in_groups() -> Session {
    let mut session = Session::new();
    session.sample(&[(C, 9)]);
    session.found(Ok(groups(
        vec![group(443, 6), group(80, 3)],
        Some(Other::default()),
    )));
    session.press(&[Key::Tab]);
    session
}

fn selected_group(session: &Session) -> Option<usize> {
    let Pane::Groups(pane) = session.view.screen(session.now).pane else {
        panic!("no groups");
    };
    pane.selected
}

fn wanted_group(session: &Session) -> Option<GroupOf> {
    let DetailQuery::Sockets { group, .. } = session.view.wanted() else {
        panic!("no sockets wanted");
    };
    group
}

fn wants_all(session: &Session) -> bool {
    matches!(session.view.wanted(), DetailQuery::Groups { all: true, .. })
}

#[test]
fn a_group_is_selected_entered_and_left() {
    let mut session = in_groups();
    assert_eq!(selected_group(&session), Some(0));
    session.press(&[Key::Down]);
    // The cursor stays on its group, wherever that is now.
    session.found(Ok(groups(
        vec![group(80, 9), group(443, 6)],
        Some(Other::default()),
    )));
    assert_eq!(selected_group(&session), Some(0));
    session.press(&[Key::Enter]);
    let entered = wanted_group(&session).unwrap();
    assert_eq!(*entered.id, [KeyPart::Port(Some(80))]);
    session.found(Ok(listing(3)));
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!(pane.group, Some(&[Label::Number(80)][..]));
    session.press(&[Key::Backspace]);
    assert_eq!(selected_group(&session), Some(0));
    session.press(&[Key::Escape]);
    assert_eq!(selected_group(&session), None);
}

#[test]
fn the_others_unfold_and_fold_and_another_order_needs_all_groups() {
    let mut session = in_groups();
    assert!(!wants_all(&session));
    session.press(&[Key::End, Key::Enter]);
    assert!(wants_all(&session));
    session.press(&[Key::Escape]);
    assert!(!wants_all(&session), "folded");
    assert!(selected_group(&session).is_some());
    let order = |session: &Session| {
        let Pane::Groups(pane) = session.view.screen(session.now).pane else {
            panic!("no groups");
        };
        (pane.sort, pane.order)
    };
    session.press(&[Key::Char('o')]);
    assert_eq!(order(&session), ("total".to_owned(), vec![1, 0]));
    assert!(wants_all(&session));
    session.press(&[Key::Char('s'), Key::Char('s')]);
    assert_eq!(order(&session), ("key".to_owned(), vec![1, 0]));
    session.press(&[Key::Char('S'), Key::Char('S')]);
    assert_eq!(order(&session).0, "total:desc");
    assert!(!wants_all(&session));
}

#[test]
fn a_socket_is_opened_by_its_id_and_left() {
    let mut session = Session::new();
    session.sample(&[(C, 9)]);
    session.press(&[Key::Enter]);
    session.found(Ok(listing(5)));
    session.press(&[Key::Down, Key::Down, Key::Enter]);
    assert_eq!(session.view.wanted(), DetailQuery::Socket(id(2)));
    session.found(Ok(DetailResult::Socket(Arc::new(SocketFacts {
        is_gone: true,
        ..SocketFacts::default()
    }))));
    let Pane::Socket(pane) = session.view.screen(session.now).pane else {
        panic!("no socket");
    };
    assert!(pane.facts.unwrap().is_gone);
    assert!(matches!(session.view.saved(), Saved::Text(Some(_))));
    session.press(&[Key::Backspace]);
    let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
        panic!("no sockets");
    };
    assert_eq!(pane.selected, 2);
    assert!(matches!(session.view.saved(), Saved::List(Some(_), ..)));
}

#[test]
fn columns_are_added_and_removed() {
    let mut session = Session::new();
    session.sample(&[(C, 9)]);
    session.press(&[Key::Enter]);
    let wanted = |session: &Session| {
        let DetailQuery::Sockets { columns, .. } = session.view.wanted() else {
            panic!("no sockets wanted");
        };
        columns
    };
    assert_eq!(wanted(&session), [Field::Process]);
    session.press(&[Key::Char('C'), Key::Enter, Key::Escape]);
    assert_eq!(wanted(&session), [Field::Process, Field::Family]);
    session.press(&[Key::Char('C'), Key::Char(' '), Key::Char('C')]);
    assert_eq!(wanted(&session), [Field::Process]);
}

#[test]
fn a_search_moves_to_the_rows_that_contain_the_text() {
    let mut session = Session::new();
    session.sample(&[(C, 9)]);
    session.press(&[Key::Enter]);
    session.found(Ok(listing(30)));
    let selected = |session: &Session| {
        let Pane::Sockets(pane) = session.view.screen(session.now).pane else {
            panic!("no sockets");
        };
        pane.selected
    };
    session.press(&[Key::Char('n'), Key::Char('7')]);
    assert_eq!(selected(&session), 7);
    assert_eq!(
        session.view.screen(session.now).prompt.unwrap().name,
        "search"
    );
    session.press(&[Key::Enter, Key::Char('n')]);
    assert_eq!(selected(&session), 17);
    session.press(&[Key::Char('n'), Key::Char('n')]);
    assert_eq!(selected(&session), 7, "from the first row on again");
    session.press(&[Key::Char('N'), Key::Char('x'), Key::Enter, Key::Char('n')]);
    assert_eq!(selected(&session), 7);
    assert!(session.notices()[0].1.contains("no row contains `x`"));
    session.press(&[Key::Down]);
    assert_eq!(session.notices(), [], "until the next key");
    session.press(&[Key::Char('N'), Key::Char('x'), Key::Enter]);
    assert!(session.notices()[0].1.contains("no row contains `x`"));
}

#[test]
fn the_mouse_scrolls_and_selects_what_was_drawn() {
    let mut session = in_groups();
    assert_eq!(session.press(&[Key::Char('m')]), Some(Action::Mouse(true)));
    assert_eq!(session.press(&[Key::Char('m')]), Some(Action::Mouse(false)));
    session.view.drawn(Drawn {
        places: vec![
            (2, Place::State(Some(C))),
            (3, Place::State(None)),
            (5, Place::Row(0)),
            (6, Place::Row(1)),
        ],
        first: 0,
    });
    session.press(&[Key::Click(6)]);
    assert_eq!(selected_group(&session), Some(1));
    session.press(&[Key::WheelUp]);
    assert_eq!(selected_group(&session), Some(0));
    session.press(&[Key::Click(2)]);
    assert!(session.row(Some(C)).is_selected);
    assert_eq!(selected_group(&session), None);
    session.press(&[Key::Click(9), Key::WheelDown]);
    assert!(session.row(None).is_selected);
}
