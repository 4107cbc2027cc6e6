//! The files of podman and docker below one directory: those of the system, or of one user.
//!
//! The files may hold anything: only regular files of a limited size are read, and names may hold any
//! character. Below the home directory of a user no link is followed, and no mount is entered.

use std::collections::HashMap;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::short_id;
use crate::model::is_container_id;
use crate::proc_root::{ProcRoot, parse_number};

/// The directory of the files of the system.
const SYSTEM: &str = "var/lib";

/// The same in the home directory of a user.
const HOME: &str = ".local/share";

/// Where podman has a folder for the containers of each driver of its storage, in either.
const PODMAN: &str = "containers/storage";

/// The drivers that containers(7) of podman are stored with.
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// Where docker has a folder for each container.
const DOCKER: &str = "docker/containers";

/// The largest file of the system's engine that is read, in bytes.
const SYSTEM_MOST: usize = 16 << 20;

/// The same for a user's, which may hold anything.
const USER_MOST: usize = 1 << 20;

/// The most containers of a user whose processes are searched.
const MOST_CONTAINERS: usize = 1_000;

/// Containers with their names; each list is read once.
#[derive(Debug, Default)]
pub(super) struct Storage {
    /// `None` for that of the system.
    user: Option<User>,
    podman: Option<Vec<PodmanContainer>>,
    /// The containers by their first processes.
    processes: Option<HashMap<u32, String>>,
}

/// A user with containers.
#[derive(Debug)]
struct User {
    home: ProcRoot,
    /// Where podman has the numbers of processes: of the directories that it may use, those that exist
    /// and are the user's.
    run: Vec<ProcRoot>,
}

/// A container in `containers.json`.
#[derive(Debug, serde::Deserialize)]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    /// Of its storage.
    #[serde(skip)]
    driver: &'static str,
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

impl Storage {
    /// That of a user with this home directory; `None` if it cannot be opened.
    pub(super) fn of_user(uid: u32, home: &Path) -> Option<Storage> {
        let run = [
            format!("/run/user/{uid}"),
            format!("/tmp/podman-run-{uid}"),
            format!("/tmp/storage-run-{uid}"),
        ];
        let run = run
            .iter()
            .filter_map(|path| ProcRoot::open(Path::new(path)).ok());
        let is_own = |root: &ProcRoot| root.stat("").is_ok_and(|status| status.st_uid == uid);
        let user = User {
            home: ProcRoot::open(home).ok()?,
            run: run.filter(is_own).collect(),
        };
        Some(Storage {
            user: Some(user),
            ..Storage::default()
        })
    }

    /// The name of the container with this id.
    pub(super) fn container(&mut self, id: &str) -> Option<String> {
        let known = self.podman().iter().find(|container| container.id == id);
        let named = known.and_then(|container| container.names.first().cloned());
        let named = named.or_else(|| {
            let docker: DockerContainer = self.read(&format!("{DOCKER}/{id}/config.v2.json"))?;
            Some(docker.name.trim_start_matches('/').to_owned())
        });
        named.filter(|name| !name.is_empty())
    }

    /// The name of the pod with this id. Its first container, which keeps its namespaces, has it as its
    /// own of the host.
    pub(super) fn pod(&mut self, id: &str) -> Option<String> {
        let first = format!("{}-infra", short_id(id));
        let mut containers = self.podman().iter();
        let container = containers.find(|container| container.names.contains(&first))?;
        let (id, driver) = (&container.id, container.driver);
        let path = format!("{PODMAN}/{driver}-containers/{id}/userdata/config.json");
        let run: RunContainer = self.read(&path)?;
        Some(run.hostname).filter(|name| !name.is_empty())
    }

    /// The name of the pod whose first container has this id.
    pub(super) fn pod_of_first(&mut self, id: &str) -> Option<String> {
        let name = self.container(id)?;
        let pod = name.strip_suffix("-infra")?;
        self.pod(pod)
    }

