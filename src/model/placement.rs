//! The unit, the container and the pod of a process, from the paths of its control groups, cgroups(7).
//! Pure.
//!
//! The names are a convention of systemd and of container engines, not the kernel's.

use std::sync::Arc;

/// The types of systemd units that contain processes; a slice contains other units only.
const UNITS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];

/// The length of a container's id, in hexadecimal digits.
const ID_LEN: usize = 64;

/// What the control groups of a process belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The innermost systemd unit.
    pub unit: Option<Arc<str>>,
    /// The id of the innermost container, 64 hexadecimal digits.
    pub container: Option<Arc<str>>,
    /// The uid of the Kubernetes pod, or the id of that of podman.
    pub pod: Option<Arc<str>>,
}

/// Reads `/proc/PID/cgroup`: a line for each hierarchy, `ID:CONTROLLERS:PATH`.
pub fn parse_placement(bytes: &[u8]) -> Placement {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(':')?.1.split_once(':'))
        .collect();
    // Version 2 has no controllers in its line; without it systemd keeps a hierarchy of its own.
    let by_systemd = ["", "name=systemd"].into_iter().filter_map(|wanted| {
        let (_, path) = lines
            .iter()
            .find(|(controllers, _)| *controllers == wanted)?;
        unit(path)
    });
    let pod = lines.iter().find_map(|(_, path)| pod(path));
    let mut containers = lines.iter().filter_map(|(_, path)| container(path));
    Placement {
        unit: by_systemd.into_iter().next(),
        container: containers.find(|id| Some(id) != pod.as_ref()),
        pod,
    }
}

/// The innermost unit.
fn unit(path: &str) -> Option<Arc<str>> {
    let is_unit = |name: &&str| {
        let suffix = UNITS.iter().find(|suffix| name.ends_with(**suffix));
        suffix.is_some_and(|suffix| name.len() > suffix.len())
    };
    let name = path.rsplit('/').find(is_unit)?;
    // systemd puts it before a name that would look like one of the kernel's files.
    Some(name.strip_prefix('_').unwrap_or(name).into())
}

/// The id of the innermost container: the name of its group, behind the name of its engine, as in
/// `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID.scope`, `/docker/ID`.
fn container(path: &str) -> Option<Arc<str>> {
    path.rsplit('/').find_map(|name| {
        // The monitor that an engine starts beside each container is not in it.
        if name.contains("conmon") {
            return None;
        }
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let id = name.rsplit(['-', ':']).next()?;
        is_container_id(id).then(|| id.into())
    })
}

/// Whether this is the id of a container, 64 hexadecimal digits.
pub fn is_container_id(id: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == ID_LEN && id.bytes().all(is_digit)
}

fn pod(path: &str) -> Option<Arc<str>> {
    kubernetes_pod(path).or_else(|| podman_pod(path))
}

/// The id of a pod of podman, around those of its containers, as in `machine-libpod_pod_ID.slice` and
/// `/libpod_parent/ID/libpod-CONTAINER`.
fn podman_pod(path: &str) -> Option<Arc<str>> {
    let mut inner = "";
    path.rsplit('/').find_map(|name| {
        let is_around = std::mem::replace(&mut inner, name).starts_with("libpod-");
        let slice = name.strip_suffix(".slice");
        let slice = slice.and_then(|name| name.rsplit_once("libpod_pod_"));
        let id = slice.map(|(_, id)| id).or(is_around.then_some(name))?;
        is_container_id(id).then(|| id.into())
    })
}

