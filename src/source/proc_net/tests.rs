//! Whole tables: what is counted, what is lost, and what is reported.

use std::ops::ControlFlow;

use super::*;
use crate::model::{Kind, Socket, State, StateSet};

/// `cp /proc/net/tcp /proc/net/tcp6`; tests/fixtures/README.md says of which sockets.
const TCP: &str = include_str!("../../../tests/fixtures/proc/net/tcp");
const TCP6: &str = include_str!("../../../tests/fixtures/proc/net/tcp6");

#[derive(Default)]
struct States(Vec<State>);

impl Sink for States {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.0.push(socket.state);
        ControlFlow::Continue(())
    }
}

/// Reads `text` as a copied table of `family`; returns the states counted and the losses.
fn read_selected(text: &str, family: Family, states: StateSet) -> (Vec<State>, Vec<String>) {
    let mut completeness = Completeness::default();
    let mut seen = States::default();
    let mut table = Table {
        path: Path::new("tcp"),
        family,
        repeats: Repeats::new(true),
        question: &Question::about(Kind::Tcp, states),
        is_past_listeners: false,
        netns: Netns::CALLER,
        completeness: &mut completeness,
        cost: &mut Cost::default(),
    };
    assert!(table.read(text.as_bytes(), &mut seen).is_continue());
    let losses = completeness.losses().iter().map(ToString::to_string);
    (seen.0, losses.collect())
}

fn read(text: &str) -> (usize, Vec<String>) {
    let (states, losses) = read_selected(text, Family::V4, StateSet::ALL);
    (states.len(), losses)
}

#[test]
fn recorded_tables_are_counted_completely() {
    let (v4, losses) = read_selected(TCP, Family::V4, StateSet::ALL);
    assert!(losses.is_empty());
    assert_eq!(
        v4,
        [
            State::Listen,
            State::Established,
            State::Established,
            State::Established
        ]
    );
    let (v6, losses) = read_selected(TCP6, Family::V6, StateSet::ALL);
    assert!(losses.is_empty());
    assert_eq!(
        v6,
        [
            State::Listen,
            State::Established,
            State::FinWait2,
            State::TimeWait,
            State::CloseWait
        ]
    );
}

#[test]
fn only_requested_states_are_counted() {
    let listen = StateSet::NONE.with(State::Listen);
    let (states, losses) = read_selected(TCP, Family::V4, listen);
    assert_eq!((states, losses.len()), (vec![State::Listen], 0));
}

#[test]
fn a_malformed_row_is_omitted_and_reported_with_its_line_and_column() {
    let text = TCP.replacen("0100007F:1F90 0100007F", "0100007F:1F90 01zz007F", 1);
    let (counted, losses) = read(&text);
    assert_eq!(counted, 3);
    assert_eq!(
        losses,
        ["1 record could not be read and is missing: tcp: line 3: column rem_address is malformed"]
    );
}

#[test]
fn an_unknown_state_is_counted_and_nothing_is_lost() {
    let text = TCP.replacen(" 0A ", " 0E ", 1);
    let (states, losses) = read_selected(&text, Family::V4, StateSet::ALL);
    assert!(states.contains(&State::Unknown(14)) && losses.is_empty());
}

#[test]
fn a_last_row_that_is_cut_off_is_omitted_and_reported() {
    let (counted, losses) = read(&TCP.trim_end()[..TCP.trim_end().len() - 4]);
    assert_eq!(counted, 3);
    assert_eq!(losses.len(), 1);
    assert!(losses[0].contains("line 5: cut off"), "{losses:?}");
}

#[test]
fn a_last_row_without_a_line_end_is_counted() {
    for text in [TCP.strip_suffix('\n').unwrap(), TCP.trim_end()] {
        assert_eq!(read(text), (4, vec![]));
    }
    let (states, losses) = read_selected(TCP6.trim_end(), Family::V6, StateSet::ALL);
    assert_eq!((states.len(), losses.len()), (5, 0));
    let time_wait = "  9: 0100007F:1F90 0200007F:C001 06 00000000:00000000 03:00000014 00000000     0        0 0 3 ffff8880";
    assert_eq!(read(&format!("{TCP}{time_wait}")), (5, vec![]));
}

#[test]
fn empty_lines_are_no_rows() {
    for text in [format!("{TCP}\n"), format!("{TCP}  \n\n  ")] {
        assert_eq!(read(&text), (4, vec![]));
    }
}

