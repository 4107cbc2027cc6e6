//! Samples in a file that is bounded: whole, cut, continued, and over days.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::head;
use super::written::{LARGE, Written, at, begin, connections, sampled};
use crate::model::Recorded;
use crate::record::line::{Group, stamp};
use crate::record::*;

fn opened(path: &Path, time: SystemTime) -> Result<Recorded, RecordError> {
    open(path, Some(At::Time(time)))
}

#[test]
fn days_of_samples_never_need_more_than_the_bounds_and_each_that_is_kept_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let bounds = Bounds {
        keep: Duration::from_secs(86_400),
        size: 96 << 10,
    };
    let mut written = Written::begin(&path, bounds);
    const STEP: u64 = 60;
    const SAMPLES: u64 = 3 * 1440;
    let mut was_given_up = false;
    for number in 0..SAMPLES {
        let before = written.ring.length();
        written.add(at(number * STEP), number * 7919 % 10_007);
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!(length, written.ring.length());
        assert!(length <= bounds.size, "{number}: {length}");
        was_given_up |= length < before;
        assert!(written.ring.is_in_place());
    }
    assert!(was_given_up);
    written.samples.end(&mut written.ring).unwrap();
    let last = open(&path, None).unwrap();
    assert_eq!((last.time(), &last.cut), (at((SAMPLES - 1) * STEP), &None));
    assert_eq!(last.origin.host, "web1");
    let oldest = last.timeline[0].first;
    let oldest = oldest.duration_since(begin()).unwrap().as_secs() / STEP;
    assert!(oldest > SAMPLES / 3 && oldest < SAMPLES - 60, "{oldest}");
    for number in (oldest..SAMPLES).step_by(97) {
        let record = opened(&path, at(number * STEP + STEP / 2)).unwrap();
        assert_eq!(record.time(), at(number * STEP), "{number}");
        assert_eq!(connections(&record), number * 7919 % 10_007);
        assert_eq!(record.has_earlier(), number > oldest);
    }
    let error = opened(&path, at(0)).unwrap_err().to_string();
    let nearest = stamp(at(oldest * STEP));
    assert!(
        error.ends_with(&format!("the nearest time that it has is {nearest}")),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_older_than_it_is_kept_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let bounds = Bounds {
        keep: Duration::from_secs(3600),
        ..LARGE
    };
    let mut written = Written::begin(&path, bounds);
    for number in 0..2000 {
        written.add(at(number * 10), number);
        if number % 90 != 0 {
            continue;
        }
        let first = open(&path, None).unwrap().timeline[0].first;
        let age = at(number * 10).duration_since(first).unwrap();
        // An eighth more, and the member that is written.
        assert!(
            age <= Duration::from_secs(3600 + 450 + 2 * 600),
            "{number}: {age:?}"
        );
        assert!(
            number < 400 || age >= Duration::from_secs(3600),
            "{number}: {age:?}"
        );
    }
}

#[test]
fn a_file_that_is_cut_anywhere_has_every_whole_sample_and_can_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cut) = (folder.path().join("a.rec"), folder.path().join("cut.rec"));
    let mut written = Written::begin(&path, LARGE);
    let first = written.ring.length();
    let mut ends = Vec::new();
    for number in 0..4 {
        written.add(at(number * 10), number + 1);
        ends.push(written.ring.length());
    }
    drop(written);
    let whole = fs::read(&path).unwrap();
    for length in usize::try_from(first).unwrap()..=whole.len() {
        fs::write(&cut, &whole[..length]).unwrap();
        let samples = ends.iter().filter(|end| **end <= length as u64).count() as u64;
        let last = || open(&cut, None).map(|record| connections(&record));
        match last() {
            // The mark after a sample may be missing, and the sample be whole.
            Ok(number) => assert!(number == samples || number == samples + 1, "{length}"),
            Err(error) => assert_eq!(samples, 0, "{length}: {error}"),
        }
        let mut ring = Ring::open(&cut, LARGE, false).unwrap();
        SampleWriter::default()
            .write(&mut ring, sampled(at(100), 77))
            .unwrap();
        drop(ring);
        assert_eq!(
            last().unwrap_or_else(|error| panic!("{length}: {error} {first} {ends:?}")),
            77
        );
        let mut ring = Ring::open(&cut, LARGE, false).unwrap();
        SampleWriter::default().end(&mut ring).unwrap();
        let mut lines = String::new();
        let bytes = fs::read(&cut).unwrap();
        MultiGzDecoder::new(&*bytes)
            .read_to_string(&mut lines)
            .unwrap();
        let kept = lines.matches("\"type\":\"sample\"").count() as u64;
        assert_eq!(kept, samples + 1, "{length}");
    }
}

#[test]
fn with_the_clock_set_back_the_sample_nearest_to_a_time_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    let times = (0..=10)
        .map(|one| one * 60)
        .chain((0..=20).map(|one| 300 + one * 60));
    for (number, time) in (0..).zip(times) {
        written.add(at(time), number);
    }
    for (time, expected) in [
        (0, 0),
        (299, 4),
        (300, 11),
        (599, 15),
        (600, 16),
        (1500, 31),
    ] {
        let record = opened(&path, at(time)).unwrap();
        assert_eq!(connections(&record), expected, "{time}");
    }
}

