//! What is shown, written to a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::live::Saved;
use crate::model::screen::{Notice, NoticeKind};
use crate::output::{Format, Json, Style, utc_stamp};

/// Writes what is shown to a new file in `directory`, called by the time of the sample: counts and
/// groups as JSON, everything else as text, which `screen` has where it is not a list. No file is ever
/// written over. Returns where it is, or why it is not written.
pub(super) fn save(saved: Saved<'_>, screen: impl FnOnce() -> String, directory: &Path) -> Notice {
    let Some((time, ending, text)) = rendered(saved, screen) else {
        let kind = NoticeKind::Warning;
        let text = "there is no sample to write yet".to_owned();
        return Notice { kind, text };
    };
    // Colons are no part of a name everywhere.
    let stamp = utc_stamp(time).replace(':', "");
    let path = directory.join(format!("tcpstates-{stamp}.{ending}"));
    let (kind, text) = match write_new(&path, &text) {
        Ok(()) => (
            NoticeKind::Note,
            format!("what is shown is in {}", path.display()),
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

/// The time, the ending of the file's name, and what is written; `None` before the first sample.
fn rendered(
    saved: Saved<'_>,
    screen: impl FnOnce() -> String,
) -> Option<(SystemTime, &'static str, Vec<u8>)> {
    let mut text = Vec::new();
    let mut json = Json::new(&Style::default());
    let (observation, ending) = match saved {
        Saved::Sample(snapshot) => {
            json.write_summary(&mut text, snapshot);
            (&snapshot.observation, "json")
        }
        Saved::Groups(grouped) => {
            json.write_groups(&mut text, grouped);
            (&grouped.observation, "json")
        }
        Saved::List(snapshot, heading, lines) => {
            let lines = lines.iter().map(String::as_str);
            let lines = [heading].into_iter().chain(lines);
            lines.for_each(|line| text.extend_from_slice(format!("{line}\n").as_bytes()));
            (&snapshot?.observation, "txt")
        }
        Saved::Text(snapshot) => {
            text = screen().into_bytes();
            (&snapshot?.observation, "txt")
        }
    };
    Some((observation.time, ending, text))
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completeness, Counts, Observation, Snapshot, SourceName, State, StateSet};
    use std::time::Duration;

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
        let saved = save(Saved::Sample(&snapshot), String::new, directory.path());
        let expected = format!("what is shown is in {}", path.display());
        assert_eq!((saved.kind, saved.text), (NoticeKind::Note, expected));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.ends_with("\"total\":2,\"states\":{\"LISTEN\":2}}\n"),
            "{text}"
        );
        let again = save(Saved::Sample(&snapshot), String::new, directory.path());
        let expected = format!("{} already exists", path.display());
        assert_eq!((again.kind, again.text), (NoticeKind::Alarm, expected));
        let nowhere = save(
            Saved::Sample(&snapshot),
            String::new,
            &directory.path().join("none"),
        )
        .text;
        assert!(nowhere.starts_with("cannot write "), "{nowhere}");
        assert!(nowhere.contains(name), "{nowhere}");
        let lines = ["a".to_owned(), "b".to_owned()];
        let list = Saved::List(Some(&snapshot), "HEADING", &lines);
        save(list, String::new, directory.path());
        let path = path.with_extension("txt");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "HEADING\na\nb\n");
        let nothing = save(Saved::Text(None), String::new, directory.path()).text;
        assert_eq!(nothing, "there is no sample to write yet");
    }
}
