//! Whole, cut and damaged records.

mod cursor;
mod pairs;
mod samples;
mod samples_of_several;
mod several;
mod skipped;
mod strangers;
mod written;

use std::fs;
use std::io::{Read, Write as _};
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::line::{End, Head, Holds, KindLine, Line, Name, Unchanged, VERSION};
use super::*;
use crate::model::{Moment, Place, Recorded, RecordedNamespace};

const SOCKET: &str = r#"{"type":"socket","kind":"tcp","state":"LISTEN","family":"ipv4","local_addr":"0.0.0.0","local_port":80,"remote_addr":"0.0.0.0","remote_port":0,"accept_queue":1,"accept_limit":5}"#;

fn head(version: u32) -> Head<'static> {
    Head {
        version,
        program: "9.9.9".into(),
        host: "web1".into(),
        kernel: "6.18.0".into(),
        filter: None,
        anonymized: false,
        kinds: "tcp".into(),
        page_size: Some(4096),
        netns: None,
    }
}

/// A moment with one socket, `minute` minutes after the hour.
fn write_moment(writer: &mut Writer<Vec<u8>>, minute: u64) {
    let time = format!("2026-11-26T03:{minute:02}:00Z");
    let time = line::time_of(&time).unwrap();
    writer.begin_moment(time, false, None).unwrap();
    writer.lines.extend_from_slice(SOCKET.as_bytes());
    writer.lines.push(b'\n');
    let sockets = vec![(7, Some(3))];
    for line in [
        Line::Holds(Holds { pid: 1, sockets }),
        Line::User(Name {
            id: 33,
            name: "www-data".into(),
        }),
    ] {
        writer.line(&line).unwrap();
    }
    write_end(writer, 1);
}

fn write_end(writer: &mut Writer<Vec<u8>>, total: u64) {
    let kinds = vec![KindLine {
        kind: "tcp".into(),
        source: Some("netlink".into()),
        unavailable: None,
        total: None,
        states: None,
    }];
    let end = End {
        kinds,
        total,
        warnings: Vec::new(),
        denied_processes: 0,
        hiding: None,
    };
    writer.end_moment(end).unwrap();
}

fn two_moments() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    write_moment(&mut writer, 1);
    write_moment(&mut writer, 2);
    writer.into_file()
}

fn opened(bytes: &[u8]) -> Result<Recorded, RecordError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    fs::write(&path, bytes).unwrap();
    open(&path, None)
}

#[test]
fn a_record_is_about_its_last_moment_and_goes_back_to_the_one_before() {
    let record = opened(&two_moments()).unwrap();
    assert_eq!(record.cut, None);
    assert_eq!(record.origin.host, "web1");
    let moment = record.moment().unwrap();
    assert_eq!(moment.stamp, "2026-11-26T03:02:00.000Z");
    assert_eq!(moment.host.users[&33], "www-data");
    assert_eq!((moment.total, moment.start.lines), (1, 0));
    record.go_back();
    assert_eq!(record.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
    assert_eq!(record.go_on().as_secs(), 60);
}

/// The same lines as other programs compress them: without tags.
fn without_tags(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut lines).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&lines).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn members_without_tags_are_read_as_those_with_them() {
    let (tagged, plain) = (two_moments(), without_tags(&two_moments()));
    let (tagged, plain) = (opened(&tagged).unwrap(), opened(&plain).unwrap());
    let times = |record: &Recorded| -> Vec<SystemTime> {
        record.timeline.iter().map(|one| one.first).collect()
    };
    assert_eq!((times(&plain), &plain.cut), (times(&tagged), &tagged.cut));
    assert_eq!(
        plain.moment().unwrap().host.users,
        tagged.moment().unwrap().host.users
    );
    assert!(plain.has_earlier());
}

