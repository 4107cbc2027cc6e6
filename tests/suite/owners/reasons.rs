//! Sockets without an owning process, and the reasons.

use std::fs;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;

use rustix::net::sockopt::set_socket_reuseport;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use super::holder::Holder;
use crate::answer::{Answer, Owners};
use crate::list::row::{Holder as Shown, Listed};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::wait_for;
use crate::zoo::{Family, SocketCounts, State, Zoo};

fn pids(socket: &Listed) -> Vec<u32> {
    let processes: &[Shown] = socket.processes.as_deref().unwrap();
    processes.iter().map(|one| one.pid).collect()
}

in_namespace!(
    fn sockets_kept_by_the_kernel_have_no_owner() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::TimeWait, 3)
            .with(Family::V6, State::TimeWait, 1)
            .with(Family::V4, State::Listen, 2)
            .with(Family::V6, State::Established, 2);
        let _zoo = Zoo::open(&wanted);
        for source in ["--source=netlink", "--source=proc"] {
            let json = run(["list", "-p", "--json", source]).succeeded();
            let (sockets, summary) = Listed::all(&json);
            for socket in &sockets {
                let is_held = socket.state != "TIME_WAIT";
                assert_eq!(pids(socket).is_empty(), !is_held, "{socket:?}");
            }
            let owners = Owners {
                held: 4,
                kernel: 4,
                ..Owners::default()
            };
            assert_eq!(summary.owners, Some(owners));
        }
        let grouped = Answer::of(&run(["--by", "pid", "--json"]).succeeded());
        let unowned = grouped.groups.iter().find(|g| g.key["pid"].is_null());
        assert_eq!(unowned.unwrap().total, 4);
    }
);

in_namespace!(
    fn a_name_that_cannot_be_read_is_unknown_in_every_format() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let copy = tempfile::tempdir().unwrap();
        let home = copy.path().join("9");
        fs::create_dir_all(home.join("fd")).unwrap();
        fs::create_dir(copy.path().join("net")).unwrap();
        let table = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        fs::write(copy.path().join("net/tcp"), table).unwrap();
        let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
        symlink(fs::read_link(link).unwrap(), home.join("fd/3")).unwrap();
        symlink("/etc/hostname", home.join("comm")).unwrap();
        let root = copy.path().to_str().unwrap();
        let run_with = |options: &[&str]| {
            let ran = run([options, &["--proc-root", root]].concat());
            let note = "name unknown for 1 process: cannot read ";
            assert_eq!(ran.stderr.matches(note).count(), 1, "{ran:?}");
            ran.stdout
        };
        assert!(run_with(&["list", "-p"]).contains(" ?(9)\n"));
        let csv = run_with(&["list", "-p", "--format=csv"]);
        assert!(csv.ends_with(",?(9)\n"), "{csv}");
        let json = run_with(&["list", "-p", "--json"]);
        let name = r#""processes":[{"pid":9,"name":null,"fd":3}]"#;
        assert!(json.contains(name), "{json}");
        let json = run_with(&["--by=process,pid", "--json"]);
        let key = r#""key":{"process":null,"pid":9},"total":1"#;
        assert!(json.contains(key), "{json}");
        let ran = run(["process = web", "--proc-root", root]);
        let why = "the sockets of 1 process called web are unknown: cannot read /proc/PID: ";
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
);

in_namespace!(
    fn a_never_accepted_connection_is_attributed_to_its_listener() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let open = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let closed = TcpStream::connect(("127.0.0.1", port)).unwrap();
            closed.shutdown(Shutdown::Write).unwrap();
            let holder = Holder::of(&listener);
            let me = std::process::id();
            drop(listener);
            for (state, waits) in [("established", &open), ("close-wait", &closed)] {
                let waiting = || {
                    let json = run(["list", "-p", "--json", "--state", state]).succeeded();
                    let (sockets, summary) = Listed::all(&json);
                    let from = waits.local_addr().unwrap().port();
                    let socket = sockets.into_iter().find(|s| s.remote_port == from)?;
                    Some((socket, summary.owners.unwrap()))
                };
                let (socket, owners) = wait_for(state, waiting);
                assert_eq!(socket.never_accepted, Some(true));
                assert_eq!(pids(&socket), [holder.pid()], "{address}");
                assert_ne!(holder.pid(), me);
                assert_eq!(owners.never_accepted, 1);
            }
            let table = run(["list", "-p", "--state=close-wait"]).succeeded().stdout;
            let cell = table.split_whitespace().last().unwrap();
            assert_eq!(cell, format!("(sleep({}))", holder.pid()));
            let grouped =
                Answer::of(&run(["--by=process", "--state=close-wait", "--json"]).succeeded());
            assert!(grouped.groups[0].key["process"].is_null());
        }
    }
);

