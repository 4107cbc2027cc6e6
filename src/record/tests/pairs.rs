//! Two moments of which the second refers to the first, in a file that is bounded.

use std::path::Path;

use super::head;
use super::written::{LARGE, at, sampled};
use crate::record::line::End;
use crate::record::*;

/// A file of 64 KiB at most.
struct Bounded {
    writer: Writer<Ring>,
    samples: SampleWriter,
    random: u32,
    second: u64,
}

const SMALL: Bounds = Bounds {
    size: 64 << 10,
    ..LARGE
};

impl Bounded {
    fn begin(path: &Path) -> Bounded {
        let mut writer = Writer::new(Ring::open(path, SMALL, false).unwrap());
        if writer.file().is_empty() {
            writer.file().begin_part(at(0)).unwrap();
            writer.head(head(line::VERSION)).unwrap();
            writer.file().end_head();
        }
        Bounded {
            writer,
            samples: SampleWriter::default(),
            random: 1,
            second: 1,
        }
    }

    /// Writes this number of samples, each a member.
    fn add_samples(&mut self, number: u64) {
        for _ in 0..number {
            let sampled = sampled(at(self.second), self.second);
            self.second += 1;
            self.samples.write(self.writer.file(), sampled).unwrap();
            self.samples.end(self.writer.file()).unwrap();
        }
    }

    /// Writes a moment of about this many KiB. False if it refers to no first one.
    fn add_moment(&mut self, is_first: bool, kib: usize) -> bool {
        let time = at(self.second);
        self.second += 1;
        let file = self.writer.file();
        let is_known = match is_first {
            true => file.begin_part(time).map(|()| false).unwrap(),
            false => file.begin_second(time).unwrap(),
        };
        self.writer.begin_moment(time, is_first, None).unwrap();
        for _ in 0..kib {
            // Six bits of each of these are random.
            for _ in 0..1_365 {
                self.random = self
                    .random
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223);
                let byte = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"
                    [(self.random >> 26) as usize];
                self.writer.lines.push(byte);
            }
        }
        // A line of a type that is not known.
        let end = self.writer.lines.split_off(0);
        let (begin, filler) = end.split_at(end.iter().position(|byte| *byte == b'\n').unwrap() + 1);
        self.writer.lines.extend_from_slice(begin);
        self.writer
            .lines
            .extend_from_slice(b"{\"type\":\"later\",\"text\":\"");
        self.writer.lines.extend_from_slice(filler);
        self.writer.lines.extend_from_slice(b"\"}\n");
        let end = End {
            kinds: Vec::new(),
            total: 0,
            warnings: Vec::new(),
            denied_processes: 0,
            hiding: None,
        };
        self.writer.end_moment(end).unwrap();
        match is_first {
            true => self.writer.file().end_first(time),
            false => self.writer.file().end_part(time),
        }
        is_known
    }
}

/// How many moments and how many members of samples a file has.
fn parts(path: &Path) -> (usize, usize) {
    let timeline = open(path, None).unwrap().timeline;
    let moments = timeline.iter().filter(|one| one.has_sockets).count();
    (moments, timeline.len() - moments)
}

#[test]
fn two_moments_are_given_up_together_with_the_samples_between_them() {
    for is_continued in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rec");
        let mut bounded = Bounded::begin(&path);
        bounded.add_samples(2);
        bounded.add_moment(true, 8);
        bounded.add_samples(3);
        assert!(bounded.add_moment(false, 8));
        if is_continued {
            let second = bounded.second;
            drop(bounded);
            bounded = Bounded::begin(&path);
            bounded.second = second;
        }
        let mut seen = Vec::new();
        while seen.last() != Some(&0) {
            bounded.add_samples(1);
            let (moments, _) = parts(&path);
            seen.push(moments);
        }
        assert!(
            seen.iter().all(|moments| [0, 2].contains(moments)),
            "{seen:?}"
        );
        assert!(seen.len() > 20);
        // Those between them went with them.
        let first = open(&path, None).unwrap().timeline[0].first;
        assert!(first > at(7));
    }
}

#[test]
fn the_first_of_two_moments_stays_while_the_second_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut bounded = Bounded::begin(&path);
    bounded.add_samples(60);
    let (_, before) = parts(&path);
    bounded.add_moment(true, 22);
    bounded.add_samples(1);
    assert!(bounded.add_moment(false, 28));
    let (moments, samples) = parts(&path);
    assert_eq!(moments, 2);
    assert!(samples < before, "{samples}");
}

#[test]
fn a_first_moment_that_was_given_up_is_not_referred_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let mut bounded = Bounded::begin(&path);
    bounded.add_moment(true, 8);
    while parts(&path).0 == 1 {
        bounded.add_samples(1);
    }
    assert!(!bounded.add_moment(false, 8));
    assert_eq!(parts(&path).0, 1);
    bounded.add_moment(true, 8);
    assert!(bounded.add_moment(false, 8));
}