#[test]
fn a_moment_with_another_number_of_sockets_than_its_end_says_is_not_used() {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    write_moment(&mut writer, 1);
    let time = line::time_of("2026-11-26T03:02:00Z").unwrap();
    writer.begin_moment(time, false, None).unwrap();
    write_end(&mut writer, 1);
    let record = opened(&writer.into_file()).unwrap();
    assert_eq!(record.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
    let cut = record.cut.unwrap();
    assert!(
        cut.ends_with("it has 0 sockets, and its end says 1"),
        "{cut}"
    );
}

#[test]
fn a_record_that_is_cut_at_any_byte_has_the_moments_that_are_whole() {
    let whole = two_moments();
    let second = opened(&whole).unwrap().moment().unwrap().start.member;
    let second = usize::try_from(second).unwrap();
    // Behind the lines of a member are its end in the stream, a sum and the length: with these missing, the
    // moment may be whole.
    let (lines_end, sum_begins) = (second - 10, second - 8);
    for length in 0..whole.len() - 10 {
        let stamp = match opened(&whole[..length]) {
            Err(error) => {
                assert!(length < sum_begins, "{length}: {error}");
                continue;
            }
            Ok(record) => {
                // Cut between two members, it cannot be told from one with a single moment.
                assert_eq!(record.cut.is_none(), length == second, "{length}");
                record.moment().unwrap().stamp.clone()
            }
        };
        assert!(length >= lines_end, "{length}");
        assert_eq!(stamp, "2026-11-26T03:01:00.000Z", "{length}");
    }
}

#[test]
fn a_record_with_any_byte_changed_is_used_or_refused_and_nothing_else() {
    let whole = two_moments();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        if let Ok(record) = opened(&changed) {
            let moment = record.moment().unwrap();
            assert!(moment.total <= 1, "{at}");
        }
    }
}

#[test]
fn what_is_no_record_or_a_later_one_is_refused_with_the_reason() {
    let refused = |write: &dyn Fn(&mut Writer<Vec<u8>>)| {
        let mut writer = Writer::new(Vec::new());
        write(&mut writer);
        writer.end_member().unwrap();
        opened(&writer.into_file()).unwrap_err().to_string()
    };
    let newer = refused(&|writer| writer.head(head(VERSION + 1)).unwrap());
    assert!(
        newer.contains("format 3, written by tcpstates 9.9.9"),
        "{newer}"
    );
    let other = refused(&|writer| writer.lines.extend_from_slice(b"{\"type\":\"socket\"}\n"));
    assert!(other.contains("its first line is another one"), "{other}");
    let empty = refused(&|writer| writer.head(head(VERSION)).unwrap());
    assert!(
        empty.ends_with("has no moment and no sample yet"),
        "{empty}"
    );
    let long = refused(&|writer| {
        writer.head(head(VERSION)).unwrap();
        writer
            .begin_moment(SystemTime::UNIX_EPOCH, false, None)
            .unwrap();
        writer.lines.resize(writer.lines.len() + (2 << 20), b' ');
        write_end(writer, 0);
    });
    assert!(long.contains("longer than 1 MiB"), "{long}");
    let text = opened(b"State Recv-Q\n").unwrap_err().to_string();
    let words = "is not a record of tcpstates: it is not compressed by gzip, as records are";
    assert!(text.ends_with(words), "{text}");
    let empty = opened(b"").unwrap_err().to_string();
    assert!(
        empty.ends_with("is not a record of tcpstates: it is empty"),
        "{empty}"
    );
}

#[test]
fn lines_and_keys_of_later_versions_are_ignored() {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    write_moment(&mut writer, 1);
    let text = b"{\"type\":\"colour\",\"of\":[1]}\n{\"type\":\"user\",\"id\":1,\"name\":\"a\",\"more\":2}\n";
    writer.lines.extend_from_slice(text);
    write_moment(&mut writer, 2);
    assert_eq!(opened(&writer.into_file()).unwrap().cut, None);
}

fn rows() -> Rows {
    let record = opened(&two_moments()).unwrap();
    let moment = Moment {
        start: Place::default(),
        ..record.moment().unwrap().clone()
    };
    Rows::new(record.origin.kinds, &moment, true)
}

