//! Records of several network namespaces.

use super::*;
use crate::model::{Netns, UnseenReason};
use crate::record::line::{Namespace, NamespaceEnd};

/// A socket of the first namespace and of the second one, and a third one that was not read.
const NAMES: [(u32, &str); 2] = [(7, "blue"), (9, "red")];

pub(super) fn namespace(netns: u32, name: &'static str) -> Namespace<'static> {
    Namespace {
        netns,
        name: name.into(),
        inode: Some(netns),
        pid: None,
        processes: Some(1),
        mounts: vec![format!("/run/netns/{name}").into()],
        unit: None,
        container: None,
        pod: None,
        unseen: None,
        error: None,
    }
}

fn kinds(total: u64) -> Vec<KindLine<'static>> {
    vec![KindLine {
        kind: "tcp".into(),
        source: Some("netlink".into()),
        unavailable: None,
        total: Some(total),
        states: None,
    }]
}

/// Writes a namespace with a socket; of the second moment, one that is as in the first.
fn write_namespace(writer: &mut Writer<Vec<u8>>, netns: u32, name: &'static str, is_first: bool) {
    writer.end_member().unwrap();
    let line = Line::Namespace(namespace(netns, name));
    writer.line(&line).unwrap();
    match is_first {
        true => {
            writer.lines.extend_from_slice(SOCKET.as_bytes());
            writer.lines.push(b'\n');
        }
        false => {
            let run = Unchanged {
                sockets: 1,
                older_ms: 60_000,
                ..Unchanged::default()
            };
            writer.line(&Line::Unchanged(run)).unwrap();
        }
    }
    let interface = Name {
        id: 2,
        name: name.into(),
    };
    writer.line(&Line::Interface(interface)).unwrap();
    let end = NamespaceEnd {
        kinds: kinds(1),
        total: 1,
        warnings: Vec::new(),
    };
    writer.line(&Line::NamespaceEnd(end)).unwrap();
}

fn time(minute: u64) -> SystemTime {
    line::time_of(&format!("2026-11-26T03:{minute:02}:00Z")).unwrap()
}

