//! A server behind a UNIX socket that does not accept, as php-fpm without a free worker.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

const ID: &str = "unix-accept-queue";

fn socket() -> OwnedFd {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap()
}

/// A listener with this backlog, and clients in its queue.
fn waiting(path: &Path, backlog: i32, clients: usize) -> (UnixListener, Vec<OwnedFd>) {
    let address = SocketAddrUnix::new(path).unwrap();
    let listener = socket();
    bind(&listener, &address).unwrap();
    listen(&listener, backlog).unwrap();
    let clients = (0..clients).map(|_| {
        let client = socket();
        connect(&client, &address).unwrap();
        client
    });
    let clients = clients.collect();
    (UnixListener::from(listener), clients)
}

in_namespace!(
    fn a_full_queue_of_a_unix_listener_is_critical_and_names_who_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fpm.sock");
        let (listener, clients) = waiting(&path, 5, 6);
        // Another process has them.
        for client in &clients {
            fcntl_setfd(client, FdFlags::empty()).unwrap();
        }
        let mut proxy = Command::new("sleep").arg("600").spawn().unwrap();
        drop(clients);
        let is_named = |report: &Report| {
            let found = report.findings_of(ID).into_iter().next();
            found.is_some_and(|found| found.evidence.len() == 2)
        };
        let report = Report::until(is_named);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL", "{finding:?}");
        let title = format!("the accept queue of {} is full: 6 of 5", path.display());
        assert_eq!(finding.title, title);
        assert_eq!((finding.value, finding.limit), (Some(6.0), Some(5.0)));
        let waiting = format!("waiting: sleep (pid {}) ×6", proxy.id());
        assert_eq!(finding.evidence[1], waiting);
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.subject["name"], path.to_str().unwrap());
        assert_commands_run(finding);
        let ran = run(["doctor", "--window=0.1", "-A", "unix"]);
        assert_eq!(ran.status, 5, "{ran:?}");
        // With room there is no finding.
        for _ in 0..6 {
            drop(listener.accept().unwrap());
        }
        let report = Report::after("0.1");
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
        assert!(report.examined.contains(&ID.to_owned()));
        proxy.kill().unwrap();
        proxy.wait().unwrap();
    }
);

in_namespace!(
    fn a_name_that_no_terminal_must_see_is_escaped_and_its_command_finds_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let name = b"a\nb\x1b[31m\xff'$(exit 9)\xe2\x80\xae";
        let path = folder.path().join(OsStr::from_bytes(name));
        let _waiting = waiting(&path, 1, 2);
        let report = Report::until(|report| report.findings_of(ID).len() == 1);
        let finding = report.finding(ID);
        assert!(finding.title.contains(" is full: 2 of 1"), "{finding:?}");
        assert_commands_run(finding);
        for arguments in [&["doctor"][..], &["doctor", "--brief"]] {
            let ran = run([arguments, &["-A", "unix", "--window=0.1"]].concat());
            assert_eq!(ran.status, 5, "{ran:?}");
            let acts = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!ran.stdout.contains(acts), "{ran:?}");
            let lines = ran.stdout.lines().filter(|line| line.contains("2 of 1"));
            assert_eq!(lines.count(), 1, "{ran:?}");
        }
    }
);

in_namespace!(
    fn without_netlink_the_queues_of_unix_sockets_are_not_examined() {
        let folder = tempfile::tempdir().unwrap();
        let _waiting = waiting(&folder.path().join("fpm.sock"), 5, 6);
        let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
        let report = Report::of(&ran);
        let reason = report.not_examined(ID).unwrap();
        assert!(reason.contains("sockets were not read: "), "{reason}");
    }
);
