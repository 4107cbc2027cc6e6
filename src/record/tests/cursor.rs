//! Going through a record, in both directions.

use std::fs;

use super::written::{LARGE, Written, at, connections};
use crate::model::{Counts, Moment, Position};
use crate::record::*;

/// The connections of a sample.
fn count(moment: &Moment) -> Option<Counts> {
    let counted = moment.counted.as_ref()?;
    Some(counted.kinds.first()?.1.clone())
}

fn cursor(path: &std::path::Path) -> Cursor {
    Cursor::new(&open(path, Some(At::First)).unwrap(), &count).unwrap()
}

#[test]
fn every_sample_is_reached_on_and_back_with_the_numbers_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    // Three members.
    (0..150).for_each(|sample| written.add(at(10 * sample), sample));
    let mut cursor = cursor(&path);
    let mut expected = 0;
    let check = |cursor: &mut Cursor, expected: u64| {
        assert_eq!(connections(&cursor.read().unwrap()), expected);
        let before = cursor.timeline().before(cursor.position(), 600);
        let before: Vec<u64> = before.iter().map(|(_, counts)| counts.total()).collect();
        assert_eq!(before, (0..expected).collect::<Vec<_>>());
    };
    check(&mut cursor, 0);
    while cursor.step(1, &count) {
        expected += 1;
        check(&mut cursor, expected);
    }
    assert_eq!(expected, 149);
    while cursor.step(-1, &count) {
        expected -= 1;
        check(&mut cursor, expected);
    }
    assert_eq!(expected, 0);
    assert!(cursor.step(10, &count));
    check(&mut cursor, 10);
    cursor.go_to(At::Time(at(1_004)), &count).unwrap();
    check(&mut cursor, 100);
    let error = cursor.go_to(At::Time(at(9_000)), &count).unwrap_err();
    assert!(error.to_string().contains("ends before"), "{error}");
    check(&mut cursor, 100);
    assert!(!cursor.go_to_mark(true) && !cursor.go_to_mark(false));
}

#[test]
fn after_a_clock_that_was_set_back_no_earlier_numbers_are_before_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    (0..5).for_each(|sample| written.add(at(1_000 + sample), sample));
    (5..8).for_each(|sample| written.add(at(sample), sample));
    let mut cursor = cursor(&path);
    assert!(cursor.step(6, &count));
    assert_eq!(connections(&cursor.read().unwrap()), 6);
    assert_eq!(cursor.timeline().before(cursor.position(), 600).len(), 1);
    assert!(cursor.timeline().is_break(1));
    assert!(cursor.step(-2, &count));
    assert_eq!(connections(&cursor.read().unwrap()), 4);
}

#[test]
fn of_a_record_that_is_cut_off_or_damaged_what_is_whole_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    (0..100).for_each(|sample| written.add(at(sample), sample));
    let whole = fs::read(&path).unwrap();
    for length in (whole.len() / 2..whole.len()).step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        let mut cursor = cursor(&path);
        while cursor.step(1, &count) {}
        let last = connections(&cursor.read().unwrap());
        assert!(last > 40, "{last} of {length} bytes");
    }
    let mut damaged = whole.clone();
    let middle = whole.len() / 3;
    damaged[middle..middle + 8].fill(0xff);
    fs::write(&path, damaged).unwrap();
    let mut cursor = Cursor::new(&open(&path, None).unwrap(), &count).unwrap();
    assert_eq!(connections(&cursor.read().unwrap()), 99);
    while cursor.step(-1, &count) {}
    // Those of the first member before the damage too.
    assert_eq!(cursor.position(), Position { part: 0, tick: 0 });
    assert_eq!(connections(&cursor.read().unwrap()), 0);
    let whole = cursor.timeline().parts[0].len();
    assert!((1..60).contains(&whole), "{whole}");
    assert!(cursor.timeline().damage(0, 1).is_some());
}

#[test]
fn a_record_that_was_written_anew_is_not_read_at_its_old_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    Written::begin(&path, LARGE).add(at(0), 1);
    let mut cursor = cursor(&path);
    assert_eq!(connections(&cursor.read().unwrap()), 1);
    assert!(
        !cursor.step(1, &count) && !cursor.step(-1, &count),
        "only one"
    );
    fs::copy(&path, folder.path().join("b.rec")).unwrap();
    fs::rename(folder.path().join("b.rec"), &path).unwrap();
    let error = cursor.read().unwrap_err().to_string();
    assert!(error.contains("open it again"), "{error}");
}
