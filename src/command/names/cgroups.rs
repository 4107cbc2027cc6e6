//! Paths of control groups, cgroups(7): the id that the kernel tells of a socket is the inode of
//! the group's directory in the cgroup v2 hierarchy.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The paths of some control groups.
#[derive(Debug, Default)]
pub(in crate::command) struct Cgroups(HashMap<u64, String>);

impl Cgroups {
    /// Looks for the groups of these ids, until all are found.
    pub(in crate::command) fn find(wanted: &BTreeSet<u64>) -> Cgroups {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        parse_mount_point(&mountinfo)
            .map(|root| Cgroups::below(&root, wanted))
            .unwrap_or_default()
    }

    fn below(root: &Path, wanted: &BTreeSet<u64>) -> Cgroups {
        let mut found = HashMap::new();
        let root_id = fs::metadata(root).map(|status| status.ino());
        if let Ok(id) = root_id
            && wanted.contains(&id)
        {
            found.insert(id, "/".to_owned());
        }
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            if found.len() == wanted.len() {
                break;
            }
            // Groups come and go; one that cannot be read is one that is not found.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let path = entry.path();
                if wanted.contains(&entry.ino()) {
                    let below = path.strip_prefix(root).unwrap_or(&path);
                    found.insert(entry.ino(), format!("/{}", below.display()));
                }
                folders.push(path);
            }
        }
        Cgroups(found)
    }

    /// The path of a group, from the root of the hierarchy that this process sees; `id:7` for one
    /// that is not found there.
    pub(in crate::command) fn path(&self, id: u64) -> String {
        self.0
            .get(&id)
            .cloned()
            .unwrap_or_else(|| format!("id:{id}"))
    }
}

/// Where the cgroup v2 hierarchy is mounted, by `/proc/self/mountinfo`, proc(5): the fifth field
/// of a line whose type, the first field after the separator `-`, is cgroup2.
fn parse_mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let is_cgroup2 = filesystem.split(' ').next() == Some("cgroup2");
        let point = mount.split(' ').nth(4)?;
        is_cgroup2.then(|| PathBuf::from(point.replace("\\040", " ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_is_found_among_other_mounts() {
        let mountinfo = "22 27 0:21 / /proc rw - proc proc rw\n\
            30 25 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
            31 25 0:27 / /sys/fs/my\\040groups rw shared:9 - cgroup2 cgroup2 rw\n";
        let point = parse_mount_point(mountinfo);
        assert_eq!(point, Some(PathBuf::from("/sys/fs/my groups")));
        assert_eq!(
            parse_mount_point("22 27 0:21 / /proc rw - proc proc rw\n"),
            None
        );
    }

    #[test]
    fn a_group_is_found_by_the_inode_of_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("system.slice/nginx.service");
        fs::create_dir_all(&inner).unwrap();
        let id = |path: &Path| fs::metadata(path).unwrap().ino();
        let wanted = BTreeSet::from([id(root.path()), id(&inner), 0]);
        let cgroups = Cgroups::below(root.path(), &wanted);
        assert_eq!(cgroups.path(id(root.path())), "/");
        assert_eq!(cgroups.path(id(&inner)), "/system.slice/nginx.service");
        assert_eq!(cgroups.path(0), "id:0");
    }
}
