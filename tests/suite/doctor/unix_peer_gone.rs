//! Programs that keep UNIX sockets whose other end was closed, and programs that close them.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, socketpair};

use super::commands::assert_commands_run;
use super::report::{Finding, Report};
use crate::child::{self, Start};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, ran, run};
use crate::wait::Repeated;

const ID: &str = "unix-peer-gone";

/// A number of connections that a server at this path has accepted, and their clients.
fn accepted(path: &Path, number: usize) -> (Vec<UnixStream>, Vec<UnixStream>) {
    let listener = UnixListener::bind(path).unwrap();
    let connect = |_| {
        let client = UnixStream::connect(path).unwrap();
        (listener.accept().unwrap().0, client)
    };
    (0..number).map(connect).unzip()
}

/// A number of sockets of this type without a name, and their other ends.
fn pairs(kind: SocketType, number: usize) -> (Vec<OwnedFd>, Vec<OwnedFd>) {
    let pair = |_| socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    (0..number).map(pair).unzip()
}

/// The report with as many findings of the rule as this.
fn report_with(findings: usize) -> Report {
    Report::until(|report| report.findings_of(ID).len() == findings)
}

/// How many sockets the command of a finding lists, all of which must be without a peer.
#[track_caller]
fn listed(finding: &Finding) -> usize {
    assert_commands_run(finding);
    let arguments = finding.commands[0].strip_prefix("tcpstates ").unwrap();
    let script = format!("\"$PROGRAM\" {arguments}");
    let shell = child::command("sh")
        .args(["-c", &script])
        .env("PROGRAM", PROGRAM)
        .run_to_end();
    let ran = ran(shell.unwrap()).succeeded();
    let rows: Vec<&str> = ran.stdout.lines().skip(1).collect();
    let gone = rows.iter().filter(|row| row.contains(" gone "));
    assert_eq!(gone.count(), rows.len(), "{ran:?}");
    rows.len()
}

in_namespace!(
    fn ten_connections_that_a_server_keeps_after_their_clients_closed_are_reported_and_nine_are_not()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("an app.sock");
        let (servers, mut clients) = accepted(&path, 15);
        let (_own, peers) = pairs(SocketType::STREAM, 9);
        clients.truncate(6);
        drop(peers);
        assert!(Report::after("0.1").findings_of(ID).is_empty());
        clients.truncate(5);
        let report = report_with(1);
        let finding = report.finding(ID);
        assert_eq!(finding.severity, "WARNING", "{finding:?}");
        let title = format!(
            "10 UNIX-stream sockets of {} stay open, and their peers have closed",
            path.display()
        );
        assert_eq!(finding.title, title);
        assert_eq!(finding.subject["name"], path.to_str().unwrap());
        assert_eq!(finding.processes[0].pid, std::process::id());
        assert_eq!(finding.processes[0].sockets, 10);
        assert_eq!(listed(finding), 10);
        let brief = run(["doctor", "--window=0.1", "--brief", "-A", "unix-stream"]);
        assert_eq!(brief.status, 4, "{brief:?}");
        drop((servers, clients));
        report_with(0);
    }
);

in_namespace!(
    fn sockets_without_a_name_are_reported_by_process_whatever_their_type() {
        let (own, peers) = pairs(SocketType::SEQPACKET, 12);
        let (_alive, _peers) = pairs(SocketType::SEQPACKET, 3);
        drop(peers);
        let report = report_with(1);
        let finding = report.finding(ID);
        assert!(
            finding.title.starts_with("12 UNIX-seqpacket sockets of "),
            "{finding:?}"
        );
        assert_eq!(finding.subject["pid"], std::process::id());
        assert_eq!(listed(finding), 12);
        drop(own);
        let (datagrams, peers) = pairs(SocketType::DGRAM, 99);
        drop(peers);
        let report = report_with(1);
        assert_eq!(report.finding(ID).severity, "INFO");
        assert_eq!(listed(report.finding(ID)), 99);
        let (one, _) = UnixDatagram::pair().unwrap();
        let report = Report::until_warning(ID);
        assert!(report.finding(ID).title.starts_with("100 UNIX-dgram "));
        drop((datagrams, one));
    }
);

in_namespace!(
    fn a_server_that_closes_after_its_clients_is_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut kept = Vec::new();
        let _serving = Repeated::start(move || {
            // Some twenty are without a client at any time, none for long.
            UnixStream::connect(&path).unwrap();
            kept.push(listener.accept().unwrap());
            if kept.len() > 20 {
                kept.remove(0);
            }
            std::thread::sleep(Duration::from_millis(1));
        });
        report_with(0);
    }
);

in_namespace!(
    fn half_closed_waiting_and_connected_sockets_are_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let (_servers, clients) = accepted(&folder.path().join("half.sock"), 12);
        for client in &clients {
            client.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let waiting = folder.path().join("waiting.sock");
        let _listener = UnixListener::bind(&waiting).unwrap();
        let _waiting: Vec<UnixStream> = (0..12)
            .map(|_| UnixStream::connect(&waiting).unwrap())
            .collect();
        let (_both, _ends) = pairs(SocketType::STREAM, 12);
        let (shut, _peers) = pairs(SocketType::STREAM, 12);
        for socket in &shut {
            rustix::net::shutdown(socket, Shutdown::Both).unwrap();
        }
        let report = Report::after("0.1");
        assert!(report.findings.is_empty(), "{report:?}");
    }
);

in_namespace!(
    fn one_connection_in_each_worker_is_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let (servers, clients) = accepted(&folder.path().join("fpm.sock"), 12);
        let mut workers: Vec<Child> = Vec::new();
        for server in servers {
            fcntl_setfd(&server, FdFlags::empty()).unwrap();
            workers.push(Command::new("sleep").arg("600").spawn().unwrap());
        }
        drop(clients);
        let report = Report::after("0.1");
        for mut worker in workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        assert!(report.findings.is_empty(), "{report:?}");
    }
);

in_namespace!(
    fn without_netlink_the_peers_of_unix_sockets_are_not_examined() {
        let (_own, peers) = pairs(SocketType::STREAM, 12);
        drop(peers);
        let ran = run(["doctor", "--json", "--window=0.1", "--source=proc"]);
        let report = Report::of(&ran);
        let reason = report.not_examined(ID).unwrap();
        assert!(reason.contains("sockets were not read: "), "{reason}");
    }
);
