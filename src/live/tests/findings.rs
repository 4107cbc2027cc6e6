//! The line, the pane, and the filters on the way to the sockets of a finding and back.

use super::*;

fn notice(session: &Session) -> Option<(NoticeKind, String)> {
    let notices = session.view.screen(session.now).notices;
    let mut about = notices.into_iter().filter(|one| one.text.ends_with(" (d)"));
    about.next().map(|notice| (notice.kind, notice.text))
}

fn is_pane(session: &Session) -> bool {
    matches!(session.view.screen(session.now).pane, Pane::Findings(_))
}

#[test]
fn the_line_counts_what_is_wrong_and_is_absent_where_nothing_is() {
    use Severity::{Critical, Info, Warning};
    let (alarm, warning) = (NoticeKind::Alarm, NoticeKind::Warning);
    for (severities, expected) in [
        (&[][..], None),
        (&[Info], None),
        (&[Warning], Some((warning, "1 warning (d)"))),
        (&[Critical, Info], Some((alarm, "1 critical (d)"))),
        (
            &[Critical, Warning, Warning],
            Some((alarm, "1 critical, 2 warnings (d)")),
        ),
    ] {
        let mut session = Session::new();
        let found = severities.iter().map(|severity| finding(*severity));
        session.view.diagnosed(0, Some(found.collect()));
        let shown = notice(&session);
        let shown = shown.as_ref().map(|(kind, text)| (*kind, text.as_str()));
        assert_eq!(shown, expected);
    }
}

#[test]
fn enter_applies_the_filter_of_a_finding_and_escape_the_one_before() {
    let mut session = Session::new();
    assert_eq!(session.view.filter_taken("dport = 9", KindSet::TCP), 1);
    // A late result for the filter before.
    session
        .view
        .diagnosed(0, Some(vec![finding(Severity::Critical)]));
    assert_eq!(notice(&session), None);
    session
        .view
        .diagnosed(1, Some(vec![finding(Severity::Critical)]));
    assert_eq!(session.press(&[Key::Char('d')]), None);
    assert!(is_pane(&session));
    assert_eq!(session.view.wanted(), DetailQuery::Nothing);
    let narrow = "(state close-wait) and sport = 80".to_owned();
    let action = session.press(&[Key::Enter]);
    assert_eq!(action, Some(Action::Filter(narrow.clone())));
    assert_eq!(session.view.filter_taken(&narrow, KindSet::TCP), 2);
    let wanted = session.view.wanted();
    assert!(
        matches!(wanted, DetailQuery::Sockets { state: None, .. }),
        "{wanted:?}"
    );
    // The findings stay those of the filter typed.
    session.view.diagnosed(2, Some(Vec::new()));
    let back = session.press(&[Key::Escape]);
    assert_eq!(back, Some(Action::Filter("dport = 9".to_owned())));
    assert!(is_pane(&session));
    assert!(notice(&session).is_some());
    session.view.filter_taken("dport = 9", KindSet::TCP);
    for key in ['d', 'c'] {
        session.press(&[Key::Enter]);
        session.view.filter_taken(&narrow, KindSet::TCP);
        let left = session.press(&[Key::Char(key)]);
        assert_eq!(left, Some(Action::Filter("dport = 9".to_owned())));
        assert_eq!(is_pane(&session), key == 'd');
        session.view.filter_taken("dport = 9", KindSet::TCP);
    }
    session.press(&[Key::Char('d')]);
    assert_eq!(session.press(&[Key::Escape]), None);
    assert!(!is_pane(&session));
}

#[test]
fn sockets_listed_without_a_finding_close_without_a_filter() {
    let mut session = Session::new();
    assert_eq!(session.press(&[Key::Enter, Key::Escape]), None);
    // Without findings the pane is empty, and enter leads nowhere.
    assert_eq!(session.press(&[Key::Char('d'), Key::Enter]), None);
    assert!(is_pane(&session));
}
