//! `--wait DURATION`: until a service listens, until its connections are gone, until time is up.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::answer::Checked;
use super::rates::with_a_change_between;
use super::read_as;
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::skip::may_skip;
use crate::supervisor::run_blocked;

const PORT: u16 = 8_080;

fn listen() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).unwrap()
}

in_namespace!(
    fn a_service_that_begins_to_listen_is_ready_after_three_checks_in_a_row() {
        let ready = ["check", "--wait=60", "--interval=0.1", "-l", "-c=total=1:"];
        let filter = ["sport = :8080", "--json"];
        let mut service = Vec::new();
        let ran = with_a_change_between(&[&ready[..], &filter].concat(), || service.push(listen()));
        let checked = Checked::of(&ran);
        assert_eq!((checked.status.as_str(), checked.total), ("OK", Some(1)));
        let waited = checked.waited.unwrap();
        assert_eq!(waited.ok_in_a_row, 3);
        assert!(waited.checks >= 4 && waited.seconds < 60.0, "{waited:?}");
        // At once ready: three checks.
        let ran = run(ready);
        let (text, _) = read_as(&ran, 0);
        assert_eq!(text, "total 1");
        let last = ran.stdout.lines().last().unwrap();
        assert!(last.ends_with(" s: 3 checks, the last 3 OK"), "{ran:?}");
    }
);

in_namespace!(
    fn connections_drain_before_a_restart_and_one_quiet_instant_is_no_drain() {
        let service = listen();
        let connect = || TcpStream::connect(service.local_addr().unwrap()).unwrap();
        let mut clients = vec![connect()];
        let servers = vec![service.accept().unwrap().0];
        let drain = ["check", "--wait=60", "--interval=0.1", "-c=established=0"];
        let ran = with_a_change_between(&[&drain[..], &["sport = :8080"]].concat(), || {
            clients.clear();
            drop(servers);
        });
        let (text, _) = read_as(&ran, 0);
        assert_eq!(text, "ESTABLISHED 0");
        let last = ran.stdout.lines().last().unwrap();
        assert!(
            last.starts_with("waited ") && last.ends_with(" 3 OK"),
            "{ran:?}"
        );
    }
);

in_namespace!(
    fn the_last_verdict_counts_when_time_is_up() {
        let short = [
            "check",
            "--wait=0.3",
            "--interval=0.1",
            "-c=listen=1:",
            "--json",
        ];
        let checked = Checked::of(&run(short));
        assert_eq!(checked.reasons, ["LISTEN 0 (< 1)"]);
        let waited = checked.waited.unwrap();
        assert_eq!(waited.ok_in_a_row, 0);
        assert!(waited.checks >= 2 && waited.seconds >= 0.3, "{waited:?}");
        // OK, and too short a time to be sure.
        let ran = run(["check", "--wait=0.1", "--interval=60", "-c=listen=0"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let first = ran.stdout.split('|').next().unwrap();
        let unsure = "; only 2 of 3 in a row OK when time was up";
        assert!(first.ends_with(unsure), "{ran:?}");
    }
);

may_skip!(
    fn a_check_that_takes_longer_than_its_timeout_is_unknown_and_repeated() {
        let arguments = ["check", "--wait=0.5", "--timeout=0.1", "--interval=0.1"];
        let ran = run_blocked(&mut command(arguments));
        let (text, _) = read_as(&ran, 3);
        assert_eq!(text, "no answer within 0.1 s (--timeout)");
        assert!(!ran.stdout.contains(" 1 check,"), "{ran:?}");
    }
);

in_namespace!(
    fn progress_is_shown_on_a_terminal_only_and_removed() {
        let arguments = ["check", "--wait=60", "--interval=0.1", "-c=listen=1:"];
        let mut terminal = Terminal::with(&arguments);
        terminal.wait_for(" of 60 s: CRITICAL - LISTEN 0 (< 1)");
        assert_eq!(terminal.text().lines().count(), 1, "{}", terminal.text());
        let _service = listen();
        terminal.wait_for("TCPSTATES OK - LISTEN 1;");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
        assert!(
            !terminal.text().contains(" of 60 s: "),
            "{}",
            terminal.text()
        );
        let ran = run(["check", "--wait=0.05", "--interval=0.05", "-c=listen=0"]);
        assert_eq!(ran.stderr, "");
    }
);
