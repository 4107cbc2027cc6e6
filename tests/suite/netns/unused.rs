//! Namespaces in which only listeners exist, and those that only seem to be such.

use std::net::SocketAddr;
use std::sync::mpsc::channel;

use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::{Ran, run};
use crate::syscall::set_fastopen_connect;

const UNUSED: &str = "no segment ever came or went, and every socket is a listener";

/// The answer about `blue` and `red`; one about a single namespace reads no counters first.
fn count(more: &[&str]) -> (Ran, Answer) {
    let ran = run([&["-v", "--json", "-N", "blue,red"], more].concat());
    let answer = Answer::of(&ran);
    (ran, answer)
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn where_no_segment_ever_came_or_went_only_listeners_are_listed() {
        make_directory();
        let blue = Named::with_connections("blue", 0);
        let red = Named::with_connections("red", 1);
        let (ran, answer) = count(&[]);
        let unused = |ran: &Ran| ran.stderr.matches(UNUSED).count();
        assert!(ran.stderr.contains("plan: blue: list"), "{ran:?}");
        assert_eq!((unused(&ran), answer.total), (1, 4), "{ran:?}");
        let (ran, answer) = count(&["--state", "established"]);
        let nothing = format!("blue: list nothing: {UNUSED}");
        assert!(ran.stderr.contains(&nothing), "{ran:?}");
        assert_eq!((answer.total, answer.complete), (2, true), "{ran:?}");
        let (ran, answer) = count(&["--source", "netlink"]);
        assert_eq!((unused(&ran), answer.total), (0, 4), "{ran:?}");
        drop((blue, red));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_connection_or_one_that_waits_for_data_before_its_first_segment_is_counted() {
        make_directory();
        let blue = Named::with_connections("blue", 0);
        let address: SocketAddr = blue.open.listener.local_addr().unwrap();
        let (tell, told) = channel();
        blue.run(move || {
            let waiting = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
            set_fastopen_connect(&waiting).unwrap();
            connect(&waiting, &address).unwrap();
            tell.send(waiting).unwrap();
        });
        let waiting = told.recv().unwrap();
        let red = Named::with_connections("red", 1);
        let (ran, answer) = count(&[]);
        assert!(!ran.stderr.contains(UNUSED), "{ran:?}");
        let states = ["LISTEN", "SYN_SENT", "ESTABLISHED"].map(|state| answer.states[state]);
        assert_eq!((answer.total, states), (5, [2, 1, 2]), "{ran:?}");
        drop((blue, red, waiting));
    }
);
