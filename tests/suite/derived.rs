//! Counts derived from the kernel's counters: equal to listed counts for every kind of socket, with
//! their spread while the table changes, and not used where the counters are wrong.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::thread::UnshareFlags;

use crate::answer::Answer;
use crate::mounts::cover_proc;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::{Repeated, wait_for};
use crate::zoo::special::{ExtraSockets, fast_open, incoming, listeners, mapped, mptcp, orphans};
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo, read_counts};

/// Asserts the derived counts, of all states together and of each derived state alone.
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
        let mut add = |more: ExtraSockets| {
            expected = expected.clone() + more.added();
            extra.push(more);
            assert_derived(&expected);
        };
        for family in [Family::V4, Family::V6] {
            add(orphans::full_fin_wait2(&peer, family, 2));
            add(orphans::fin_wait2_minisockets(&peer, family, 3));
            add(fast_open::unaccepted(&peer, family, 4));
            add(fast_open::accepted(&peer, family, 5));
            add(incoming::half_open(&peer, family, 6));
            add(incoming::unaccepted(&peer, family, 7));
            add(incoming::unaccepted_close_wait(&peer, family, 8));
            add(listeners::reuse_port(family, 9));
            add(mptcp::connections(family, 2));
            add(mptcp::fallback(family, 3));
        }
        add(listeners::dual_stack(10));
        add(mapped::connected(&peer, State::Established, 11));
        add(mapped::connected(&peer, State::TimeWait, 12));
        add(mapped::accepted(&peer, 13));
        add(mapped::half_open(&peer, 14));
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
        for source in ["netlink", "proc"] {
            let ran = run(["--json", "--source", source]).succeeded();
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
                "list the selected sockets in one dump of IPv4 and IPv6: for so few sockets, counters are not faster",
            ),
            (
                ["-v", "-4"],
                "list the selected sockets in one dump of IPv4: the kernel's counters do not separate IPv4 from IPv6",
            ),
            (
                ["-v", "-l"],
                "list the selected sockets in one dump of IPv4 and IPv6: the kernel keeps listeners in a table of their own",
            ),
            (
                ["-v", "--source=netlink"],
                "list the selected sockets in one dump of IPv4 and IPv6: as requested",
            ),
            (
                ["-v", "--source=proc"],
                "read every row of the tables in /proc/thread-self/net: as requested",
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
        let plan = "list the rarer states in one dump of IPv4 and IPv6, take ESTABLISHED and TIME_WAIT from the kernel's counters: as requested";
        assert!(derived.stderr.contains(plan), "{derived:?}");
    }
);

/// At most this many connections of [`churn`] are open at a time.
const WINDOW: usize = 60;

/// Opens and closes loopback connections as fast as it can until the drop.
fn churn() -> Repeated {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Repeated::start(move || {
        let connect = |_| {
            let client = TcpStream::connect(address).unwrap();
            (client, listener.accept().unwrap())
        };
        let open: Vec<_> = (0..WINDOW).map(connect).collect();
        for (client, _) in &open {
            // A reset leaves no TIME_WAIT, so that ports do not run out.
            let now = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(client, now).unwrap();
        }
    })
}

in_namespace!(
    fn moving_counters_are_rejected_and_quiet_ones_are_used() {
        let quiet = SocketCounts::none().with(Family::V4, State::Established, 3_000);
        let zoo = Zoo::open(&quiet);
        let churn = churn();
        wait_for("counters that move during a sample", || {
            let ran = run(["-v", "--json", "--source", "netlink+counters"]);
            assert_eq!(ran.status, 0, "{ran:?}");
            let answer = Answer::of(&ran);
            let has_moved = ran.stderr.contains(" changed by ");
            // Derived or listed, it is the constant number plus what the window may add.
            let established = answer.states["ESTABLISHED"];
            let spread = answer.spread.get("ESTABLISHED").copied().unwrap_or(0);
            let most = 3_000 + 2 * WINDOW;
            assert!((3_000..=most).contains(&established), "{answer:?}");
            assert!(spread <= established / 1000, "{answer:?}");
            assert_eq!(has_moved, answer.source == "netlink", "{ran:?}");
            has_moved.then_some(())
        });
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
        let _churn = churn();
        let watch = ["-v", "--json", "--watch=0.05", "--samples=30"];
        wait_for("a sample listed because the counters moved before", || {
            let ran = run([&watch[..], &["--source=netlink+counters"]].concat());
            assert_eq!(ran.status, 0, "{ran:?}");
            assert_eq!(Answer::all(&ran).len(), 30);
            // After each move at least eight samples are listed without trying the counters.
            let moves = ran.stderr.matches(" changed by ").count();
            assert!(moves <= 4, "{ran:?}");
            let is_remembered = ran.stderr.contains("were unreliable in a recent sample");
            (moves > 0 && is_remembered).then_some(())
        });
    }
);

