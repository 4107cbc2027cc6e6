//! Names of network namespaces, from files alone: short, and of characters that no shell changes, so
//! that what is printed can be typed.
//!
//! The files belong to others and may hold anything: only regular files of a limited size are read,
//! and what does not fit a name is replaced by the number of a process or the inode number.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::engines::{Engines, Rootless, short_id};
use super::find::{Found, pid_of};
use crate::model::{EVERY_NETNS, Placement, parse_placement};
use crate::proc_root::{ProcRoot, RootKind, parse_number};

/// Where ip-netns(8) mounts namespaces by name.
pub(super) const NAMED: &str = "/run/netns";

/// The namespace of process 1.
pub(super) const HOST: &str = "host";

/// The longest paths of control groups that are read, in bytes.
const CGROUP_MOST: usize = 8 * 1024;

/// The prefixes of names that are known of the processes of a namespace only.
pub(super) const PREFIXES: [&str; 5] = ["pod:", "container:", "machine:", "lxc:", "unit:"];

/// Reads names.
struct Naming<'a> {
    proc: &'a ProcRoot,
    engines: Engines,
    /// Whether the control groups of those whose names do not need them are read too.
    reads_placements: bool,
}

impl Naming<'_> {
    /// The name of a namespace, which others may have too, and what its first process belongs to, if that
    /// was read.
    fn name(&mut self, found: &Found) -> (String, Placement) {
        let home = found.home.as_deref();
        let name = found.is_host.then(|| HOST.to_owned());
        let mounted = || found.mounts.iter().find_map(|mount| mounted_name(mount));
        let name = name.or_else(mounted);
        let reads = name.is_none() || self.reads_placements;
        let cgroups = home.filter(|_| reads).and_then(|home| {
            let path = format!("{home}/cgroup");
            self.proc.read_start(&path, CGROUP_MOST).ok()
        });
        let cgroups = cgroups.unwrap_or_default();
        let placement = parse_placement(&cgroups);
        let paths = || {
            let paths = found.files.iter().filter_map(|file| file.to_str());
            let mut typed = paths.filter(|path| is_plain(path) && path.starts_with('/'));
            typed.next().map(str::to_owned)
        };
        let name = name
            .or_else(|| self.placed(home, &cgroups, placement.clone()))
            .or_else(|| process_name(self.proc, home?))
            .or_else(paths)
            .unwrap_or_else(|| format!("net:{}", found.netns().0));
        (name, placement)
    }

    /// By the control groups of a process, or as the first process of a container of a user.
    fn placed(
        &mut self,
        home: Option<&str>,
        cgroups: &[u8],
        placement: Placement,
    ) -> Option<String> {
        let proc = self.proc;
        let users = || home.map_or_else(Vec::new, |home| users(proc, home));
        let text = String::from_utf8_lossy(cgroups);
        let is_service =
            |unit: &Arc<str>| !text.contains("/user.slice/") && !unit.ends_with(".scope");
        let plain = |name: Option<String>, id: &str| {
            let name = name.filter(|name| is_name(name));
            name.unwrap_or_else(|| short_id(id).to_owned())
        };
        let pod = placement.pod.map(|uid| {
            let name = self.engines.find_pod(&uid, users);
            format!("pod:{}", plain(name, &uid))
        });
        let name = pod
            .or_else(|| {
                let id = placement.container?;
                let name = self.engines.find_container(&id, users);
                Some(format!("container:{}", plain(name, &id)))
            })
            .or_else(|| machine(&text))
            .or_else(|| {
                Some(match self.engines.find_rootless(pid_of(home?)?, users())? {
                    Rootless::Pod(name) => format!("pod:{name}"),
                    Rootless::Container(name) => format!("container:{name}"),
                })
            })
            .or_else(|| Some(format!("unit:{}", placement.unit.filter(is_service)?)));
        name.filter(|name| is_plain(name))
    }
}

