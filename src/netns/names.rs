//! Names of network namespaces, from files alone: short, and of characters that no shell changes, so
//! that what is printed can be typed.
//!
//! The files belong to others and may hold anything: only regular files of a limited size are read,
//! and what does not fit a name is replaced by the number of a process or the inode number.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::engines::{Engines, short_id};
use super::find::Found;
use crate::model::{EVERY_NETNS, Placement, parse_placement};
use crate::proc_root::{ProcRoot, parse_number};

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
}

impl Naming<'_> {
    /// The name of a namespace, which others may have too, and what its first process belongs to.
    fn name(&mut self, found: &Found) -> (String, Placement) {
        let home = found.home.as_deref();
        let cgroups = home.and_then(|home| {
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
        let name = found
            .is_host
            .then(|| HOST.to_owned())
            .or_else(|| found.mounts.iter().find_map(|mount| mounted_name(mount)))
            .or_else(|| self.placed(&cgroups, placement.clone()))
            .or_else(|| process_name(self.proc, home?))
            .or_else(paths)
            .unwrap_or_else(|| format!("net:{}", found.netns().0));
        (name, placement)
    }

    /// By the control groups of a process.
    fn placed(&mut self, cgroups: &[u8], placement: Placement) -> Option<String> {
        let text = String::from_utf8_lossy(cgroups);
        let is_service =
            |unit: &Arc<str>| !text.contains("/user.slice/") && !unit.ends_with(".scope");
        let plain = |name: String, id: &str| match is_plain(&name) {
            true => name,
            false => short_id(id).to_owned(),
        };
        let pod = placement.pod.map(|uid| {
            let name = self.engines.pod(&uid);
            format!("pod:{}", plain(name, &uid))
        });
        let name = pod
            .or_else(|| {
                let id = placement.container?;
                let name = self.engines.container(&id);
                Some(format!("container:{}", plain(name, &id)))
            })
            .or_else(|| machine(&text))
            .or_else(|| Some(format!("unit:{}", placement.unit.filter(is_service)?)));
        name.filter(|name| is_plain(name))
    }
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
/// what its first process belongs to.
pub(super) fn base_names(proc: &ProcRoot, namespaces: &[Found]) -> (Vec<String>, Vec<Placement>) {
    let mut naming = Naming {
        proc,
        engines: Engines::default(),
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