    /// The id of the container of a user whose first process has this number.
    pub(super) fn container_of_process(&mut self, pid: u32) -> Option<String> {
        if self.processes.is_none() {
            self.podman();
            let known = self.podman.iter().flatten().take(MOST_CONTAINERS);
            let run = self.user.iter().flat_map(|user| &user.run);
            let processes = run.flat_map(|run| {
                known
                    .clone()
                    .filter_map(|PodmanContainer { id, driver, .. }| {
                        let file = format!("containers/{driver}-containers/{id}/userdata/pidfile");
                        let pid = run.read_start(&file, 16).ok()?;
                        Some((parse_number(pid.trim_ascii())?, id.clone()))
                    })
            });
            self.processes = Some(processes.collect());
        }
        self.processes.as_ref()?.get(&pid).cloned()
    }

    fn podman(&mut self) -> &[PodmanContainer] {
        if self.podman.is_none() {
            let drivers = DRIVERS.into_iter().flat_map(|driver| {
                let known = self.read(&format!("{PODMAN}/{driver}-containers/containers.json"));
                let mut known: Vec<PodmanContainer> = known.unwrap_or_default();
                known.retain(|container| is_container_id(&container.id));
                for one in &mut known {
                    one.driver = driver;
                }
                known
            });
            self.podman = Some(drivers.collect());
        }
        self.podman.as_deref().unwrap_or_default()
    }

    /// A file of JSON, if there is one.
    fn read<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let bytes = match &self.user {
            None => ProcRoot::read_own_file(&format!("{SYSTEM}/{path}"), SYSTEM_MOST),
            Some(user) => user.home.read_start(&format!("{HOME}/{path}"), USER_MOST),
        };
        serde_json::from_slice(&bytes.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// The storage in a home directory with this file at `containers.json` of a driver.
    fn storage(home: &Path, driver: &str, make: impl FnOnce(&Path)) -> Storage {
        let folder = home.join(format!("{HOME}/{PODMAN}/{driver}-containers"));
        fs::create_dir_all(&folder).unwrap();
        make(&folder.join("containers.json"));
        Storage::of_user(7, home).unwrap()
    }

    #[test]
    fn containers_and_pods_of_a_user_have_the_names_in_its_files() {
        let home = tempfile::tempdir().unwrap();
        let pod = ID.replace('0', "f");
        let infra = ID.replace('0', "e");
        let mut storage = storage(home.path(), "vfs", |file| {
            let text = format!(
                r#"[{{"id":"{ID}","names":["web"]}},{{"id":"../x","names":["up"]}},
                {{"id":"{infra}","names":["{}-infra"]}}]"#,
                short_id(&pod)
            );
            fs::write(file, text).unwrap();
            let config = file.with_file_name(format!("{infra}/userdata"));
            fs::create_dir_all(&config).unwrap();
            fs::write(config.join("config.json"), r#"{"hostname":"shop"}"#).unwrap();
        });
        let docker = home.path().join(format!("{HOME}/{DOCKER}/{pod}"));
        fs::create_dir_all(&docker).unwrap();
        fs::write(docker.join("config.v2.json"), r#"{"Name":"/db"}"#).unwrap();
        assert_eq!(storage.container(ID).as_deref(), Some("web"));
        assert_eq!(storage.container("../x"), None);
        assert_eq!(storage.container(&pod).as_deref(), Some("db"));
        assert_eq!(storage.pod(&pod).as_deref(), Some("shop"));
        assert_eq!(storage.pod_of_first(&infra).as_deref(), Some("shop"));
        assert_eq!(storage.pod_of_first(ID), None);
        assert_eq!(storage.container_of_process(1), None);
    }

    #[test]
    fn links_pipes_and_large_files_of_a_user_are_not_read() {
        let text = format!(r#"[{{"id":"{ID}","names":["web"]}}]"#);
        let home = tempfile::tempdir().unwrap();
        let outside = home.path().join("outside");
        fs::write(&outside, &text).unwrap();
        let linked = |file: &Path| symlink(&outside, file).unwrap();
        assert_eq!(storage(home.path(), "overlay", linked).container(ID), None);
        let pipe = |file: &Path| mknodat(CWD, file, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(storage(home.path(), "vfs", pipe).container(ID), None);
        let large = |file: &Path| fs::write(file, " ".repeat(USER_MOST) + &text).unwrap();
        assert_eq!(storage(home.path(), "btrfs", large).container(ID), None);
    }
}
