//! Exactly one test runs, and it runs in a namespace of its own.

use super::{DEADLINE, command_inside, output_of, pass_on, ran_exactly_one};
use crate::skip::unless_skipped;
use rustix::thread::UnshareFlags;
use std::fs;
use std::net::{TcpListener, TcpStream};

/// Set for the sample test only, so that running all ignored tests does not fail.
const SAMPLE: &str = "TCPSTATES_TEST_SAMPLE";

in_namespace!(
    fn a_namespace_has_no_other_sockets_and_lo_is_up() {
        let table = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        assert_eq!(table.lines().count(), 1, "{table}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    }
);

in_namespace!(
    fn the_namespace_differs_from_that_of_the_test_runner() {
        let here = fs::read_link("/proc/self/ns/net").unwrap();
        let outer = rustix::process::getppid().unwrap().as_raw_nonzero();
        // Not readable from inside a user namespace: then it is a different one for certain.
        if let Ok(there) = fs::read_link(format!("/proc/{outer}/ns/net")) {
            assert_ne!(here, there);
        }
    }
);

in_namespace!(
    UnshareFlags::NEWUSER,
    fn a_user_namespace_makes_its_user_root() {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap();
        let words: Vec<&str> = map.split_whitespace().collect();
        assert!(matches!(words[..], ["0", _, "1"]), "{map}");
        assert!(rustix::process::geteuid().is_root());
    }
);

in_namespace!(
    #[ignore = "started by the tests beside it"]
    fn sample_test_that_fails() {
        assert!(std::env::var_os(SAMPLE).is_none(), "fails on purpose");
    }
);

#[test]
fn a_failure_in_the_namespace_fails_the_test() {
    expect_failure(
        "namespace::tests::sample_test_that_fails",
        "failed in its namespace",
    );
}

#[test]
fn a_name_that_selects_no_test_is_a_failure() {
    expect_failure("namespace::tests::no_such_test", "exactly one test");
}

fn expect_failure(test: &'static str, message: &str) {
    unless_skipped(test, || {
        let mut command = command_inside(test, UnshareFlags::empty());
        command.env(SAMPLE, "1");
        let output = output_of(command, DEADLINE);
        let failure = std::panic::catch_unwind(|| pass_on(&output, test)).unwrap_err();
        let failure = failure.downcast::<String>().unwrap();
        assert!(failure.contains(message), "{failure}");
    });
}

#[test]
fn exactly_one_test_must_have_run() {
    let one = "\nrunning 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored";
    assert!(ran_exactly_one(one));
    assert!(!ran_exactly_one(&one.replace('1', "2")));
    assert!(!ran_exactly_one(&one.replace('1', "0")));
}
