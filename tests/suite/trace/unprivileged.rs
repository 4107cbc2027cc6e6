//! Without capabilities the kernel reports ends of connections: no shape, a note with the remedy, and
//! status 0. What needs more is refused with one line.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::Tracing;
use super::closes::Pair;
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, command, ran};
use crate::skip::skip_or_fail;

/// `nobody` where it exists; any id without privileges does.
const NOBODY: u32 = 65_534;

/// A trace without any privilege, where this test has some to take away.
fn as_nobody(arguments: &[&str]) -> Command {
    let mut command = command([&["trace"], arguments].concat());
    give_up_privileges(&mut command);
    command
}

/// Whether this is root in a user namespace that knows no other user: nothing is gained by sudo.
pub(crate) fn is_root_without_privileges() -> bool {
    let identity = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    rustix::process::geteuid().is_root() && !identity.contains("4294967295")
}

/// Starts a command without any privilege, where this test has some to take away.
pub(crate) fn give_up_privileges(command: &mut Command) {
    // Elsewhere only one user is known, who has no privilege over the kernel.
    if !is_root_without_privileges() && rustix::process::geteuid().is_root() {
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
    }
}

fn run_as_nobody(arguments: &[&str]) -> Ran {
    let output = as_nobody(arguments).run_to_end();
    ran(output.unwrap_or_else(|error| skip_or_fail("cannot run the program as nobody", &error)))
}

fn close_one(listener: &TcpListener) -> u16 {
    let pair = Pair::open(listener, listener.local_addr().unwrap());
    let port = pair.client.local_addr().unwrap().port();
    drop(pair);
    port
}

in_namespace!(
    fn closes_have_no_shape_and_a_note_says_what_the_rest_needs() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tracing = Tracing::start_command(&mut as_nobody(&["--json", "-v", "port > :0"]));
        let port = close_one(&listener);
        let traced = tracing.interrupt();
        assert!(traced.is_complete(), "{:?}", traced.ran);
        assert_eq!(traced.summary.source, "destroy");
        let close = traced.close(port);
        assert_eq!((close.shape(), close.evidence()), (None, None));
        assert!(close.other_end.is_some(), "{close:?}");
        // The kernel counts a FIN that was received among the bytes.
        assert_eq!((close.bytes_sent, close.bytes_received), (1, None));
        assert_eq!(
            (close.opened.as_deref(), traced.summary.transitions),
            (None, None)
        );
        let note = traced.ran.stderr.lines().next().unwrap();
        for words in ["note: ", "CAP_BPF", "CAP_PERFMON"] {
            assert!(note.contains(words), "{words}: {note}");
        }
        let again = format!("sudo {PROGRAM} trace --json -v 'port > :0'");
        assert!(
            note.ends_with(&again) || is_root_without_privileges(),
            "{note}"
        );
        let plan = traced.ran.stderr.lines().nth(1).unwrap();
        let words =
            "plan: receive the kernel's messages about destroyed sockets: bpf is not available";
        assert!(plan.contains(words), "{plan}");
    }
);

in_namespace!(
    fn an_address_family_selects_closes() {
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(|at| TcpListener::bind(at).unwrap());
        for (option, selected, other) in [("-4", 0, 1), ("-6", 1, 0)] {
            let tracing = Tracing::start_command(&mut as_nobody(&["--json", option]));
            let ports = listeners.each_ref().map(close_one);
            let traced = tracing.interrupt();
            assert!(traced.is_complete(), "{:?}", traced.ran);
            traced.close(ports[selected]);
            assert!(traced.closes(ports[other]).is_empty(), "{:?}", traced.ran);
        }
    }
);

in_namespace!(
    fn a_table_has_a_dash_for_the_shape() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut running = as_nobody(&[]).start().unwrap();
        running.wait_for_stderr("note: tracing ");
        close_one(&listener);
        running.next_line();
        let row = running.next_line().unwrap();
        let columns: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            (columns.len(), columns[3], columns[5]),
            (6, "-", "-"),
            "{row}"
        );
        running.signal(rustix::process::Signal::TERM);
        let ran = ran(running.finish());
        assert_eq!(ran.status, 0, "{ran:?}");
    }
);

in_namespace!(
    fn what_needs_programs_in_the_kernel_is_refused_with_the_reason() {
        for (arguments, what) in [
            (&["--source", "bpf"][..], "--source bpf"),
            (&["--show", "transitions"], "--show transitions"),
            (&["--netns", "all"], "--netns all"),
            (
                &["--state", "close-wait"],
                "filtering by state needs --source bpf",
            ),
            (
                &["process", "=", "nginx"],
                "filtering by process needs --source bpf",
            ),
        ] {
            let ran = run_as_nobody(arguments);
            assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
            let start = format!("tcpstates: {what}: ");
            assert!(ran.stderr.starts_with(&start), "{ran:?}");
            assert!(ran.stderr.contains("CAP_BPF"), "{ran:?}");
            let advises = ran.stderr.contains("sudo /");
            assert_ne!(advises, is_root_without_privileges(), "{ran:?}");
        }
    }
);