/// The uid of the innermost pod, with the dashes that systemd replaces, as in
/// `kubepods-burstable-podUID.slice` and `/kubepods/burstable/podUID`.
fn kubernetes_pod(path: &str) -> Option<Arc<str>> {
    let mut names = path.rsplit(['/', ':']);
    names.find_map(|name| {
        let name = name.strip_suffix(".slice").unwrap_or(name);
        let (before, uid) = name.rsplit_once("pod")?;
        let uid = uid.replace('_', "-");
        // A static pod has a hash in place of a uid.
        let is_uid = matches!(uid.len(), 32 | 36)
            && uid
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        (is_uid && (before.is_empty() || before.ends_with('-'))).then(|| uid.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn placed(lines: &str) -> (Option<Arc<str>>, Option<Arc<str>>) {
        let placement = parse_placement(lines.replace("ID", ID).as_bytes());
        (placement.unit, placement.container)
    }

    #[test]
    fn the_innermost_unit_is_found_in_either_version() {
        for (lines, unit) in [
            ("0::/system.slice/nginx.service\n", Some("nginx.service")),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope/sub\n",
                Some("app-x.scope"),
            ),
            ("0::/system.slice/_tasks.service\n", Some("tasks.service")),
            ("0::/system.slice/a:b.service\n", Some("a:b.service")),
            (
                "12:pids:/x.service\n1:name=systemd:/system.slice/ssh.socket\n0::/\n",
                Some("ssh.socket"),
            ),
            ("0::/user.slice\n", None),
            ("0::/.service\n", None),
            ("0::/\n", None),
            ("broken\n\n:\n", None),
        ] {
            assert_eq!(placed(lines).0.as_deref(), unit, "{lines}");
        }
    }

    #[test]
    fn a_container_is_known_by_its_id_however_its_engine_names_the_group() {
        for path in [
            "/system.slice/docker-ID.scope",
            "/docker/ID",
            "/docker/ID/nested",
            "/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
            "/kubepods/burstable/pod1/ID",
            "/machine.slice/libpod-ID.scope/container",
            "/k8s.io/ID",
            "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID",
        ] {
            assert_eq!(placed(&format!("0::{path}\n")).1.as_deref(), Some(ID));
            let version_1 = format!("12:memory:{path}\n1:name=systemd:/\n0::/\n");
            assert_eq!(placed(&version_1).1.as_deref(), Some(ID));
        }
        for path in [
            "/machine.slice/libpod-conmon-ID.scope",
            "/docker/ID0",
            "/docker/xID",
            "/",
        ] {
            assert_eq!(placed(&format!("0::{path}\n")).1, None, "{path}");
        }
    }

    #[test]
    fn a_pod_is_known_by_its_uid_with_either_driver_of_control_groups() {
        let uid = "0f9a3f0e-1c2b-4d5e-8f90-a1b2c3d4e5f6";
        let by_systemd = uid.replace('-', "_");
        for path in [
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{by_systemd}.slice/cri-containerd-{ID}.scope"
            ),
            format!("/kubepods.slice/kubepods-pod{by_systemd}.slice"),
            format!("/kubepods/burstable/pod{uid}/{ID}"),
            format!("/../kubepods/pod{uid}/{ID}"),
            format!(
                "/system.slice/containerd.service/kubepods-pod{by_systemd}.slice:cri-containerd:{ID}"
            ),
        ] {
            let placement = parse_placement(format!("0::{path}\n").as_bytes());
            assert_eq!(placement.pod.as_deref(), Some(uid), "{path}");
        }
        for path in ["/kubepods/podx/1", "/user.slice/tripod.scope", "/podpodpod"] {
            let placement = parse_placement(format!("0::{path}\n").as_bytes());
            assert_eq!(placement.pod, None, "{path}");
        }
    }

    #[test]
    fn a_pod_of_podman_is_not_taken_for_one_of_its_containers() {
        let pod = ID.replace('0', "f");
        for (path, container) in [
            (
                format!("/machine.slice/machine-libpod_pod_{pod}.slice/libpod-{ID}.scope"),
                Some(ID),
            ),
            (
                format!("/libpod_parent/{pod}/libpod-{ID}/container"),
                Some(ID),
            ),
            (format!("/parent/{pod}/libpod-conmon-{ID}"), None),
        ] {
            let placement = parse_placement(format!("0::{path}\n").as_bytes());
            assert_eq!(placement.pod.as_deref(), Some(&*pod), "{path}");
            assert_eq!(placement.container.as_deref(), container, "{path}");
        }
        let alone = parse_placement(format!("0::/libpod_parent/libpod-{ID}\n").as_bytes());
        assert_eq!(alone.pod, None);
    }
}
