//! One row of `/proc/net/tcp` or `tcp6`, parsed from bytes and without allocating.
//!
//! The columns are those of `get_tcp4_sock` (net/ipv4/tcp_ipv4.c) and `get_tcp6_sock`
//! (net/ipv6/tcp_ipv6.c), the same since 2.6; the further columns behind them are ignored. A row
//! with anything else in these is refused, so that a damaged or foreign file is reported and not
//! miscounted. A table from a machine of the other byte order cannot be recognized: its addresses
//! are valid words, read backwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::{Family, InetEnds, Socket, State, TimerKind};
use crate::source::kernel::{decode_state, decode_timer};

/// `USER_HZ` is 100 on every architecture but Alpha: time(7).
const MILLISECONDS_A_TICK: u64 = 10;

/// The column a row was refused for, as the header of the table names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Slot,
    LocalAddress,
    RemoteAddress,
    State,
    Queues,
    Timer,
    Retransmits,
    Uid,
    Timeout,
    Inode,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Column::Slot => "sl",
            Column::LocalAddress => "local_address",
            Column::RemoteAddress => "rem_address",
            Column::State => "st",
            Column::Queues => "tx_queue:rx_queue",
            Column::Timer => "tr:tm->when",
            Column::Retransmits => "retrnsmt",
            Column::Uid => "uid",
            Column::Timeout => "timeout",
            Column::Inode => "inode",
        }
    }
}

/// Why a row was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowError {
    #[error("column {} is missing", .0.name())]
    Missing(Column),
    #[error("column {} is malformed", .0.name())]
    Malformed(Column),
}

/// The columns of a row, one after the other.
struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    fn next(&mut self, column: Column) -> Result<&'a [u8], RowError> {
        let text = self.rest.trim_ascii_start();
        if text.is_empty() {
            return Err(RowError::Missing(column));
        }
        let length = memchr::memchr(b' ', text).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
        self.rest = rest;
        Ok(word)
    }

    /// The next column, read by `parse`.
    fn parse<T>(
        &mut self,
        column: Column,
        parse: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<T, RowError> {
        parse(self.next(column)?).ok_or(RowError::Malformed(column))
    }
}

/// The columns that are read.
const COLUMNS: usize = 10;

/// Whether a row that has no line end has all its columns all the same. Behind the inode are a
/// count of references and an address; of a full socket, five more.
pub(super) fn is_whole(row: &[u8]) -> bool {
    let columns = || {
        row.split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
    };
    let is_of_full_socket = !matches!(columns().nth(3), Some(b"03" | b"05" | b"06"));
    let behind = if is_of_full_socket { 7 } else { 2 };
    columns().count() >= COLUMNS + behind
}

/// Parses one row of the table of `family`.
///
/// # Errors
/// Which column is missing or malformed.
pub(super) fn parse_row(line: &[u8], family: Family) -> Result<Socket, RowError> {
    let mut columns = Columns { rest: line };
    let address = |text| parse_address(text, family);
    columns.parse(Column::Slot, |text| decimal(text.strip_suffix(b":")?))?;
    let local = columns.parse(Column::LocalAddress, address)?;
    let remote = columns.parse(Column::RemoteAddress, address)?;
    let state = columns.parse(Column::State, |text| {
        let [high, low] = text else { return None };
        u8::try_from(hex_digit(*high)? << 4 | hex_digit(*low)?).ok()
    })?;
    let (send_queue, receive_queue) =
        columns.parse(Column::Queues, |text| pair(text, hex_word, hex_word))?;
    let timer = columns.parse(Column::Timer, |text| {
        let (number, ticks) = pair(text, hex, ticks)?;
        let remaining = Duration::from_millis(ticks.saturating_mul(MILLISECONDS_A_TICK));
        Some(decode_timer(u8::try_from(number).ok()?, remaining))
    })?;
    let timeouts = columns.parse(Column::Retransmits, hex)?;
    let uid = columns.parse(Column::Uid, uid)?;
    let probes = columns.parse(Column::Timeout, probes)?;
    let inode = columns.parse(Column::Inode, decimal)?;
    let ends = InetEnds {
        family,
        local,
        remote,
    };
    let state = decode_state(state);
    Ok(Socket {
        receive_queue,
        send_queue,
        uid,
        inode,
        timer,
        retransmits: match timer.map(|timer| timer.kind) {
            // The timeouts of a half-open request (`get_openreq4`), not its retransmissions.
            _ if state == State::SynRecv => None,
            None | Some(TimerKind::TimeWait) => Some(0),
            Some(TimerKind::Retransmit) => Some(timeouts),
            Some(TimerKind::KeepAlive | TimerKind::Persist) => probes,
            Some(TimerKind::Unknown(_)) => None,
        },
        // A row has nothing else, not even what distinguishes a half-open request from a fast open
        // child.
        ..Socket::bare(state, ends)
    })
}

