//! The record that the programs in the kernel write for each event, and its reading. Pure.
//!
//! The layout is this program's own; `source::trace::program` writes it, field by field, and this
//! file alone says where each field is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::trace::{Counters, Event, EventKind, ResetReason, Task};
use crate::model::{Family, InetEnds};
use crate::source::bpf::Btf;
use crate::source::kernel::decode_state;

/// `sizeof` a record, a multiple of 8.
pub(super) const RECORD_LEN: i32 = 168;

/// Where the fields begin.
pub(super) mod at {
    pub(in crate::source::trace) const TIME: i16 = 0;
    pub(in crate::source::trace) const COOKIE: i16 = 8;
    pub(in crate::source::trace) const NETNS: i16 = 16;
    pub(in crate::source::trace) const PID: i16 = 20;
    pub(in crate::source::trace) const COMMAND: i16 = 24;
    pub(in crate::source::trace) const KIND: i16 = 40;
    pub(in crate::source::trace) const OLD: i16 = 41;
    pub(in crate::source::trace) const NEW: i16 = 42;
    pub(in crate::source::trace) const FAMILY: i16 = 44;
    pub(in crate::source::trace) const LOCAL_PORT: i16 = 46;
    pub(in crate::source::trace) const REMOTE_PORT: i16 = 48;
    pub(in crate::source::trace) const ERROR: i16 = 52;
    pub(in crate::source::trace) const LOCAL_V6: i16 = 56;
    pub(in crate::source::trace) const REMOTE_V6: i16 = 72;
    pub(in crate::source::trace) const LOCAL_V4: i16 = 88;
    pub(in crate::source::trace) const REMOTE_V4: i16 = 92;
    pub(in crate::source::trace) const INODE: i16 = 96;
    pub(in crate::source::trace) const UID: i16 = 104;
    pub(in crate::source::trace) const RTT: i16 = 108;
    pub(in crate::source::trace) const BYTES_SENT: i16 = 112;
    pub(in crate::source::trace) const BYTES_RECEIVED: i16 = 120;
    pub(in crate::source::trace) const SEGMENTS_OUT: i16 = 128;
    pub(in crate::source::trace) const DATA_SEGMENTS_OUT: i16 = 132;
    pub(in crate::source::trace) const SEGMENTS_IN: i16 = 136;
    pub(in crate::source::trace) const DATA_SEGMENTS_IN: i16 = 140;
    pub(in crate::source::trace) const RECEIVE_NEXT: i16 = 144;
    pub(in crate::source::trace) const RECEIVE_ACKNOWLEDGED: i16 = 148;
    pub(in crate::source::trace) const TOTAL_RETRANS: i16 = 152;
    pub(in crate::source::trace) const REASON: i16 = 156;
    pub(in crate::source::trace) const FLAGS: i16 = 160;
}

/// The kinds of records.
pub(super) mod kind {
    pub(in crate::source::trace) const TRANSITION: i32 = 1;
    pub(in crate::source::trace) const RESET_SENT: i32 = 2;
    pub(in crate::source::trace) const RESET_RECEIVED: i32 = 3;
    pub(in crate::source::trace) const RETRANSMIT: i32 = 4;
}

/// `SOCK_DONE`, bit 1 of `sk_flags` (`enum sock_flags`, include/net/sock.h): a FIN was received.
const SOCK_DONE: u64 = 1 << 1;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Reads a record; `None` where it is cut, or of a kind or family that no program here writes.
pub(super) fn decode(bytes: &[u8], reasons: &Reasons) -> Option<Event> {
    let record = Record(bytes);
    let (local_port, remote_port) = (record.port(at::LOCAL_PORT)?, record.port(at::REMOTE_PORT)?);
    let (family, local, remote): (_, IpAddr, IpAddr) = match record.u16(at::FAMILY)? {
        AF_INET => (
            Family::V4,
            Ipv4Addr::from(record.bytes::<4>(at::LOCAL_V4)?).into(),
            Ipv4Addr::from(record.bytes::<4>(at::REMOTE_V4)?).into(),
        ),
        AF_INET6 => (
            Family::V6,
            Ipv6Addr::from(record.bytes::<16>(at::LOCAL_V6)?).into(),
            Ipv6Addr::from(record.bytes::<16>(at::REMOTE_V6)?).into(),
        ),
        _ => return None,
    };
    Some(Event {
        time_ns: record.u64(at::TIME)?,
        cookie: record.u64(at::COOKIE)?,
        netns: record.u32(at::NETNS)?,
        ends: InetEnds {
            family,
            local: SocketAddr::new(local, local_port),
            remote: SocketAddr::new(remote, remote_port),
        },
        kind: match i32::from(record.u8(at::KIND)?) {
            kind::TRANSITION => EventKind::Transition {
                from: decode_state(record.u8(at::OLD)?),
                to: decode_state(record.u8(at::NEW)?),
                error: record.u32(at::ERROR)?,
            },
            kind::RESET_SENT => EventKind::ResetSent {
                reason: reasons.of(record.u32(at::REASON)?),
            },
            kind::RESET_RECEIVED => EventKind::ResetReceived,
            kind::RETRANSMIT => EventKind::Retransmit,
            _ => return None,
        },
        task: Task {
            pid: record.u32(at::PID)?,
            name: record.bytes(at::COMMAND)?,
        },
        inode: record.u64(at::INODE)?,
        uid: record.u32(at::UID)?,
        counters: Counters {
            bytes_sent: record.u64(at::BYTES_SENT)?,
            bytes_received: record.u64(at::BYTES_RECEIVED)?,
            segments_out: record.u32(at::SEGMENTS_OUT)?,
            data_segments_out: record.u32(at::DATA_SEGMENTS_OUT)?,
            segments_in: record.u32(at::SEGMENTS_IN)?,
            data_segments_in: record.u32(at::DATA_SEGMENTS_IN)?,
            receive_next: record.u32(at::RECEIVE_NEXT)?,
            receive_acknowledged: record.u32(at::RECEIVE_ACKNOWLEDGED)?,
            total_retrans: record.u32(at::TOTAL_RETRANS)?,
            // `srtt_us` is eight times the smoothed round trip.
            rtt_us: record.u32(at::RTT)? >> 3,
        },
        fin_received: record.u64(at::FLAGS)? & SOCK_DONE != 0,
    })
}

