//! `serve --kind`: sockets of other kinds than TCP, beside those of TCP.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

use rustix::io::Errno;

use super::client::{Client, Served};
use super::page::Page;
use crate::namespace::in_namespace;
use crate::program::{command, run, run_command};
use crate::seccomp::{Denied, deny};

/// The series of `tcpstates_sockets` with this kind as label, by state.
fn states(page: &Page, kind: &str) -> BTreeMap<String, f64> {
    let series = page.series("tcpstates_sockets").into_iter();
    let of_kind = series.filter(|(labels, _)| labels.get("kind").map(String::as_str) == Some(kind));
    of_kind
        .map(|(labels, value)| (labels["state"].clone(), value))
        .collect()
}

fn complete(page: &Page, part: &str) -> Option<f64> {
    page.number(&format!("tcpstates_complete{{part=\"{part}\"}}"))
}

in_namespace!(
    fn kinds_are_beside_tcp_which_has_its_label_only_where_kinds_are_named() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bound = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(bound.local_addr().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let _unix = UnixListener::bind(folder.path().join("socket")).unwrap();
        let words = ["serve", "--once", "--kind", "udp,unix-stream"];
        for source in ["auto", "netlink", "proc"] {
            let words = words.into_iter().chain(["--source", source]);
            let page = Page::of(&run(words).succeeded());
            let udp = states(&page, "udp");
            let expected = [("established", 1.0), ("unconnected", 1.0)];
            assert_eq!(udp, expected.map(|(state, n)| (state.to_owned(), n)).into());
            assert!(states(&page, "unix-stream")["listen"] >= 1.0, "{page:?}");
            let tcp = states(&page, "tcp");
            assert_eq!((tcp.len(), tcp["listen"]), (11, 1.0), "{source}");
            for part in ["sockets", "udp", "unix-stream"] {
                assert_eq!(complete(&page, part), Some(1.0), "{source} {part}");
            }
            assert_eq!(complete(&page, "unix-dgram"), None);
        }
        let page = Page::of(&run(["serve", "--once"]).succeeded());
        assert_eq!(
            page.number("tcpstates_sockets{state=\"listen\"}"),
            Some(1.0)
        );
        assert!(!page.has("tcpstates_sockets{kind"), "{page:?}");
        assert_eq!(complete(&page, "udp"), None);
        let page = Page::of(&run(["serve", "--once", "-A", "tcp"]).succeeded());
        assert_eq!(states(&page, "tcp")["listen"], 1.0);
    }
);

in_namespace!(
    fn every_kind_adds_up_to_the_summary_of_all_kinds() {
        let _sockets = (
            UdpSocket::bind("127.0.0.1:0").unwrap(),
            TcpListener::bind("127.0.0.1:0").unwrap(),
        );
        let page = Page::of(&run(["serve", "--once", "--kind", "all"]).succeeded());
        let summary = run(["-a", "--json", "--by", "kind"]).succeeded().stdout;
        let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
        for group in summary["groups"].as_array().unwrap() {
            let kind = group["key"]["kind"].as_str().unwrap();
            // Other tests and programs have UNIX sockets, and each run has a NETLINK socket.
            if kind.starts_with("unix") || kind == "netlink" {
                assert!(!states(&page, kind).is_empty(), "{kind}");
                continue;
            }
            let total = group["total"].as_f64().unwrap();
            let sum: f64 = states(&page, kind).values().sum();
            assert_eq!(sum, total, "{kind}: {page:?}");
        }
    }
);

#[test]
fn a_kind_that_cannot_be_read_at_the_start_is_an_error_that_names_it() {
    let mut command = command(["serve", "--once", "--kind", "mptcp", "--source", "proc"]);
    let ran = run_command(&mut command);
    assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(ran.stderr.to_lowercase().contains("mptcp"), "{ran:?}");
}

in_namespace!(
    fn without_netlink_the_kinds_come_from_their_tables() {
        let _bound = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut command = command(["serve", "--once", "--kind", "udp"]);
        deny(&mut command, Denied::NetlinkSocket, Errno::PERM);
        let ran = run_command(&mut command);
        assert_eq!(ran.status, 0, "{ran:?}");
        let page = Page::of(&ran);
        assert_eq!(states(&page, "udp")["unconnected"], 1.0);
        assert_eq!(complete(&page, "udp"), Some(1.0));
    }
);

in_namespace!(
    fn a_server_follows_sockets_of_other_kinds() {
        let _served = Served::start(["--kind", "udp"]);
        let number = || {
            let page = Page::parse(&Client::connect().get("/metrics").body);
            states(&page, "udp")["unconnected"]
        };
        let before = number();
        let _bound = UdpSocket::bind("127.0.0.1:0").unwrap();
        crate::wait::wait_for("a sample with the socket", || {
            (number() == before + 1.0).then_some(())
        });
    }
);

#[test]
fn kinds_that_do_not_exist_are_refused_in_one_line() {
    for (word, expected) in [
        ("udpp", "did you mean udp"),
        ("vsock", "vsock sockets are not supported"),
    ] {
        let ran = run(["serve", "--once", "--kind", word]);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}
