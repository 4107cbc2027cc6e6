//! Replaces a file that others read at any time: written to another file in its directory, then renamed, rename(2).
//!
//! Follows no symbolic link at the path itself, and replaces no device: `/dev/stdout` is one or the
//! other.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Every user may read it: node_exporter has a user of its own.
const MODE: u32 = 0o644;

/// Writes the file, or leaves it as it was.
///
/// # Errors
/// One line that names the path, and why.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", path.display());
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            return Err(format!(
                "{} is a symbolic link, which is not followed: name the file itself",
                path.display()
            ));
        }
        Ok(found) if !found.is_file() => {
            return Err(format!("{} is not a regular file", path.display()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let temporary =
        temporary(path).ok_or_else(|| format!("{} is not a file name", path.display()))?;
    let written = create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        // The mode of a new file is limited by the umask.
        file.set_permissions(Permissions::from_mode(MODE))?;
        fs::rename(&temporary, path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// A name in the same directory that no collector reads: `.tcpstates.prom.4711`.
fn temporary(path: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".{}", std::process::id()));
    Some(path.with_file_name(name))
}

/// Creates the file; one that a process with this id has left is removed before.
fn create(path: &Path) -> io::Result<File> {
    let create = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE).open(path)
    };
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create()
        }
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tcpstates.prom");
        for text in ["one\n", "two\n"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_symbolic_link_a_folder_and_a_device_are_refused_and_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        assert!(replace(&link, b"x").unwrap_err().contains("symbolic link"));
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        for path in [folder.path(), Path::new("/dev/null")] {
            let error = replace(path, b"x").unwrap_err();
            assert!(error.ends_with("is not a regular file"), "{error}");
        }
        let absent = replace(&folder.path().join("absent/x.prom"), b"x");
        assert!(absent.unwrap_err().starts_with("cannot write "));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_another_process_with_the_same_id_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.prom");
        fs::write(temporary(&path).unwrap(), "half").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
