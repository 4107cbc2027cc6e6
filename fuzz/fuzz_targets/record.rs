//! Files that claim to be records: no panic, no end that is never reached, and the same answer twice.
//!
//! The input is a byte that says what the rest is, then a file, or the lines of one; in lines, a byte that is
//! in no text of JSON ends a gzip member.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use tcpstates::model::{KindSet, Moment, Recorded, Socket};
use tcpstates::record::{At, Rows, Sockets, Writer, open};

/// The most network namespaces whose sockets are read.
const NAMESPACES: usize = 16;

/// Ends a member.
const SEPARATOR: u8 = 0x1e;

thread_local! {
    static FILE: PathBuf = std::env::temp_dir().join(format!("tcpstates-fuzz-{}", std::process::id()));
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let file = match choice & 1 {
        0 => rest.to_vec(),
        _ => packed(rest),
    };
    let at = match choice >> 1 & 3 {
        0 => None,
        1 => Some(At::Time(SystemTime::UNIX_EPOCH)),
        2 => Some(At::Time(
            SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 34),
        )),
        _ => Some(At::OfDay(Duration::from_secs(3_600))),
    };
    FILE.with(|path| {
        fs::write(path, &file).unwrap();
        let (first, second) = (answer(path, at), answer(path, at));
        fs::remove_file(path).unwrap();
        assert_eq!(first, second);
    });
});

/// The lines in members.
fn packed(lines: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for member in lines.split(|byte| *byte == SEPARATOR) {
        writer.lines.extend_from_slice(member);
        writer.end_member().unwrap();
    }
    writer.into_file()
}

/// What a file has at a time: what the record says and its sockets, or why it is none.
fn answer(path: &Path, at: Option<At>) -> Result<(String, Vec<Socket>), String> {
    let record = open(path, at).map_err(|error| error.to_string())?;
    let found = record.moment().map(|moment| sockets(&record, moment));
    let mut found = found.unwrap_or_default();
    // Of several network namespaces, each has its own.
    let members = record.namespaces().map(|all| &*all.members);
    for one in members.unwrap_or_default().iter().take(NAMESPACES) {
        let part = record.part(one.netns, &one.name);
        let of_part = part.moment().map(|moment| sockets(&part, moment));
        found.extend(of_part.unwrap_or_default());
    }
    Ok((format!("{record:?}"), found))
}

fn sockets(record: &Recorded, moment: &Moment) -> Vec<Socket> {
    let rows = Rows::new(KindSet::ALL, moment, true);
    let Ok(mut lines) = Sockets::open(record, moment) else {
        return Vec::new();
    };
    let mut sockets = Vec::new();
    while let Ok(Some(found)) = lines.next_line() {
        let socket = rows.parse(found.line).ok().flatten();
        sockets.extend(socket.map(|socket| found.aged(socket)));
    }
    sockets
}
