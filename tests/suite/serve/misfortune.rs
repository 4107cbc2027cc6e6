//! What fails while the server runs: netlink, /proc, accept(2), a dump that does not end. The page says
//! what is missing, and the next one is whole.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Signal;
use rustix::thread::UnshareFlags;

use super::client::{ADDRESS, Client, Reply, Served};
use super::page::Page;
use crate::mounts::{cover_proc, run_in_pid_namespace};
use crate::namespace::in_namespace;
use crate::program::{command, ran};
use crate::seccomp::{Denied, deny};
use crate::supervisor::Switch;
use crate::wait::{poll_within, wait_for};

const WHOLE: [Option<f64>; 3] = [Some(1.0); 3];

/// The server with a switch for some of its calls; see [`Switch::start`].
fn start(number: i64, selects: fn(&[u64; 6]) -> bool, errno: Option<Errno>) -> (Served, Switch) {
    let mut command = command(["serve", "--listen", ADDRESS]);
    let (mut running, switch) = Switch::start(&mut command, number, selects, errno);
    running.wait_for_stderr("tcpstates: listening on ");
    (Served(running), switch)
}

/// The page for a client that waits this long.
fn scrape(seconds: &str) -> Page {
    let timeout = [("X-Prometheus-Scrape-Timeout-Seconds", seconds)];
    let Reply { status, body, .. } = Client::connect().request("GET", "/metrics", &timeout);
    assert_eq!(status, 200);
    Page::parse(&body)
}

/// Only netlink passes room for the address of the sender.
fn is_of_a_dump(arguments: &[u64; 6]) -> bool {
    arguments[4] != 0
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn without_netlink_pages_come_from_proc_and_without_proc_they_say_that_nothing_is_complete() {
        let is_netlink = |arguments: &[u64; 6]| arguments[0] == 16;
        let (_served, refuses) = start(libc::SYS_socket, is_netlink, Some(Errno::PERM));
        let wait_for_page = |what: &str, source: &str, complete| {
            let series = format!("tcpstates_source{{source=\"{source}\"}}");
            wait_for(what, || {
                let page = scrape("60");
                let is_it = page.complete() == complete;
                (is_it && page.number(&series) == Some(1.0)).then_some(())
            });
        };
        wait_for_page("a page from netlink", "netlink", WHOLE);
        refuses.set(true);
        wait_for_page("a page from /proc", "proc", WHOLE);
        refuses.set(false);
        wait_for_page("netlink again", "netlink", WHOLE);
        refuses.set(true);
        cover_proc();
        wait_for("a page of nothing", || {
            let page = scrape("60");
            (page.complete() == [Some(0.0); 3]).then_some(())
        });
    }
);

in_namespace!(
    fn a_dump_that_hangs_is_missing_at_the_deadline_and_the_next_page_is_whole() {
        let (_served, hangs) = start(libc::SYS_recvfrom, is_of_a_dump, None);
        assert_eq!(scrape("60").complete(), WHOLE);
        hangs.set(true);
        wait_for("a page without sockets", || {
            let begin = Instant::now();
            let page = scrape("1.5");
            let is_missing = page.complete()[2] == Some(0.0);
            is_missing.then(|| assert!(begin.elapsed() >= Duration::from_secs(1)))
        });
        let other = Client::connect().get("/-/healthy");
        assert_eq!(other.status, 200);
        hangs.set(false);
        wait_for("a whole page", || {
            (scrape("60").complete() == WHOLE).then_some(())
        });
    }
);

in_namespace!(
    fn a_signal_in_the_middle_of_an_answer_lets_it_be_finished() {
        let (served, hangs) = start(libc::SYS_recvfrom, is_of_a_dump, None);
        hangs.set(true);
        let mut client = Client::connect();
        wait_for("a sample that does not end", || {
            // The first one is shared still.
            client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
            let second = Duration::from_secs(1);
            let hangs = poll_within(second, || (hangs.affected() > 0).then_some(()));
            if hangs.is_none() {
                assert_eq!(client.read_reply(false).unwrap().status, 200);
            }
            hangs
        });
        served.0.signal(Signal::TERM);
        hangs.set(false);
        let reply = client.read_reply(false).unwrap();
        assert_eq!(Page::parse(&reply.body).complete(), WHOLE);
        client.wait_for_end();
        let ran = ran(served.0.finish());
        assert_eq!((ran.status, ran.stderr.lines().count()), (0, 2), "{ran:?}");
    }
);

in_namespace!(
    fn where_accept_fails_the_server_tries_again_five_times_a_second() {
        let (_served, fails) = start(libc::SYS_accept4, |_| true, Some(Errno::NFILE));
        assert_eq!(Client::connect().get("/-/healthy").status, 200);
        fails.set(true);
        let begin = Instant::now();
        let mut client = Client::connect();
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for("a third failure", || (fails.affected() >= 3).then_some(()));
        let most = begin.elapsed().as_millis() / 200 + 2;
        assert!(fails.affected() as u128 <= most, "{}", fails.affected());
        fails.set(false);
        assert_eq!(client.read_reply(false).unwrap().status, 200);
    }
);

in_namespace!(
    fn within_the_bounds_of_its_unit_the_default_page_is_whole() {
        // As another user where there is one, else without privileges.
        let script = "mount -t proc -o hidepid=invisible proc /proc || exit 99
            exec 9<\"$PROGRAM\"
            if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null
            then as='--reuid=65534 --regid=65534 --clear-groups'
            else as=
            fi
            setpriv $as --bounding-set=-all --inh-caps=-all --no-new-privs \\
                /proc/self/fd/9 serve --once </dev/null
            exit $?";
        let ran = run_in_pid_namespace(script, std::process::Stdio::null(), |command| {
            deny(command, Denied::OutsideUnit, Errno::PERM);
        });
        assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
        let page = Page::of(&ran);
        assert_eq!(page.complete(), WHOLE);
        let netlink = page.number("tcpstates_source{source=\"netlink\"}");
        assert_eq!(netlink, Some(1.0), "{ran:?}");
    }
);
