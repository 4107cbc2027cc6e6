//! The kernel's own counters of TCP sockets, exact and per network namespace, with which most
//! sockets of a large table can be counted without listing them.
//!
//! `sockstat`, `sockstat6` and `snmp` of proc(5), read from the calling thread's namespace, which
//! is also the netlink socket's. Only the requested number is parsed, so lines and columns that
//! other kernels add or drop (7.1 removed UDP-Lite) do no harm. What follows from the numbers is
//! decided in `source::derive`.

use std::io;

use super::ProcNet;
use crate::model::{Family, State, StateSet};
use crate::proc_root::ProcRoot;
use crate::question::{Families, Question};

/// How many sockets there are, by the counters of `sockstat` and `sockstat6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketCounters {
    /// `TCP: inuse` and `TCP6: inuse`: hashed full sockets, so every socket but timewait
    /// minisockets, request sockets and sockets that are only bound or unconnected
    /// (`sock_prot_inuse_get`, net/ipv4/proc.c and net/ipv6/proc.c).
    pub(super) full: u64,
    /// Those of them that are of IPv6: `TCP6: inuse`.
    pub(super) full_v6: u64,
    /// `TCP: tw`: timewait minisockets of both families, those in FIN_WAIT2 included. Counted per
    /// namespace since 4.10; see `source::kernel`.
    pub(super) minisockets: u64,
}

impl SocketCounters {
    /// Reads them, in this directory of a proc file system.
    ///
    /// # Errors
    /// The file that cannot be read or lacks its counters; the caller lists instead.
    pub(super) fn read_in(root: &ProcRoot, directory: &str) -> Result<SocketCounters, String> {
        let sockstat = read_file(root, directory, "sockstat")?;
        let v4 = present(parse_following(&sockstat, "TCP:", "inuse"), "TCP: inuse")?;
        let minisockets = present(parse_following(&sockstat, "TCP:", "tw"), "TCP: tw")?;
        // Absent where there is no IPv6; then there are no such sockets either.
        let v6 = match root.read_text(&format!("{directory}/sockstat6")) {
            Ok(sockstat6) => present(parse_following(&sockstat6, "TCP6:", "inuse"), "TCP6: inuse")?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(format!("sockstat6: {error}")),
        };
        Ok(SocketCounters {
            full: v4.saturating_add(v6),
            full_v6: v6,
            minisockets,
        })
    }

    /// Whether there may be sockets of this family in these states. A connection request of IPv4 may be
    /// one to a listener of IPv6. One to a listener that was closed in the last seconds is not counted.
    fn may_have(self, family: Family, states: StateSet) -> bool {
        let full = match family {
            Family::V6 => self.full_v6,
            Family::V4 if states.contains(State::SynRecv) => self.full,
            Family::V4 => self.full.saturating_sub(self.full_v6),
        };
        // Of both families. A timewait minisocket is in either state.
        let has_minisockets = states.contains(State::TimeWait) || states.contains(State::FinWait2);
        full > 0 || has_minisockets && self.minisockets > 0
    }

    /// The families that a question is about and that may have such sockets; `None` for neither.
    pub(super) fn families(self, question: &Question) -> Option<Families> {
        let may_have = |family| self.may_have(family, question.states);
        question.families.filter(may_have)
    }

    /// All sockets counted.
    pub(super) fn total(self) -> u64 {
        self.full.saturating_add(self.minisockets)
    }
}

/// All counters at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) sockets: SocketCounters,
    /// `Tcp: CurrEstab` of `snmp`: sockets in ESTABLISHED, and on newer kernels in CLOSE_WAIT too.
    pub(super) established: u64,
}

impl Reading {
    /// Reads what `sockets` lacks.
    ///
    /// # Errors
    /// As for [`SocketCounters::read_in`].
    pub(super) fn read_with(sockets: SocketCounters, tables: &ProcNet) -> Result<Reading, String> {
        let snmp = tables.read_text("snmp")?;
        let established = parse_under(&snmp, "Tcp:", "CurrEstab");
        Ok(Reading {
            sockets,
            established: present(established, "Tcp: CurrEstab")?,
        })
    }
}

