//! A moment is gone to without its sockets.

use std::fs;

use super::{SOCKET, head};
use crate::model::{Counts, Kind, Moment, Recorded, State};
use crate::record::line::{End, KindLine, Line, Name, States, VERSION, time_of};
use crate::record::*;

/// More than three members of lines.
const SOCKETS: u64 = 16_000;

/// A moment; `states` are those of its end.
fn write_moment(writer: &mut Writer<Vec<u8>>, minute: u64, states: Option<u64>) {
    let time = time_of(&format!("2026-11-26T03:{minute:02}:00Z")).unwrap();
    writer.begin_moment(time, minute == 1, None).unwrap();
    for _ in 0..SOCKETS {
        writer.lines.extend_from_slice(SOCKET.as_bytes());
        writer.lines.push(b'\n');
        writer.pass_on().unwrap();
    }
    let (id, name) = (33, "www-data".into());
    writer.line(&Line::User(Name { id, name })).unwrap();
    let kinds = vec![KindLine {
        kind: "tcp".into(),
        source: Some("netlink".into()),
        unavailable: None,
        total: None,
        states: states.map(|number| {
            let mut counts = Counts::default();
            counts.add(State::Listen, number);
            States(counts)
        }),
    }];
    let end = End {
        kinds,
        total: SOCKETS,
        warnings: Vec::new(),
        denied_processes: 0,
        hiding: None,
    };
    writer.end_moment(end).unwrap();
}

fn recorded(states: Option<u64>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    (1..=2).for_each(|minute| write_moment(&mut writer, minute, states));
    writer.into_file()
}

fn numbers(record: &Recorded) -> Option<u64> {
    let numbers = record.moment().unwrap().numbers.as_ref()?;
    let [(Kind::Tcp, counts)] = &numbers.kinds[..] else {
        panic!("{numbers:?}");
    };
    Some(counts.get(State::Listen))
}

fn last(path: &std::path::Path) -> std::io::Result<Recorded> {
    let count = |_: &Moment| None;
    let mut cursor = Cursor::new(&open(path, Some(At::First)).unwrap(), &count)?;
    assert!(cursor.step(1, &count));
    cursor.read()
}

#[test]
fn the_numbers_of_a_moment_are_those_of_its_end_where_they_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    for (states, expected) in [
        (Some(SOCKETS), Some(SOCKETS)),
        (Some(SOCKETS - 1), None),
        (None, None),
    ] {
        fs::write(&path, recorded(states)).unwrap();
        for record in [open(&path, None).unwrap(), last(&path).unwrap()] {
            assert_eq!(numbers(&record), expected);
            let moment = record.moment().unwrap();
            assert_eq!(
                (moment.total, &*moment.host.users[&33]),
                (SOCKETS, "www-data")
            );
            let mut sockets = Sockets::open(&record, moment).unwrap();
            let mut read = 0;
            while sockets.next_line().unwrap().is_some() {
                read += 1;
            }
            assert_eq!(read, SOCKETS);
        }
    }
}

#[test]
fn damage_among_sockets_alone_shows_when_these_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut bytes = recorded(Some(SOCKETS));
    // Where the members of the second moment are that have sockets only.
    let header = usize::try_from(tag::HEADER).unwrap();
    let mut at = 0;
    let mut damaged = None;
    while at < bytes.len() {
        let tag = tag::Tag::parse(&bytes[at..at + header]).unwrap();
        if tag.is(tag::SOCKETS) {
            damaged = Some(at + header + 20);
        }
        at += usize::try_from(tag.length).unwrap();
    }
    bytes[damaged.unwrap()] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let record = last(&path).unwrap();
    assert_eq!(numbers(&record), Some(SOCKETS));
    let mut sockets = Sockets::open(&record, record.moment().unwrap()).unwrap();
    let error = loop {
        match sockets.next_line() {
            Ok(line) => assert!(line.is_some()),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.starts_with("the gzip member at byte "), "{error}");
    // Who does not go through the record gets the moment before.
    let record = open(&path, None).unwrap();
    assert!(record.cut.is_some());
    assert_eq!(record.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
}