/// The reasons of resets by their numbers on this kernel; none before 6.10.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons(Vec<(u32, ResetReason)>);

impl Reasons {
    /// Those of the kernel with these types.
    pub(super) fn of_kernel(btf: &Btf<'_>) -> Reasons {
        let values = btf.enumerators("sk_rst_reason").into_iter();
        let reason = |(name, number): (&str, u32)| {
            let name = name.strip_prefix("SK_RST_REASON_").unwrap_or(name);
            Some((number, ResetReason::new(name, number)?))
        };
        Reasons(values.filter_map(reason).collect())
    }

    fn of(&self, number: u32) -> Option<ResetReason> {
        let known = self.0.iter().find(|(known, _)| *known == number);
        known.map(|(_, reason)| *reason)
    }
}

struct Record<'a>(&'a [u8]);

impl Record<'_> {
    fn bytes<const N: usize>(&self, at: i16) -> Option<[u8; N]> {
        let rest = self.0.get(usize::try_from(at).ok()?..)?;
        rest.first_chunk().copied()
    }

    fn u8(&self, at: i16) -> Option<u8> {
        self.bytes::<1>(at).map(|[byte]| byte)
    }

    fn u16(&self, at: i16) -> Option<u16> {
        self.bytes(at).map(u16::from_ne_bytes)
    }

    /// A port, in the byte order of the network.
    fn port(&self, at: i16) -> Option<u16> {
        self.bytes(at).map(u16::from_be_bytes)
    }

    fn u32(&self, at: i16) -> Option<u32> {
        self.bytes(at).map(u32::from_ne_bytes)
    }

    fn u64(&self, at: i16) -> Option<u64> {
        self.bytes(at).map(u64::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, family: u16) -> [u8; RECORD_LEN as usize] {
        let mut bytes = [0; RECORD_LEN as usize];
        let mut set = |at: i16, value: &[u8]| {
            let at = usize::try_from(at).unwrap();
            bytes[at..at + value.len()].copy_from_slice(value);
        };
        set(at::TIME, &7u64.to_ne_bytes());
        set(at::KIND, &[kind, 1, 4]);
        set(at::FAMILY, &family.to_ne_bytes());
        set(at::LOCAL_PORT, &80u16.to_be_bytes());
        set(at::LOCAL_V4, &[127, 0, 0, 1]);
        set(at::FLAGS, &SOCK_DONE.to_ne_bytes());
        set(at::RTT, &800u32.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let reasons = Reasons::default();
        let whole = record(1, AF_INET);
        let event = decode(&whole, &reasons).unwrap();
        assert_eq!(event.ends.local, "127.0.0.1:80".parse().unwrap());
        assert_eq!((event.time_ns, event.counters.rtt_us), (7, 100));
        assert!(event.fin_received);
        let expected = EventKind::Transition {
            from: crate::model::State::Established,
            to: crate::model::State::FinWait1,
            error: 0,
        };
        assert_eq!(event.kind, expected);
        let needed = usize::try_from(at::FLAGS).unwrap() + 8;
        for length in 0..whole.len() {
            let decoded = decode(&whole[..length], &reasons);
            assert_eq!(decoded.is_some(), length >= needed, "{length}");
        }
    }

    #[test]
    fn other_kinds_and_families_are_refused() {
        for kind in 0..=u8::MAX {
            let decoded = decode(&record(kind, AF_INET6), &Reasons::default());
            assert_eq!(decoded.is_some(), (1..=4).contains(&kind));
        }
        assert!(decode(&record(1, 1), &Reasons::default()).is_none());
    }
}
