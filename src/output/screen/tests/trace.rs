//! The trace pane on small and on large terminals.

use std::sync::Arc;

use super::*;
use crate::model::screen::{TracePane, TraceRows, Traced};
use crate::model::testing::{close, transition};
use crate::model::trace::{Clock, Losses, Shape};

/// A trace since 1:02:03, with so many rows of each kind.
fn traced(rows: u64) -> Traced {
    let since = Duration::from_secs(3_723);
    let start = SystemTime::UNIX_EPOCH + since;
    let shape = |row: u64| if row == 0 { Shape::Reset } else { Shape::Three };
    let states = (State::CloseWait, State::LastAck);
    Traced {
        since_ns: 0,
        clock: Clock::new(start, 0),
        limits: None,
        losses: Losses {
            ring: Some(0),
            ..Losses::default()
        },
        rows: TraceRows {
            closes: (0..rows)
                .map(|row| Arc::new(close(9 - row, shape(row))))
                .collect(),
            transitions: (0..rows)
                .map(|row| transition(9 - row, states.0, states.1))
                .collect(),
            shapes: [(Some(Shape::Three), 7), (Some(Shape::Reset), 1)].into(),
            changes: 1_234,
        },
    }
}

fn pane(traced: Option<&Traced>) -> Pane<'_> {
    Pane::Trace(TracePane {
        state: Some(State::CloseWait),
        traced,
        first: 0,
        failure: None,
    })
}

#[test]
fn closes_are_above_transitions_and_states_that_had_sockets_above_both() {
    let traced = traced(9);
    let drawn = lines(&draw(&screen(pane(Some(&traced))), 100, 19, PLAIN));
    assert!(drawn[2].starts_with("   ESTABLISHED"), "{drawn:?}");
    assert!(drawn[3].starts_with("▲  CLOSE_WAIT"), "{drawn:?}");
    assert_eq!(
        drawn[5..18],
        [
            "CLOSE_WAIT since 01:02:03Z: 8 closes (7 three, 1 reset), 1,234 transitions",
            "ENDED    CLOSE   TOOK FIRST             OTHER           RESET",
            "01:02:12 reset 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000 closed with unread data, by web[7]",
            "01:02:11 three 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000",
            "01:02:10 three 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000",
            "01:02:09 three 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000",
            "01:02:08 three 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000",
            "TIME     FROM       TO        AFTER LOCAL        REMOTE          BY",
            "01:02:12 CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
            "01:02:11 CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
            "01:02:10 CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
            "01:02:09 CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
            "01:02:08 CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
        ]
    );
    assert!(drawn[18].starts_with("q quit  ? help  t close"));
}

#[test]
fn forty_by_ten_shows_counts_closes_and_transitions() {
    let traced = traced(9);
    let drawn = lines(&draw(&screen(pane(Some(&traced))), 40, 10, PLAIN));
    let starts = [
        "tcpstates host",
        "   STATE",
        "   ESTABLISHED",
        "▲  CLOSE_WAIT",
        "   TOTAL",
        "CLOSE_WAIT since 01:02:03Z: 8 closes (7…",
        "reset 192.0.2.1:80(web) 192.0.2.2:40000",
        "CLOSE_WAIT LAST_ACK 192.0.2.1:80 192.0.…",
        "CLOSE_WAIT LAST_ACK 192.0.2.1:80 192.0.…",
        "q quit  ? help  t close",
    ];
    for (line, start) in drawn.iter().zip(starts) {
        assert!(line.starts_with(start), "{start}: {drawn:?}");
    }
    for (width, height) in [(1, 1), (9, 3), (20, 5), (40, 7)] {
        draw(&screen(pane(Some(&traced))), width, height, PLAIN);
    }
}

#[test]
fn each_table_scrolls_to_its_oldest_rows_and_no_further() {
    let mut traced = traced(9);
    traced.rows.closes.truncate(3);
    let scrolled = Pane::Trace(TracePane {
        state: None,
        traced: Some(&traced),
        first: 4,
        failure: None,
    });
    let drawn = lines(&draw(&screen(scrolled), 80, 19, PLAIN));
    let row = |text: &str| {
        drawn
            .iter()
            .position(|line| line.starts_with(text))
            .unwrap()
    };
    assert!(
        drawn[row("ENDED") + 1].starts_with("01:02:12"),
        "{drawn:#?}"
    );
    assert!(drawn[row("TIME") + 1].starts_with("01:02:10"), "{drawn:#?}");
    assert!(drawn[17].starts_with("01:02:04"), "{drawn:#?}");
}

#[test]
fn columns_that_do_not_fit_are_left_out_and_the_last_is_cut() {
    let traced = traced(1);
    let shown = |width| {
        let drawn = lines(&draw(&screen(pane(Some(&traced))), width, 24, PLAIN));
        let heading = drawn
            .iter()
            .position(|line| line.contains("FIRST"))
            .unwrap();
        [0, 1, 2, 3].map(|at| drawn[heading + at].clone())
    };
    assert_eq!(
        shown(70),
        [
            "ENDED    CLOSE   TOOK FIRST             OTHER           RESET",
            "01:02:12 reset 2.00ms 192.0.2.1:80(web) 192.0.2.2:40000 closed with u…",
            "FROM       TO        AFTER LOCAL        REMOTE          BY",
            "CLOSE_WAIT LAST_ACK 1.24ms 192.0.2.1:80 192.0.2.2:40000 web(7)",
        ]
    );
    assert_eq!(
        shown(50),
        [
            "ENDED    CLOSE FIRST             OTHER",
            "01:02:12 reset 192.0.2.1:80(web) 192.0.2.2:40000",
            "FROM       TO       LOCAL        REMOTE",
            "CLOSE_WAIT LAST_ACK 192.0.2.1:80 192.0.2.2:40000",
        ]
    );
}

#[test]
fn losses_and_what_is_not_reported_are_above_the_rows() {
    let mut traced = traced(3);
    traced.losses.ring = Some(2);
    traced.limits = Some("no states or shapes without CAP_BPF".to_owned());
    let drawn = draw(
        &screen(pane(Some(&traced))),
        40,
        16,
        Paint {
            color: true,
            ..PLAIN
        },
    );
    let text = lines(&drawn);
    let title = text
        .iter()
        .position(|line| line.starts_with("any state"))
        .unwrap();
    assert_eq!(
        text[title..title + 5],
        [
            "any state since 01:02:03Z: 8 closes",
            "2 events lost: the ring buffer was full",
            "no states or shapes without CAP_BPF",
            "192.0.2.1:80 192.0.2.2:40000",
            "192.0.2.1:80 192.0.2.2:40000",
        ]
    );
    let loss = u16::try_from(title).unwrap() + 1;
    assert_eq!(drawn[(0, loss)].fg, Color::Yellow);
}

#[test]
fn before_the_first_rows_the_pane_shows_that_it_starts_or_why_it_cannot() {
    let failed = Pane::Trace(TracePane {
        state: None,
        traced: None,
        first: 0,
        failure: Some("trace has no `rtt`: filters of trace test other words"),
    });
    let drawn = lines(&draw(&screen(failed), 40, 16, PLAIN)).join("\n");
    assert!(
        drawn.contains("all: no trace\ntrace has no `rtt`: filters of trace\ntest other words")
    );
    let drawn = lines(&draw(&screen(pane(None)), 40, 16, PLAIN)).join("\n");
    assert!(
        drawn.contains("CLOSE_WAIT: waiting for the trace"),
        "{drawn}"
    );
}
