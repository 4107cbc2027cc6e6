//! Samples that are written into a file.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::head;
use crate::model::{Counts, KeyPart, Kind, Recorded, Service, State};
use crate::record::line::{Group, Groups, KindCounts, Sample, States, stamp, time_of};
use crate::record::*;

pub(super) const LARGE: Bounds = Bounds {
    keep: Duration::from_secs(86_400),
    size: 64 << 20,
};

pub(super) fn begin() -> SystemTime {
    time_of("2026-11-26T00:00:00Z").unwrap()
}

pub(super) fn at(seconds: u64) -> SystemTime {
    begin() + Duration::from_secs(seconds)
}

/// A sample with a number of connections, and files that change with it.
pub(super) fn sampled(time: SystemTime, connections: u64) -> Sampled {
    let mut counts = Counts::default();
    counts.add(State::Established, connections);
    let states = States(counts);
    let file = |name: &str, text: String| ((None, name.to_owned()), Ok(text));
    Sampled {
        time,
        files: vec![
            file("net/snmp", format!("Tcp: OutSegs\nTcp: {connections}\n")),
            file("sys/net/core/somaxconn", "4096\n".to_owned()),
        ],
        namespaces: Vec::new(),
        groups: vec![Groups {
            time: stamp(time).into(),
            by: "service".into(),
            groups: vec![Group {
                key: Some(":443".into()),
                total: connections,
                states: states.clone(),
            }],
            other: None,
            warnings: Vec::new(),
        }],
        sample: Sample {
            time: stamp(time).into(),
            kinds: vec![KindCounts {
                kind: "tcp".into(),
                source: Some("netlink".into()),
                unavailable: None,
                total: connections,
                states,
            }],
            warnings: Vec::new(),
            namespaces: None,
            denied_processes: 0,
            hiding: None,
        },
    }
}

/// A file that is written.
pub(super) struct Written {
    pub(super) ring: Ring,
    pub(super) samples: SampleWriter,
}

impl Written {
    pub(super) fn begin(path: &Path, bounds: Bounds) -> Written {
        let mut writer = Writer::new(Ring::open(path, bounds, false).unwrap());
        writer.file().begin_part(begin()).unwrap();
        writer.head(head(line::VERSION)).unwrap();
        writer.file().end_head();
        Written {
            ring: writer.into_file(),
            samples: SampleWriter::default(),
        }
    }

    pub(super) fn add(&mut self, time: SystemTime, connections: u64) {
        let sampled = sampled(time, connections);
        self.samples.write(&mut self.ring, sampled).unwrap();
    }
}

/// The connections of the sample that a record is about.
pub(super) fn connections(record: &Recorded) -> u64 {
    let counted = record.counted().unwrap();
    let number = counted.groups[0].groups[0].1.total();
    let service = KeyPart::Service(Some(Service::Served(443)));
    assert_eq!(counted.groups[0].groups[0].0, service);
    assert_eq!(counted.kinds, [(Kind::Tcp, counted.groups[0].counts())]);
    let snmp = record.moment().unwrap().files["net/snmp"].clone();
    assert_eq!(snmp, Ok(format!("Tcp: OutSegs\nTcp: {number}\n")));
    assert!(
        record
            .moment()
            .unwrap()
            .files
            .contains_key("sys/net/core/somaxconn")
    );
    number
}
