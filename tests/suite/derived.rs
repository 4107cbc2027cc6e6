//! Counts derived from the kernel's counters: the same as listed ones over every kind of socket,
//! honest while the table moves, and not taken in by counters that lie.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::UnshareFlags;

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;
use crate::zoo::special::{ExtraSockets, fast_open, incoming, listeners, mapped, mptcp, orphans};
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo, read_counts};

/// Asserts that derived numbers are exactly these, all of them and one by one.
#[track_caller]
fn assert_derived(sockets: &SocketCounts) {
    let ran = run(["--json", "--source", "netlink+counters"]).succeeded();
    Answer::of(&ran).assert_holds("netlink+counters", sockets);
    for state in ["ESTABLISHED", "TIME_WAIT"] {
        let ran = run(["--json", "--source", "netlink+counters", "--state", state]).succeeded();
        let answer = Answer::of(&ran);
        assert_eq!(answer.source, "netlink+counters");
        assert_eq!(
            answer.states,
            [(state.to_owned(), sockets.by_state()[state])].into()
        );
    }
}

in_namespace!(
    fn derived_counts_equal_listed_counts_in_every_state() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        assert_derived(zoo.expected());
    }
);

in_namespace!(
    fn derived_counts_equal_listed_counts_of_special_sockets() {
        let peer = Peer::open();
        let mut expected = SocketCounts::none();
        let mut extra: Vec<ExtraSockets> = Vec::new();
        let mut invite = |guest: ExtraSockets| {
            expected = expected.clone() + guest.added();
            extra.push(guest);
            assert_derived(&expected);
        };
        for family in [Family::V4, Family::V6] {
            invite(orphans::full_fin_wait2(&peer, family, 2));
            invite(orphans::fin_wait2_minisockets(&peer, family, 3));
            invite(fast_open::unaccepted(&peer, family, 4));
            invite(fast_open::accepted(&peer, family, 5));
            invite(incoming::half_open(&peer, family, 6));
            invite(incoming::unaccepted(&peer, family, 7));
            invite(incoming::unaccepted_close_wait(&peer, family, 8));
            invite(listeners::reuse_port(family, 9));
            invite(mptcp::connections(family, 2));
            invite(mptcp::fallback(family, 3));
        }
        invite(listeners::dual_stack(10));
        invite(mapped::connected(&peer, State::Established, 11));
        invite(mapped::connected(&peer, State::TimeWait, 12));
        invite(mapped::accepted(&peer, 13));
        invite(mapped::half_open(&peer, 14));
    }
);

in_namespace!(
    fn a_large_table_is_derived_by_default_and_a_small_one_is_listed() {
        let few = Zoo::open(&SocketCounts::none().with(Family::V4, State::Established, 20));
        let listed = run(["--json"]).succeeded();
        Answer::of(&listed).assert_holds("netlink", few.expected());
        drop(few);
        let remains = read_counts();
        let many = SocketCounts::none()
            .with(Family::V4, State::Established, 1_100)
            .with(Family::V6, State::Established, 1_200)
            .with(Family::V4, State::TimeWait, 1_300);
        let _zoo = Zoo::open(&many);
        let many = many + &remains;
        let derived = run(["--json"]).succeeded();
        Answer::of(&derived).assert_holds("netlink+counters", &many);
        for listing in [["--source", "netlink"], ["--source", "proc"]] {
            let [option, source] = listing;
            let ran = run(["--json", option, source]).succeeded();
            Answer::of(&ran).assert_holds(source, &many);
        }
        let one_family = run(["--json", "-4"]).succeeded();
        Answer::of(&one_family).assert_holds("netlink", &many.only(Family::V4));
    }
);

