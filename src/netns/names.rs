//! Names of network namespaces, from files alone: short, and of characters that no shell changes, so
//! that what is printed can be typed.
//!
//! The files belong to others and may hold anything: only regular files of a limited size are read,
//! and what does not fit a name is replaced by the number of a process or the inode number.

use std::collections::HashMap;
use std::fs::read_dir;
use std::path::Path;

use super::find::Found;
use crate::model::{EVERY_NETNS, Placement, parse_placement};
use crate::proc_root::{ProcRoot, parse_number};

/// Where ip-netns(8) mounts namespaces by name.
pub(super) const NAMED: &str = "/run/netns";

/// The namespace of process 1.
pub(super) const HOST: &str = "host";

/// Where kubelet has a folder for each pod, `NAMESPACE_NAME_UID`.
const PODS: &str = "/var/log/pods";

/// Where podman keeps the names of containers.
const PODMAN: &str = "var/lib/containers/storage/overlay-containers/containers.json";

/// Where docker has a folder for each container.
const DOCKER: &str = "var/lib/docker/containers";

/// The largest file of an engine that is read, in bytes.
const ENGINE_MOST: usize = 16 << 20;

/// The longest paths of control groups that are read, in bytes.
const CGROUP_MOST: usize = 8 * 1024;

/// The digits of a container's id that engines print.
const ID_SHOWN: usize = 12;

/// The prefixes of names that are known of the processes of a namespace only.
pub(super) const PREFIXES: [&str; 5] = ["pod:", "container:", "machine:", "lxc:", "unit:"];

/// Reads names; the files of engines once for all namespaces.
struct Naming<'a> {
    proc: &'a ProcRoot,
    /// `NAMESPACE_NAME_UID`.
    pods: Option<Vec<String>>,
    podman: Option<Vec<PodmanContainer>>,
}

/// A container in `containers.json`.
#[derive(serde::Deserialize)]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

/// The file `config.v2.json` of a container.
#[derive(serde::Deserialize)]
struct DockerContainer {
    #[serde(rename = "Name")]
    name: String,
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
            let paths = found.mounts.iter().filter_map(|mount| mount.to_str());
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
            |unit: &String| !text.contains("/user.slice/") && !unit.ends_with(".scope");
        let name = None
            .or_else(|| self.pod(placement.pod.as_ref()?))
            .or_else(|| Some(self.container(placement.container.as_ref()?)))
            .or_else(|| machine(&text))
            .or_else(|| Some(format!("unit:{}", placement.unit.filter(is_service)?)));
        name.filter(|name| is_plain(name))
    }

    /// `pod:NAMESPACE/NAME`.
    fn pod(&mut self, uid: &str) -> Option<String> {
        let pods = self.pods.get_or_insert_with(|| {
            let entries = read_dir(PODS).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().into_string());
            names.flatten().collect()
        });
        pods.iter().find_map(|folder| {
            let (pod, _) = folder.rsplit_once('_').filter(|(_, other)| *other == uid)?;
            let (namespace, name) = pod.split_once('_')?;
            Some(format!("pod:{namespace}/{name}"))
        })
    }

    /// `container:NAME`, or the first digits of its id.
    fn container(&mut self, id: &str) -> String {
        let podman = self.podman.get_or_insert_with(|| {
            let bytes = ProcRoot::read_own_file(PODMAN, ENGINE_MOST).unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        });
        let known = podman.iter().find(|container| container.id == id);
        let named = known.and_then(|container| container.names.first().cloned());
        let named = named.or_else(|| {
            let config = format!("{DOCKER}/{id}/config.v2.json");
            let bytes = ProcRoot::read_own_file(&config, ENGINE_MOST).ok()?;
            let docker: DockerContainer = serde_json::from_slice(&bytes).ok()?;
            Some(docker.name.trim_start_matches('/').to_owned())
        });
        let digits = || id.get(..ID_SHOWN).unwrap_or(id).to_owned();
        let named = named.filter(|name| !name.is_empty() && is_plain(name));
        format!("container:{}", named.unwrap_or_else(digits))
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
    let is_hash = || name.len() >= ID_SHOWN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
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
        pods: None,
        podman: None,
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
