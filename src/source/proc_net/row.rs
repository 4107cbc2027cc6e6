//! One row of `/proc/net/tcp` or `tcp6`, parsed from bytes and without allocating.
//!
//! The columns are those of `get_tcp4_sock` (net/ipv4/tcp_ipv4.c) and `get_tcp6_sock`
//! (net/ipv6/tcp_ipv6.c), the same since 2.6; the further columns behind them are ignored. A row
//! with anything else in these is refused, so that a damaged or foreign file is reported and not
//! miscounted. A table from a machine of the other byte order cannot be recognized: its addresses
//! are valid words, read backwards.

mod local;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::{Family, InetEnds, Kind, Socket, State, TimerKind};
use crate::proc_root::parse_number;
use crate::source::kernel::{decode_state, decode_timer};

/// `USER_HZ` is 100 on every architecture but Alpha: time(7).
const MILLISECONDS_A_TICK: u64 = 10;

/// Why a row was refused; the column is named as in the header of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowError {
    #[error("column {0} is missing")]
    Missing(&'static str),
    #[error("column {0} is malformed")]
    Malformed(&'static str),
}

/// The columns of a row, one after the other.
struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    fn next(&mut self, column: &'static str) -> Result<&'a [u8], RowError> {
        let text = self.rest.trim_ascii_start();
        if text.is_empty() {
            return Err(RowError::Missing(column));
        }
        let length = memchr::memchr(b' ', text).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
        self.rest = rest;
        Ok(word)
    }

    /// Passes these columns.
    fn skip(&mut self, columns: &[&'static str]) -> Result<(), RowError> {
        columns
            .iter()
            .try_for_each(|column| self.next(column).map(drop))
    }

    /// The next column, parsed by `parse`.
    fn parse<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<T, RowError> {
        parse(self.next(column)?).ok_or(RowError::Malformed(column))
    }
}

/// The columns that are read.
const COLUMNS: usize = 10;

/// Whether a row that has no line end has all its columns all the same. Behind the inode are a
/// count of references and an address; of a full TCP socket, five more.
pub(super) fn is_whole(row: &[u8], kind: Kind) -> bool {
    let columns = || {
        row.split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
    };
    let behind = match (kind, columns().nth(3)) {
        (Kind::Tcp, Some(b"03" | b"05" | b"06")) => 2,
        (Kind::Tcp, _) => 7,
        // And how much was dropped (`udp4_format_sock`, net/ipv4/udp.c).
        (Kind::Mptcp | Kind::Udp | Kind::UdpLite | Kind::Raw | Kind::Ping, _) => 3,
        (Kind::UnixStream | Kind::UnixDgram | Kind::UnixSeqpacket, _) => 0,
        (Kind::Packet, _) => return columns().count() >= local::PACKET_COLUMNS,
        (Kind::Netlink, _) => return columns().count() >= local::NETLINK_COLUMNS,
    };
    columns().count() >= COLUMNS + behind
}

/// The first column of the heading of a table.
pub(super) const fn first_heading(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Packet | Kind::Netlink => b"sk ",
        Kind::Tcp | Kind::Mptcp | Kind::Udp | Kind::UdpLite | Kind::Raw | Kind::Ping => b"sl ",
        Kind::UnixStream | Kind::UnixDgram | Kind::UnixSeqpacket => b"Num ",
    }
}

/// Parses one row of the table of `kind` and `family`.
///
/// # Errors
/// Which column is missing or malformed.
pub(super) fn parse_row(line: &[u8], kind: Kind, family: Family) -> Result<Socket, RowError> {
    let columns = Columns { rest: line };
    match kind {
        Kind::Packet => local::packet(columns),
        Kind::Netlink => local::netlink(columns),
        Kind::Tcp
        | Kind::Mptcp
        | Kind::Udp
        | Kind::UdpLite
        | Kind::Raw
        | Kind::Ping
        // Whose table is read by `unix`.
        | Kind::UnixStream
        | Kind::UnixDgram
        | Kind::UnixSeqpacket => parse_internet(columns, kind, family),
    }
}

fn parse_internet(
    mut columns: Columns<'_>,
    kind: Kind,
    family: Family,
) -> Result<Socket, RowError> {
    let address = |text| parse_address(text, family);
    columns.parse("sl", |text| parse_number::<u64>(text.strip_suffix(b":")?))?;
    let local = columns.parse("local_address", address)?;
    let remote = columns.parse("rem_address", address)?;
    let state = columns.parse("st", |text| {
        let [high, low] = text else { return None };
        u8::try_from(hex_digit(*high)? << 4 | hex_digit(*low)?).ok()
    })?;
    let (send_queue, receive_queue) =
        columns.parse("tx_queue:rx_queue", |text| pair(text, hex_word, hex_word))?;
    let timer = columns.parse("tr:tm->when", |text| {
        let (number, ticks) = pair(text, hex, ticks)?;
        let remaining = Duration::from_millis(ticks.saturating_mul(MILLISECONDS_A_TICK));
        Some(decode_timer(u8::try_from(number).ok()?, remaining))
    })?;
    let timeouts = columns.parse("retrnsmt", hex)?;
    let uid = columns.parse("uid", uid)?;
    let probes = columns.parse("timeout", probes)?;
    let inode = columns.parse("inode", parse_number)?;
    let has_drops = matches!(kind, Kind::Udp | Kind::UdpLite | Kind::Raw | Kind::Ping);
    let drops = match has_drops {
        true => {
            columns.skip(&["ref", "pointer"])?;
            Some(columns.parse("drops", parse_number)?)
        }
        false => None,
    };
    let ends = InetEnds {
        family,
        local,
        remote,
    };
    let state = kind.named(decode_state(state));
    Ok(Socket {
        receive_queue,
        send_queue,
        uid,
        inode,
        drops,
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
        ..Socket::bare(kind, state, ends)
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
        None => parse_number(text),
        Some(digits) => parse_number(digits).map(|uid: i32| (-uid).cast_unsigned()),
    }
}

/// The number of unanswered probes, printed as `%d`; `Some(None)` for a negative number, which
/// counts nothing.
fn probes(text: &[u8]) -> Option<Option<u32>> {
    match text.strip_prefix(b"-") {
        None => parse_number(text).map(Some),
        Some(digits) => parse_number::<u64>(digits).map(|_| None),
    }
}

#[cfg(test)]
mod tests;