/// `first:second`.
fn pair<A, B>(
    text: &[u8],
    first: impl FnOnce(&[u8]) -> Option<A>,
    second: impl FnOnce(&[u8]) -> Option<B>,
) -> Option<(A, B)> {
    let colon = memchr::memchr(b':', text)?;
    let (left, right) = text.split_at_checked(colon)?;
    Some((first(left)?, second(right.strip_prefix(b":")?)?))
}

/// An address in 32-bit words of the host's byte order, and a port.
fn parse_address(text: &[u8], family: Family) -> Option<SocketAddr> {
    let (ip, port) = pair(text, |ip| parse_ip(ip, family), hex)?;
    Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
}

fn parse_ip(text: &[u8], family: Family) -> Option<IpAddr> {
    let (words, []) = text.as_chunks::<8>() else {
        return None;
    };
    match (family, words) {
        (Family::V4, [word]) => Some(Ipv4Addr::from(hex_word(word)?.to_ne_bytes()).into()),
        (Family::V6, [_, _, _, _]) => {
            let mut octets = [0; 16];
            for (word, octets) in words.iter().zip(octets.as_chunks_mut::<4>().0) {
                *octets = hex_word(word)?.to_ne_bytes();
            }
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

fn hex_digit(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

/// A number of exactly eight hexadecimal digits (`%08X`).
fn hex_word(text: &[u8]) -> Option<u32> {
    if text.len() == 8 { hex(text) } else { None }
}

/// A hexadecimal number of at most eight digits.
fn hex(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    text.iter()
        .try_fold(0, |number, digit| Some(number << 4 | hex_digit(*digit)?))
}

/// A decimal number without a sign.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Ticks until a timer fires, printed as `%08lX` of a signed number; 0 for one that is overdue,
/// which kernels without `jiffies_delta_to_clock_t` (before 3.3) print as a negative number, of 16
/// digits on 64-bit machines.
fn ticks(text: &[u8]) -> Option<u64> {
    match text.len() {
        0..=8 => hex(text).map(|ticks| i32::try_from(ticks).map_or(0, |_| ticks.into())),
        9..=16 => {
            let (high, low) = text.split_at_checked(text.len() - 8)?;
            let ticks = u64::from(hex(high)?) << 32 | u64::from(hex(low)?);
            Some(i64::try_from(ticks).map_or(0, |_| ticks))
        }
        _ => None,
    }
}

/// A user id; older kernels print it as `%5d`, so that 4294967294 is -2.
fn uid(text: &[u8]) -> Option<u32> {
    match text.strip_prefix(b"-") {
        None => u32::try_from(decimal(text)?).ok(),
        Some(digits) => {
            let uid = i32::try_from(decimal(digits)?).ok()?;
            Some((-uid).cast_unsigned())
        }
    }
}

/// The number of unanswered probes, printed as `%d`; `Some(None)` for a negative number, which
/// counts nothing.
fn probes(text: &[u8]) -> Option<Option<u32>> {
    match text.strip_prefix(b"-") {
        None => u32::try_from(decimal(text)?).ok().map(Some),
        Some(digits) => decimal(digits).map(|_| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "   3: 0100007F:1F90 0200007F:C001 08 0000000A:00000105 01:00000014 00000003  1000        2 91827 1 ffff8880 20 4 30 10 -1";

    fn refused(column: usize, text: &str) -> RowError {
        let mut columns: Vec<_> = ROW.split_whitespace().collect();
        columns[column] = text;
        parse_row(columns.join(" ").as_bytes(), Family::V4).unwrap_err()
    }

    #[test]
    fn a_row_is_read_as_the_kernel_wrote_it() {
        let socket = parse_row(ROW.as_bytes(), Family::V4).unwrap();
        assert_eq!(socket.state, State::CloseWait);
        if cfg!(target_endian = "little") {
            assert_eq!(
                socket.internet().unwrap().local,
                "127.0.0.1:8080".parse().unwrap()
            );
            assert_eq!(
                socket.internet().unwrap().remote,
                "127.0.0.2:49153".parse().unwrap()
            );
        }
        assert_eq!((socket.send_queue, socket.receive_queue), (10, 0x105));
        assert_eq!((socket.uid, socket.inode), (1000, 91827));
        assert_eq!(socket.retransmits, Some(3));
        let timer = socket.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::Retransmit);
        assert_eq!(timer.remaining, Duration::from_millis(200));
    }

    #[test]
    fn a_v6_row_has_its_address_in_four_words() {
        let row = ROW.replace("0100007F:1F90", "0000000000000000FFFF00000100007F:1F90");
        let row = row.replace("0200007F:C001", "B80D0120000000000000000001000000:01BB");
        let socket = parse_row(row.as_bytes(), Family::V6).unwrap();
        assert_eq!(socket.internet().unwrap().family, Family::V6);
        if cfg!(target_endian = "little") {
            assert_eq!(
                socket.internet().unwrap().local,
                "[::ffff:127.0.0.1]:8080".parse().unwrap()
            );
            assert_eq!(
                socket.internet().unwrap().remote,
                "[2001:db8::1]:443".parse().unwrap()
            );
        }
        assert_eq!(
            parse_row(row.as_bytes(), Family::V4),
            Err(RowError::Malformed(Column::LocalAddress))
        );
    }

    #[test]
    fn an_unknown_state_is_kept_by_number() {
        let row = ROW.replace(" 08 ", " 0E ");
        let socket = parse_row(row.as_bytes(), Family::V4).unwrap();
        assert_eq!(socket.state, State::Unknown(14));
    }

    /// The row with other words in some columns.
    fn read(words: &[(usize, &str)]) -> Socket {
        let mut columns: Vec<_> = ROW.split_whitespace().collect();
        for (column, word) in words {
            columns[*column] = word;
        }
        parse_row(columns.join(" ").as_bytes(), Family::V4).unwrap()
    }

    #[test]
    fn retransmits_are_those_of_the_running_timer_as_netlink_reports_them() {
        // Columns retrnsmt 3 and timeout 2, with each timer.
        for (state, timer, retransmits) in [
            ("01", "00", Some(0)),
            ("01", "01", Some(3)),
            ("01", "02", Some(2)),
            ("04", "04", Some(2)),
            ("06", "03", Some(0)),
            ("01", "05", None),
            ("03", "01", None),
        ] {
            let socket = read(&[(3, state), (5, &format!("{timer}:00000014"))]);
            assert_eq!(socket.retransmits, retransmits, "{state} {timer}");
        }
        assert_eq!(read(&[(5, "04:0"), (8, "-1")]).retransmits, None);
    }

    #[test]
    fn rows_of_old_kernels_are_read() {
        let uid = |text: &str| read(&[(7, text)]).uid;
        assert_eq!(uid("-2"), 4_294_967_294);
        assert_eq!(uid("4294967294"), 4_294_967_294);
        let remaining = |text: &str| read(&[(5, text)]).timer.unwrap().remaining;
        assert_eq!(remaining("01:FFFFFFFFFFFFFFF0"), Duration::ZERO);
        assert_eq!(remaining("01:FFFFFFF0"), Duration::ZERO);
        assert_eq!(remaining("01:0000000000000014").as_millis(), 200);
    }

    #[test]
    fn a_malformed_column_is_named() {
        for (column, texts, name) in [
            (0, &["3", "x:", ":"][..], Column::Slot),
            (
                1,
                &["0100007F", "0100007G:1F90", "0100007F:11F90", "07F:1F90"],
                Column::LocalAddress,
            ),
            (
                2,
                &["0200007F:", ":C001", "0200007F-C001"],
                Column::RemoteAddress,
            ),
            (3, &["8", "008", "0G", "+8"], Column::State),
            (4, &["0000000A", "A:5", "0000000A:0000010x"], Column::Queues),
            (
                5,
                &["01", "01:", "zz:00000014", "01:00000000000000014"],
                Column::Timer,
            ),
            (6, &["-1", "0000000003"], Column::Retransmits),
            (7, &["root", "4294967296", "-", "--1"], Column::Uid),
            (8, &["-", "0x2"], Column::Timeout),
            (9, &["9182x", "-1"], Column::Inode),
        ] {
            for text in texts {
                assert_eq!(refused(column, text), RowError::Malformed(name), "{text}");
            }
        }
    }

    #[test]
    fn a_row_cut_at_any_byte_is_refused_or_has_all_its_columns() {
        let inode_ends = ROW.find("91827").unwrap() + "91827".len();
        for length in 0..ROW.len() {
            let parsed = parse_row(&ROW.as_bytes()[..length], Family::V4);
            let inode_begun = length > inode_ends - "91827".len();
            assert_eq!(parsed.is_ok(), inode_begun, "{length}");
        }
        assert_eq!(
            parse_row(b"", Family::V4),
            Err(RowError::Missing(Column::Slot))
        );
        assert_eq!(
            parse_row(b"0: 0100007F:1F90", Family::V4),
            Err(RowError::Missing(Column::RemoteAddress))
        );
    }

    #[test]
    fn no_single_changed_byte_makes_it_panic() {
        for at in 0..ROW.len() {
            for byte in 0..=u8::MAX {
                let mut row = ROW.as_bytes().to_vec();
                row[at] = byte;
                let _ = parse_row(&row, Family::V4);
                let _ = parse_row(&row, Family::V6);
            }
        }
    }
}
