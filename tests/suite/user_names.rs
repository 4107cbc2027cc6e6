//! Names of users come from where the sockets are, and never from this host for another's.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{Uid, fchown};
use rustix::io::Errno;

use crate::child::{self, Running, Start};
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{Ran, run};
use crate::skip::{skip, skip_or_fail};

const PASSWD: &str = "root:x:0:0::/:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n";

/// A copy with a listener of uid 1000 and one of uid 0; `1/root` is to be made.
fn copy() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let row = |uid: u32, port: &str| {
        format!(
            "   0: 0100007F:{port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 {uid} 0 {port} 1 ffff 100 0 0 10 0\n"
        )
    };
    let table = format!(
        "  sl  local_address\n{}{}",
        row(1000, "1111"),
        row(0, "2222")
    );
    fs::create_dir_all(root.path().join("1/net")).unwrap();
    fs::write(root.path().join("1/net/tcp"), table).unwrap();
    root
}

/// The users of the two listeners, and how many are selected by the name of the first.
fn users(root: &Path) -> (Vec<String>, Ran) {
    let root = root.to_str().unwrap();
    let listed = run(["list", "--json", "--columns=user", "--proc-root", root]);
    let rows = Listed::all(&listed).0.into_iter();
    let mut users: Vec<String> = rows.map(|row| row.user.unwrap()).collect();
    users.sort();
    let filtered = run(["--json", "--proc-root", root, "user = guest"]);
    (users, filtered)
}

#[test]
fn users_of_a_copy_are_those_of_the_root_of_its_process_1() {
    let root = copy();
    fs::create_dir_all(root.path().join("1/root/etc")).unwrap();
    fs::write(root.path().join("1/root/etc/passwd"), PASSWD).unwrap();
    let (names, filtered) = users(root.path());
    assert_eq!(names, ["guest", "root"]);
    assert!(filtered.stdout.contains(r#""total":1"#), "{filtered:?}");
}

#[test]
fn without_a_passwd_of_its_own_a_copy_has_numbers_and_not_the_names_of_this_host() {
    let without = copy();
    let linked = copy();
    symlink("/", linked.path().join("1/root")).unwrap();
    let file_linked = copy();
    fs::create_dir_all(file_linked.path().join("1/root/etc")).unwrap();
    symlink("/etc/passwd", file_linked.path().join("1/root/etc/passwd")).unwrap();
    let large = copy();
    fs::create_dir_all(large.path().join("1/root/etc")).unwrap();
    let passwd = format!("{PASSWD}{}", "#".repeat(1 << 20));
    fs::write(large.path().join("1/root/etc/passwd"), passwd).unwrap();
    for root in [&without, &linked, &file_linked, &large] {
        let (names, filtered) = users(root.path());
        assert_eq!(names, ["0", "1000"]);
        assert_eq!(filtered.status, 2, "{filtered:?}");
        assert!(
            filtered.stderr.contains("/1/root/etc/passwd: "),
            "{filtered:?}"
        );
        let root = root.path().to_str().unwrap();
        let by_uid = run(["--json", "--proc-root", root, "uid = 1000"]);
        assert!(by_uid.stdout.contains(r#""total":1"#), "{by_uid:?}");
        let of_this_host = run(["--json", "--proc-root", root, "user = root"]);
        assert_eq!(of_this_host.status, 2, "{of_this_host:?}");
    }
}

#[test]
fn names_of_interfaces_and_groups_are_not_looked_up_for_another_host() {
    let root = copy();
    let root = root.path().to_str().unwrap();
    for (filter, why) in [
        (
            "dev = lo",
            "names of interfaces in another namespace are unknown",
        ),
        (
            "cgroup = /",
            "paths of another host's control groups are unknown",
        ),
    ] {
        let ran = run(["--proc-root", root, filter]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
}

in_namespace!(
    fn users_of_a_process_are_those_of_its_own_root_and_user_namespace() {
        let mut owned = Vec::new();
        for uid in [0, 1000] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            match fchown(&listener, Some(Uid::from_raw(uid)), None) {
                Ok(()) => owned.push(listener),
                // The namespace of an ordinary user's test has uid 0 only.
                Err(Errno::INVAL) if uid != 0 => {}
                Err(error) => skip_or_fail("fchown", &error.into()),
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let passwd = folder.path().join("passwd");
        fs::write(&passwd, PASSWD.replace("root", "captain")).unwrap();
        for (options, expected) in [
            (&["--mount"][..], ["captain", "guest"]),
            // Only uid 0 is mapped, so the 1000 in the file is another user.
            (
                &["--mount", "--user", "--map-root-user"],
                ["captain", "1000"],
            ),
        ] {
            let process = Covered::start(options, &passwd);
            let root = format!("/proc/{}", process.0.id());
            let ran = run(["list", "--json", "--columns=user", "--proc-root", &root]);
            let mut users: Vec<_> = Listed::all(&ran)
                .0
                .into_iter()
                .map(|row| row.user)
                .collect();
            users.sort();
            let mut expected: Vec<_> = expected[..owned.len()]
                .iter()
                .map(|name| Some((*name).to_owned()))
                .collect();
            expected.sort();
            assert_eq!(users, expected, "{ran:?}");
            let filtered = run(["--json", "--proc-root", &root, "user = captain"]);
            assert!(filtered.stdout.contains(r#""total":1"#), "{filtered:?}");
        }
        drop(owned);
    }
);

/// A process that sees another file in place of /etc/passwd. The drop ends it.
struct Covered(Running);

impl Covered {
    fn start(options: &[&str], passwd: &Path) -> Covered {
        let mut command = child::command("unshare");
        let script = "mount --bind \"$0\" /etc/passwd || exit 1; echo ready; exec sleep 300";
        command.args(options).args(["sh", "-c", script]).arg(passwd);
        let mut process = command
            .start()
            .unwrap_or_else(|e| skip_or_fail("unshare", &e));
        if process.next_line().is_none() {
            skip("cannot mount over /etc/passwd in a namespace of a child");
        }
        Covered(process)
    }
}