#[test]
fn a_time_of_day_is_that_of_the_last_day_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    // From 12:00 to 12:00 of the next day.
    for number in 0..=24 {
        written.add(at(43_200 + number * 3600), number);
    }
    for (hour, expected) in [(11, 23), (12, 24), (13, 1), (0, 12)] {
        let of_day = At::OfDay(Duration::from_secs(hour * 3600 + 1));
        let number = match open(&path, Some(of_day)) {
            Ok(record) => connections(&record),
            Err(error) => panic!("{hour}: {error}"),
        };
        // A second past the last sample, it is the day before.
        let expected = if hour == 12 { 0 } else { expected };
        assert_eq!(number, expected, "{hour}");
    }
}

#[test]
fn a_moment_that_is_too_long_leaves_nothing_and_samples_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let bounds = Bounds {
        size: 64 << 10,
        ..LARGE
    };
    let mut written = Written::begin(&path, bounds);
    written.add(at(0), 1);
    let Written { ring, mut samples } = written;
    let mut writer = Writer::new(ring);
    samples.end(writer.file()).unwrap();
    let before = writer.file().length();
    writer.file().begin_part(at(5)).unwrap();
    writer.begin_moment(at(5), true, None).unwrap();
    let mut random = 1_u32;
    for _ in 0..(2 << 20) {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writer
            .lines
            .push(b' ' + u8::try_from(random >> 26).unwrap());
    }
    writer.lines.push(b'\n');
    let error = writer.pass_on().and_then(|()| writer.end_member());
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "it would need more than 65536 bytes (--size)");
    writer.drop_lines();
    writer.file().drop_part().unwrap();
    assert_eq!(writer.file().length(), before);
    samples.write(writer.file(), sampled(at(10), 2)).unwrap();
    assert_eq!(connections(&open(&path, None).unwrap()), 2);
}

#[test]
fn a_file_that_another_one_writes_or_that_is_none_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let written = Written::begin(&path, LARGE);
    let error = Ring::open(&path, LARGE, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    drop(written);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &whole[..50]].concat()).unwrap();
    assert_eq!(Ring::open(&path, LARGE, false).unwrap().removed(), 50);
    assert_eq!(Ring::open(&path, LARGE, false).unwrap().removed(), 0);
    // Damage before what is whole is no end that a run leaves.
    let mut damaged = [&whole[..], &whole[..]].concat();
    damaged[20] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = Ring::open(&path, LARGE, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(fs::read(&path).unwrap(), damaged);
    fs::write(
        &path,
        "State Recv-Q and more, which is long enough for a header\n",
    )
    .unwrap();
    let error = Ring::open(&path, LARGE, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert!(Ring::open(&path, LARGE, true).unwrap().is_empty());
}

#[test]
fn a_sample_is_compared_with_none_of_an_earlier_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    for run in 0..2 {
        let mut written = Written::begin(&path, LARGE);
        for number in 0..3 {
            written.add(at(run * 100 + number), number);
        }
    }
    for (second, is_compared) in [(0, false), (1, true), (100, false), (101, true)] {
        let record = opened(&path, at(second)).unwrap();
        assert_eq!(record.has_earlier(), is_compared, "{second}");
    }
}

#[test]
fn a_small_file_does_not_take_memory_without_bound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let head = serde_json::to_string(&line::Line::Record(head(line::VERSION))).unwrap();
    let text = "0".repeat(1_000_000);
    let files = (0..70)
        .map(|name| format!("{{\"type\":\"file\",\"path\":\"{name}\",\"text\":\"{text}\"}}\n"));
    let sample = "{\"type\":\"sample\",\"time\":\"2026-11-26T00:00:00Z\",\"kinds\":[]}\n";
    let mut packed = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    writeln!(packed, "{head}").unwrap();
    files.for_each(|file| packed.write_all(file.as_bytes()).unwrap());
    packed.write_all(sample.as_bytes()).unwrap();
    packed.finish().unwrap();
    let error = open(&path, None).unwrap_err().to_string();
    assert!(error.contains("more than 64 MiB of samples"), "{error}");
}

#[test]
fn groups_with_more_sockets_than_a_number_holds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    let mut wrong = sampled(at(0), u64::MAX);
    let group = &wrong.groups[0].groups[0];
    let (key, total, states) = (group.key.clone(), group.total, group.states.clone());
    wrong.groups[0].groups.push(Group { key, total, states });
    written.samples.write(&mut written.ring, wrong).unwrap();
    let error = open(&path, None).unwrap_err().to_string();
    assert!(error.contains("too many sockets"), "{error}");
}

#[test]
fn a_time_of_day_before_and_after_what_a_record_has_is_that_of_its_last_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut written = Written::begin(&path, LARGE);
    // From 10:00 to 11:00.
    for hour in [10, 11] {
        written.add(at(hour * 3600), hour);
    }
    for (hour, reason) in [(9, "begins after"), (12, "ends before")] {
        let of_day = At::OfDay(Duration::from_secs(hour * 3600));
        let error = open(&path, Some(of_day)).unwrap_err().to_string();
        let stamp = line::stamp(at(hour * 3600));
        assert!(error.contains(&format!("{reason} {stamp}")), "{error}");
    }
}
