//! `serve --once`: the page on standard output or in a file.

use std::fs;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::io::Errno;
use rustix::net::listen;

use super::page::Page;
use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, run, run_command};
use crate::seccomp::{Denied, deny};
use crate::wait::wait_for;
use crate::zoo::{Behaviour, Family, Peer, SocketCounts, Zoo, begin_connection};

const ALL_PARTS: [Option<f64>; 3] = [Some(1.0); 3];

/// The states of an answer as labels, without those that are empty.
fn labels(answer: &Answer) -> std::collections::BTreeMap<String, usize> {
    let states = answer.states.iter().filter(|(_, number)| **number > 0);
    states
        .map(|(state, number)| (state.to_lowercase(), *number))
        .collect()
}

in_namespace!(
    fn the_page_has_the_numbers_of_the_summary_from_every_source() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        for source in ["auto", "netlink", "netlink+counters", "proc"] {
            let ran = run(["serve", "--once", "--source", source]).succeeded();
            let page = Page::of(&ran);
            let answer = Answer::of(&run(["--json", "--source", source]));
            answer.assert_holds(&answer.source, zoo.expected());
            assert_eq!(page.states(), labels(&answer), "{source}");
            assert_eq!(page.complete(), ALL_PARTS, "{source}");
            let answered = format!("tcpstates_source{{source=\"{}\"}}", answer.source);
            assert_eq!(page.number(&answered), Some(1.0), "{source}");
        }
    }
);

in_namespace!(
    fn an_accept_queue_is_shown_with_its_limit_which_proc_does_not_have() {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        listen(&listener, 1).unwrap();
        let _clients = [(); 2].map(|()| TcpStream::connect("127.0.0.1:8080").unwrap());
        let labels = "{local_addr=\"127.0.0.1\",local_port=\"8080\"}";
        let series = [
            "accept_queue_length",
            "accept_queue_limit",
            "listener_drops_total",
        ];
        let series = series.map(|name| format!("tcpstates_{name}{labels}"));
        let read = |words: &[&str]| {
            let page = Page::of(&run(words.iter().copied()).succeeded());
            assert_eq!(page.complete(), ALL_PARTS);
            series.each_ref().map(|series| page.number(series))
        };
        let netlink = read(&["serve", "--once"]);
        assert_eq!(netlink, [Some(2.0), Some(1.0), Some(0.0)]);
        let proc = read(&["serve", "--once", "--source", "proc"]);
        assert_eq!(proc, [Some(2.0), None, None]);
    }
);

in_namespace!(
    fn where_netlink_is_refused_every_part_comes_from_proc_in_one_pass() {
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut command = command(["serve", "--once", "-v"]);
        deny(&mut command, Denied::NetlinkSocket, Errno::PERM);
        let ran = run_command(&mut command);
        assert_eq!(ran.status, 0, "{ran:?}");
        let page = Page::of(&ran);
        assert_eq!(page.complete(), ALL_PARTS);
        assert_eq!(page.number("tcpstates_source{source=\"proc\"}"), Some(1.0));
        assert!(page.has("tcpstates_accept_queue_length"));
        assert!(!page.has("tcpstates_accept_queue_limit"));
        assert_eq!(ran.stderr.matches("note: ").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("cost: 1 socket listed"), "{ran:?}");
    }
);

in_namespace!(
    fn unanswered_attempts_and_closes_are_counted_with_counters_and_without() {
        let _peers = Peer::open();
        let silent = Peer::address(Behaviour::NoReply, Family::V4);
        let _attempts = [(); 3].map(|()| begin_connection(silent));
        let stuck = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let _streams = [(); 2].map(|()| {
            let stream = TcpStream::connect(stuck).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream
        });
        for source in ["netlink+counters", "netlink", "proc"] {
            wait_for("retransmissions that are counted", || {
                let page = Page::of(&run(["serve", "--once", "--source", source]));
                let number = |state| {
                    page.number(&format!(
                        "tcpstates_sockets_unanswered{{state=\"{state}\"}}"
                    ))
                };
                let states = ["syn_sent", "fin_wait1", "closing"].map(number);
                (states == [Some(3.0), Some(2.0), Some(0.0)]).then_some(())
            });
        }
    }
);