fn write_moment_of(writer: &mut Writer<Vec<u8>>, minute: u64, names: &[(u32, &'static str)]) {
    let is_first = minute == 1;
    let base = (!is_first).then(|| time(1));
    writer.begin_moment(time(minute), is_first, base).unwrap();
    for (netns, name) in names {
        write_namespace(writer, *netns, name, is_first);
    }
    let unseen = Namespace {
        unseen: Some("no_permission".into()),
        ..namespace(11, "green")
    };
    writer.line(&Line::Namespace(unseen)).unwrap();
    let user = Name {
        id: 33,
        name: "www-data".into(),
    };
    writer.line(&Line::User(user)).unwrap();
    let end = End {
        kinds: Vec::new(),
        total: names.len() as u64,
        warnings: Vec::new(),
        denied_processes: 3,
        hiding: None,
    };
    writer.end_moment(end).unwrap();
}

fn several() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    write_moment_of(&mut writer, 1, &NAMES);
    write_moment_of(&mut writer, 2, &NAMES);
    writer.into_file()
}

/// The sockets of each namespace of a record that were read.
fn sockets(bytes: &[u8]) -> Vec<(Netns, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rec");
    fs::write(&path, bytes).unwrap();
    let record = open(&path, None).unwrap();
    let namespaces = record.namespaces().unwrap();
    let members = namespaces.members.iter().filter(|one| one.moment.is_ok());
    let count = |one: &RecordedNamespace| {
        let part = record.part(one.netns, &one.name);
        let mut sockets = Sockets::open(&part, part.moment().unwrap()).unwrap();
        let mut read = 0;
        while let Some(found) = sockets.next_line().unwrap() {
            assert_eq!(found.line, SOCKET.as_bytes());
            read += 1;
        }
        (one.netns, read)
    };
    members.map(count).collect()
}

#[test]
fn each_namespace_has_its_own_sockets_and_interfaces_and_the_processes_of_the_host() {
    let record = opened(&several()).unwrap();
    assert_eq!(record.cut, None);
    let whole = record.moment().unwrap();
    assert_eq!((whole.total, whole.kinds.len()), (2, 1));
    let namespaces = record.namespaces().unwrap();
    assert_eq!((namespaces.denied, namespaces.members.len()), (3, 3));
    let green = &namespaces.members[2];
    assert_eq!(
        green.moment.as_ref().err(),
        Some(&UnseenReason::NoPermission)
    );
    for (one, (netns, name)) in namespaces.members.iter().zip(NAMES) {
        let part = record.part(one.netns, &one.name);
        let moment = part.moment().unwrap();
        assert_eq!(part.one_of, Some((Netns(netns), name.into())));
        assert_eq!((moment.total, &*moment.interfaces[&2]), (1, name));
        assert_eq!(moment.host.users[&33], "www-data");
        record.go_back();
        assert_eq!(part.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
        record.go_on();
        assert_eq!(part.moment().unwrap().stamp, "2026-11-26T03:02:00.000Z");
    }
    assert_eq!(sockets(&several()), [(Netns(7), 1), (Netns(9), 1)]);
    assert_eq!(
        sockets(&without_tags(&several())),
        [(Netns(7), 1), (Netns(9), 1)]
    );
}

#[test]
fn cut_at_any_byte_it_has_the_moments_that_are_whole_in_every_namespace() {
    let whole = several();
    let record = opened(&whole).unwrap();
    let second = usize::try_from(record.moment().unwrap().start.member).unwrap();
    let members = record.namespaces().unwrap().members.iter();
    let starts = members.filter_map(|one| Some(one.moment.as_ref().ok()?.start.member));
    assert!(starts.min().unwrap() > second as u64);
    for length in 0..whole.len() - 10 {
        match opened(&whole[..length]) {
            Err(error) => assert!(length < second - 8, "{length}: {error}"),
            Ok(record) => {
                assert!(length >= second - 10, "{length}");
                let moment = record.moment().unwrap();
                assert_eq!(moment.stamp, "2026-11-26T03:01:00.000Z", "{length}");
                assert_eq!(record.namespaces().unwrap().members.len(), 3, "{length}");
            }
        }
    }
}

#[test]
fn with_any_byte_changed_it_is_used_or_refused_and_nothing_else() {
    let whole = several();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        if let Ok(record) = opened(&changed) {
            let moment = record.moment().unwrap();
            assert!(moment.total <= 2, "{at}");
        }
    }
}

#[test]
fn a_namespace_without_its_end_is_not_there_and_its_second_attempt_is() {
    let mut writer = Writer::new(Vec::new());
    writer.head(head(VERSION)).unwrap();
    writer.begin_moment(time(1), true, None).unwrap();
    let begun = Line::Namespace(namespace(7, "blue"));
    writer.line(&begun).unwrap();
    writer.lines.extend_from_slice(SOCKET.as_bytes());
    writer.lines.push(b'\n');
    write_namespace(&mut writer, 7, "blue", true);
    writer.line(&Line::Namespace(namespace(9, "red"))).unwrap();
    let end = End {
        kinds: Vec::new(),
        total: 1,
        warnings: Vec::new(),
        denied_processes: 0,
        hiding: None,
    };
    writer.end_moment(end).unwrap();
    assert_eq!(sockets(&writer.into_file()), [(Netns(7), 1)]);
}

#[test]
fn a_namespace_that_is_there_twice_or_refers_to_another_one_makes_the_moment_not_whole() {
    for (names, reason) in [
        (&[(7, "blue"), (7, "red")][..], "is there twice"),
        (&[(8, "blue")], "which has other ones"),
    ] {
        let mut writer = Writer::new(Vec::new());
        writer.head(head(VERSION)).unwrap();
        write_moment_of(&mut writer, 1, &NAMES);
        write_moment_of(&mut writer, 2, names);
        let record = opened(&writer.into_file()).unwrap();
        assert_eq!(record.moment().unwrap().stamp, "2026-11-26T03:01:00.000Z");
        let cut = record.cut.unwrap();
        assert!(cut.contains(reason), "{cut}");
    }
}
