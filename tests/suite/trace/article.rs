//! The three servers of docs/closing.md: the article's own, nginx, and one that acknowledges before it
//! closes.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use super::closes::PROMPT;
use super::rows::Connection;
use super::{Traced, Tracing, has_bpf, until_complete};
use crate::child::{Running, Start, command};
use crate::namespace::in_namespace;
use crate::skip::skip_or_fail;
use crate::wait::wait_for;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/closing-server.py");

/// So often is each server asked.
const TIMES: usize = 20;

/// Fetches once from a server that runs until then.
fn fetch(mut server: Command, port: u16) -> Running {
    let server = server.start();
    let server = server.unwrap_or_else(|error| skip_or_fail("python3 or nginx", &error));
    wait_for("the server to listen", || {
        let tables = ["tcp", "tcp6"].map(|name| format!("/proc/thread-self/net/{name}"));
        let tables = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
        let listens = format!(":{port:04X} 00000000:0000 0A");
        tables
            .iter()
            .any(|table| table.contains(&listens))
            .then_some(())
    });
    get(port);
    server
}

fn get(port: u16) {
    let url = format!("http://127.0.0.1:{port}/");
    let output = command("curl")
        .args(["-s", "-S", "-o", "/dev/null", &url])
        .run_to_end();
    let output = output.unwrap_or_else(|error| skip_or_fail("curl", &error));
    assert!(output.status.success(), "{output:?}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(OwnedFd::from(listener));
    port
}

/// The closes of `TIMES` requests, each of a server in this mode of its own.
fn closes_of(mode: &str) -> Vec<Connection> {
    let traced = traced(|| {
        for _ in 0..TIMES {
            let port = free_port();
            let mut server = command("python3");
            server.args([SERVER, mode, &port.to_string()]);
            let mut server = fetch(server, port);
            assert!(server.wait().success());
        }
    });
    traced.connections
}

/// A trace of the segments of what is fetched, without losses.
fn traced(mut fetch_all: impl FnMut()) -> Traced {
    until_complete(|| {
        let tracing = Tracing::start(&["--segments"]);
        fetch_all();
        let traced = tracing.interrupt();
        traced.is_complete().then_some(traced)
    })
}

/// Checks closes whose second end follows at once: three segments, unless the machine was so busy that
/// it followed after the ACK was due, or both ends were closed before either FIN arrived.
#[track_caller]
fn assert_three(closes: &[&Connection]) {
    let is_prompt = |close: &&&Connection| {
        let fins = close.segments.iter().flatten();
        let mut fins = fins.filter(|segment| segment.flags.contains('F'));
        let first = fins.next().unwrap();
        let second = fins.find(|segment| segment.from != first.from).unwrap();
        let follows = second.ack == first.seq.wrapping_add(first.length + 1);
        follows && second.us - first.us < PROMPT.as_secs_f64() * 1e6
    };
    let prompt: Vec<_> = closes.iter().filter(is_prompt).collect();
    assert!(!prompt.is_empty(), "the machine is too busy: {closes:?}");
    for close in prompt {
        assert_eq!(close.shape(), Some("three"), "{close:?}");
    }
}

in_namespace!(
    fn the_server_of_the_article_gives_three_segments() {
        // Which end is first is a race between the server and curl.
        let closes = closes_of("close");
        assert_eq!(closes.len(), TIMES);
        assert_three(&closes.iter().collect::<Vec<_>>());
    }
);

in_namespace!(
    fn a_server_that_acknowledges_the_end_of_the_stream_gives_four() {
        let closes = closes_of("quickack");
        assert_eq!(closes.len(), TIMES);
        for close in closes {
            assert_eq!(close.shape(), Some("four"), "{close:?}");
            if has_bpf() {
                assert_eq!(close.first_close.as_deref(), Some("local"));
            }
        }
    }
);

in_namespace!(
    fn nginx_gives_three_segments_and_the_client_closes_first() {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let path = folder.path().join("nginx.conf");
        fs::write(&path, nginx_configuration(folder.path(), port)).unwrap();
        let traced = traced(|| {
            let mut server = command("nginx");
            server.arg("-c").arg(&path).arg("-p").arg(folder.path());
            let _server = fetch(server, port);
            for _ in 1..TIMES {
                get(port);
            }
        });
        let closes = traced.closes(port);
        assert_eq!(closes.len(), TIMES, "{:?}", traced.ran);
        assert_three(&closes);
        for close in closes {
            if has_bpf() {
                let by = close.closed_by.as_ref().unwrap();
                assert_eq!((by.name.as_str(), close.remote_port), ("curl", port));
            }
        }
    }
);

/// One process, which writes nowhere else than in this folder. Its folders stay its own: other users
/// may not exist here.
fn nginx_configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| format!("{name}_temp_path {folder}/{name};"));
    format!(
        "daemon off; master_process off; user root; pid {folder}/pid; error_log stderr crit;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; {}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"hi\\n\"; }} }} }}\n",
        temporary.join(" ")
    )
}
