//! Control groups by id, cgroups(7): the id is the inode of the group's directory in the cgroup2
//! file system, so its directories are walked once.

use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use foldhash::HashMap;

use super::number_of;
use crate::model::Where;
use crate::proc_root::{parse_mounts, read_mounts, unescape};

/// The id of a control group of `place`, by its path from the root of the mount, as it is printed;
/// or by its path in the file system, as ss(8) takes it.
///
/// # Errors
/// The reason why it is unknown.
pub(in crate::command) fn cgroup_id(place: &Where, path: &str) -> Result<u64, String> {
    if let Some(record) = place.recorded() {
        let names = record.moment().map(|moment| &moment.host.cgroups);
        let number = names.and_then(|names| number_of(names, path));
        return number.ok_or_else(|| "no such control group in the record".to_owned());
    }
    if !place.is_own_host() {
        return Err("paths of another host's control groups are unknown; use id:NUMBER".to_owned());
    }
    let mounts = read_mounts();
    let root = parse_mount_point(&mounts).ok_or("cgroup2 is not mounted here")?;
    if Path::new(path)
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Err("not a path of a control group: it contains `..`".to_owned());
    }
    let paths = [root.join(path.trim_start_matches('/')), PathBuf::from(path)];
    let mut directories = paths
        .iter()
        .filter(|path| path.starts_with(&root) && path.is_dir());
    let metadata = directories.next().and_then(|path| fs::metadata(path).ok());
    metadata
        .map(|metadata| metadata.ino())
        .ok_or_else(|| format!("no such control group below {}", root.display()))
}

/// The paths of the control groups that sockets of `place` may belong to, by id; none for another
/// host, or if cgroup2 is not mounted here.
pub(super) fn read_cgroups(place: &Where) -> HashMap<u64, String> {
    if let Some(record) = place.recorded() {
        return record
            .moment()
            .map(|moment| moment.host.cgroups.clone())
            .unwrap_or_default();
    }
    let root = place
        .is_own_host()
        .then(|| parse_mount_point(&read_mounts()))
        .flatten();
    root.map_or_else(HashMap::default, |root| walk(&root))
}

/// Where cgroup2 is mounted: the fifth field of its line, proc_pid_mountinfo(5).
fn parse_mount_point(mounts: &[u8]) -> Option<PathBuf> {
    let mut fields = parse_mounts(mounts).find(|fields| {
        let mut kind = fields.clone().skip_while(|field| *field != b"-");
        kind.nth(1) == Some(b"cgroup2")
    })?;
    Some(unescape(fields.nth(4)?))
}

/// The directories below `root`, as paths from it. Those that cannot be read or vanish meanwhile
/// are left out, and shown by number.
fn walk(root: &Path) -> HashMap<u64, String> {
    let mut paths = HashMap::default();
    if let Ok(metadata) = fs::metadata(root) {
        paths.insert(metadata.ino(), "/".to_owned());
    }
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = format!("{name}/{}", entry.file_name().to_string_lossy());
                paths.insert(entry.ino(), path.clone());
                folders.push((entry.path(), path));
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_point_is_found_by_its_kind_wherever_it_is() {
        let mounts = b"22 1 0:20 / /proc rw - proc proc rw\n\
            33 22 0:28 / /sys/fs/cgroup rw shared:9 master:2 - tmpfs cgroup2 rw\n\
            34 33 0:29 / /sys/a\\040b\\134c rw,nosuid shared:10 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            parse_mount_point(mounts),
            Some(PathBuf::from("/sys/a b\\c"))
        );
        assert_eq!(parse_mount_point(b"22 1 0:20 / /proc rw - proc"), None);
        assert_eq!(parse_mount_point(b"34 33 - cgroup2"), None);
    }

    #[test]
    fn groups_have_their_path_from_the_mount_and_the_inode_of_their_directory() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("system.slice/web app.service");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join("cgroup.procs"), "").unwrap();
        let paths = walk(root.path());
        let id = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(paths[&id(root.path())], "/");
        assert_eq!(paths[&id(&inner)], "/system.slice/web app.service");
        assert_eq!(paths.len(), 3);
    }
}
