//! A program that subscribes to events of the kernel and does not read them.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketType, bind, recv, socket};
use rustix::net::{RecvFlags, sockopt::set_socket_recv_buffer_size};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::syscall::add_address;
use crate::wait::Repeated;

const ID: &str = "netlink-drops";

/// `RTMGRP_IPV4_IFADDR`, linux/rtnetlink.h.
const ADDRESSES: u32 = 0x10;

/// A subscriber to changes of addresses.
fn subscriber() -> OwnedFd {
    let subscriber = socket(AddressFamily::NETLINK, SocketType::RAW, None).unwrap();
    bind(&subscriber, &SocketAddrNetlink::new(0, ADDRESSES)).unwrap();
    subscriber
}

/// Keeps changing the address of lo, which the kernel reports to all subscribers.
fn changing_addresses() -> Repeated {
    let mut last = 1;
    Repeated::start(move || {
        last = 3 - last;
        add_address("lo", IpAddr::from([127, 0, 0, last])).unwrap();
    })
}

in_namespace!(
    fn a_subscriber_that_does_not_read_is_reported_with_its_protocol_and_process() {
        let subscriber = subscriber();
        set_socket_recv_buffer_size(&subscriber, 0).unwrap();
        let changing = changing_addresses();
        let report = Report::until(|report| report.findings_of(ID).len() == 1);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING", "{finding:?}");
        let title = "NETLINK_ROUTE: 1 socket missed ";
        assert!(finding.title.starts_with(title), "{finding:?}");
        assert_eq!(finding.subject["protocol"], "rtnl");
        assert_eq!(finding.subject["kind"], "netlink");
        assert_eq!(finding.processes[0].pid, std::process::id());
        let queue = &finding.evidence[0];
        assert!(
            queue.ends_with(" bytes") && queue.contains(" of "),
            "{queue}"
        );
        assert!(finding.why.contains("ENOBUFS"), "{finding:?}");
        assert_commands_run(finding);
        // The table of /proc has the drops, and not the limit.
        let from_proc = || {
            let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
            Report::of(&ran)
        };
        let report = Report::until_from(from_proc, |report| report.findings_of(ID).len() == 1);
        let queue = &report.finding(ID).evidence[0];
        assert!(
            queue.ends_with("/proc does not report the limit"),
            "{queue}"
        );
        // What was dropped before the window is no finding.
        changing.stop();
        let report = Report::after("0.1");
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
        assert!(report.examined.contains(&ID.to_owned()), "{report:?}");
        drop(subscriber);
    }
);

in_namespace!(
    fn a_subscriber_that_reads_is_no_finding() {
        let subscriber = subscriber();
        let mut last = 1;
        let _reading = Repeated::start(move || {
            last = 3 - last;
            add_address("lo", IpAddr::from([127, 0, 0, last])).unwrap();
            let mut buffer = [0; 8_192];
            while recv(&subscriber, &mut buffer, RecvFlags::DONTWAIT).is_ok() {}
        });
        let report = Report::after("0.2");
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
        assert_eq!(report.sockets("netlink"), Some(1));
    }
);
