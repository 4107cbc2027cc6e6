//! One number out of the two text formats of /proc's counters. Pure.
//!
//! Only the number asked for is read, so that lines and columns that other kernels add or drop
//! (7.1 removed UDP-Lite) do no harm.

/// The number after `name` in the line that begins with `prefix`: `TCP: inuse 7 tw 5`.
pub(in crate::source) fn parse_following(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(prefix))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// The number below `name`, where a line of names is followed by one of numbers and both begin
/// with `prefix`: `Tcp: … CurrEstab …`, `Tcp: … 9 …`.
pub(in crate::source) fn parse_under(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let column = names
        .split_ascii_whitespace()
        .position(|word| word == name)?;
    let number = numbers.split_ascii_whitespace().nth(column)?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKSTAT: &str =
        "TCPX: inuse 1\nTCP: inuse 7 orphan 0 tw 5 alloc 8 mem 1\nUDP: inuse 3\n";
    const SNMP: &str = "Icmp: InMsgs\nIcmp: 3\n\
        Tcp: RtoMin MaxConn CurrEstab InSegs\nTcp: 200 -1 9 100\nUdp: InErrors\nUdp: 1\n";

    #[test]
    fn a_number_stands_after_its_name_in_its_own_line() {
        assert_eq!(parse_following(SOCKSTAT, "TCP:", "inuse"), Some(7));
        assert_eq!(parse_following(SOCKSTAT, "TCP:", "tw"), Some(5));
        assert_eq!(parse_following(SOCKSTAT, "TCP:", "mem"), Some(1));
        assert_eq!(parse_following(SOCKSTAT, "UDP:", "tw"), None);
        assert_eq!(parse_following("TCP: inuse", "TCP:", "inuse"), None);
        assert_eq!(parse_following("TCP: inuse x", "TCP:", "inuse"), None);
    }

    #[test]
    fn a_number_stands_below_its_name() {
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
    fn no_truncation_makes_it_panic_or_invents_a_larger_number() {
        for length in 0..SNMP.len() {
            let cut = parse_under(&SNMP[..length], "Tcp:", "CurrEstab");
            assert!(cut.is_none_or(|number| number == 9), "{length}");
        }
    }
}