#[test]
fn an_incomplete_page_is_written_with_status_3_and_says_which_part() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc/net/tcp");
    let table = fs::read_to_string(copy).unwrap();
    fs::write(root.path().join("net/tcp"), table + "   9: broken\n").unwrap();
    let file = root.path().join("tcpstates.prom");
    let mut command = command(["serve", "--once", "--proc-root"]);
    command.arg(root.path()).arg("--output").arg(&file);
    let ran = run_command(&mut command);
    assert_eq!((ran.status, &*ran.stdout), (3, ""), "{ran:?}");
    assert!(ran.stderr.contains("1 record could not be read"), "{ran:?}");
    let page = Page::parse(&fs::read_to_string(&file).unwrap());
    assert_eq!(page.complete(), [Some(0.0); 3]);
    assert_eq!(page.states().get("established"), Some(&3));
    assert!(!page.has("tcpstates_kernel_"));
}

#[test]
fn a_sample_without_any_source_is_an_error_and_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tcpstates.prom");
    fs::write(&file, "before\n").unwrap();
    let mut command = command(["serve", "--once", "--source", "netlink", "--output"]);
    command.arg(&file);
    deny(&mut command, Denied::NetlinkSocket, Errno::PERM);
    let ran = run_command(&mut command);
    assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "before\n");
}

fn write_to(path: &Path, format: &str) -> Ran {
    let mut command = command(["serve", "--once", "--format", format, "--output"]);
    run_command(command.arg(path))
}

#[test]
fn a_file_is_replaced_with_mode_0644_and_openmetrics_for_the_collector_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tcpstates.prom");
    for _ in 0..2 {
        write_to(&file, "classic").succeeded();
        Page::parse(&fs::read_to_string(&file).unwrap());
    }
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    let refused = write_to(&file, "openmetrics");
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("remove --format openmetrics"),
        "{refused:?}"
    );
    let other = folder.path().join("page.txt");
    write_to(&other, "openmetrics").succeeded();
    assert!(fs::read_to_string(&other).unwrap().ends_with("\n# EOF\n"));
    let link = folder.path().join("link.prom");
    symlink(&other, &link).unwrap();
    let refused = write_to(&link, "classic");
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("is a symbolic link"), "{refused:?}");
    assert!(fs::read_to_string(&other).unwrap().ends_with("\n# EOF\n"));
}

#[test]
fn what_does_not_fit_a_page_is_refused_in_one_line() {
    for (words, expected) in [
        (
            &["--once", "--source", "bpf"][..],
            "--source bpf counts sockets",
        ),
        (&["--once", "--owner-timeout", "1"], "--owner-timeout needs"),
        (&["--output", "x.prom"], "--output needs --once"),
        (&["--format", "classic"], "--format needs --once"),
        (&["dport", "=", ":80"], "serve takes no filter"),
        (
            &["--once", "--format", "json"],
            "allowed are classic, openmetrics",
        ),
    ] {
        let ran = run(["serve"].into_iter().chain(words.iter().copied()));
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}

in_namespace!(
    fn a_listener_on_both_families_has_series_of_their_own() {
        let _v4 = TcpListener::bind("127.0.0.1:8080").unwrap();
        let v6: SocketAddr = "[::1]:8080".parse().unwrap();
        let Ok(_v6) = TcpListener::bind(v6) else {
            crate::skip::skip("this test needs IPv6");
        };
        let page = Page::of(&run(["serve", "--once"]).succeeded());
        for address in ["127.0.0.1", "::1"] {
            let labels = format!("{{local_addr=\"{address}\",local_port=\"8080\"}}");
            assert!(
                page.has(&format!("tcpstates_accept_queue_length{labels}")),
                "{page:?}"
            );
        }
    }
);
