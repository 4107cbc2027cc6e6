//! A range of 100 ports that runs out: for one destination, and by bind() across ten.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::bind;
use rustix::net::sockopt::set_socket_reuseaddr;

use super::commands::assert_commands_run;
use super::report::{Finding, Report};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::zoo::new_connection;
use crate::zoo::sysctl::write_sysctl;

const ID: &str = "ephemeral-ports";

/// Sets a range of a hundred ports, none of them reused from TIME_WAIT.
fn narrow_range() {
    write_sysctl("ipv4/ip_local_port_range", "40000 40099");
    write_sysctl("ipv4/tcp_tw_reuse", "0");
}

/// Listens outside the range.
fn listen(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).unwrap()
}

fn connect(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

/// A connection bound to the loopback address and a port chosen by the kernel before connecting.
fn bind_and_connect(listener: &TcpListener) -> OwnedFd {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    new_connection(listener.local_addr().unwrap(), |socket| {
        bind(socket, &anywhere).unwrap();
    })
}

/// Asserts that this test is the only owner.
#[track_caller]
fn assert_owned(finding: &Finding, sockets: u64) {
    assert_eq!(finding.processes.len(), 1, "{finding:?}");
    assert_eq!(finding.processes[0].pid, std::process::id());
    assert_eq!(finding.processes[0].sockets, sockets);
}

in_namespace!(
    fn ninety_two_of_a_hundred_ports_to_one_destination_are_critical() {
        narrow_range();
        let listener = listen(8080);
        let _clients: Vec<_> = (0..92).map(|_| connect(&listener)).collect();
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(92.0), Some(100.0)));
        assert_eq!(finding.subject["local_addr"], "127.0.0.1");
        assert_eq!(finding.subject["remote_addr"], "127.0.0.1");
        assert_eq!(finding.subject["remote_port"], 8080);
        assert!(finding.evidence[0].starts_with("92 of these connections are open"));
        assert_owned(finding, 92);
        assert_commands_run(finding);
        assert_eq!(report.not_examined(ID), None);
    }
);

in_namespace!(
    fn bound_ports_are_exhausted_across_destinations_and_connected_ones_are_not() {
        narrow_range();
        let listeners: Vec<_> = (8080..8090).map(listen).collect();
        let each_ten = || listeners.iter().flat_map(|listener| [listener; 10]);
        let shared: Vec<_> = each_ten().map(connect).collect();
        assert!(Report::after("0.1").findings_of(ID).is_empty());
        drop(shared);
        drop(listeners);
        // Another range, whose ports are not in TIME_WAIT.
        write_sysctl("ipv4/ip_local_port_range", "41000 41099");
        let listeners: Vec<_> = (8090..8100).map(listen).collect();
        let each_ten = || listeners.iter().flat_map(|listener| [listener; 10]);
        let _bound: Vec<_> = each_ten().map(bind_and_connect).collect();
        // As the finding says, no port is left for any destination.
        let further = listen(8100);
        let error = TcpStream::connect(further.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL));
        let report = Report::after("0.1");
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(100.0), Some(100.0)));
        assert_eq!(finding.subject.len(), 1);
        assert_eq!(finding.subject["local_addr"], "127.0.0.1");
        assert!(finding.remedy[0].contains("IP_BIND_ADDRESS_NO_PORT"));
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("to 10 destinations, the largest of which has 10"),
            "{evidence}"
        );
        assert_owned(finding, 100);
        assert_commands_run(finding);
    }
);

in_namespace!(
    fn time_wait_uses_up_ports_until_tcp_tw_reuse_allows_reuse() {
        narrow_range();
        let listener = listen(8080);
        for _ in 0..80 {
            let client = connect(&listener);
            let (server, _) = listener.accept().unwrap();
            drop(client);
            drop(server);
        }
        let report = Report::until(|report| {
            let evidence = &report.finding(ID).evidence;
            evidence[0].starts_with("0 of these connections are open, 80 are in TIME_WAIT")
        });
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING");
        assert_eq!(finding.value, Some(80.0));
        assert!(finding.remedy[0].contains("`keepalive` in an nginx upstream"));
        assert!(finding.processes.is_empty(), "{finding:?}");
        assert_commands_run(finding);
        // Allow reuse for loopback connections, without delay.
        if let Err(error) = std::fs::write("/proc/sys/net/ipv4/tcp_tw_reuse_delay", "1") {
            skip_or_fail(
                "cannot set tcp_tw_reuse_delay, which exists since Linux 6.14",
                &error,
            );
        }
        write_sysctl("ipv4/tcp_tw_reuse", "2");
        Report::until(|report| report.findings_of(ID).is_empty());
    }
);

in_namespace!(
    fn bound_only_sockets_use_up_ports_and_proc_does_not_list_them() {
        narrow_range();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let bind_only = || {
            let socket = rustix::net::socket(
                rustix::net::AddressFamily::INET,
                rustix::net::SocketType::STREAM,
                None,
            );
            let socket = socket.unwrap();
            set_socket_reuseaddr(&socket, false).unwrap();
            bind(&socket, &anywhere).unwrap();
            socket
        };
        let _bound: Vec<OwnedFd> = (0..92).map(|_| bind_only()).collect();
        let report = Report::after("0.1");
        if let Some(reason) = report.not_examined(ID) {
            assert!(reason.contains("6.8"), "{reason}");
        } else {
            let finding = report.finding(ID);
            assert_eq!(finding.severity, "CRITICAL");
            assert_eq!((finding.value, finding.limit), (Some(92.0), Some(100.0)));
            assert_owned(finding, 92);
            assert_commands_run(finding);
        }
        let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
        let report = Report::of(&ran);
        assert!(report.findings_of(ID).is_empty());
        let reason = report.not_examined(ID).unwrap();
        assert!(reason.contains("does not list bound sockets"), "{reason}");
    }
);
