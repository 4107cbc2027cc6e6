//! Containers, pods, machines and sandboxes as their engines make them: podman, systemd-nspawn(1) and
//! bwrap(1). Needs the first root user, as these do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::thread::UnshareFlags;

use crate::answer::Answer;
use crate::child::run_tool;
use crate::mounts::run_in_pid_namespace;
use crate::namespace::in_namespace;
use crate::program::Ran;

/// Listens, connects so many times, and says so in a file of its root directory.
const SERVE: &str = r#"
import socket, sys, time
held = [socket.create_server(("127.0.0.1", 0))]
for _ in range(int(sys.argv[1])):
    held += [socket.create_connection(held[0].getsockname()), held[0].accept()[0]]
open(sys.argv[2], "w").close()
time.sleep(600)
"#;

/// A container, a pod of two, a machine in the control groups that systemd makes for it, a sandbox, and
/// the container of an ordinary user, with the directory `/usr` of the host; then what is counted, by three
/// users, and by ss(8).
const DEPLOY: &str = r#"
mount -t proc proc /proc && mount -t tmpfs none /run || exit 99
mkdir -p /var/lib/containers && mount -t tmpfs none /var/lib/containers || exit 99
root=$DIRECTORY/root
mkdir -p $root/usr $root/etc $root/tmp $root/proc $root/sys $root/dev
for name in bin lib lib64; do ln -s usr/$name $root/$name; done
touch $root/etc/os-release
printf '#!/bin/sh\nexec sleep 600\n' > $root/hold && chmod +x $root/hold
cp -a $root $DIRECTORY/machine && cp $PROGRAM $DIRECTORY/program && chmod 755 $DIRECTORY $DIRECTORY/program
export CONTAINERS_CONF=$DIRECTORY/containers.conf
cat > $CONTAINERS_CONF <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
set -e
python="python3 -c"
podman run -d --network none --name web$$ -v /usr:/usr:ro --rootfs $root $python "$SERVE" 2 /ready2
tar -C $root -c . | podman import -q - base
podman pod create --name shop$$ --network none -v /usr:/usr:ro --infra-image localhost/base \
    --infra-command /hold
podman run -d --pod shop$$ --name cart --rootfs $root $python "$SERVE" 3 /ready3
podman run -d --pod shop$$ --name pay --rootfs $root $python "$SERVE" 4 /ready4
(
    for mount in $(awk '$3 == "cgroup2" || $4 ~ /name=systemd/ { print $2 }' /proc/mounts); do
        mkdir -p $mount/machine.slice/systemd-nspawn@$MACHINE.service
        echo 0 > $mount/machine.slice/systemd-nspawn@$MACHINE.service/cgroup.procs
    done
    exec systemd-nspawn -q --register=no --keep-unit --private-network --bind-ro=/usr \
        -D $DIRECTORY/machine -M $MACHINE python3 -c "$SERVE" 5 /ready5
) &
bwrap --unshare-net --bind / / --proc /proc --dev /dev $python "$SERVE" 6 $root/ready6 &
cp -a $DIRECTORY/machine $DIRECTORY/rootless && mkdir -p $DIRECTORY/home /run/user/$USER_ID
chown -R $USER_ID $DIRECTORY/rootless $DIRECTORY/home /run/user/$USER_ID
grep -v "^[^:]*:[^:]*:$USER_ID:" /etc/passwd > $DIRECTORY/passwd
echo "rootless:x:$USER_ID:$USER_ID::$DIRECTORY/home:/bin/sh" >> $DIRECTORY/passwd
mount --bind $DIRECTORY/passwd /etc/passwd
as_user="setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
    env HOME=$DIRECTORY/home XDG_RUNTIME_DIR=/run/user/$USER_ID"
cd /
$as_user podman run -d --network none --name attic$$ -v /usr:/usr:ro \
    --rootfs $DIRECTORY/rootless $python "$SERVE" 7 /ready7
for file in $root/ready2 $root/ready3 $root/ready4 $DIRECTORY/machine/ready5 $root/ready6 \
    $DIRECTORY/rootless/ready7; do
    until [ -e $file ]; do sleep 0.05; done
done
set +e
exec > $DIRECTORY/answers
$PROGRAM --json --by netns
$PROGRAM --json -N all --by netns,pod,container,unit
setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all \
    $DIRECTORY/program --json --by netns
$as_user $DIRECTORY/program --json --by netns
for pid in $(pidof python3); do
    inode=$(readlink /proc/$pid/ns/net | tr -dc 0-9)
    echo $inode $(nsenter --net=/proc/$pid/ns/net ss -tanH | wc -l)
done > $DIRECTORY/ss
$PROGRAM record $DIRECTORY/a.rec -N all --window 0.05 -q > /dev/null
$PROGRAM record $DIRECTORY/anonymous.rec -N all --window 0.05 -q --anonymize > /dev/null
{ podman rm -fat 0; podman pod rm -fa; $as_user podman rm -fat 0; } >/dev/null 2>&1
umount /var/lib/containers
$PROGRAM --json --by netns --from $DIRECTORY/a.rec
$PROGRAM --json --by netns,pod,container,unit --from $DIRECTORY/a.rec
$PROGRAM --json --by netns,pod,container,unit --from $DIRECTORY/anonymous.rec
zcat $DIRECTORY/anonymous.rec > $DIRECTORY/anonymous
"#;

/// Whether this is root in the first user namespace: engines refuse others, or make other namespaces.
fn is_first_root() -> bool {
    let identity = fs::read_to_string("/proc/self/uid_map").unwrap();
    let is_first = identity.split_whitespace().eq(["0", "0", "4294967295"]);
    is_first && rustix::process::geteuid().is_root()
}

