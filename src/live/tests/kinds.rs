//! The kinds of sockets: chosen with a key, and what stays valid for other ones.

use super::*;

const UDP: KindSet = KindSet::NONE.with(Kind::Udp);

fn chosen(session: &Session) -> Vec<&'static str> {
    let Pane::Choices(pane) = session.view.screen(session.now).pane else {
        panic!("nothing to choose from");
    };
    assert_eq!(pane.choices.len(), Kind::ALL.len());
    let chosen = pane.choices.into_iter().filter(|(_, is_chosen)| *is_chosen);
    chosen.map(|(name, _)| name).collect()
}

#[test]
fn kinds_are_chosen_in_a_list_and_requested_when_it_is_left() {
    let mut session = Session::new();
    session.sample(&[(E, 1)]);
    session.press(&[Key::Char('K')]);
    assert_eq!(chosen(&session), ["tcp"]);
    session.press(&[Key::Enter]);
    assert_eq!(chosen(&session), ["tcp"], "one stays");
    assert_eq!(session.press(&[Key::Escape]), None, "nothing has changed");
    session.press(&[Key::Char('K'), Key::Down, Key::Down, Key::Char(' ')]);
    assert_eq!(chosen(&session), ["tcp", "udp"]);
    let both = KindSet::TCP.with(Kind::Udp);
    assert_eq!(
        session.press(&[Key::Escape]),
        Some(Action::Kinds(both)),
        "asked for"
    );
    session.press(&[Key::Char('K'), Key::Char('j'), Key::Enter]);
    assert_eq!(chosen(&session), ["tcp", "mptcp"], "not taken yet");
    session.press(&[Key::Enter, Key::Char('K')]);
    assert_eq!(session.view.filter_taken("", both), 1);
    session.press(&[Key::Char('K')]);
    assert_eq!(chosen(&session), ["tcp", "udp"]);
    let left = session.press(&[Key::Enter, Key::Char('K')]);
    assert_eq!(left, Some(Action::Kinds(UDP)));
    session
        .view
        .filter_refused(session.now, None, "no such kind");
    assert_eq!(session.notices()[0].1, "no such kind");
    assert_eq!(session.view.screen(session.now).header.kinds, both);
}

#[test]
fn groups_are_by_kind_where_there_are_several_and_by_what_the_kinds_have() {
    let mut session = Session::new();
    let keys = |session: &Session| {
        let DetailQuery::Groups { keys, .. } = session.view.wanted() else {
            panic!("no groups wanted");
        };
        keys
    };
    session.sample(&[(E, 1)]);
    session.press(&[Key::Char('b')]);
    assert_eq!(keys(&session), by(Field::RemoteAddr));
    session.view.filter_taken("", KindSet::ALL);
    session.sample(&[(E, 1)]);
    assert_eq!(keys(&session), by(Field::Kind));
    session.press(&[Key::Char('b')]);
    assert_eq!(keys(&session), by(Field::RemoteAddr), "no service of all");
    session.view.filter_taken("", KindSet::UNIX);
    session.sample(&[(E, 1)]);
    session.press(&[Key::Char('b')]);
    assert_eq!(keys(&session), by(Field::Service));
    session.press(&[Key::Char('B')]);
    assert_eq!(keys(&session), by(Field::Kind));
    session.view.filter_taken("", UDP);
    session.sample(&[(E, 1)]);
    assert_eq!(keys(&session), by(Field::Service), "of one kind");
    session.press(&[Key::Char('B')]);
    assert_eq!(keys(&session), by(Field::RemoteAddr));
}

#[test]
fn a_list_keeps_the_columns_and_the_order_that_the_kinds_have() {
    let mut session = Session::new();
    session.sample(&[(C, 9)]);
    session.view.select(Place::State(Some(C)));
    session.press(&[Key::Enter, Key::Char('C'), Key::Enter, Key::Escape]);
    for _ in 0..2 {
        session.press(&[Key::Char('s')]);
    }
    let wanted = |session: &Session| {
        let DetailQuery::Sockets {
            state,
            sort,
            columns,
            ..
        } = session.view.wanted()
        else {
            panic!("no sockets wanted");
        };
        (state, sort.field, columns)
    };
    let chosen = vec![Field::Process, Field::Family];
    assert_eq!(
        wanted(&session),
        (Some(C), Field::RemoteAddr, chosen.clone())
    );
    session.view.filter_taken("", UDP);
    assert_eq!(wanted(&session), (None, Field::RemoteAddr, chosen));
    session.view.filter_taken("", KindSet::UNIX);
    let usual = vec![Field::Process];
    assert_eq!(wanted(&session), (None, Field::SendQueue, usual));
    // Columns of other kinds are not offered.
    session.press(&[Key::Char('C')]);
    let Pane::Choices(pane) = session.view.screen(session.now).pane else {
        panic!("no columns");
    };
    let offered: Vec<_> = pane.choices.iter().map(|(name, _)| *name).collect();
    for (name, is_offered) in [
        ("name", true),
        ("peer-process", true),
        ("inode", true),
        ("timer", false),
        ("rtt", false),
        ("drops", false),
        ("port-id", false),
        ("family", false),
        ("kind", false),
    ] {
        assert_eq!(offered.contains(&name), is_offered, "{name}");
    }
    // A socket of another kind is left.
    session.press(&[Key::Escape]);
    session.found(Ok(listing(3)));
    session.press(&[Key::Enter]);
    assert_eq!(session.view.wanted(), DetailQuery::Socket(id(0)));
    session.view.filter_taken("", UDP);
    assert_eq!(wanted(&session).1, Field::SendQueue);
}
