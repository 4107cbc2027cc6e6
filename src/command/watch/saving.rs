//! The sample shown, written to a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::Snapshot;
use crate::output::{Format, Json, Style, utc_stamp};

/// Writes a sample as JSON to a new file in `directory`, called by its time, and returns its path.
/// No file is ever written over.
///
/// # Errors
/// The file, and why it is not written: it is there already, or none can be made here.
pub(super) fn save(snapshot: &Snapshot, directory: &Path) -> Result<PathBuf, String> {
    // Colons are no part of a name everywhere.
    let stamp = utc_stamp(snapshot.observation.time).replace(':', "");
    let path = directory.join(format!("tcpstates-{stamp}.json"));
    match write_new(&path, snapshot) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already", path.display()))
        }
        Err(error) => Err(format!("cannot write {}: {error}", path.display())),
    }
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
        let path = save(&snapshot, directory.path()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "tcpstates-1970-01-01T000001.500Z.json");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.ends_with("\"total\":2,\"states\":{\"LISTEN\":2}}\n"),
            "{text}"
        );
        let again = save(&snapshot, directory.path()).unwrap_err();
        assert_eq!(again, format!("{} is there already", path.display()));
        let nowhere = save(&snapshot, &directory.path().join("none")).unwrap_err();
        assert!(nowhere.starts_with("cannot write "), "{nowhere}");
        assert!(nowhere.contains(name), "{nowhere}");
    }
}
