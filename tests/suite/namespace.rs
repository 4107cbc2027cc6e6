//! Runs a test in a network namespace of its own, for root and for ordinary users.
//!
//! A process must have one thread to enter a user namespace, so the test starts its own binary
//! again, on itself alone, inside. Must not know what the test is about.
//! user_namespaces(7), network_namespaces(7).

use crate::skip::{self, skip_or_fail};
use crate::syscall;
use rustix::thread::UnshareFlags;
use std::process::{Command, Output};
use std::time::Duration;

/// Holds the name of the test that was started inside a namespace.
const INSIDE: &str = "TCPSTATES_TEST_INSIDE";

/// After this a test inside a namespace is killed: nothing outside would notice that it hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// Makes a `#[test]` of a function, run in a network namespace of its own in which `lo` is up.
///
/// `in_namespace!(fn a_name_that_is_a_sentence() { … });` With parentheses rustfmt formats the
/// body, with braces it does not. Attributes may stand before `fn`. More namespaces than the
/// network's: `in_namespace!(UnshareFlags::NEWNS, fn … );`
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

/// What `in_namespace!` expands to: `path` is the test's, crate name included.
pub(crate) fn run(path: &str, also: UnshareFlags, body: fn()) {
    run_within(DEADLINE, path, also, body);
}

/// The same with a deadline of its own, for tests that are long on purpose.
pub(crate) fn run_within(deadline: Duration, path: &str, also: UnshareFlags, body: fn()) {
    let (_, test) = path.split_once("::").expect("a path inside the crate");
    skip::unless_skipped(test, || {
        if std::env::var_os(INSIDE).is_some_and(|inside| inside == test) {
            abort_after(deadline);
            if let Err(error) = syscall::raise_interface("lo") {
                skip_or_fail("cannot bring up lo in a new namespace", &error);
            }
            body();
        } else {
            pass_on(&output_of(command_inside(test, also)), test);
        }
    });
}

/// This binary again, on one test alone, in new namespaces.
fn command_inside(test: &str, also: UnshareFlags) -> Command {
    // Not current_exe: the path there may be closed to an ordinary user.
    let mut command = Command::new("/proc/self/exe");
    command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    command.args(["--test-threads=1", "--color=never"]);
    command.env(INSIDE, test);
    syscall::isolate(&mut command, also);
    command
}

/// Runs the command to its end; skips the test where namespaces are refused.
fn output_of(mut command: Command) -> Output {
    const WHAT: &str =
        "cannot start a test in a new network namespace, not within a user one either";
    let outcome = command.output();
    outcome.unwrap_or_else(|error| skip_or_fail(WHAT, &error))
}

/// Hands the inner run's output to the outer one, and its failure.
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
        "the name {test} does not select exactly one test: nothing was tested"
    );
}

/// A filter that matches nothing is a success to the test runner.
fn ran_exactly_one(stdout: &str) -> bool {
    stdout.contains("\nrunning 1 test\n") && stdout.contains("test result: ok. 1 passed; 0 failed")
}

fn abort_after(deadline: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(deadline);
        skip::announce("the test hangs in its namespace and is killed\n");
        std::process::abort();
    });
}

mod tests;
