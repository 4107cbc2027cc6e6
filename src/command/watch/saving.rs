//! The sample shown, written to a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::model::Snapshot;
use crate::model::screen::{Notice, NoticeKind};
use crate::output::{Format, Json, Style, utc_stamp};

/// Writes a sample as JSON to a new file in `directory`, called by its time. No file is ever
/// written over. Returns where it is, or why it is not written.
pub(super) fn save(snapshot: Option<&Snapshot>, directory: &Path) -> Notice {
    let Some(snapshot) = snapshot else {
        let kind = NoticeKind::Warning;
        let text = "there is no sample to write yet".to_owned();
        return Notice { kind, text };
    };
    // Colons are no part of a name everywhere.
    let stamp = utc_stamp(snapshot.observation.time).replace(':', "");
    let path = directory.join(format!("tcpstates-{stamp}.json"));
    let (kind, text) = match write_new(&path, snapshot) {
        Ok(()) => (
            NoticeKind::Note,
            format!("the sample shown is in {}", path.display()),
        ),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (
            NoticeKind::Alarm,
            format!("{} already exists", path.display()),
        ),
        Err(error) => (
            NoticeKind::Alarm,
            format!("cannot write {}: {error}", path.display()),
        ),
    };
    Notice { kind, text }
}

fn write_new(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let mut text = Vec::new();
    Json::new(&Style::default()).write_summary(&mut text, snapshot);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completeness, Counts, Observation, SourceName, State, StateSet};
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_sample_is_written_once_and_never_over_another() {
        let mut counts = Counts::default();
        counts.add(State::Listen, 2);
        let snapshot = Snapshot {
            observation: Observation {
                time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
                source: SourceName::Netlink,
                completeness: Completeness::default(),
            },
            asked: StateSet::NONE.with(State::Listen),
            counts,
            spread: Counts::default(),
        };
        let directory = tempfile::tempdir().unwrap();
        let name = "tcpstates-1970-01-01T000001.500Z.json";
        let path = directory.path().join(name);
        let saved = save(Some(&snapshot), directory.path());
        let expected = format!("the sample shown is in {}", path.display());
        assert_eq!((saved.kind, saved.text), (NoticeKind::Note, expected));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.ends_with("\"total\":2,\"states\":{\"LISTEN\":2}}\n"),
            "{text}"
        );
        let again = save(Some(&snapshot), directory.path());
        let expected = format!("{} already exists", path.display());
        assert_eq!((again.kind, again.text), (NoticeKind::Alarm, expected));
        let nowhere = save(Some(&snapshot), &directory.path().join("none")).text;
        assert!(nowhere.starts_with("cannot write "), "{nowhere}");
        assert!(nowhere.contains(name), "{nowhere}");
    }
}