in_namespace!(
    fn verbose_prints_the_plan_its_reason_and_its_cost() {
        let zoo = Zoo::open(&SocketCounts::none().with(Family::V4, State::Listen, 3));
        let total = zoo.expected().total();
        for (selection, plan) in [
            (
                ["-v", "--json"],
                "one walk for IPv4 and IPv6 lists every socket asked for: the counters tell of too few",
            ),
            (
                ["-v", "-4"],
                "one walk for IPv4 lists every socket asked for: the counters do not tell the families apart",
            ),
            (
                ["-v", "-l"],
                "one walk for IPv4 and IPv6 lists every socket asked for: listeners have a table of their own, and connections are not looked at",
            ),
            (
                ["-v", "--source=netlink"],
                "one walk for IPv4 and IPv6 lists every socket asked for: so it is asked",
            ),
            (
                ["-v", "--source=proc"],
                "every row of the tables in /proc/thread-self/net is read: so it is asked",
            ),
        ] {
            let ran = run(selection);
            let lines: Vec<_> = ran.stderr.lines().collect();
            assert_eq!((ran.status, lines.len()), (0, 2), "{ran:?}");
            assert!(
                lines[0].starts_with(&format!("tcpstates: plan: {plan}")),
                "{ran:?}"
            );
            let cost = format!("tcpstates: cost: {total} sockets listed, 0 derived; ");
            assert!(
                lines[1].starts_with(&cost) && lines[1].ends_with(" ms"),
                "{ran:?}"
            );
        }
        let derived = run(["-v", "--source=netlink+counters"]);
        let plan = "one walk for IPv4 and IPv6 lists the rarer states, and the kernel's counters give ESTABLISHED and TIME_WAIT: so it is asked for";
        assert!(derived.stderr.contains(plan), "{derived:?}");
    }
);

/// Opens and closes loopback connections as fast as it can until it is dropped.
struct Churn {
    stop: Arc<AtomicBool>,
    workers: Vec<std::thread::JoinHandle<()>>,
}

impl Churn {
    /// At most this many connections are open at once.
    const WINDOW: usize = 60;

    fn start() -> Churn {
        let stop = Arc::new(AtomicBool::new(false));
        let worker = {
            let stop = stop.clone();
            move || {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let open: Vec<_> = (0..Self::WINDOW)
                        .map(|_| {
                            (
                                TcpStream::connect(address).unwrap(),
                                listener.accept().unwrap(),
                            )
                        })
                        .collect();
                    for (client, _) in &open {
                        // A reset leaves no TIME_WAIT, so that ports do not run out.
                        let now = Some(Duration::ZERO);
                        rustix::net::sockopt::set_socket_linger(client, now).unwrap();
                    }
                }
            }
        };
        Churn {
            stop,
            workers: vec![std::thread::spawn(worker)],
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            worker.join().unwrap();
        }
    }
}

in_namespace!(
    fn moving_counters_are_rejected_and_quiet_ones_are_used() {
        let quiet = SocketCounts::none().with(Family::V4, State::Established, 3_000);
        let zoo = Zoo::open(&quiet);
        let churn = Churn::start();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut fired = false;
        while !fired {
            assert!(Instant::now() < deadline, "the guards never fired");
            let ran = run(["-v", "--json", "--source", "netlink+counters"]);
            assert_eq!(ran.status, 0, "{ran:?}");
            let answer = Answer::of(&ran);
            fired = ran.stderr.contains(" moved by ");
            // Derived or listed: the number is the standing one and what the window may add.
            let established = answer.states["ESTABLISHED"];
            let spread = answer.spread.get("ESTABLISHED").copied().unwrap_or(0);
            let most = 3_000 + 2 * Churn::WINDOW;
            assert!((3_000..=most).contains(&established), "{answer:?}");
            assert!(spread <= established / 1000, "{answer:?}");
            assert_eq!(fired, answer.source == "netlink", "{ran:?}");
        }
        drop(churn);
        let ran = run(["--json", "--source", "netlink+counters"]).succeeded();
        let answer = Answer::of(&ran);
        assert_eq!(answer.source, "netlink+counters");
        assert_eq!(answer.states["ESTABLISHED"], zoo.expected().total());
        assert!(answer.spread.is_empty());
    }
);

in_namespace!(
    fn watch_remembers_that_the_counters_moved() {
        let _zoo = Zoo::open(&SocketCounts::none().with(Family::V4, State::Established, 1_500));
        let _churn = Churn::start();
        let options = ["-v", "--json", "--watch=0.05", "--samples=30"];
        let [verbose, json, watch, samples] = options;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(Instant::now() < deadline, "no doubt was remembered");
            let ran = run([verbose, json, watch, samples, "--source=netlink+counters"]);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert_eq!(Answer::all(&ran).len(), 30);
            // Eight samples at least are listed without a look after each doubt.
            let doubts = ran.stderr.matches(" moved by ").count();
            assert!(doubts <= 4, "{ran:?}");
            if doubts > 0 && ran.stderr.contains("could not be trusted lately") {
                break;
            }
        }
    }
);

