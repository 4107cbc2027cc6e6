//! Namespaces are left again: nothing is kept between samples.

use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::child::{Start, run_tool};
use crate::namespace::in_namespace;
use crate::program::command;
use crate::wait::wait_for;

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_namespace_that_ends_while_it_is_watched_takes_its_interfaces_along() {
        make_directory();
        let blue = Named::with_connections("blue", 0);
        let thread = blue.neighbour.thread_id.to_string();
        let pair = [
            "link", "add", "here", "type", "veth", "peer", "name", "there",
        ];
        run_tool("ip", pair);
        run_tool("ip", ["link", "set", "there", "netns", &thread]);
        let mut watch = command(["--json", "--watch", "0.05", "-N", "blue"])
            .start()
            .unwrap();
        watch.next_line().unwrap();
        blue.unmount();
        let Named {
            neighbour, open, ..
        } = blue;
        drop(open);
        neighbour.end();
        watch.wait_for_stderr("this sample failed: ");
        wait_for("the end of the interface", || {
            let links = run_tool("ip", ["-o", "link"]);
            (!links.contains(" here@")).then_some(())
        });
        assert!(watch.is_running());
    }
);
