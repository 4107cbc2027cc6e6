//! What is below the states, or in their place.

use super::*;
use crate::model::screen::{Place, SocketFacts, SocketPane};
use crate::output::screen::screen_text;

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
            "SERVICE      TOTAL  CHANGE  CLOSE_WAIT",
            ":443            20      +1          20",
            "OTHER(2)        20       -          20",
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
            "history of CLOSE_WAIT, the last 4 samples, UTC",
            "40    █",
            "    ▄██",
            " 0 |00:00:00",
        ]
    );
}

#[test]
fn a_chart_has_lines_on_a_small_screen_and_its_times_are_whole() {
    for (width, height) in [(46, 14), (40, 10), (30, 8), (80, 24)] {
        let mut screen = screen(Pane::Chart(chart()));
        for row in &mut screen.rows {
            row.sockets = 9;
        }
        let drawn = lines(&draw(&screen, width, height, PLAIN));
        let title = drawn
            .iter()
            .position(|line| line.starts_with("history of CLOSE_WAIT"));
        let title = title.unwrap_or_else(|| panic!("{drawn:#?}"));
        assert!(drawn[title + 1].starts_with("40 "), "{drawn:#?}");
        assert!(
            drawn.iter().any(|line| line.starts_with("   TOTAL")),
            "{drawn:#?}"
        );
    }
    let numbers = (0..40).map(|at| (SystemTime::UNIX_EPOCH + Duration::from_secs(at), 1));
    let mut chart = chart();
    chart.numbers = numbers.collect();
    let drawn = lines(&draw(&screen(Pane::Chart(chart)), 40, 24, PLAIN));
    let axis = drawn.iter().find(|line| line.contains('|')).unwrap();
    assert_eq!(axis.matches('|').count(), axis.matches("|00:00:").count());
    assert!(!axis.contains('…'), "{axis}");
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
fn a_row_of_two_lines_is_selected_as_one_and_omitted_columns_are_named() {
    let rows: Vec<String> = (0..9).map(|row| format!("row {row}\n    more")).collect();
    let omitted = ["ACCEPT".to_owned(), "RECV-Q".to_owned()];
    let Pane::Sockets(pane) = sockets_pane(&rows) else {
        panic!("no sockets");
    };
    let pane = Pane::Sockets(SocketsPane {
        heading: "STATE\n    PROCESS",
        omitted: &omitted,
        is_cut: false,
        ..pane
    });
    let (buffer, drawn) = draw_with(&screen(pane), 80, 12, PLAIN);
    let text = lines(&buffer);
    let title = "9 CLOSE_WAIT sockets by send-queue:desc, without ACCEPT, RECV-Q  3 s old,";
    assert!(text[1].starts_with(title), "{}", text[1]);
    assert_eq!(text[2..4], ["STATE", "    PROCESS"]);
    assert_eq!(text[8..10], ["row 5", "    more"]);
    assert_eq!(drawn.places[..2], [(4, Place::Row(3)), (5, Place::Row(3))]);
    for line in [6, 7] {
        assert!(buffer[(0, line)].modifier.contains(Modifier::REVERSED));
    }
    let Pane::Sockets(pane) = sockets_pane(&rows) else {
        panic!("no sockets");
    };
    let pane = Pane::Sockets(SocketsPane {
        heading: "STATE\n    PROCESS",
        ..pane
    });
    let drawn = lines(&draw(&screen(pane), 80, 5, PLAIN));
    assert_eq!(drawn[2..4], ["row 4", "    more"], "without a heading");
    let one = ["row".to_owned()];
    let drawn = lines(&draw(&screen(sockets_pane(&one)), 80, 12, PLAIN));
    assert!(drawn[1].contains("1 CLOSE_WAIT socket by"), "{}", drawn[1]);
}

#[test]
fn keys_are_shortened_before_columns_are_left_out_and_the_sum_stays() {
    let mut grouped = groups();
    grouped.groups[0].key = vec![Label::Text("[2001:db8:1:2:3:4:5:6]:443".to_owned())];
    let row = |width, paint| {
        let drawn = lines(&draw(
            &screen(groups_pane(Some(&grouped))),
            width,
            24,
            paint,
        ));
        let title = drawn.iter().position(|line| line.starts_with("CLOSE_WAIT"));
        let title = title.unwrap();
        (drawn[title + 1].clone(), drawn[title + 2].clone())
    };
    for width in [60, 44, 40, 20, 12] {
        let (drawn, row) = row(width, PLAIN);
        assert!(row.contains(" 20"), "{width}: {row}");
        assert!(drawn.contains("TOTAL"), "{width}: {drawn}");
        assert_eq!(row.contains('…'), width < 54, "{width}: {row}");
        assert_eq!(
            drawn.contains("CLOSE_WAIT"),
            width >= 43,
            "{width}: {drawn}"
        );
    }
    let ascii = Paint {
        utf8: false,
        ..PLAIN
    };
    assert!(row(20, ascii).1.contains("..."));
}

#[test]
fn the_selected_group_is_in_sight_and_every_row_can_be_selected() {
    let mut grouped = groups();
    let group = grouped.groups[0].clone();
    grouped.groups = (0..50)
        .map(|port| Group {
            key: vec![Label::Text(format!(":{port}"))],
            ..group.clone()
        })
        .collect();
    grouped.other = Some(crate::model::Other {
        groups: 7,
        counts: Counts::default(),
    });
    for (width, height) in [(80, 24), (46, 14), (40, 10), (30, 8), (200, 60)] {
        for selected in [0, 25, 50] {
            let Pane::Groups(pane) = groups_pane(Some(&grouped)) else {
                panic!("no groups");
            };
            let pane = Pane::Groups(GroupsPane {
                selected: Some(selected),
                ..pane
            });
            let (buffer, drawn) = draw_with(&screen(pane), width, height, PLAIN);
            let place = Place::Row(selected);
            let line = drawn.places.iter().find(|(_, at)| *at == place).unwrap().0;
            assert!(buffer[(0, line)].modifier.contains(Modifier::REVERSED));
            let text = &lines(&buffer)[usize::from(line)];
            let name = if selected == 50 { "OTHER(7)" } else { ":" };
            assert!(text.starts_with(name), "{width}x{height}: {text}");
            let title = format!("CLOSE_WAIT by service, {} of 51", selected + 1);
            let title = title
                .get(..usize::from(width).min(title.len()) - 1)
                .unwrap()
                .to_owned();
            assert!(lines(&buffer).iter().any(|line| line.starts_with(&title)));
        }
    }
}

#[test]
fn a_socket_has_a_line_for_each_fact_scrolls_and_says_that_it_is_gone() {
    let facts = SocketFacts {
        title: "ESTABLISHED 192.0.2.1:443 to 192.0.2.2:4000".to_owned(),
        lines: (0..30)
            .map(|_| ("command line", "word ".repeat(20)))
            .collect(),
        is_gone: true,
        note: String::new(),
    };
    let pane = |first| {
        Pane::Socket(SocketPane {
            facts: Some(&facts),
            first,
            age: Some((Duration::from_secs(1), Duration::from_millis(1))),
            failure: None,
        })
    };
    let (buffer, drawn) = draw_with(&screen(pane(usize::MAX)), 80, 24, PLAIN);
    let text = lines(&buffer);
    assert!(text[1].contains("192.0.2.2:4000  GONE: the last known values"));
    assert!(
        text[22].contains("word") && text[23].contains("esc back"),
        "{text:#?}"
    );
    // Two lines each, less those on the screen.
    assert_eq!(drawn.first, 60 - 21);
    let whole = screen_text(&screen(pane(0)), (80, 24), PLAIN);
    assert_eq!(whole.matches("command line").count(), 30);
}
