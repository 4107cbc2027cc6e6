//! Samples of several network namespaces: what is written of each only when it changes is there in every one.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::several::namespace;
use super::written::{LARGE, Written, at, sampled};
use crate::model::{Counts, Kind, Moment, Netns, State, UnseenReason};
use crate::record::line::{KindCounts, NamespaceCounts, States};
use crate::record::*;

fn counts(netns: u32, connections: u64) -> NamespaceCounts<'static> {
    let mut counts = Counts::default();
    counts.add(State::Established, connections);
    let kind = KindCounts {
        kind: "tcp".into(),
        source: None,
        unavailable: None,
        total: connections,
        states: States(counts),
    };
    NamespaceCounts {
        netns,
        source: Some("netlink+counters".into()),
        kinds: Some(Vec::from_iter((connections > 0).then_some(kind))),
    }
}

/// A sample of these network namespaces, each with its connections; `None` for one that was not read.
fn sample(second: u64, all: &[(u32, &'static str, Option<u64>)]) -> Sampled {
    let sum = all.iter().filter_map(|(_, _, connections)| *connections);
    let mut sampled = sampled(at(second), sum.sum());
    sampled.files.clear();
    for (netns, name, connections) in all {
        let mut one = namespace(*netns, name);
        one.unseen = connections.is_none().then(|| "no_permission".into());
        let counts = connections.map(|number| counts(*netns, number));
        sampled.namespaces.push((one, counts));
        for connections in connections.iter() {
            let file = (Some(*netns), "net/snmp".to_owned());
            sampled.files.push((file, Ok(connections.to_string())));
        }
    }
    sampled.sample.namespaces = Some(all.len());
    sampled.sample.denied_processes = 2;
    sampled
}

fn written(path: &Path, samples: &[&[(u32, &'static str, Option<u64>)]]) {
    let mut written = Written::begin(path, LARGE);
    for (second, all) in (0..).zip(samples) {
        let sampled = sample(second, all);
        written.samples.write(&mut written.ring, sampled).unwrap();
    }
    written.samples.end(&mut written.ring).unwrap();
}

/// The name of a network namespace, its connections and its file; or why it was not read.
type Found = (String, Result<(u64, String), UnseenReason>);

/// Each network namespace.
fn members(moment: &Moment) -> Vec<Found> {
    let members = moment.namespaces.as_ref().unwrap().members.iter();
    let found = members.map(|one| {
        let read = one.moment.as_ref().map_err(Clone::clone).map(|part| {
            let counted = &part.counted.as_ref().unwrap().kinds;
            let [(Kind::Tcp, counts)] = &counted[..] else {
                panic!("{counted:?}");
            };
            assert_eq!((part.time, part.total), (moment.time, counts.total()));
            assert_eq!(part.totals, [(Kind::Tcp, counts.total())]);
            (counts.total(), part.files["net/snmp"].clone().unwrap())
        });
        (one.name.to_string(), read)
    });
    found.collect()
}

fn counted(moment: &Moment) -> Option<Counts> {
    Some(moment.counted.as_ref()?.kinds.first()?.1.clone())
}

#[test]
fn each_sample_has_the_network_namespaces_that_there_were_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    let samples: [&[(u32, &str, Option<u64>)]; 7] = [
        &[(7, "red", Some(3)), (9, "blue", Some(0))],
        &[(7, "red", Some(3)), (9, "blue", Some(0))],
        &[(7, "red", Some(4)), (9, "blue", None)],
        &[(9, "blue", Some(0))],
        // Another one has the number of the one that has ended.
        &[(7, "green", Some(3)), (9, "blue", Some(5))],
        &[],
        &[(9, "blue", Some(5))],
    ];
    written(&path, &samples);
    let mut cursor = Cursor::new(&open(&path, Some(At::First)).unwrap(), &counted).unwrap();
    let check = |cursor: &mut Cursor, expected: &[(u32, &str, Option<u64>)]| {
        let record = cursor.read().unwrap();
        let mut expected: Vec<_> = expected
            .iter()
            .map(|(_, name, connections)| {
                let read = connections.ok_or(UnseenReason::NoPermission);
                (name.to_string(), read.map(|one| (one, one.to_string())))
            })
            .collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let moment = record.moment().unwrap();
        assert_eq!(members(moment), expected);
        assert_eq!(moment.namespaces.as_ref().unwrap().denied, 2);
        let read = expected.iter().filter_map(|(_, read)| read.as_ref().ok());
        assert_eq!(moment.total, read.map(|(number, _)| number).sum::<u64>());
    };
    check(&mut cursor, samples[0]);
    for sample in &samples[1..] {
        assert!(cursor.step(1, &counted));
        check(&mut cursor, sample);
    }
    for sample in samples[..6].iter().rev() {
        assert!(cursor.step(-1, &counted));
        check(&mut cursor, sample);
    }
    let record = open(&path, None).unwrap();
    let part = record.part(Netns(9), &"blue".into());
    assert_eq!(part.moment().unwrap().total, 5);
    // What does not change is there once; what comes back is there again.
    let mut lines = String::new();
    let bytes = fs::read(&path).unwrap();
    MultiGzDecoder::new(&*bytes)
        .read_to_string(&mut lines)
        .unwrap();
    let of = |start: &str| lines.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(of(r#"{"type":"namespace","netns":7,"#), 2);
    assert_eq!(of(r#"{"type":"namespace_counts","netns":7}"#), 2);
    assert_eq!(of(r#"{"type":"namespace_counts","netns":9,"#), 4);
}

#[test]
fn numbers_that_contradict_each_other_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    for (wrong, message) in [
        (
            (|sampled| sampled.sample.namespaces = Some(3)) as fn(&mut Sampled),
            "it has 2 network namespaces, and its sample says 3",
        ),
        (
            |sampled| sampled.namespaces[0].1 = Some(counts(7, 2)),
            "a total is not the sum of its network namespaces",
        ),
        (
            |sampled| sampled.files[0].0.0 = Some(8),
            "no network namespace 8 is there",
        ),
        (
            |sampled| sampled.namespaces[0].1 = Some(counts(8, 3)),
            "no network namespace 8 is there",
        ),
    ] {
        let path = folder.path().join("a.rec");
        let mut written = Written::begin(&path, LARGE);
        let mut sampled = sample(0, &[(7, "red", Some(3)), (9, "blue", Some(0))]);
        wrong(&mut sampled);
        written.samples.write(&mut written.ring, sampled).unwrap();
        let error = open(&path, None).unwrap_err().to_string();
        assert!(error.ends_with(message), "{error}");
        drop(written);
        fs::remove_file(&path).unwrap();
    }
}
