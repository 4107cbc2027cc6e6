//! FIN_WAIT2 with and without an owning process.

use std::net::{Shutdown, TcpListener, TcpStream};

use super::commands::assert_commands_run;
use super::report::Report;
use crate::namespace::in_namespace;

const ID: &str = "fin-wait-2";

in_namespace!(
    fn fin_wait2_connections_are_reported_while_a_process_holds_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || {
            let client = TcpStream::connect(address).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let (clients, _servers): (Vec<_>, Vec<_>) = (0..100).map(|_| connect()).unzip();
        // The acknowledgment of a FIN may be delayed.
        let report = Report::until(|report| !report.findings_of(ID).is_empty());
        let finding = report.finding(ID);
        // All stay, none are added: they may wait for answers.
        assert_eq!(finding.severity, "INFO");
        assert_eq!(finding.value, Some(100.0));
        assert_eq!(finding.subject["remote_port"], address.port());
        assert!(
            finding.evidence[1].starts_with("0 more in FIN_WAIT2"),
            "{finding:?}"
        );
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 100);
        assert_commands_run(finding);
        // The limit of orphans is host-wide and not readable in a namespace.
        let reason = report.not_examined("orphans").unwrap();
        assert!(reason.contains("tcp_max_orphans"), "{reason}");
        // Orphans in FIN_WAIT2 time out.
        drop(clients);
        Report::until(|report| report.findings_of(ID).is_empty());
    }
);