/// The sockets by namespace.
fn totals(answer: &Answer) -> BTreeMap<String, usize> {
    let groups = answer.groups.iter();
    let groups = groups.map(|group| (group.key["netns"].as_str().unwrap().to_owned(), group.total));
    groups.collect()
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn containers_pods_machines_and_sandboxes_are_counted_by_name_as_ss_counts_them() {
        if !is_first_root() {
            return;
        }
        let machine = format!("shed{}", std::process::id());
        let (answers, ss, anonymous) = deploy(&machine);
        let [root, held, ordinary, user, recorded, recorded_held, other] = &answers[..] else {
            panic!("{answers:?}");
        };
        assert_recorded((recorded, root), (recorded_held, held), other);
        for name in ["web1", "shop1", "cart", "\"pay\"", &machine, "attic1"] {
            assert!(!anonymous.contains(name), "{name}: {anonymous}");
        }
        let unit = format!("systemd-nspawn@{machine}.service");
        let machine = format!("machine:{machine}");
        // The shell is process 1.
        let expected = [
            ("container:web1", 5),
            ("pod:shop1", 16),
            (&*machine, 11),
            ("container:attic1", 15),
        ];
        for (name, total) in expected {
            assert_eq!(totals(root).get(name), Some(&total), "{root:?}");
        }
        for line in ss.lines() {
            let (inode, total) = line.split_once(' ').unwrap();
            let mut groups = root.groups.iter();
            let inode = Some(inode.parse().unwrap());
            let is_it = |namespace: &crate::answer::Namespace| namespace.inode == inode;
            let group = groups.find(|group| group.namespace.as_ref().is_some_and(is_it));
            let total = total.parse().unwrap();
            assert_eq!(
                group.map(|group| group.total),
                Some(total),
                "{line}: {root:?}"
            );
        }
        assert_eq!(ss.lines().count(), 6, "{ss}");
        assert_eq!(totals(user).get("container:attic1"), Some(&15), "{user:?}");
        for (netns, pod, container, unit, total) in [
            ("container:web1", None, Some("web1"), None, 5),
            ("pod:shop1", Some("shop1"), Some("cart"), None, 7),
            ("pod:shop1", Some("shop1"), Some("pay"), None, 9),
            (&*machine, None, None, Some(&*unit), 11),
        ] {
            let group = held.groups.iter().find(|group| {
                let key = |name: &str| group.key[name].as_str();
                key("netns") == Some(netns)
                    && (key("pod"), key("container"), key("unit")) == (pod, container, unit)
            });
            assert_eq!(group.map(|group| group.total), Some(total), "{held:?}");
        }
        // Without privilege the ids in control groups are known, not the names.
        let mut expected = by_kind(root);
        expected.retain(|one| *one != ("container".to_owned(), 15));
        expected.push(("pid".to_owned(), 15));
        expected.sort();
        assert_eq!(by_kind(ordinary), expected, "{ordinary:?}");
    }
);

/// Asserts that answers from records are the live ones, with other names in an anonymous record. Nothing of
/// the engines is left where these are used.
#[track_caller]
fn assert_recorded(
    (recorded, root): (&Answer, &Answer),
    (recorded_held, held): (&Answer, &Answer),
    other: &Answer,
) {
    assert_eq!(by_key(recorded), by_key(root));
    assert_eq!(by_key(recorded_held), by_key(held));
    assert_eq!(by_kind(other), by_kind(held), "{other:?}");
    let sorted = |answer: &Answer| {
        let mut totals: Vec<usize> = answer.groups.iter().map(|group| group.total).collect();
        totals.sort_unstable();
        totals
    };
    assert_eq!(sorted(other), sorted(held));
}

/// The keys of the groups, with the numbers of sockets.
fn by_key(answer: &Answer) -> Vec<(String, usize)> {
    let groups = answer.groups.iter();
    groups
        .map(|group| (format!("{:?}", group.key), group.total))
        .collect()
}

/// The kinds of names, with the numbers of sockets.
fn by_kind(answer: &Answer) -> Vec<(String, usize)> {
    let totals = totals(answer).into_iter().filter_map(|(name, total)| {
        let (kind, _) = name.split_once(':')?;
        Some((kind.to_owned(), total))
    });
    let mut totals: Vec<(String, usize)> = totals.collect();
    totals.sort();
    totals
}

/// What is counted by root, by an ordinary user and by the one with a container, and a line of ss(8) for
/// each process that serves: the inode number of its namespace, and the sockets in it; and an anonymous record.
fn deploy(machine: &str) -> (Vec<Answer>, String, String) {
    for tool in ["podman", "runc", "systemd-nspawn", "bwrap", "python3"] {
        run_tool(tool, ["--version"]);
    }
    let directory = tempfile::tempdir().unwrap();
    let ran: Ran = run_in_pid_namespace(DEPLOY, Stdio::null(), |command| {
        command.env("DIRECTORY", directory.path());
        command.env("SERVE", SERVE).env("MACHINE", machine);
        command.env("USER_ID", "5");
    });
    remove_groups(machine);
    let read = |name| {
        fs::read_to_string(directory.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: {ran:?}"))
    };
    let answers = read("answers");
    let answers = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (answers.collect(), read("ss"), read("anonymous"))
}

/// Removes the control groups of a machine that has ended.
fn remove_groups(machine: &str) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    for mount in mounts.lines().filter(|line| line.contains("cgroup")) {
        let mount = Path::new(mount.split(' ').nth(1).unwrap());
        let unit = mount.join(format!("machine.slice/systemd-nspawn@{machine}.service"));
        for group in [unit.join("payload"), unit.join("supervisor"), unit] {
            // Of the other hierarchies, none exists; an empty one that is left does no harm.
            let _ = fs::remove_dir(group);
        }
    }
}