/// Replaces /proc by counters of the test's own.
fn fake_proc(sockstat: &str, curr_estab: usize, release: &str) {
    cover_proc();
    fs::create_dir_all("/proc/thread-self/net").unwrap();
    fs::create_dir_all("/proc/sys/kernel").unwrap();
    fs::write("/proc/sys/kernel/osrelease", release).unwrap();
    fs::write("/proc/thread-self/net/sockstat", sockstat).unwrap();
    let snmp = format!("Tcp: ActiveOpens CurrEstab InSegs\nTcp: 1 {curr_estab} 9\n");
    fs::write("/proc/thread-self/net/snmp", snmp).unwrap();
}

/// A zoo of 7 full sockets, one of them in CLOSE_WAIT and two in LISTEN, and of 3 minisockets.
fn small_zoo() -> Zoo {
    let wanted = SocketCounts::none()
        .with(Family::V4, State::Listen, 2)
        .with(Family::V4, State::Established, 4)
        .with(Family::V4, State::CloseWait, 1)
        .with(Family::V4, State::TimeWait, 3);
    Zoo::open(&wanted)
}

/// Asserts the zoo's counts, from the given source.
#[track_caller]
fn assert_correct(zoo: &Zoo, source: &str) {
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
            assert_correct(&zoo, source);
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
            assert_correct(&zoo, "netlink");
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_check_lists_again_when_the_spread_decides_its_status() {
        let wanted = SocketCounts::none().with(Family::V4, State::Established, 3_000);
        let zoo = Zoo::open(&wanted);
        let full = zoo.expected().total();
        // CurrEstab is 2 too high: the counters give 3,001 ±2.
        let sockstat = format!("TCP: inuse {full} orphan 0 tw 0\n");
        fake_proc(&sockstat, 3_002, "6.18.0");
        let derived = "|'ESTABLISHED'=3001;";
        let listed = "|'ESTABLISHED'=3000;";
        for (range, status, number, text) in [
            ("2998", 2, derived, "3,001 ±2 (> 2,998)"),
            ("2999", 2, listed, "3,000 (> 2,999)"),
            ("3000", 0, listed, "3,000; "),
            ("3003", 0, listed, "3,000; "),
            ("3004", 0, derived, "3,001 ±2; "),
            ("3001:", 2, listed, "3,000 (< 3,001)"),
        ] {
            let threshold = format!("established={range}");
            let ran = run(["check", "-c", &threshold, "--state=established"]);
            assert_eq!(ran.status, status, "{range}: {ran:?}");
            assert!(ran.stdout.contains(number), "{range}: {ran:?}");
            let text = format!(" - ESTABLISHED {text}");
            assert!(ran.stdout.contains(&text), "{range}: {ran:?}");
        }
        let by_counters = ["check", "-c=established=3000", "--source=netlink+counters"];
        let ran = run(by_counters);
        assert!(ran.stdout.contains("3,001 ±2 (> 3,000)"), "{ran:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_host_wide_time_wait_counter_of_old_kernels_is_not_used() {
        let zoo = small_zoo();
        // Before Linux 4.10 each namespace shows the TIME_WAIT of all of them.
        fake_proc(
            "TCP: inuse 7 orphan 0 tw 6068\n",
            4,
            "3.10.0-1160.el7.x86_64",
        );
        assert_correct(&zoo, "netlink+counters");
    }
);
