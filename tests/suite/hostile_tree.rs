//! Copied trees made to harm their reader: endless files are read only to a limit, and nothing outside
//! of the tree is read.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::child::Start;
use crate::program::{Ran, command, ran};

const SECRET: &str = "secret-of-somebody-else";

/// Every file beside the tables that `doctor` or `list -p` reads; `7` holds the one socket.
const FILES: [&str; 11] = [
    "net/netstat",
    "net/snmp",
    "net/sockstat",
    "sys/net/core/somaxconn",
    "sys/net/ipv4/tcp_mem",
    "sys/net/ipv4/tcp_max_tw_buckets",
    "sys/net/ipv4/ip_local_port_range",
    "7/comm",
    "7/cmdline",
    "7/cgroup",
    "1/root/etc/passwd",
];

/// A tree with a table of one listener, and each of [`FILES`] made by `make`.
fn tree(make: impl Fn(&Path)) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 ffff 100 0 0 10 0\n";
    for name in FILES {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
    }
    fs::write(root.path().join("net/tcp"), table).unwrap();
    fs::create_dir(root.path().join("7/fd")).unwrap();
    symlink("socket:[4242]", root.path().join("7/fd/3")).unwrap();
    root
}

/// What runs of the program come to that read everything in the tree.
fn look_into(root: &Path) -> [Ran; 2] {
    let columns = "user,command-line,unit,container";
    let list = ["list", "-p", "--json", "--columns", columns, "--proc-root"];
    let doctor = ["doctor", "--json", "--window=0.05", "--proc-root"];
    [&list[..], &doctor[..]].map(|words| ran(command(words).arg(root).run_to_end().unwrap()))
}

/// Asserts that the socket is still listed, and that the reason is given why nothing else is.
fn assert_harmless(root: &Path, why: &str) {
    let [list, doctor] = look_into(root);
    assert_eq!(list.status, 0, "{list:?}");
    assert!(list.stdout.contains(r#""user":"1000""#), "{list:?}");
    assert!(list.stdout.contains(r#""pid":7,"name":null"#), "{list:?}");
    assert_eq!(doctor.status, 0, "{doctor:?}");
    assert!(doctor.stdout.contains(why), "{doctor:?}");
    for ran in [list, doctor] {
        assert!(!ran.stdout.contains(SECRET), "{ran:?}");
        assert!(!ran.stderr.contains(SECRET), "{ran:?}");
    }
}

#[test]
fn fifos_in_a_copied_tree_are_not_waited_for() {
    let root = tree(|path| {
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    });
    assert_harmless(root.path(), "not a regular file");
}

#[test]
fn links_to_an_endless_device_are_not_read() {
    let root = tree(|path| symlink("/dev/zero", path).unwrap());
    assert_harmless(root.path(), "symbolic links are not followed here");
}

#[test]
fn links_out_of_a_copied_tree_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, format!("{SECRET}:x:1000:1000::/:\n")).unwrap();
    let root = tree(|path| symlink(&secret, path).unwrap());
    assert_harmless(root.path(), "symbolic links are not followed here");
    // The same by their directories.
    let files = tree(|path| fs::write(path, format!("{SECRET}:x:1000:1000::/:\n")).unwrap());
    let root = tree(|path| symlink(&secret, path).unwrap());
    for folder in ["sys", "1/root"] {
        fs::remove_dir_all(root.path().join(folder)).unwrap();
        symlink(files.path().join(folder), root.path().join(folder)).unwrap();
    }
    assert_harmless(root.path(), "symbolic links are not followed here");
}

#[test]
fn large_files_that_are_not_tables_are_not_read_whole() {
    let root = tree(|path| File::create(path).unwrap().set_len(1 << 40).unwrap());
    let [list, doctor] = look_into(root.path());
    assert_eq!((list.status, doctor.status), (0, 0), "{list:?} {doctor:?}");
    assert!(doctor.stdout.contains("larger than 64 KiB"), "{doctor:?}");
}

#[test]
fn a_table_with_an_endless_line_is_read_to_that_line() {
    let root = tree(|path| fs::write(path, "").unwrap());
    let table = File::options()
        .append(true)
        .open(root.path().join("net/tcp"));
    table.unwrap().set_len(1 << 40).unwrap();
    let [list, doctor] = look_into(root.path());
    for ran in [list, doctor] {
        assert_eq!(ran.status, 3, "{ran:?}");
        assert!(
            ran.stdout
                .contains("net/tcp: line 3 is longer than any row"),
            "{ran:?}"
        );
    }
}
