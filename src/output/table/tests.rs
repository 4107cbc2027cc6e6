//! Summaries of known snapshots as tables: what fits, and what is marked.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use super::*;
use crate::model::testing::SameNames;
use crate::model::{
    Completeness, Counts, Family, Field, InetEnds, Kind, Loss, SourceName, State, StateSet,
};
use crate::output::Look;

fn snapshot(counts: &[(State, u64)]) -> Snapshot {
    let mut sum = Counts::default();
    for (state, sockets) in counts {
        sum.add(*state, *sockets);
    }
    Snapshot {
        observation: Observation {
            time: UNIX_EPOCH,
            source: SourceName::Netlink,
            completeness: Completeness::default(),
        },
        asked: StateSet::ALL,
        counts: sum,
        spread: Counts::default(),
    }
}

/// The last of some samples.
fn render(samples: &[&Snapshot], look: Look) -> String {
    let mut table = Table::new(Style {
        repeated: samples.len() > 1,
        look,
        ..Style::default()
    });
    let mut out = Vec::new();
    for snapshot in samples {
        out.clear();
        table.write_summary(&mut out, snapshot);
    }
    String::from_utf8(out).unwrap()
}

const PLAIN: Look = Look {
    color: false,
    width: None,
    height: None,
    utf8: true,
};

#[test]
fn a_terminal_gets_as_much_as_fits_and_never_more() {
    let snapshot = snapshot(&[(State::Listen, 1), (State::TimeWait, 999_999)]);
    for width in 20..120 {
        let look = Look {
            width: Some(width),
            ..PLAIN
        };
        let table = render(&[&snapshot], look);
        let longest = table.lines().map(|line| line.chars().count()).max();
        assert!(longest.unwrap() <= width, "{width}: {table}");
        assert_eq!(table.contains('█'), width >= 34, "{width}: {table}");
    }
}

#[test]
fn a_list_rendered_for_a_view_has_the_lines_of_a_table_on_a_terminal() {
    let style = Style {
        columns: vec![Field::User],
        look: Look {
            width: Some(80),
            ..Look::default()
        },
        ..Style::default()
    };
    // More than are held back for the widths of the columns.
    let sockets: Vec<Socket> = (1..=600)
        .map(|port| {
            let ends = InetEnds {
                family: Family::V4,
                local: SocketAddr::from(([127, 0, 0, 1], 80)),
                remote: SocketAddr::from(([127, 0, 0, 1], port)),
            };
            Socket::bare(Kind::Tcp, State::Established, ends)
        })
        .collect();
    let mut table = Table::new(style.clone());
    let mut out = Vec::new();
    table.begin_list(&mut out, UNIX_EPOCH);
    for socket in &sockets {
        table.write_socket(&mut out, socket, &mut SameNames);
    }
    let observation = snapshot(&[]).observation;
    table.end_list(&mut out, &observation, 600, &mut SameNames);
    let (heading, rows, omitted) = render_list(&style, sockets.into_iter(), &mut SameNames);
    assert_eq!((rows.len(), omitted), (600, Vec::new()));
    assert!(heading.ends_with("USER"), "{heading}");
    let lines = format!("{heading}\n{}\n", rows.join("\n"));
    assert_eq!(lines, String::from_utf8(out).unwrap());
}

#[test]
fn a_share_rounds_but_never_to_nothing_or_to_everything() {
    let snapshot = snapshot(&[(State::Listen, 1), (State::TimeWait, 999_999)]);
    let look = Look {
        width: Some(80),
        ..PLAIN
    };
    let table = render(&[&snapshot], look);
    assert!(
        table.contains("<0.1%") && table.contains("99.9%"),
        "{table}"
    );
    assert!(!table.contains("100.0%"), "{table}");
}

#[test]
fn a_derived_number_has_its_spread_and_a_loss_is_beside_the_total() {
    let mut snapshot = snapshot(&[(State::Listen, 7), (State::Established, 400_000)]);
    snapshot.spread.add(State::Established, 12);
    snapshot.observation.completeness.lose(Loss::Overrun);
    let table = render(&[&snapshot], PLAIN);
    let words: Vec<Vec<_>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            vec!["STATE", "SOCKETS", "SPREAD"],
            vec!["LISTEN", "7", "-"],
            vec!["ESTABLISHED", "400000", "±12"],
            vec!["TOTAL", "400007", "±12", "incomplete"],
        ]
    );
}

#[test]
fn a_state_that_vanished_shows_once_more_even_one_without_a_name() {
    let before = snapshot(&[(State::CloseWait, 3), (State::Unknown(14), 2)]);
    let now = snapshot(&[(State::Listen, 1)]);
    let table = render(&[&before, &now], PLAIN);
    let rows: Vec<_> = table.lines().skip(3).collect();
    assert_eq!(
        rows,
        [
            "LISTEN             1        +1",
            "CLOSE_WAIT         0        -3",
            "UNKNOWN(14)        0        -2",
            "TOTAL              1        -4",
        ]
    );
}

#[test]
fn only_what_has_sockets_and_deserves_a_look_is_coloured() {
    let look = Look {
        color: true,
        ..PLAIN
    };
    let snapshot = snapshot(&[(State::Established, 5), (State::CloseWait, 5)]);
    let table = render(&[&snapshot], look);
    let yellow: Vec<_> = table.lines().filter(|l| l.contains("\x1b[33m")).collect();
    assert_eq!(yellow.len(), 1, "{table}");
    assert!(yellow[0].contains("CLOSE_WAIT"), "{table}");
    assert!(!render(&[&snapshot], PLAIN).contains('\x1b'));
}
