//! Records that strangers wrote: small files that are about much.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::opened;
use crate::model::{Counts, Moment, Recorded};
use crate::record::{At, Cursor, RecordError, open};

const HEAD: &str = r#"{"type":"record","version":2,"program":"0","host":"h","kernel":"6","kinds":"tcp","page_size":4096,"netns":"all"}"#;
const MOMENT: &str = r#"{"type":"moment","time":"2026-11-27T10:00:00.000Z","first":true}"#;
const END: &str = r#"{"type":"end","kinds":[],"total":0,"warnings":[]}"#;

/// A record of a single member with these lines.
fn written(lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for line in [HEAD.to_owned()].into_iter().chain(lines) {
        writeln!(encoder, "{line}").unwrap();
    }
    encoder.finish().unwrap()
}

fn namespaces(number: usize) -> impl Iterator<Item = String> {
    (1..=number).map(|one| format!(r#"{{"type":"namespace","netns":{one},"name":"n{one}"}}"#))
}

fn sample(second: usize, namespaces: usize, warnings: &str) -> String {
    let time = format!(
        "2026-11-27T10:{:02}:{:02}.000Z",
        second / 60 % 60,
        second % 60
    );
    format!(
        r#"{{"type":"sample","time":"{time}","kinds":[],"namespaces":{namespaces},"warnings":[{warnings}]}}"#
    )
}

fn parts(record: &Recorded) -> Vec<&Moment> {
    let members = &record.namespaces().unwrap().members;
    let parts = members.iter().map(|one| &**one.moment.as_ref().unwrap());
    parts.collect()
}

#[test]
fn the_warnings_of_a_sample_are_there_once_and_not_all_are_kept() {
    let warnings: Vec<String> = (0..9000).map(|one| format!("\"{one}\"")).collect();
    let sample = sample(0, 300, &warnings.join(","));
    let record = opened(&written(namespaces(300).chain([sample]))).unwrap();
    let whole = &record.moment().unwrap().warnings;
    assert_eq!((whole.len(), &*whole[99]), (101, "99"));
    assert_eq!(whole[100], "8,900 other warnings in the record");
    let parts = parts(&record);
    assert_eq!(parts.len(), 300);
    let are_shared = |part: &&Moment| Arc::ptr_eq(&part.warnings, whole);
    assert!(parts.iter().all(are_shared));
}

#[test]
fn the_causes_of_a_moment_are_there_once_for_all_its_network_namespaces() {
    let cause = r#"{"type":"cause","rule":"accept-queue","title":"a full queue"}"#;
    let end = r#"{"type":"namespace_end","kinds":[],"total":0,"warnings":[]}"#;
    let moment = |causes: usize| {
        let causes = vec![cause.to_owned(); causes];
        let parts = namespaces(300).flat_map(|begin| [begin, end.to_owned()]);
        let lines = [MOMENT.to_owned()].into_iter().chain(causes);
        written(lines.chain(parts).chain([END.to_owned()]))
    };
    let record = opened(&moment(100)).unwrap();
    let whole = &record.moment().unwrap().causes;
    assert_eq!(whole.len(), 100);
    let are_shared = |part: &&Moment| Arc::ptr_eq(&part.causes, whole);
    assert!(parts(&record).iter().all(are_shared));
    let error = opened(&moment(101)).unwrap_err().to_string();
    assert!(error.ends_with("more causes than a moment has"), "{error}");
}

/// Reads a record as `--from` does, and goes through it as the view of it does.
fn read(bytes: &[u8]) -> Result<(Recorded, Cursor), RecordError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    fs::write(&path, bytes).unwrap();
    let first = open(&path, Some(At::First))?;
    let count = |_: &Moment| Some(Counts::default());
    let mut cursor = Cursor::new(&first, &count).unwrap();
    while cursor.scan(&count) {}
    let last = open(&path, None)?;
    Ok((last, cursor))
}

#[test]
fn a_sample_that_is_shown_has_the_files_of_those_before_it() {
    let text = "x".repeat(100_000);
    let files = (0..8).map(|one| format!(r#"{{"type":"file","path":"p{one}","text":"{text}"}}"#));
    let without = |second| sample(second, 0, "").replace(r#""namespaces":0,"#, "");
    let (last, cursor) = read(&written(files.chain((0..500).map(without)))).unwrap();
    assert_eq!(last.moment().unwrap().files.len(), 8);
    assert_eq!(cursor.timeline().parts[0].len(), 500);
}

#[test]
fn a_sample_that_is_shown_has_the_network_namespaces_of_those_before_it() {
    let samples = |number: usize| (0..500).map(move |second| sample(second, number, ""));
    let last = opened(&written(namespaces(1_000).chain(samples(1_000)))).unwrap();
    assert_eq!((parts(&last).len(), &last.cut), (1_000, &None));
}

#[test]
fn more_sockets_of_processes_than_a_host_has_are_damage() {
    let sockets = vec!["[1,0]"; 1_000].join(",");
    let holds = format!(r#"{{"type":"holds","pid":1,"sockets":[{sockets}]}}"#);
    let lines = [MOMENT.to_owned()].into_iter().chain(vec![holds; 100]);
    let error = opened(&written(lines.chain([END.to_owned()])));
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("more sockets of processes than any host has"),
        "{error}"
    );
}