fn read_file(root: &ProcRoot, directory: &str, name: &str) -> Result<String, String> {
    let path = format!("{directory}/{name}");
    let text = root.read_text(&path);
    text.map_err(|error| format!("{}: {error}", root.join(&path).display()))
}

fn present(parsed: Option<u64>, name: &str) -> Result<u64, String> {
    parsed.ok_or_else(|| format!("the counter `{name}` is absent or not a number"))
}

/// The number after `name` in the line that begins with `prefix`: `TCP: inuse 7 tw 5`.
pub(super) fn parse_following(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(prefix))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// The number below `name`, where a line of names is followed by one of numbers and both begin
/// with `prefix`: `Tcp: … CurrEstab …`, `Tcp: … 9 …`.
pub(super) fn parse_under(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let column = names
        .split_ascii_whitespace()
        .position(|word| word == name)?;
    let number = numbers.split_ascii_whitespace().nth(column)?;
    number.parse().ok()
}

/// The number behind `name`, where each line has one name and one number: `Udp6InDatagrams 7`.
pub(super) fn parse_line(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    let mut words = lines.find(|words| words.clone().next() == Some(name))?;
    words.nth(1)?.parse().ok()
}

/// The sum of the hexadecimal numbers in the column `name`, where a line of names is followed by one
/// line of numbers for each processor.
pub(super) fn parse_column(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    let mut names = lines.next()?.split_ascii_whitespace();
    let column = names.position(|word| word == name)?;
    let numbers: Option<Vec<u64>> = lines
        .map(|line| {
            let number = line.split_ascii_whitespace().nth(column)?;
            u64::from_str_radix(number, 16).ok()
        })
        .collect();
    let numbers = numbers.filter(|numbers| !numbers.is_empty())?;
    numbers
        .into_iter()
        .try_fold(0_u64, |sum, number| sum.checked_add(number))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SOCKSTAT: &str = "sockets: used 12\nTCP: inuse 7 orphan 9 tw 5 alloc 8 mem 1\n";

    fn read(files: &[(&str, &str)]) -> Result<SocketCounters, String> {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("net")).unwrap();
        for (name, text) in files {
            fs::write(directory.path().join("net").join(name), text).unwrap();
        }
        let root = ProcRoot::open(directory.path()).unwrap();
        SocketCounters::read_in(&root, "net")
    }

    #[test]
    fn both_families_add_up_and_an_absent_sockstat6_is_a_host_without_ipv6() {
        let v6 = ("sockstat6", "TCP6: inuse 20\nUDP6: inuse 1\n");
        let counters = read(&[("sockstat", SOCKSTAT), v6]).unwrap();
        assert_eq!((counters.full, counters.minisockets), (27, 5));
        assert_eq!(counters.full_v6, 20);
        assert_eq!(read(&[("sockstat", SOCKSTAT)]).unwrap().full, 7);
    }

    #[test]
    fn a_family_has_no_sockets_in_these_states_only_where_no_counter_can_include_one() {
        use Family::{V4, V6};
        let of = |states: &[State]| states.iter().copied().collect();
        let (listen, all) = (of(&[State::Listen]), StateSet::ALL);
        let requests = of(&[State::SynRecv]);
        for ((v4, v6, minisockets), family, states, expected) in [
            ((0, 0, 0), V4, all, false),
            ((0, 0, 0), V6, all, false),
            ((1, 0, 0), V6, all, false),
            ((1, 0, 1), V6, all, true),
            ((1, 0, 1), V6, listen, false),
            ((1, 0, 1), V6, of(&[State::FinWait2]), true),
            ((1, 0, 1), V6, of(&[State::Listen, State::TimeWait]), true),
            ((0, 1, 0), V4, all, true),
            ((0, 1, 0), V4, requests, true),
            ((0, 1, 0), V4, listen, false),
            ((1, 0, 0), V4, listen, true),
            ((1, 0, 0), V6, requests, false),
        ] {
            let counters = SocketCounters {
                full: v4 + v6,
                full_v6: v6,
                minisockets,
            };
            let may_have = counters.may_have(family, states);
            assert_eq!(may_have, expected, "{counters:?} {family:?} {states:?}");
        }
    }

    #[test]
    fn a_counter_that_is_absent_or_no_number_is_an_error_that_names_it() {
        assert!(read(&[]).unwrap_err().contains("sockstat"));
        let no_tw = ("sockstat", "TCP: inuse 7 orphan 9\n");
        assert!(read(&[no_tw]).unwrap_err().contains("TCP: tw"));
        let negative = ("sockstat", "TCP: inuse -7 orphan 9 tw 5\n");
        assert!(read(&[negative]).unwrap_err().contains("TCP: inuse"));
        let broken = ("sockstat6", "UDP6: inuse 1\n");
        let error = read(&[("sockstat", SOCKSTAT), broken]).unwrap_err();
        assert!(error.contains("TCP6: inuse"), "{error}");
    }

    const WHOLE_SOCKSTAT: &str =
        "TCPX: inuse 1\nTCP: inuse 7 orphan 0 tw 5 alloc 8 mem 1\nUDP: inuse 3\n";
    const SNMP: &str = "Icmp: InMsgs\nIcmp: 3\n\
        Tcp: RtoMin MaxConn CurrEstab InSegs\nTcp: 200 -1 9 100\nUdp: InErrors\nUdp: 1\n";

    #[test]
    fn a_number_is_read_after_its_name_in_its_own_line() {
        assert_eq!(parse_following(WHOLE_SOCKSTAT, "TCP:", "inuse"), Some(7));
        assert_eq!(parse_following(WHOLE_SOCKSTAT, "TCP:", "tw"), Some(5));
        assert_eq!(parse_following(WHOLE_SOCKSTAT, "TCP:", "mem"), Some(1));
        assert_eq!(parse_following(WHOLE_SOCKSTAT, "UDP:", "tw"), None);
        assert_eq!(parse_following("TCP: inuse", "TCP:", "inuse"), None);
        assert_eq!(parse_following("TCP: inuse x", "TCP:", "inuse"), None);
    }

    #[test]
    fn a_number_is_read_below_its_name() {
        assert_eq!(parse_under(SNMP, "Tcp:", "CurrEstab"), Some(9));
        assert_eq!(parse_under(SNMP, "Tcp:", "MaxConn"), None);
        assert_eq!(parse_under(SNMP, "Tcp:", "OutSegs"), None);
        assert_eq!(parse_under("Tcp: CurrEstab\n", "Tcp:", "CurrEstab"), None);
        assert_eq!(
            parse_under("Tcp: A CurrEstab\nTcp: 1\n", "Tcp:", "CurrEstab"),
            None
        );
    }

    #[test]
    fn a_number_is_read_in_the_line_of_its_name() {
        let text = "Udp6InDatagrams   \t7\nUdpLite6InDatagrams\t9\nUdp6NoPorts\tx\nUdp6InErrors\n";
        assert_eq!(parse_line(text, "Udp6InDatagrams"), Some(7));
        assert_eq!(parse_line(text, "UdpLite6InDatagrams"), Some(9));
        for absent in ["Udp6InData", "Udp6NoPorts", "Udp6InErrors", "Udp6MemErrors"] {
            assert_eq!(parse_line(text, absent), None);
        }
    }

    #[test]
    fn a_column_is_the_sum_of_its_hexadecimal_numbers() {
        let text =
            "entries  found drop\n0000000c  00000001 0000000a\n0000000c  00000002 000000ff\n";
        assert_eq!(parse_column(text, "found"), Some(3));
        assert_eq!(parse_column(text, "drop"), Some(0x109));
        assert_eq!(parse_column(text, "insert_failed"), None);
        assert_eq!(parse_column("entries drop\n", "drop"), None);
        assert_eq!(parse_column("entries drop\n0000000c\n", "drop"), None);
        assert_eq!(parse_column("drop\nx\n", "drop"), None);
        let most = "drop\nffffffffffffffff\n1\n";
        assert_eq!(parse_column(most, "drop"), None);
    }

    #[test]
    fn no_truncation_makes_it_panic_or_invents_a_larger_number() {
        for length in 0..SNMP.len() {
            let cut = parse_under(&SNMP[..length], "Tcp:", "CurrEstab");
            assert!(cut.is_none_or(|number| number == 9), "{length}");
        }
    }
}