#[test]
fn a_socket_that_is_wrong_is_an_error_and_never_a_wrong_socket() {
    let rows = rows();
    assert!(rows.parse(SOCKET.as_bytes()).unwrap().is_some());
    assert_eq!(rows.parse(b"{\"type\":\"summary\"}"), Ok(None));
    for (from, to, reason) in [
        ("LISTEN", "LISTENING", "no state: LISTENING"),
        ("ipv4", "ipv6", "its family is not that of its addresses"),
        ("0.0.0.0", "example", "no address: example"),
        (":80,", ":80000,", "the number 80000 is too large"),
        (":80,", ":-1,", "invalid value"),
        ("\"accept_limit\":5}", "\"accept_limit\":5", "EOF"),
        ("\"tcp\"", "\"vsock\"", "no kind: vsock"),
        ("\"state\":\"LISTEN\",", "", "no state"),
    ] {
        let line = SOCKET.replacen(from, to, 1);
        let error = rows.parse(line.as_bytes()).unwrap_err();
        assert!(error.contains(reason), "{line}: {error}");
    }
}

/// A moment with one socket, and then one that refers to sockets of the moment at `base`.
fn referring(base: &str, runs: &[(u64, u64)], total: u64) -> Result<Recorded, RecordError> {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    write_moment(&mut writer, 1);
    let time = |stamp: &str| line::time_of(stamp).unwrap();
    let at = time("2026-11-26T03:02:00Z");
    writer.begin_moment(at, false, Some(time(base))).unwrap();
    for &(skipped, sockets) in runs {
        let run = Unchanged {
            skipped,
            sockets,
            older_ms: 1,
        };
        writer.line(&Line::Unchanged(run)).unwrap();
    }
    write_end(&mut writer, total);
    opened(&writer.into_file())
}

#[test]
fn a_moment_that_refers_to_sockets_that_are_not_there_is_not_used() {
    let first = "2026-11-26T03:01:00Z";
    let record = referring(first, &[(0, 1)], 1).unwrap();
    assert_eq!(record.cut, None);
    assert!(record.moment().unwrap().base.is_some());
    for (base, runs, total, reason) in [
        (first, &[(0, 2)][..], 2, "which has other ones"),
        (first, &[(1, 1)], 1, "which has other ones"),
        (first, &[(0, 1), (0, 1)], 2, "which has other ones"),
        (first, &[(u64::MAX, 1)], 1, "refers to no earlier moment"),
        (
            first,
            &[(0, u64::MAX), (0, 1)],
            0,
            "refers to no earlier moment",
        ),
        (first, &[(0, 1)], 2, "it has 1 sockets, and its end says 2"),
        (
            "2026-11-26T03:02:00Z",
            &[(0, 1)],
            1,
            "which the file does not have",
        ),
        (
            "2026-11-26T03:00:00Z",
            &[(0, 1)],
            1,
            "which the file does not have",
        ),
    ] {
        let record = referring(base, runs, total).unwrap();
        assert_eq!(record.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
        let cut = record.cut.unwrap();
        assert!(cut.contains(reason), "{runs:?} {cut}");
    }
}

#[test]
fn a_whole_moment_is_found_before_some_damaged_ones_and_not_before_very_many() {
    let record = |damaged: u64| {
        let mut writer = Writer::new(Vec::new());
        writer.head(head(VERSION)).unwrap();
        write_moment(&mut writer, 1);
        for number in 0..damaged {
            let time = line::time_of("2026-11-26T03:02:00Z").unwrap();
            let time = time + std::time::Duration::from_secs(number);
            writer.begin_moment(time, false, None).unwrap();
            write_end(&mut writer, 1);
        }
        opened(&writer.into_file())
    };
    let stamp = "2026-11-26T03:01:00.000Z";
    assert_eq!(record(16).unwrap().moment().unwrap().stamp, stamp);
    let error = record(17).unwrap_err().to_string();
    assert!(
        error.contains("no moment and no sample that is whole"),
        "{error}"
    );
}
