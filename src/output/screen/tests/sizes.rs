//! Small and large terminals: what is given up first, and that no socket is hidden without a word.

use super::*;
use crate::model::screen::Place;

/// Every state has sockets; TIME_WAIT has most, then ESTABLISHED.
fn full_rows() -> Vec<StateRow> {
    let number = |state: State| {
        if state == State::TimeWait {
            9_000
        } else if state == State::Established {
            500
        } else {
            10 + state.index().unwrap_or(0) as u64
        }
    };
    let states = StateSet::ALL.iter();
    let mut rows: Vec<StateRow> = states
        .map(|state| row(Some(state), number(state), &[0, number(state)]))
        .collect();
    let total = rows.iter().map(|row| row.sockets).sum();
    rows.push(row(None, total, &[0, total]));
    rows.last_mut().unwrap().is_selected = true;
    rows
}

/// The numbers in the column SOCKETS: of rows and of the rest; and the sum.
fn numbers(drawn: &[String]) -> (u64, u64) {
    let is_row = |line: &&String| {
        let name = line.trim_start().split(' ').next().unwrap_or_default();
        let is_state = State::named().any(|state| state.to_string() == name);
        line.starts_with("   ") && (is_state || name == "TOTAL" || line.contains(" more "))
    };
    let number = |line: &String| {
        let mut words = line.split_whitespace().skip(1);
        words.find_map(|word| word.parse::<u64>().ok()).unwrap()
    };
    let rows: Vec<u64> = drawn.iter().filter(is_row).map(number).collect();
    let (total, states) = rows.split_last().unwrap();
    (states.iter().sum(), *total)
}

#[test]
fn every_socket_is_in_a_row_or_in_the_rest_at_any_size_on_any_page() {
    for (width, height) in [
        (80, 24),
        (46, 14),
        (40, 10),
        (30, 8),
        (200, 60),
        (30, 5),
        (30, 4),
        (30, 3),
    ] {
        for (page, filter, notices) in [(0, "", 0), (1, "", 0), (7, "port = :1", 1)] {
            let grouped = groups();
            let mut screen = screen(groups_pane(Some(&grouped)));
            screen.rows = full_rows();
            screen.rest.page = page;
            screen.header.filter = filter;
            let text = "an alarm".to_owned();
            let kind = NoticeKind::Alarm;
            screen.notices = vec![Notice { kind, text }; notices];
            let drawn = lines(&draw(&screen, width, height, PLAIN));
            let (sum, total) = numbers(&drawn);
            assert_eq!(sum, total, "{width}x{height}: {drawn:#?}");
            let has_filter = drawn.iter().any(|line| line == "filter: port = :1");
            assert_eq!(has_filter, !filter.is_empty(), "{drawn:#?}");
        }
    }
}

#[test]
fn forty_six_by_fourteen_gives_up_the_keys_and_keeps_every_state() {
    let mut screen = screen(groups_pane(None));
    screen.rows = full_rows();
    screen.header.shows_plan = true;
    let (buffer, placed) = draw_with(&screen, 46, 14, PLAIN);
    let drawn = lines(&buffer);
    assert!(drawn[1].starts_with("   STATE"), "{drawn:#?}");
    assert!(
        drawn[11].starts_with("   TIME_WAIT      9000"),
        "{drawn:#?}"
    );
    assert!(drawn[13].starts_with("   TOTAL"), "{drawn:#?}");
    let lines: Vec<u16> = placed.places.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, (2..14).collect::<Vec<_>>());
}

#[test]
fn forty_by_ten_has_the_largest_states_and_the_rest_in_a_line_that_opens() {
    let mut screen = screen(groups_pane(None));
    screen.rows = full_rows();
    let (buffer, placed) = draw_with(&screen, 40, 10, PLAIN);
    assert_eq!(
        lines(&buffer),
        [
            "tcpstates host  every 1 s",
            "   STATE       SOCKETS  CHANGE SHARE",
            "   ESTABLISHED     500    +500 ▍",
            "   CLOSE_WAIT       16     +16 ▏",
            "   CLOSING          17     +17 ▏",
            "   LAST_ACK         18     +18 ▏",
            "   TIME_WAIT      9000   +9000 ████████▍",
            "   CLOSE            20     +20 ▏",
            "   5 more           62  LISTEN SYN_SENT…",
            "   TOTAL          9633   +9633",
        ]
    );
    assert_eq!(placed.places[6], (8, Place::Rest));
    assert_eq!(placed.places[7], (9, Place::State(None)));
    // Opened: those that were behind it.
    screen.rest.page = 1;
    screen.rest.is_selected = true;
    screen.rows.last_mut().unwrap().is_selected = false;
    let buffer = draw(&screen, 40, 10, PLAIN);
    let drawn = lines(&buffer);
    assert!(drawn[2].starts_with("   LISTEN"), "{drawn:#?}");
    assert!(
        drawn[7].starts_with("   6 more         9571  ESTABLISHED"),
        "{drawn:#?}"
    );
    assert!(buffer[(5, 7)].modifier.contains(Modifier::REVERSED));
    // A selected state stays where it can be seen.
    screen.rest = Rest::default();
    screen.rows[0].is_selected = true;
    let drawn = lines(&draw(&screen, 30, 8, PLAIN));
    assert!(drawn[2].starts_with("   LISTEN"), "{drawn:#?}");
}

#[test]
fn rows_without_sockets_are_left_out_only_where_their_lines_are_needed() {
    let has_zeros = |height| {
        let drawn = lines(&draw(&screen(groups_pane(None)), 80, height, PLAIN));
        drawn.iter().any(|line| line.starts_with("   CLOSING"))
    };
    let heights: Vec<u16> = (3..30).filter(|height| has_zeros(*height)).collect();
    assert_eq!(heights, (19..30).collect::<Vec<_>>());
}

#[test]
fn a_filter_is_always_shown_and_the_plan_where_it_is_wanted_and_fits() {
    let mut screen = screen(Pane::Chart(chart()));
    screen.header.filter = "sport = :443";
    screen.header.shows_plan = true;
    let filter_at = |height| {
        let lines = lines(&draw(&screen, 80, height, PLAIN));
        lines
            .iter()
            .position(|line| line.starts_with("filter: sport = :443"))
    };
    let places = [1, 3, 4, 16, 17, 40].map(filter_at);
    assert_eq!(
        places,
        [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)]
    );
    let plan = "1.2 ms, 100 listed: one walk lists every selected socket";
    assert_eq!(lines(&draw(&screen, 80, 17, PLAIN))[1], plan);
}
