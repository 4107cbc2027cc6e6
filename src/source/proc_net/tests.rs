//! Whole tables: what is counted, what is lost, and how it is told.

use std::ops::ControlFlow;

use super::*;
use crate::model::{Socket, State, StateSet};

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

/// Reads `text` as the table of `family` and returns the states counted and the losses told.
fn read_selected(text: &str, family: Family, states: StateSet) -> (Vec<State>, Vec<String>) {
    let mut completeness = Completeness::default();
    let mut seen = States::default();
    let mut table = Table {
        path: Path::new("tcp"),
        family,
        question: &Question::about(states),
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
fn recorded_tables_are_counted_whole() {
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
fn only_the_states_asked_for_are_counted() {
    let listen = StateSet::NONE.with(State::Listen);
    let (states, losses) = read_selected(TCP, Family::V4, listen);
    assert_eq!((states, losses.len()), (vec![State::Listen], 0));
}

#[test]
fn a_malformed_row_costs_that_row_and_is_told_with_its_line_and_column() {
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
fn a_torn_last_row_is_not_counted_and_told() {
    let torn = TCP.trim_end();
    let (counted, losses) = read(torn);
    assert_eq!(counted, 3);
    assert_eq!(losses.len(), 1);
    assert!(losses[0].contains("line 5: torn off"), "{losses:?}");
}

#[test]
fn a_header_alone_is_a_host_without_sockets_and_an_empty_file_is_not() {
    let header = format!("{}\n", TCP.lines().next().unwrap());
    assert_eq!(read(&header), (0, vec![]));
    let (counted, losses) = read("");
    assert_eq!(counted, 0);
    assert!(losses[0].contains("it is empty"), "{losses:?}");
}

#[test]
fn a_table_without_its_header_is_counted_and_told() {
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
        assert_eq!(counted, whole_lines.saturating_sub(1), "{length}");
        assert_eq!(losses.is_empty(), TCP[..length].ends_with('\n'), "{length}");
    }
}

#[test]
fn a_reader_that_fails_midway_is_told_and_keeps_what_it_read() {
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
    let question = Question::about(StateSet::ALL);
    let mut table = Table {
        path: Path::new("tcp"),
        family: Family::V4,
        question: &question,
        completeness: &mut completeness,
        cost: &mut Cost::default(),
    };
    assert!(table.read(Fails(TCP.as_bytes()), &mut seen).is_continue());
    assert_eq!(seen.0.len(), 4);
    assert!(matches!(completeness.losses(), [Loss::Aborted { .. }]));
}
