//! The names of containers and pods, from the files of podman, docker and kubelet; no engine is asked.
//!
//! The files of a user's engine name only what the kernel shows to be of this user, who may write anything
//! into them.

mod storage;

use std::collections::HashMap;
use std::env;
use std::fs::read_dir;
use std::path::PathBuf;

use crate::proc_root::{ProcRoot, parse_number};
use storage::Storage;

/// Where kubelet has a folder for each pod, `NAMESPACE_NAME_UID`.
const PODS: &str = "/var/log/pods";

/// The digits of an id that engines print.
const ID_SHOWN: usize = 12;

/// More than any list of users has, in bytes.
const PASSWD_MOST: usize = 1 << 20;

/// The names of the containers and pods of this host; each file is read once.
#[derive(Debug, Default)]
pub struct Engines {
    /// `NAMESPACE_NAME_UID`.
    pods: Option<Vec<String>>,
    system: Storage,
    /// By uid; `None` of a user without a home directory.
    users: HashMap<u32, Option<Storage>>,
}

/// What a process of a user's engine is in.
pub(super) enum Rootless {
    Pod(String),
    Container(String),
}

impl Engines {
    /// The name of the container with this id; of the system or of the user who runs this program. `None`
    /// where no name is known.
    pub fn container(&mut self, id: &str) -> Option<String> {
        self.find_container(id, own_user)
    }

    /// The same of the system or of these users; `None` where no name is known.
    pub(super) fn find_container(
        &mut self,
        id: &str,
        users: impl FnOnce() -> Vec<u32>,
    ) -> Option<String> {
        let named = self.system.container(id);
        named.or_else(|| self.of_users(users(), |storage| storage.container(id)))
    }

    /// `NAMESPACE/NAME` of the pod of kubelet with this uid, or the name of that of podman with this id;
    /// `None` where none is known.
    pub fn pod(&mut self, uid: &str) -> Option<String> {
        self.find_pod(uid, own_user)
    }

    /// The same of the system or of these users; `None` where no name is known.
    pub(super) fn find_pod(
        &mut self,
        uid: &str,
        users: impl FnOnce() -> Vec<u32>,
    ) -> Option<String> {
        let named = self.kubelet_pod(uid).or_else(|| self.system.pod(uid));
        named.or_else(|| self.of_users(users(), |storage| storage.pod(uid)))
    }

    /// What the first process of a container of one of these users is in, where its control groups do not
    /// show that.
    pub(super) fn find_rootless(&mut self, pid: u32, users: Vec<u32>) -> Option<Rootless> {
        let of_process = |storage: &mut Storage| {
            let id = storage.container_of_process(pid)?;
            let pod = storage.pod_of_first(&id).map(Rootless::Pod);
            pod.or_else(|| Some(Rootless::Container(storage.container(&id)?)))
        };
        self.of_users(users, of_process)
    }

    fn of_users<T>(
        &mut self,
        users: Vec<u32>,
        mut find: impl FnMut(&mut Storage) -> Option<T>,
    ) -> Option<T> {
        users.into_iter().find_map(|uid| {
            let storage = self.users.entry(uid);
            let storage = storage.or_insert_with(|| Storage::of_user(uid, &home(uid)?));
            find(storage.as_mut()?)
        })
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
}

/// The user that this process runs as, unless it is root.
fn own_user() -> Vec<u32> {
    let own = ProcRoot::own().stat("self").map(|status| status.st_uid);
    own.into_iter().filter(|uid| *uid != 0).collect()
}

/// The home directory of a user, from `/etc/passwd`; of the own one, from the environment.
fn home(uid: u32) -> Option<PathBuf> {
    let typed = env::var_os("HOME").map(PathBuf::from);
    let typed = typed.filter(|home| home.is_absolute() && own_user() == [uid]);
    typed.or_else(|| {
        let passwd = ProcRoot::read_own_file("etc/passwd", PASSWD_MOST).ok()?;
        let passwd = String::from_utf8_lossy(&passwd);
        let mut homes = passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let found = parse_number::<u32>(fields.nth(2)?.as_bytes())? == uid;
            found.then_some(fields.nth(2)?)
        });
        homes
            .next()
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
    })
}

/// The first digits of an id, as engines print it.
pub fn short_id(id: &str) -> &str {
    id.get(..ID_SHOWN).unwrap_or(id)
}
