//! The names of containers and pods, from the files of podman, docker and kubelet; no engine is asked.
//!
//! The files may hold anything: only regular files of a limited size are read, and names may hold any
//! character.

use std::fs::read_dir;

use crate::proc_root::ProcRoot;

/// Where kubelet has a folder for each pod, `NAMESPACE_NAME_UID`.
const PODS: &str = "/var/log/pods";

/// Where podman has a folder for the containers of each driver of its storage.
const PODMAN: &str = "var/lib/containers/storage";

/// The drivers that containers(7) of podman are stored with.
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// Where docker has a folder for each container.
const DOCKER: &str = "var/lib/docker/containers";

/// The largest file of an engine that is read, in bytes.
const MOST: usize = 16 << 20;

/// The digits of an id that engines print.
const ID_SHOWN: usize = 12;

/// The names of the containers and pods of this host; each file is read once.
#[derive(Debug, Default)]
pub struct Engines {
    /// `NAMESPACE_NAME_UID`.
    pods: Option<Vec<String>>,
    podman: Option<Vec<PodmanContainer>>,
}

/// A container in `containers.json`.
#[derive(Debug, serde::Deserialize)]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    /// The folder of its driver.
    #[serde(skip)]
    folder: String,
}

/// The file `config.json` of a container that podman runs.
#[derive(serde::Deserialize)]
struct RunContainer {
    hostname: String,
}

/// The file `config.v2.json` of a container.
#[derive(serde::Deserialize)]
struct DockerContainer {
    #[serde(rename = "Name")]
    name: String,
}

impl Engines {
    /// The name of the container with this id, or the first digits of that.
    pub fn container(&mut self, id: &str) -> String {
        let known = self.podman().iter().find(|container| container.id == id);
        let named = known.and_then(|container| container.names.first().cloned());
        let named = named.or_else(|| {
            let config = format!("{DOCKER}/{id}/config.v2.json");
            let docker: DockerContainer = read(&config)?;
            Some(docker.name.trim_start_matches('/').to_owned())
        });
        let named = named.filter(|name| !name.is_empty());
        named.unwrap_or_else(|| short_id(id).to_owned())
    }

    /// `NAMESPACE/NAME` of the pod of kubelet with this uid, or the name of that of podman with this
    /// id; where none is known, the first digits.
    pub fn pod(&mut self, uid: &str) -> String {
        let named = self.kubelet_pod(uid).or_else(|| self.podman_pod(uid));
        let named = named.filter(|name| !name.is_empty());
        named.unwrap_or_else(|| short_id(uid).to_owned())
    }

    fn kubelet_pod(&mut self, uid: &str) -> Option<String> {
        let pods = self.pods.get_or_insert_with(|| {
            let entries = read_dir(PODS).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().into_string());
            names.flatten().collect()
        });
        pods.iter().find_map(|folder| {
            let (pod, _) = folder.rsplit_once('_').filter(|(_, other)| *other == uid)?;
            let (namespace, name) = pod.split_once('_')?;
            Some(format!("{namespace}/{name}"))
        })
    }

    /// The first container of a pod, which keeps its namespaces, has the pod's name as its own of the
    /// host.
    fn podman_pod(&mut self, id: &str) -> Option<String> {
        let first = format!("{}-infra", short_id(id));
        let mut containers = self.podman().iter();
        let container = containers.find(|container| container.names.contains(&first))?;
        let PodmanContainer { id, folder, .. } = container;
        let run: RunContainer = read(&format!("{folder}/{id}/userdata/config.json"))?;
        Some(run.hostname)
    }

    fn podman(&mut self) -> &[PodmanContainer] {
        self.podman.get_or_insert_with(|| {
            let drivers = DRIVERS.iter().flat_map(|driver| {
                let folder = format!("{PODMAN}/{driver}-containers");
                let known = read(&format!("{folder}/containers.json"));
                let mut known: Vec<PodmanContainer> = known.unwrap_or_default();
                for one in &mut known {
                    one.folder.clone_from(&folder);
                }
                known
            });
            drivers.collect()
        })
    }
}

/// A file of JSON, if there is one.
fn read<T: serde::de::DeserializeOwned>(path: &str) -> Option<T> {
    let bytes = ProcRoot::read_own_file(path, MOST).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The first digits of an id, as engines print it.
pub(super) fn short_id(id: &str) -> &str {
    id.get(..ID_SHOWN).unwrap_or(id)
}
