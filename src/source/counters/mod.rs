//! The kernel's own counters of TCP sockets, exact and per network namespace, which make most
//! sockets of a large table countable without listing them.
//!
//! `sockstat`, `sockstat6` and `snmp` of proc(5), read from the calling thread's namespace, which
//! is also the netlink socket's. What follows from them is for `source::derive` to say.

mod column;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) use column::{parse_following, parse_under};

/// Where the calling thread's own counters are.
const DIRECTORY: &str = "/proc/thread-self/net";

/// How many sockets there are, by the counters of `sockstat` and `sockstat6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketCounters {
    /// `TCP: inuse` and `TCP6: inuse`: hashed full sockets, so every socket but timewait
    /// minisockets, request sockets and what is bound or unconnected only
    /// (`sock_prot_inuse_get`, net/ipv4/proc.c and net/ipv6/proc.c).
    pub(super) full: u64,
    /// `TCP: tw`: timewait minisockets of both families, those in FIN_WAIT2 included. Counted per
    /// namespace since 4.10 (`tcp_death_row`); see `source::kernel_version`.
    pub(super) minisockets: u64,
}

impl SocketCounters {
    /// Reads them.
    ///
    /// # Errors
    /// The file that cannot be read or lacks its counters; the caller lists instead.
    pub(super) fn read() -> Result<SocketCounters, String> {
        SocketCounters::read_in(Path::new(DIRECTORY))
    }

    fn read_in(directory: &Path) -> Result<SocketCounters, String> {
        let sockstat = read_file(directory, "sockstat")?;
        let v4 = count(parse_following(&sockstat, "TCP:", "inuse"), "TCP: inuse")?;
        let minisockets = count(parse_following(&sockstat, "TCP:", "tw"), "TCP: tw")?;
        // Absent where there is no IPv6; then there are no such sockets either.
        let v6 = match read_whole(&directory.join("sockstat6")) {
            Ok(sockstat6) => count(parse_following(&sockstat6, "TCP6:", "inuse"), "TCP6: inuse")?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(format!("sockstat6: {error}")),
        };
        Ok(SocketCounters {
            full: v4.saturating_add(v6),
            minisockets,
        })
    }
}

/// `Tcp: CurrEstab` of `snmp`: sockets in ESTABLISHED, and on newer kernels in CLOSE_WAIT too.
///
/// # Errors
/// As for [`SocketCounters::read`].
pub(super) fn read_established() -> Result<u64, String> {
    let snmp = read_file(Path::new(DIRECTORY), "snmp")?;
    count(parse_under(&snmp, "Tcp:", "CurrEstab"), "Tcp: CurrEstab")
}

fn read_file(directory: &Path, name: &str) -> Result<String, String> {
    let path = directory.join(name);
    read_whole(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a file of /proc, which tells its size to nobody: with room for all of it from the start,
/// it takes one read and not eight.
pub(super) fn read_whole(path: &Path) -> io::Result<String> {
    let mut text = String::with_capacity(8 * 1024);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn count(parsed: Option<u64>, name: &str) -> Result<u64, String> {
    parsed.ok_or_else(|| format!("the counter `{name}` is absent or no number"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SOCKSTAT: &str = "sockets: used 12\nTCP: inuse 7 orphan 9 tw 5 alloc 8 mem 1\n";

    fn read(files: &[(&str, &str)]) -> Result<SocketCounters, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        SocketCounters::read_in(directory.path())
    }

    #[test]
    fn both_families_add_up_and_an_absent_sockstat6_is_a_host_without_ipv6() {
        let v6 = ("sockstat6", "TCP6: inuse 20\nUDP6: inuse 1\n");
        let counters = read(&[("sockstat", SOCKSTAT), v6]).unwrap();
        assert_eq!((counters.full, counters.minisockets), (27, 5));
        assert_eq!(read(&[("sockstat", SOCKSTAT)]).unwrap().full, 7);
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
}