/// The users that a process may belong to, if it is in a user namespace, user_namespaces(7): an ordinary
/// user can map only itself and the uids that are assigned to it.
fn users(proc: &ProcRoot, home: &str) -> Vec<u32> {
    /// One for the user and one for the uids assigned to it, or three where these are around it.
    const MOST_LINES: usize = 3;
    let map = match proc.kind() {
        RootKind::Own => proc.read_text(&format!("{home}/uid_map")),
        // Of another proc file system, the home directories are not known.
        RootKind::Live | RootKind::Below | RootKind::Copy | RootKind::Record => return Vec::new(),
    };
    let map = map.unwrap_or_default();
    let outside = map.lines().take(MOST_LINES).filter_map(|line| {
        let outside = line.split_ascii_whitespace().nth(1)?;
        parse_number(outside.as_bytes()).filter(|uid| *uid != 0)
    });
    outside.collect()
}

/// `pid:7/nginx`, of the process in whose directory `home` is.
fn process_name(proc: &ProcRoot, home: &str) -> Option<String> {
    let pid = home.split('/').next()?;
    let comm = proc.read_start(&format!("{pid}/comm"), 64).ok()?;
    Some(format!("pid:{pid}/{}", printable(comm.trim_ascii_end())))
}

/// The name of a mount in the directory of ip-netns(8), unless a program chose it at random, or it
/// would mean something else as a word.
fn mounted_name(mount: &Path) -> Option<String> {
    if mount.parent()? != Path::new(NAMED) {
        return None;
    }
    let name = mount.file_name()?.to_str()?;
    let is_hash = || name.len() >= 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_random = name.starts_with("cni-") || name.starts_with("netns-") || is_hash();
    let means_another = matches!(name, HOST | EVERY_NETNS)
        || parse_number::<u64>(name.as_bytes()).is_some()
        || name.contains([':', '@']);
    let is_name = !is_random && !means_another && !name.starts_with('-') && is_plain(name);
    is_name.then(|| name.to_owned())
}

/// A machine of systemd-nspawn(1) or of machinectl(1), or a container of lxc.
fn machine(cgroups: &str) -> Option<String> {
    cgroups.split(['/', '\n', ':']).find_map(|part| {
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return Some(format!("lxc:{name}"));
        }
        let nspawn = part.strip_prefix("systemd-nspawn@");
        let nspawn = nspawn.and_then(|name| name.strip_suffix(".service"));
        let machine = || part.strip_prefix("machine-")?.strip_suffix(".scope");
        let name = nspawn.or_else(machine)?;
        Some(format!("machine:{}", name.replace("\\x2d", "-")))
    })
}

/// Whether a name that a user may have chosen is one word, which is not too long.
fn is_name(name: &str) -> bool {
    const MOST: usize = 253;
    name.len() <= MOST && is_plain(name)
}

/// Whether no shell changes a word: it has letters, digits and some signs only, and does not begin
/// with one that zsh or fish expands. A comma separates words of `--netns`.
fn is_plain(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@%:/".contains(&byte);
    let begins = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_".contains(byte);
    word.bytes().all(is_plain)
        && word.as_bytes().first().is_some_and(begins)
        && !word.split('/').any(|part| part == "..")
}

/// The name of a process as part of such a word.
pub(super) fn printable(comm: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@%:/".contains(&byte);
    let plain = comm.iter().map(|byte| match is_plain(*byte) {
        true => char::from(*byte),
        false => '_',
    });
    plain.collect()
}

/// The name of each namespace, without the number that distinguishes those with the same name, and
/// what its first process belongs to; with `placements` of every one, else where its name shows it.
pub(super) fn base_names(
    proc: &ProcRoot,
    namespaces: &[Found],
    placements: bool,
) -> (Vec<String>, Vec<Placement>) {
    let mut naming = Naming {
        proc,
        engines: Engines::default(),
        reads_placements: placements,
    };
    namespaces.iter().map(|one| naming.name(one)).unzip()
}

/// A name for each namespace that no other one has: of several with the same name, each has its inode
/// number behind it.
pub(super) fn unique_names(namespaces: &[Found], names: &[String]) -> Vec<String> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for name in names {
        *times.entry(name).or_default() += 1;
    }
    let unique = names.iter().zip(namespaces).map(|(name, one)| {
        match times.get(&**name).is_some_and(|times| *times > 1) {
            true => format!("{name}@{}", one.netns().0),
            false => name.clone(),
        }
    });
    unique.collect()
}

#[cfg(test)]
mod tests;
