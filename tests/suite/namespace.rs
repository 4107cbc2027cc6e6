//! Runs a test in a network namespace of its own, for root and for ordinary users.
//!
//! Only a process with one thread can enter a user namespace, so the test starts its own binary
//! again inside the namespace, with itself as the only test. Must not know what it tests.
//! user_namespaces(7), network_namespaces(7).

use crate::child::{self, Start};
use crate::skip::{self, skip_or_fail};
use crate::syscall;
use rustix::thread::UnshareFlags;
use std::process::{Command, Output};
use std::time::Duration;

/// The variable with the name of the test that runs inside a namespace.
const INSIDE: &str = "TCPSTATES_TEST_INSIDE";

/// After this time a test inside a namespace is ended. Longer than the deadline of a single wait,
/// which has a better message.
const DEADLINE: Duration = Duration::from_secs(180);

/// How much longer the process outside waits for the one inside to end itself.
const MARGIN: Duration = Duration::from_secs(20);

/// Makes a `#[test]` of a function that runs in a network namespace of its own, in which `lo` is up.
///
/// `in_namespace!(fn a_name_that_is_a_sentence() { … });` With parentheses rustfmt formats the
/// body, with braces it does not. Attributes may precede `fn`. With further namespaces:
/// `in_namespace!(UnshareFlags::NEWNS, fn … );`
macro_rules! in_namespace {
    ($(#[$attribute:meta])* fn $name:ident() $body:block) => {
        $crate::namespace::in_namespace!(
            ::rustix::thread::UnshareFlags::empty(),
            $(#[$attribute])* fn $name() $body
        );
    };
    ($also:expr, $(#[$attribute:meta])* fn $name:ident() $body:block) => {
        #[test]
        $(#[$attribute])*
        fn $name() {
            fn body() $body
            $crate::namespace::run(concat!(module_path!(), "::", stringify!($name)), $also, body);
        }
    };
}
pub(crate) use in_namespace;

/// The body that `in_namespace!` expands to: `path` is the test's, with the crate's name.
pub(crate) fn run(path: &str, also: UnshareFlags, body: fn()) {
    run_within(DEADLINE, path, also, body);
}

/// The same with another deadline, for long tests.
pub(crate) fn run_within(deadline: Duration, path: &str, also: UnshareFlags, body: fn()) {
    let (_, test) = path.split_once("::").expect("a path inside the crate");
    skip::unless_skipped(test, || {
        if std::env::var_os(INSIDE).is_some_and(|inside| inside == test) {
            abort_after(deadline, test.to_owned());
            if let Err(error) = syscall::raise_interface("lo") {
                skip_or_fail("cannot bring up lo in a new namespace", &error);
            }
            body();
        } else {
            let limit = deadline + MARGIN;
            pass_on(&output_of(command_inside(test, also), limit), test);
        }
    });
}

/// This binary with a single test, in new namespaces.
fn command_inside(test: &str, also: UnshareFlags) -> Command {
    // Not current_exe: an ordinary user may not have access to that path.
    let mut command = child::command("/proc/self/exe");
    command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    command.args(["--test-threads=1", "--color=never"]);
    command.env(INSIDE, test);
    syscall::isolate(&mut command, also);
    command
}

/// Runs the command to its end; skips the test where namespaces are refused.
fn output_of(mut command: Command, limit: Duration) -> Output {
    const WHAT: &str = "cannot start a test in a new network namespace, nor in a user namespace";
    let running = command.start();
    let running = running.unwrap_or_else(|error| skip_or_fail(WHAT, &error));
    running.within(limit).finish()
}

/// Passes on the output and the failure of the inner run to the outer one.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the test runner captures these, and shows them when the test fails"
)]
fn pass_on(output: &Output, test: &str) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    print!("{stdout}");
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        if line.starts_with(skip::MARK) {
            skip::announce(&format!("{line}\n"));
        } else {
            eprintln!("{line}");
        }
    }
    assert!(
        output.status.success(),
        "{test} failed in its namespace: {}",
        output.status
    );
    assert!(
        ran_exactly_one(&stdout),
        "the name {test} does not select exactly one test"
    );
}

/// The test runner reports success even for a filter that selects no test.
fn ran_exactly_one(stdout: &str) -> bool {
    stdout.contains("\nrunning 1 test\n") && stdout.contains("test result: ok. 1 passed; 0 failed")
}

fn abort_after(deadline: Duration, test: String) {
    std::thread::spawn(move || {
        std::thread::sleep(deadline);
        skip::announce(&format!(
            "{test} did not end within {deadline:?} and is aborted\n"
        ));
        std::process::abort();
    });
}

mod tests;
