//! Tests that cannot run on this machine: they say so, loudly, with the reason.
//!
//! Must not decide by guessing (a user id, a kernel version): the caller tries what it needs and
//! passes the errno on.

use rustix::io::Errno;
use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, Location};

/// Set to anything, it turns every skip into a failure: for machines that must run them all.
pub(crate) const NO_SKIP: &str = "TCPSTATES_NO_SKIP";

/// How a line about a skipped test starts.
pub(crate) const MARK: &str = "SKIPPED ";

/// What `skip` unwinds with; nobody else may.
struct Skipped(String);

/// Ends the running test: it cannot run here, because of `reason`.
///
/// Only below [`unless_skipped`] (`in_namespace!` sees to that), and on the test's own thread.
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
    // Not panic_any: the panic hook would print a backtrace for what is no failure.
    panic::resume_unwind(Box::new(Skipped(format!("{reason} ({place})"))))
}

/// Ends a test for which `what` failed: a skip where the machine refuses it or does not have it,
/// a failure where anything else went wrong, because then it is the test that is wrong.
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

/// Runs a test's body; a skip inside it ends the test without failing it.
pub(crate) fn unless_skipped(test: &str, body: impl FnOnce()) {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(body)) else {
        return;
    };
    match reason_of(payload) {
        Ok(reason) => announce(&format!("{MARK}{test}: {reason}\n")),
        Err(failure) => panic::resume_unwind(failure),
    }
}

/// Writes to the real standard error: unlike `eprint!`, a write to the handle is not captured by
/// the test runner, so a skipped test never looks like one that passed.
pub(crate) fn announce(line: &str) {
    io::stderr().write_all(line.as_bytes()).unwrap();
}

fn reason_of(payload: Box<dyn Any + Send>) -> Result<String, Box<dyn Any + Send>> {
    payload.downcast::<Skipped>().map(|skipped| skipped.0)
}

mod tests {
    use super::{Errno, MARK, NO_SKIP, skip, skip_or_fail, unless_skipped};
    use std::process::{Command, Output};

    const SPECIMEN: &str = "skip::tests::sample_test_that_skips";

    /// Set for the specimen only, so that running all ignored tests does not fail.
    const WANTED: &str = "TCPSTATES_TEST_SPECIMEN";

    #[test]
    #[ignore = "started by the tests beside it"]
    fn sample_test_that_skips() {
        if std::env::var_os(WANTED).is_some() {
            unless_skipped(SPECIMEN, || skip("no such device (os error 19)"));
        }
    }

    /// Runs the specimen the way `cargo test` would: its output captured by the runner.
    fn run_specimen(change: impl FnOnce(&mut Command)) -> Output {
        let mut command = Command::new("/proc/self/exe");
        command.args([SPECIMEN, "--exact", "--include-ignored"]);
        change(command.env(WANTED, "1").env_remove(NO_SKIP));
        command.output().unwrap()
    }

    #[test]
    fn a_skipped_test_passes_and_its_reason_is_not_captured() {
        let output = run_specimen(|_| {});
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let start = format!("{MARK}{SPECIMEN}: no such device (os error 19)");
        assert!(told.starts_with(&start), "{told:?}");
        assert_eq!(told.lines().count(), 1, "{told:?}");
    }

    #[test]
    fn a_forbidden_skip_is_a_failure() {
        let output = run_specimen(|command| {
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