#[test]
fn a_repeated_row_is_counted_once_and_is_no_loss() {
    let rows: Vec<_> = TCP.lines().collect();
    let twice = format!("{TCP}{}\n", rows[4]);
    assert_eq!(read(&twice), (4, vec![]));
    let two_listeners = format!("{TCP}{}\n", rows[1].replace(" 0A ", " 01 "));
    assert_eq!(read(&two_listeners), (4, vec![]), "same ends and inode");
}

#[test]
fn a_header_alone_means_no_sockets_and_an_empty_file_is_reported() {
    let header = format!("{}\n", TCP.lines().next().unwrap());
    assert_eq!(read(&header), (0, vec![]));
    let (counted, losses) = read("");
    assert_eq!(counted, 0);
    assert!(losses[0].contains("it is empty"), "{losses:?}");
}

#[test]
fn a_table_without_its_header_is_counted_and_reported() {
    let (_, rows) = TCP.split_once('\n').unwrap();
    let (counted, losses) = read(rows);
    assert_eq!(counted, 4);
    assert!(losses[0].contains("header is missing"), "{losses:?}");
}

#[test]
fn every_truncation_of_a_table_loses_at_most_the_row_it_cuts() {
    for length in 1..TCP.len() {
        let (counted, losses) = read(&TCP[..length]);
        let whole_lines = TCP[..length].matches('\n').count();
        let last = TCP[..length].rsplit('\n').next().unwrap();
        let is_whole = whole_lines > 0 && last.split_whitespace().count() == 17;
        let rows = whole_lines.saturating_sub(1) + usize::from(is_whole);
        assert_eq!(counted, rows, "{length}");
        let is_header = whole_lines == 0 && last.contains("sl ");
        let is_blank = whole_lines > 0 && last.trim().is_empty();
        let is_complete = is_header || is_whole || is_blank;
        assert_eq!(losses.is_empty(), is_complete, "{length}: {losses:?}");
    }
}

#[test]
fn a_read_error_is_reported_and_the_rows_before_it_are_kept() {
    struct Fails<'a>(&'a [u8]);
    impl io::Read for Fails<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("the mount is gone"));
            }
            io::Read::read(&mut self.0, room)
        }
    }
    let mut completeness = Completeness::default();
    let mut seen = States::default();
    let question = Question::about(Kind::Tcp, StateSet::ALL);
    let mut table = Table {
        path: Path::new("tcp"),
        family: Family::V4,
        repeats: Repeats::new(true),
        question: &question,
        is_past_listeners: false,
        netns: Netns::CALLER,
        completeness: &mut completeness,
        cost: &mut Cost::default(),
    };
    assert!(table.read(Fails(TCP.as_bytes()), &mut seen).is_continue());
    assert_eq!(seen.0.len(), 4);
    assert!(matches!(completeness.losses(), [Loss::Aborted { .. }]));
}

#[test]
fn listeners_of_a_live_table_are_read_in_small_pieces_up_to_the_first_connection() {
    let lines: Vec<&str> = TCP.split_inclusive('\n').collect();
    let listener = |inode: &str| lines[1].replace("3525811", inode);
    let request = lines[2]
        .replace(" 01 ", " 03 ")
        .replace("3525814", "0000000");
    let (first, second, third) = (
        listener("1000001"),
        listener("1000002"),
        listener("1000003"),
    );
    // The third was shifted behind where the first read ended, and is read again.
    let rows = [
        lines[0],
        &first,
        &second,
        &third,
        &third,
        &request,
        &listener("1000004"),
    ];
    let text = rows.concat() + lines[2] + "broken\n" + &lines[2].repeat(20);
    let mut completeness = Completeness::default();
    let (mut cost, mut seen) = (Cost::default(), States::default());
    let mut table = Table {
        path: Path::new("tcp"),
        family: Family::V4,
        repeats: Repeats::new(false),
        question: &Question::about(Kind::Tcp, StateSet::NONE.with(State::Listen)),
        is_past_listeners: false,
        netns: Netns::CALLER,
        completeness: &mut completeness,
        cost: &mut cost,
    };
    assert!(table.read(text.as_bytes(), &mut seen).is_continue());
    assert_eq!(seen.0, [State::Listen; 4]);
    assert!(completeness.is_complete(), "{:?}", completeness.losses());
    assert_eq!((cost.repeated, cost.receipts), (1, 8));
}
