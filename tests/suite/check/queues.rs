//! `accept-queue=RANGE`: the queue of each listener relative to its limit.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::io::Errno;
use rustix::net::listen;

use super::answer::Checked;
use super::perfdata::of;
use super::read_as;
use crate::list::ends::open;
use crate::list::row::rows_of_table;
use crate::namespace::in_namespace;
use crate::program::{command, run, run_command};
use crate::seccomp::{Denied, deny};

/// A listener with the backlog `limit` and `waiting` connections, which may be one more.
fn listener(limit: i32, waiting: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&listener, limit).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..waiting).map(|_| TcpStream::connect(address).unwrap());
    let clients = clients.collect();
    (listener, clients)
}

in_namespace!(
    fn listeners_on_one_port_are_shown_as_in_a_list() {
        let _listeners = [
            open("0.0.0.0:6666", Some("lo"), false),
            open("[::]:2222", None, false),
            open("[::]:8080", None, true),
        ];
        let ran = run(["check", "-w=accept-queue=10%:"]);
        assert_eq!(ran.status, 1, "{ran:?}");
        let mut rows: Vec<String> = rows_of_table(&run(["list"]).succeeded().stdout)
            .into_iter()
            .map(|row| row[3].clone())
            .collect();
        rows.sort_unstable();
        let expected = ["*:2222", "0.0.0.0%lo:6666", "[::]:8080"];
        assert_eq!(rows, expected);
        for address in expected {
            let shown = format!(" {address} accept queue 0% ");
            assert_eq!(ran.stdout.matches(&shown).count(), 1, "{address} {ran:?}");
        }
        let checked = Checked::of(&run(["check", "--json", "-w=accept-queue=10%:"]));
        let queues = checked.accept_queues.unwrap();
        let keys = queues.iter().map(|queue| {
            let interface = queue.interface.as_deref();
            (queue.local_port, interface, queue.v6only)
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                (2222, None, Some(false)),
                (6666, Some("lo"), None),
                (8080, None, Some(true)),
            ]
        );
    }
);

in_namespace!(
    fn the_fullest_accept_queue_sets_the_status() {
        let roomy = listener(128, 2);
        let (text, data) = read_as(&run(["check", "-w=accept-queue=80%"]), 0);
        let name = roomy.0.local_addr().unwrap();
        assert_eq!(
            text,
            format!("1 listener, at worst {name} accept queue 1.56% (2 of 128)")
        );
        assert_eq!(of(&data, "accept_queue").value, Some(1.563));

        let near = listener(5, 5);
        let thresholds = ["check", "-w=accept-queue=80%", "-c=accept-queue=100%"];
        let (text, _) = read_as(&run(thresholds), 1);
        let name = near.0.local_addr().unwrap();
        assert_eq!(text, format!("{name} accept queue 100% (> 80%; 5 of 5)"));

        // Full with one more than the limit: a limit of 0 holds one.
        let full = listener(0, 1);
        let ran = run(thresholds);
        let (text, data) = read_as(&ran, 2);
        let name = full.0.local_addr().unwrap();
        let reason = "accept queue 200% (> 100%; 1 of 0) and 1 more accept queue";
        assert_eq!(text, format!("{name} {reason}"));
        let datum = of(&data, "accept_queue");
        assert_eq!(
            (datum.value, &*datum.unit, datum.most),
            (Some(200.0), "%", None)
        );
        let next = near.0.local_addr().unwrap();
        let next = format!("\nWARNING {next} accept queue 100% (> 80%; 5 of 5)\n");
        assert!(ran.stdout.ends_with(&next), "{ran:?}");

        let port = format!("sport = :{}", roomy.0.local_addr().unwrap().port());
        read_as(&run(["check", "-c=accept-queue=50%", &port]), 0);
    }
);

in_namespace!(
    fn json_lists_full_queues_and_no_listener_is_ok() {
        let (_, data) = read_as(&run(["check", "-c=accept-queue=50%"]), 0);
        assert_eq!(of(&data, "accept_queue").value, Some(0.0));
        let full = listener(2, 3);
        let ran = run(["check", "-c=accept-queue=100%", "--json"]);
        let checked = Checked::of(&ran);
        let queues = checked.accept_queues.unwrap();
        let port = full.0.local_addr().unwrap().port();
        assert_eq!(
            (&*queues[0].local_addr, queues[0].local_port),
            ("127.0.0.1", port)
        );
        assert_eq!((queues[0].accept_queue, queues[0].accept_limit), (3, 2));
        assert_eq!((queues[0].share, &*queues[0].status), (150.0, "CRITICAL"));
    }
);

in_namespace!(
    fn without_netlink_queue_limits_are_unknown_and_other_thresholds_apply() {
        let _full = listener(2, 3);
        let reason = "has no `accept-limit`";
        for (threshold, status) in [("-w=listen=5", 3), ("-w=listen=0", 3), ("-c=listen=0", 2)] {
            let arguments = ["check", "-c=accept-queue=100%", threshold];
            let mut refused = command(arguments);
            deny(&mut refused, Denied::NetlinkSocket, Errno::PERM);
            let refused = run_command(&mut refused);
            let table = run(["check", "--source=proc", "-c=accept-queue=100%", threshold]);
            for ran in [refused, table] {
                let (text, data) = read_as(&ran, status);
                assert!(text.contains(reason), "{text}");
                assert_eq!(of(&data, "accept_queue").value, None);
                assert_eq!(of(&data, "LISTEN").value, Some(1.0));
            }
        }
    }
);
