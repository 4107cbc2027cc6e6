//! What is read in the own /proc, in another one and in copies, and what is refused.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::mknodat;

use rustix::io::Errno;

use super::beneath::open_stepwise;
use super::*;

/// A copy with files, links and directories, and something outside of it.
fn tree() -> (tempfile::TempDir, ProcRoot) {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let copy = outside.path().join("copy");
    fs::create_dir_all(copy.join("7/fd")).unwrap();
    fs::write(copy.join("7/comm"), "web\n").unwrap();
    symlink("comm", copy.join("7/name")).unwrap();
    symlink("../../secret", copy.join("7/cmdline")).unwrap();
    symlink(outside.path(), copy.join("net")).unwrap();
    mknodat(
        CWD,
        copy.join("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::write(copy.join("large"), vec![b'x'; TEXT_MOST + 1]).unwrap();
    let root = ProcRoot::open(&copy).unwrap();
    assert_eq!(root.kind(), RootKind::Copy);
    (outside, root)
}

#[test]
fn only_regular_files_beneath_a_copy_are_read() {
    let (_outside, root) = tree();
    assert_eq!(root.read_text("7/comm").unwrap(), "web\n");
    assert_eq!(root.read_start("large", 3).unwrap(), b"xxx");
    for (below, why) in [
        ("7/name", "symbolic links are not followed here"),
        ("7/cmdline", "symbolic links are not followed here"),
        ("net/secret", "symbolic links are not followed here"),
        ("fifo", "not a regular file"),
        ("7", "not a regular file"),
        ("large", "larger than 64 KiB"),
        ("7/stat", "No such file or directory (os error 2)"),
    ] {
        assert_eq!(
            root.read_text(below).unwrap_err().to_string(),
            why,
            "{below}"
        );
    }
    assert!(root.open_directory("7/fd").is_ok());
    assert!(root.open_directory("net").is_err());
    assert!(root.open_directory("7/comm").is_err());
}

#[test]
fn without_openat2_the_same_is_refused() {
    let (outside, _) = tree();
    let copy = open(outside.path().join("copy"), LOCATE, Mode::empty()).unwrap();
    let stepwise = |below: &str| open_stepwise(copy.as_fd(), below, READ);
    for below in ["7/comm", "7/fd", "large", "."] {
        assert!(stepwise(below).is_ok(), "{below}");
    }
    for below in ["7/name", "7/cmdline", "net/secret"] {
        assert!(
            matches!(stepwise(below), Err(Errno::LOOP | Errno::NOTDIR)),
            "{below}"
        );
    }
    let own = open(OWN, LOCATE, Mode::empty()).unwrap();
    assert!(open_stepwise(own.as_fd(), "1/net/tcp", READ).is_ok());
    assert!(open_stepwise(own.as_fd(), "self/comm", READ).is_err());
}

#[test]
fn the_own_proc_keeps_its_links_and_another_has_none() {
    let own = ProcRoot::own();
    assert!(own.read_text("thread-self/comm").is_ok());
    assert!(own.open_directory("").is_ok());
    let live = ProcRoot::open(Path::new(OWN)).unwrap();
    assert_eq!(live.kind(), RootKind::Live);
    assert!(live.read_text("1/comm").is_ok());
    assert!(live.read_text("self/comm").is_err());
    let below = ProcRoot::open(Path::new("/proc/self")).unwrap();
    assert_eq!(below.kind(), RootKind::Below);
    assert_eq!(below.stat("comm").unwrap().st_size, 0);
}

#[test]
fn names_of_entries_are_numbers_or_ignored() {
    assert_eq!(parse_number::<u32>(b"4294967295"), Some(u32::MAX));
    for other in ["4294967296", ".", "..", "", "-1", "self", "1a"] {
        assert_eq!(parse_number::<u32>(other.as_bytes()), None, "{other}");
    }
}
