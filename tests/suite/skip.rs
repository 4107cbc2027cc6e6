//! Skipping tests that cannot run on this machine, with the reason on standard error.
//!
//! Must not guess from a user id or a kernel version: the caller tries what it needs and passes on
//! the errno.

use rustix::io::Errno;
use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, Location};

/// Where this variable is set, a skip is a failure: for machines that must run every test.
pub(crate) const NO_SKIP: &str = "TCPSTATES_NO_SKIP";

/// The start of a line about a skipped test.
pub(crate) const MARK: &str = "SKIPPED ";

/// The payload with which `skip` unwinds, and nothing else.
struct Skipped(String);

/// Ends the running test, which cannot run here because of `reason`.
///
/// Only inside [`unless_skipped`] (`in_namespace!` and `may_skip!` call it), and on the test's own
/// thread.
///
/// # Panics
/// Where [`NO_SKIP`] is set.
#[track_caller]
pub(crate) fn skip(reason: impl Into<String>) -> ! {
    let reason = reason.into();
    if std::env::var_os(NO_SKIP).is_some() {
        panic!("skipping is forbidden by {NO_SKIP}, and this test cannot run here: {reason}");
    }
    let place = Location::caller();
    // Not panic_any: the panic hook would print a backtrace, and this is not a failure.
    panic::resume_unwind(Box::new(Skipped(format!("{reason} ({place})"))))
}

/// Ends a test because `what` failed: as a skip where the machine refuses or lacks something, as a
/// failure on any other error, because then the test itself is wrong.
#[track_caller]
pub(crate) fn skip_or_fail(what: &str, error: &io::Error) -> ! {
    let reason = format!("{what}: {error}");
    match Errno::from_io_error(error) {
        // ENOSPC and EUSERS: the limits on namespaces.
        Some(
            Errno::PERM
            | Errno::ACCESS
            | Errno::ROFS
            | Errno::NOENT
            | Errno::NODEV
            | Errno::NXIO
            | Errno::NOSYS
            | Errno::PROTONOSUPPORT
            | Errno::NOPROTOOPT
            | Errno::NOSPC
            | Errno::USERS,
        ) => skip(reason),
        _ => panic!("{reason}"),
    }
}

/// Makes a `#[test]` of a function that may skip itself: `may_skip!(fn a_sentence() { … });`
macro_rules! may_skip {
    (fn $name:ident() $body:block) => {
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            let (_, test) = path.split_once("::").expect("a path inside the crate");
            $crate::skip::unless_skipped(test, || $body);
        }
    };
}
pub(crate) use may_skip;

/// Runs the body of a test; a skip inside it ends the test without failing it.
pub(crate) fn unless_skipped(test: &str, body: impl FnOnce()) {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(body)) else {
        return;
    };
    match reason_of(payload) {
        Ok(reason) => announce(&format!("{MARK}{test}: {reason}\n")),
        Err(failure) => panic::resume_unwind(failure),
    }
}

/// Writes to the real standard error: unlike `eprint!`, the test runner does not capture it, so
/// that a skipped test never looks like one that passed.
pub(crate) fn announce(line: &str) {
    io::stderr().write_all(line.as_bytes()).unwrap();
}

fn reason_of(payload: Box<dyn Any + Send>) -> Result<String, Box<dyn Any + Send>> {
    payload.downcast::<Skipped>().map(|skipped| skipped.0)
}

mod tests {
    use super::{Errno, MARK, NO_SKIP, skip, skip_or_fail, unless_skipped};
    use crate::child::{Start, command};
    use std::process::{Command, Output};

    const SAMPLE: &str = "skip::tests::sample_test_that_skips";

    /// Set for the sample test only, so that running all ignored tests does not fail.
    const WANTED: &str = "TCPSTATES_TEST_SAMPLE";

    #[test]
    #[ignore = "started by the tests beside it"]
    fn sample_test_that_skips() {
        if std::env::var_os(WANTED).is_some() {
            unless_skipped(SAMPLE, || skip("no such device (os error 19)"));
        }
    }

    /// Runs the sample test as `cargo test` would, its output captured by the runner.
    fn run_sample(change: impl FnOnce(&mut Command)) -> Output {
        let mut command = command("/proc/self/exe");
        command.args([SAMPLE, "--exact", "--include-ignored"]);
        change(command.env(WANTED, "1").env_remove(NO_SKIP));
        command.run_to_end().unwrap()
    }

    #[test]
    fn a_skipped_test_passes_and_its_reason_is_not_captured() {
        let output = run_sample(|_| {});
        assert!(output.status.success(), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let start = format!("{MARK}{SAMPLE}: no such device (os error 19)");
        assert!(stderr.starts_with(&start), "{stderr:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr:?}");
    }

    #[test]
    fn a_forbidden_skip_is_a_failure() {
        let output = run_sample(|command| {
            command.env(NO_SKIP, "1");
        });
        assert!(!output.status.success(), "{output:?}");
    }

    #[test]
    fn an_error_unrelated_to_the_machine_is_a_failure() {
        let outcome = std::panic::catch_unwind(|| {
            unless_skipped("name", || skip_or_fail("device", &Errno::BUSY.into()));
        });
        assert!(outcome.is_err());
    }

    #[test]
    fn a_failure_is_not_mistaken_for_a_skip() {
        let outcome = std::panic::catch_unwind(|| {
            unless_skipped("name", || std::panic::resume_unwind(Box::new("failed")));
        });
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"failed"));
    }
}
