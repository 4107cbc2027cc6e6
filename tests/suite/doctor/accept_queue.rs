//! Accept queues that are full because no process accepts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, connect, listen, socket};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::list::ends::open;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::Repeated;
use crate::zoo::begin_connection;
use crate::zoo::sysctl::write_sysctl;

/// A listener whose queue is full with two connections, and these.
fn full_queue() -> (TcpListener, Vec<OwnedFd>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 1).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..2).map(|_| begin_connection(address)).collect();
    (listener, clients)
}

in_namespace!(
    fn listeners_on_one_port_are_shown_as_in_a_list() {
        let listeners = [
            ("0.0.0.0:6666", Some("lo"), false),
            ("[::]:2222", None, false),
            ("[::]:8080", None, true),
        ];
        let listeners = listeners.map(|(address, device, v6only)| {
            let listener = open(address, device, v6only);
            listen(&listener, 0).unwrap();
            let address: SocketAddr = address.parse().unwrap();
            let family = match address.is_ipv4() {
                true => AddressFamily::INET,
                false => AddressFamily::INET6,
            };
            let client = socket(family, SocketType::STREAM, None).unwrap();
            let ip: IpAddr = match address.is_ipv4() {
                true => Ipv4Addr::LOCALHOST.into(),
                false => Ipv6Addr::LOCALHOST.into(),
            };
            connect(&client, &SocketAddr::new(ip, address.port())).unwrap();
            [listener, client]
        });
        let report = Report::after("0.1");
        let found = report.findings.iter();
        let found = found.filter(|finding| finding.id == "accept-queue");
        let mut found: Vec<_> = found
            .map(|finding| {
                let subject = &finding.subject;
                let title = finding.title.strip_prefix("the accept queue of ").unwrap();
                let address = title.split(' ').next().unwrap();
                let keys = ["interface", "v6only"];
                (address, keys.map(|key| subject.get(key).cloned()))
            })
            .collect();
        found.sort_by_key(|(address, _)| *address);
        assert_eq!(
            found,
            [
                ("*:2222", [None, Some(false.into())]),
                ("0.0.0.0%lo:6666", [Some("lo".into()), None]),
                ("[::]:8080", [None, Some(true.into())]),
            ]
        );
        drop(listeners);
    }
);

in_namespace!(
    fn a_full_accept_queue_is_reported_with_its_drops_and_its_process() {
        let (listener, _clients) = full_queue();
        let address = listener.local_addr().unwrap();
        let attempts = Repeated::start(move || {
            drop(begin_connection(address));
            std::thread::yield_now();
        });
        let report = Report::after("0.1");
        attempts.stop();
        let finding = report.finding("accept-queue");
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(2.0), Some(1.0)));
        assert_eq!(finding.subject["local_addr"], "127.0.0.1");
        assert_eq!(finding.subject["local_port"], address.port());
        assert_eq!(finding.processes.len(), 1, "{finding:?}");
        assert_eq!(finding.processes[0].pid, std::process::id());
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("TcpExtListenOverflows grew by "),
            "{evidence}"
        );
        assert!(
            !evidence.contains("the listener dropped 0 in"),
            "{evidence}"
        );
        assert!(
            evidence.contains("the longest wait of 2 connections measured: "),
            "{evidence}"
        );
        assert!(!evidence.contains("somaxconn"), "{evidence}");
        assert_eq!(report.not_examined("accept-queue"), None);
        assert_commands_run(finding);
        // The same count, in the list of listeners.
        let list = run(["list", "-l", "--json", "--columns=drops"]).succeeded();
        let (listeners, _) = Listed::all(&list);
        assert!(listeners[0].drops > Some(0), "{listeners:?}");
    }
);

in_namespace!(
    fn a_queue_limited_by_somaxconn_names_somaxconn_and_a_new_listen() {
        write_sysctl("core/somaxconn", "2");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _clients = [begin_connection(address), begin_connection(address)];
        let report = Report::after("0.1");
        let finding = report.finding("accept-queue");
        assert_eq!(finding.severity, "WARNING");
        assert_eq!((finding.value, finding.limit), (Some(2.0), Some(2.0)));
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("the limit is that of net.core.somaxconn"),
            "{evidence}"
        );
        assert!(
            finding.remedy[1].contains("raise net.core.somaxconn"),
            "{finding:?}"
        );
        assert!(finding.remedy[1].contains("new listen()"), "{finding:?}");
        // Accepting a connection makes room.
        drop(listener.accept().unwrap());
        assert!(Report::after("0.1").findings_of("accept-queue").is_empty());
    }
);

in_namespace!(
    fn a_queue_with_room_from_which_nothing_is_accepted_is_reported_until_it_is_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connected = |_| TcpStream::connect(address).unwrap();
        let few: Vec<TcpStream> = (0..4).map(connected).collect();
        assert!(Report::after("0.1").findings_of("accept-queue").is_empty());
        let _more: Vec<TcpStream> = (4..12).map(connected).collect();
        // All of them wait for as long as the window, which is more than a second.
        let report = Report::after("1.1");
        let finding = report.finding("accept-queue");
        assert!(
            finding
                .title
                .starts_with("12 connections wait to be accepted at 127.0.0.1:")
                && finding.title.contains(": none left the queue in 1."),
            "{finding:?}"
        );
        assert_eq!((finding.value, finding.limit), (Some(12.0), Some(128.0)));
        assert_eq!(finding.processes[0].pid, std::process::id());
        let evidence = finding.evidence.join("; ");
        assert!(
            evidence.contains("the longest wait of 12 connections measured: "),
            "{evidence}"
        );
        assert_commands_run(finding);
        let _accepted: Vec<_> = (0..12).map(|_| listener.accept().unwrap()).collect();
        assert!(Report::after("0.1").findings_of("accept-queue").is_empty());
        drop(few);
    }
);

in_namespace!(
    fn without_netlink_accept_queues_are_not_examined() {
        let (_listener, _clients) = full_queue();
        let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
        let report = Report::of(&ran);
        assert!(report.findings_of("accept-queue").is_empty());
        let reason = report.not_examined("accept-queue").unwrap();
        assert!(
            reason.contains("/proc reports neither the limits"),
            "{reason}"
        );
    }
);
