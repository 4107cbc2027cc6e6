//! Datagrams that find no room: a reader that is too slow, and readers that are not.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::Repeated;

const ID: &str = "udp-drops";

/// A receiver with the smallest buffer, and a sender that keeps sending to it.
fn flooded() -> (Arc<UdpSocket>, Repeated) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4_096).unwrap();
    let address = receiver.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(address).unwrap();
    let sending = Repeated::start(move || {
        for _ in 0..20 {
            sender.send(&[7; 500]).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    });
    (Arc::new(receiver), sending)
}

in_namespace!(
    fn a_udp_reader_that_is_too_slow_is_reported_with_its_queue_and_process() {
        let (receiver, _sending) = flooded();
        let report = Report::until(|report| report.findings_of(ID).len() == 1);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "CRITICAL", "{finding:?}");
        let port = receiver.local_addr().unwrap().port();
        assert_eq!(finding.subject["local_port"], port);
        assert_eq!(finding.subject["kind"], "udp");
        assert!(
            finding
                .title
                .contains(&format!("to UDP 127.0.0.1:{port} dropped"))
        );
        let queue = &finding.evidence[1];
        assert!(
            queue.ends_with(" bytes") && queue.contains(" of "),
            "{queue}"
        );
        let counters = &finding.evidence[2];
        assert!(counters.contains("UdpRcvbufErrors grew by "), "{counters}");
        assert!(
            finding.evidence[3].contains("Udp6RcvbufErrors grew by 0"),
            "{finding:?}"
        );
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_commands_run(finding);
        // The tables of /proc have the drops, and not the limit.
        let from_proc = || {
            let ran = run([
                "doctor",
                "--json",
                "--window=0.1",
                "--source=proc",
                "-A",
                "udp",
            ]);
            Report::of(&ran)
        };
        let report = Report::until_from(from_proc, |report| report.findings_of(ID).len() == 1);
        let queue = &report.finding(ID).evidence[1];
        assert!(
            queue.ends_with("/proc does not report the limit"),
            "{queue}"
        );
        assert_eq!(report.sockets("udp"), Some(2));
        assert_eq!(report.sockets("tcp"), None);
    }
);

in_namespace!(
    fn udp_sockets_whose_programs_read_are_no_finding() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        let _answering = Repeated::start(move || {
            sender.send(&[7; 500]).unwrap();
            receiver.recv(&mut [0; 500]).unwrap();
        });
        let report = Report::after("0.5");
        assert!(report.findings_of(ID).is_empty(), "{report:?}");
        assert!(report.examined.contains(&ID.to_owned()), "{report:?}");
        assert_eq!(report.sockets("udp"), Some(2));
    }
);