/// Puts files of our own in the place of /proc, for counters that lie.
fn fake_proc(sockstat: &str, curr_estab: usize, release: &str) {
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private)
        .and_then(|()| mount("none", "/proc", "tmpfs", MountFlags::empty(), None))
        .unwrap_or_else(|error| skip_or_fail("cannot mount over /proc", &error.into()));
    fs::create_dir_all("/proc/thread-self/net").unwrap();
    fs::create_dir_all("/proc/sys/kernel").unwrap();
    fs::write("/proc/sys/kernel/osrelease", release).unwrap();
    fs::write("/proc/thread-self/net/sockstat", sockstat).unwrap();
    let snmp = format!("Tcp: ActiveOpens CurrEstab InSegs\nTcp: 1 {curr_estab} 9\n");
    fs::write("/proc/thread-self/net/snmp", snmp).unwrap();
}

/// A zoo of 7 full sockets, one of them in CLOSE_WAIT and two listening, and of 3 minisockets.
fn small_zoo() -> Zoo {
    let wanted = SocketCounts::none()
        .with(Family::V4, State::Listen, 2)
        .with(Family::V4, State::Established, 4)
        .with(Family::V4, State::CloseWait, 1)
        .with(Family::V4, State::TimeWait, 3);
    Zoo::open(&wanted)
}

/// Asserts the zoo's own numbers, by this source.
#[track_caller]
fn assert_not_taken_in(zoo: &Zoo, source: &str) {
    let ran = run(["--json", "--source", "netlink+counters"]).succeeded();
    Answer::of(&ran).assert_holds(source, zoo.expected());
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn curr_estab_is_accepted_with_or_without_close_wait() {
        let zoo = small_zoo();
        for (curr_estab, source) in [
            (4, "netlink+counters"),
            (5, "netlink+counters"),
            (6, "netlink"),
            (0, "netlink"),
        ] {
            fake_proc("TCP: inuse 7 orphan 0 tw 3\n", curr_estab, "6.18.0");
            assert_not_taken_in(&zoo, source);
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn wrong_or_missing_counters_are_detected_and_the_sockets_listed() {
        let zoo = small_zoo();
        for sockstat in [
            "TCP: inuse 9 orphan 0 tw 3\n",
            "TCP: inuse 1 orphan 0 tw 3\n",
            "TCP: inuse 0 orphan 0 tw 0\n",
            "TCP: inuse -1 orphan 0 tw 3\n",
            "TCP: inuse 7\n",
            "UDP: inuse 7\n",
            "",
        ] {
            fake_proc(sockstat, 4, "6.18.0");
            assert_not_taken_in(&zoo, "netlink");
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_check_lists_again_when_the_spread_decides_its_status() {
        let wanted = SocketCounts::none().with(Family::V4, State::Established, 3_000);
        let zoo = Zoo::open(&wanted);
        let full = zoo.expected().total();
        // Two more than there are: 3,001 ±2 by the counters.
        let sockstat = format!("TCP: inuse {full} orphan 0 tw 0\n");
        fake_proc(&sockstat, 3_002, "6.18.0");
        let derived = "|'ESTABLISHED'=3001;";
        let listed = "|'ESTABLISHED'=3000;";
        for (range, status, number, told) in [
            ("2998", 2, derived, "3,001 ±2 (> 2,998)"),
            ("2999", 2, listed, "3,000 (> 2,999)"),
            ("3000", 0, listed, "3,000|"),
            ("3003", 0, listed, "3,000|"),
            ("3004", 0, derived, "3,001 ±2|"),
            ("3001:", 2, listed, "3,000 (< 3,001)"),
        ] {
            let threshold = format!("established={range}");
            let ran = run(["check", "-c", &threshold, "--state=established"]);
            assert_eq!(ran.status, status, "{range}: {ran:?}");
            assert!(ran.stdout.contains(number), "{range}: {ran:?}");
            let told = format!(" - ESTABLISHED {told}");
            assert!(ran.stdout.contains(&told), "{range}: {ran:?}");
        }
        let asked = ["check", "-c=established=3000", "--source=netlink+counters"];
        let ran = run(asked);
        assert!(ran.stdout.contains("3,001 ±2 (> 3,000)"), "{ran:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_host_wide_time_wait_counter_of_old_kernels_is_not_used() {
        let zoo = small_zoo();
        // A kernel before 4.10 shows the TIME_WAIT of all its namespaces in each.
        fake_proc(
            "TCP: inuse 7 orphan 0 tw 6068\n",
            4,
            "3.10.0-1160.el7.x86_64",
        );
        assert_not_taken_in(&zoo, "netlink+counters");
    }
);
