//! What is below the states, or in their place.

use super::*;

#[test]
fn groups_beyond_the_room_are_added_up() {
    let grouped = groups();
    // Of 20 lines four are left for the title, the heading, a group and the others.
    let mut screen = screen(groups_pane(Some(&grouped)));
    screen.notices.push(Notice {
        kind: NoticeKind::Note,
        text: "netlink is closed".to_owned(),
    });
    let drawn = lines(&draw(&screen, 80, 20, PLAIN));
    assert_eq!(
        drawn[14..19],
        [
            "CLOSE_WAIT by service  3 s old, took 12 ms of CPU time",
            "SERVICE   TOTAL  CHANGE  CLOSE_WAIT",
            ":443         20      +1          20",
            "OTHER(2)     20       -          20",
            "netlink is closed",
        ]
    );
}

#[test]
fn a_chart_rises_with_its_numbers() {
    let drawn = lines(&draw(&screen(Pane::Chart(chart())), 80, 19, PLAIN));
    assert_eq!(
        drawn[14..18],
        [
            "history of CLOSE_WAIT, the last 4 samples, to 1970-01-01T00:00:00.000Z",
            "40    █",
            "     ▄█",
            " 0  ▆██",
        ]
    );
}

#[test]
fn sockets_scroll_around_the_selected_one() {
    let sockets: Vec<String> = (0..100).map(|number| format!("row {number}")).collect();
    let drawn = draw(&screen(sockets_pane(&sockets)), 80, 12, PLAIN);
    let text = lines(&drawn);
    assert_eq!(
        text[1],
        "only the first 100 CLOSE_WAIT sockets by send-queue:desc  3 s old, took 90 ms o…"
    );
    assert_eq!(
        (&*text[2], &*text[3], &*text[10]),
        ("STATE  LOCAL", "row 46", "row 53")
    );
    assert!(drawn[(0, 7)].modifier.contains(Modifier::REVERSED));
    assert!(text[11].starts_with("q quit  ? help  esc back"));
}

#[test]
fn a_sign_marks_what_is_cut() {
    let mut grouped = groups();
    grouped.groups[0].counts.add(State::CloseWait, 1_000);
    let row = |width, paint| {
        let drawn = lines(&draw(
            &screen(groups_pane(Some(&grouped))),
            width,
            24,
            paint,
        ));
        drawn.into_iter().find(|line| line.starts_with(":443"))
    };
    assert_eq!(row(19, PLAIN).as_deref(), Some(":443   1020      +1"));
    assert_eq!(row(11, PLAIN).as_deref(), Some(":443   102…"));
    let ascii = Paint {
        utf8: false,
        ..PLAIN
    };
    assert_eq!(row(11, ascii).as_deref(), Some(":443   102>"));
}
