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

/// The numbers of sockets of rows and of the rest; and the sum.
fn numbers(drawn: &[String]) -> (u64, u64) {
    let number = |line: &String| {
        let mut words = line.strip_prefix("   ")?.split_whitespace();
        let name = words.next()?;
        let is_state = State::named().any(|state| state.to_string() == name);
        let number = words.next()?;
        match number {
            "more" => words.next()?.parse::<u64>().ok(),
            number if is_state || name == "TOTAL" => number.parse().ok(),
            _ => None,
        }
    };
    let rows: Vec<u64> = drawn.iter().filter_map(number).collect();
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
            "tcpstates host  every 1 s   9633 sockets",
            "   STATE       SOCKETS  CHANGE SHARE",
            "   ESTABLISHED     500    +500 ▍",
            "   CLOSING          17     +17 ▏",
            "   LAST_ACK         18     +18 ▏",
            "   TIME_WAIT      9000   +9000 ████████▍",
            "   CLOSE            20     +20 ▏",
            "   6 more 78  CLOSE_WAIT FIN_WAIT2",
            "   FIN_WAIT1 SYN_RECV SYN_SENT LISTEN",
            "   TOTAL          9633   +9633",
        ]
    );
    assert_eq!(
        placed.places[5..8],
        [(7, Place::Rest), (8, Place::Rest), (9, Place::State(None)),]
    );
    // Opened: those that were behind it, and the largest.
    screen.rest.is_selected = true;
    screen.rows.last_mut().unwrap().is_selected = false;
    for (page, first, last, rest) in [
        (
            1,
            "   SYN_RECV",
            "   TIME_WAIT",
            "   6 more 576  ESTABLISHED",
        ),
        (2, "   LISTEN", "   CLOSE", "   6 more 92  LAST_ACK"),
        (3, "   ESTABLISHED", "   CLOSE", "   6 more 78  CLOSE_WAIT"),
    ] {
        screen.rest.page = page;
        let buffer = draw(&screen, 40, 10, PLAIN);
        let drawn = lines(&buffer);
        assert!(drawn[2].starts_with(first), "{page}: {drawn:#?}");
        assert!(drawn[6].starts_with(last), "{page}: {drawn:#?}");
        assert!(drawn[7].starts_with(rest), "{page}: {drawn:#?}");
        assert!(drawn.iter().any(|line| line.contains(" 9000 ")));
        assert!(buffer[(5, 7)].modifier.contains(Modifier::REVERSED));
    }
    // A selected state stays where it can be seen.
    screen.rest = Rest::default();
    screen.rows[0].is_selected = true;
    let drawn = lines(&draw(&screen, 30, 8, PLAIN));
    assert!(drawn[1].starts_with("   LISTEN"), "{drawn:#?}");
}

#[test]
fn above_a_trace_of_few_lines_every_state_is_named() {
    let mut screen = screen(Pane::Trace(crate::model::screen::TracePane {
        state: None,
        traced: None,
        first: 0,
        failure: None,
    }));
    screen.rows = full_rows();
    for row in screen.rows.iter_mut().skip(2).take(6) {
        *row = row_without_sockets(row.state);
    }
    for (width, height) in [(46, 14), (40, 10), (40, 8)] {
        let text = lines(&draw(&screen, width, height, PLAIN)).join("\n");
        for state in [0, 1, 8, 9, 10].map(|at| screen.rows[at].state) {
            let name = state.unwrap().to_string();
            assert!(text.contains(&name), "{width}x{height}: {name}: {text}");
        }
    }
}

fn row_without_sockets(state: Option<State>) -> StateRow {
    row(state, 0, &[0, 0])
}

#[test]
fn a_marked_state_shares_a_line_last_and_its_mark_is_on_that_line() {
    let mut screen = screen(groups_pane(None));
    screen.rows = full_rows();
    // The smallest.
    screen.rows[0].is_at_limit = true;
    let drawn = lines(&draw(&screen, 40, 10, PLAIN));
    assert!(drawn[2].starts_with("!  LISTEN"), "{drawn:#?}");
    for row in &mut screen.rows {
        row.is_at_limit = true;
    }
    screen.rows[1].is_growing = true;
    let drawn = lines(&draw(&screen, 40, 10, PLAIN));
    assert!(
        drawn[7].starts_with("!▲ 6 more 78  CLOSE_WAIT"),
        "{drawn:#?}"
    );
}

#[test]
fn messages_share_a_line_and_the_heading_is_left_out_before_states_share_one() {
    let mut screen = screen(groups_pane(None));
    screen.rows = full_rows();
    let kind = NoticeKind::Alarm;
    let notice = |text: &str| Notice {
        kind,
        text: text.to_owned(),
    };
    screen.notices = vec![notice("one"), notice("two")];
    let drawn = lines(&draw(&screen, 46, 14, PLAIN));
    assert!(drawn[1].starts_with("   LISTEN"), "{drawn:#?}");
    assert!(drawn[12].starts_with("   TOTAL"), "{drawn:#?}");
    assert_eq!(drawn[13], "one; two");
    screen.rows.drain(5..);
    let drawn = lines(&draw(&screen, 30, 8, PLAIN));
    assert!(drawn[1].starts_with("   STATE"), "{drawn:#?}");
    assert_eq!(drawn[7], "one; two");
    screen.notices[0].text = "longer than the screen is wide".to_owned();
    let drawn = lines(&draw(&screen, 30, 8, PLAIN));
    assert_eq!(drawn[7], "(+1) longer than the screen i…");
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