in_namespace!(
    fn a_never_accepted_connection_names_every_listener_of_a_shared_port() {
        let first = sharing_listener("127.0.0.1:0".parse().unwrap());
        let address = first.local_addr().unwrap();
        let second = sharing_listener(address);
        let _waiting = TcpStream::connect(address).unwrap();
        let holders = [Holder::of(&first), Holder::of(&second)];
        drop((first, second));
        let json = run(["list", "-p", "--json", "--state=established"]).succeeded();
        let sockets = Listed::all(&json).0;
        let waiting = sockets.iter().find(|s| s.never_accepted == Some(true));
        let mut expected = holders.each_ref().map(Holder::pid);
        expected.sort_unstable();
        assert_eq!(pids(waiting.unwrap()), expected);
    }
);

in_namespace!(
    fn a_never_accepted_connection_names_the_listener_on_its_interface() {
        let _device =
            syscall::open_tun("t0").unwrap_or_else(|error| skip_or_fail("/dev/net/tun", &error));
        let listen_on = |device: &str, port: u16| {
            let family = AddressFamily::INET;
            let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
            let socket = socket.unwrap();
            syscall::bind_to_device(&socket, device).unwrap();
            bind(&socket, &SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
            listen(&socket, 5).unwrap();
            TcpListener::from(socket)
        };
        let on_lo = listen_on("lo", 0);
        let port = on_lo.local_addr().unwrap().port();
        let on_t0 = listen_on("t0", port);
        let [holder, _other] = [Holder::of(&on_lo), Holder::of(&on_t0)];
        let _waiting = TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop((on_lo, on_t0));
        let json = run(["list", "-p", "--json", "--state=established"]).succeeded();
        let sockets = Listed::all(&json).0;
        let waiting = sockets.iter().find(|s| s.never_accepted == Some(true));
        assert_eq!(pids(waiting.unwrap()), [holder.pid()]);
    }
);

#[test]
fn an_owner_search_that_times_out_is_incomplete() {
    // A tree with more descriptors than can be read in a twentieth of a second.
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("1");
    fs::create_dir_all(home.join("fd")).unwrap();
    fs::create_dir(home.join("net")).unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc/net/tcp");
    let table = fs::read_to_string(fixture).unwrap();
    fs::write(home.join("net/tcp"), &table).unwrap();
    fs::write(home.join("comm"), "many\n").unwrap();
    for fd in 0..100_000 {
        symlink("/dev/null", home.join(format!("fd/{fd}"))).unwrap();
    }
    let root = root.path().to_str().unwrap();
    let limited = ["--owner-timeout=0.05", "--proc-root", root];
    let json = run(["list", "-p", "--json"].into_iter().chain(limited));
    assert_eq!(json.status, 3, "{json:?}");
    let (sockets, summary) = Listed::all(&json);
    assert_eq!(sockets.len(), table.lines().count() - 1);
    assert!(!summary.complete);
    let owners = summary.owners.unwrap();
    assert_eq!((owners.no_permission, owners.hidden), (0, 0));
    assert!(owners.time_up > 0);
    assert!(summary.warnings[0].contains("--owner-timeout"));
    assert!(!json.stderr.contains("owner unknown"), "{json:?}");
    let grouped = run(["--by=process"].into_iter().chain(limited));
    assert_eq!(grouped.status, 3, "{grouped:?}");
    assert!(grouped.stdout.trim_end().ends_with("incomplete"));
}

/// A listener whose address others can listen at too (SO_REUSEPORT).
fn sharing_listener(address: SocketAddr) -> TcpListener {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.unwrap();
    set_socket_reuseport(&socket, true).unwrap();
    bind(&socket, &address).unwrap();
    listen(&socket, 8).unwrap();
    socket.into()
}
