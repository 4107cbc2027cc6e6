//! `/proc`, ss and netstat show exactly the expected sockets of a zoo.
//!
//! Must not share a state name with the zoo: these are the tools' own spellings. ss(8), netstat(8).

use crate::child::run_tool;
use crate::namespace::in_namespace;
use crate::zoo::special::{fast_open, mapped, mptcp, orphans};
use crate::zoo::{Family, Peer, SocketCounts, State, Zoo, read_counts};

const SS: [(&str, State); 10] = [
    ("LISTEN", State::Listen),
    ("SYN-SENT", State::SynSent),
    ("SYN-RECV", State::SynRecv),
    ("ESTAB", State::Established),
    ("FIN-WAIT-1", State::FinWait1),
    ("FIN-WAIT-2", State::FinWait2),
    ("CLOSE-WAIT", State::CloseWait),
    ("CLOSING", State::Closing),
    ("LAST-ACK", State::LastAck),
    ("TIME-WAIT", State::TimeWait),
];

const NETSTAT: [(&str, State); 10] = [
    ("LISTEN", State::Listen),
    ("SYN_SENT", State::SynSent),
    ("SYN_RECV", State::SynRecv),
    ("ESTABLISHED", State::Established),
    ("FIN_WAIT1", State::FinWait1),
    ("FIN_WAIT2", State::FinWait2),
    ("CLOSE_WAIT", State::CloseWait),
    ("CLOSING", State::Closing),
    ("LAST_ACK", State::LastAck),
    ("TIME_WAIT", State::TimeWait),
];

in_namespace!(
    fn proc_shows_exactly_the_expected_counts() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        assert_eq!(read_counts(), *zoo.expected());
        assert_eq!(*zoo.expected(), SocketCounts::all_different());
    }
);

in_namespace!(
    fn ss_shows_exactly_the_expected_counts() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        assert_eq!(count("ss", "-Htan", 0, &SS), *zoo.expected());
    }
);

in_namespace!(
    fn netstat_shows_exactly_the_expected_counts() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        assert_eq!(count("netstat", "-tan", 5, &NETSTAT), *zoo.expected());
    }
);

in_namespace!(
    fn ss_and_proc_agree_on_the_family_of_special_sockets() {
        let peer = Peer::open();
        let _extra = [
            mapped::connected(&peer, State::TimeWait, 2),
            mapped::accepted(&peer, 3),
            mapped::half_open(&peer, 4),
            fast_open::unaccepted(&peer, Family::V6, 5),
            orphans::fin_wait2_minisockets(&peer, Family::V4, 6),
            mptcp::connections(Family::V4, 7),
        ];
        assert_eq!(count("ss", "-Htan", 0, &SS), read_counts());
    }
);

in_namespace!(
    fn a_zoo_of_thousands_of_sockets_opens() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::TimeWait, 2_000)
            .with(Family::V6, State::Listen, 1)
            .with(Family::V6, State::SynRecv, 1_500);
        Zoo::open(&wanted);
    }
);

/// Runs a tool for each family and counts the states in one column of its lines.
fn count(tool: &str, options: &str, column: usize, names: &[(&str, State)]) -> SocketCounts {
    let mut counts = SocketCounts::none();
    for (family, of_family) in [(Family::V4, "-4"), (Family::V6, "-6")] {
        for line in run_tool(tool, [options, of_family]).lines() {
            let word = line.split_whitespace().nth(column);
            // netstat prints two lines of headings without a state.
            if let Some(&(_, state)) = names.iter().find(|named| Some(named.0) == word) {
                counts = counts.with(family, state, 1);
            }
        }
    }
    counts
}
