//! Repeated counts of namespaces in which nothing happens, and of those in which something does.

use std::net::TcpStream;
use std::sync::mpsc::channel;

use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::answer::Answer;
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::wait::wait_for;

const STILL: &str = "list nothing: no segment came or went since the last count";

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_namespace_in_which_nothing_happens_is_not_searched_again() {
        make_directory();
        let named = ["blue", "red"].map(|name| Named::with_connections(name, 2));
        for by in [&[][..], &["--by", "netns"]] {
            let options = [
                "-v",
                "--json",
                "-N",
                "blue,red",
                "--watch",
                "0.1",
                "--samples",
                "3",
            ];
            let ran = run([&options[..], by].concat());
            assert!(ran.stderr.contains(STILL), "{ran:?}");
            for answer in Answer::all(&ran) {
                assert_eq!((answer.total, answer.complete), (10, true), "{ran:?}");
            }
        }
        let listed = ["-v", "-N", "blue,red", "--watch", "0.1", "--samples", "3"];
        let listed = run([&listed[..], &["--source", "netlink"]].concat());
        assert!(!listed.stderr.contains(STILL), "{listed:?}");
        drop(named);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn every_change_of_a_state_is_counted_at_the_next_sample() {
        make_directory();
        let named = ["blue", "red"].map(|name| Named::with_connections(name, 1));
        let address = named[0].open.listener.local_addr().unwrap();
        let mut watch = command(["--json", "--watch", "0.05", "-N", "blue,red"])
            .start()
            .unwrap();
        let mut expect = |total: usize, state: &str, sockets: usize| {
            wait_for(&format!("{total} sockets"), || {
                let line = watch.next_line().unwrap();
                let answer: Answer = serde_json::from_str(&line).unwrap();
                let is_it = answer.total == total && answer.states[state] == sockets;
                is_it.then_some(())
            });
        };
        expect(6, "ESTABLISHED", 4);
        let (tell, told) = channel();
        named[0]
            .neighbour
            .run(move || tell.send(TcpStream::connect(address).unwrap()).unwrap());
        let client = told.recv().unwrap();
        expect(8, "ESTABLISHED", 6);
        let server = named[0].open.listener.accept().unwrap().0;
        client.shutdown(std::net::Shutdown::Write).unwrap();
        expect(8, "CLOSE_WAIT", 1);
        server.shutdown(std::net::Shutdown::Write).unwrap();
        expect(7, "TIME_WAIT", 1);
        let Named { open, .. } = &named[1];
        open.streams[0].shutdown(std::net::Shutdown::Write).unwrap();
        expect(7, "FIN_WAIT2", 1);
        drop((client, server));
    }
);
