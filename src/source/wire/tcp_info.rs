//! `struct tcp_info`, `linux/tcp.h`, the value of the attribute INET_DIAG_INFO.
//!
//! The kernel only ever appends to it, and sends as much as it has: 104 bytes to 3.14, 232 from
//! 5.4, more since. What lies beyond the bytes sent is absent. Filled by `tcp_get_info`
//! (net/ipv4/tcp.c); what it uses for "none" is absent too. Pure, and it must not panic whatever
//! the bytes.

use crate::model::{CongestionControl, Metric, State, TcpInfo};

/// How a number is sent.
#[derive(Clone, Copy)]
enum Width {
    U32,
    U64,
}

/// Which value of a number says that there is none.
#[derive(Clone, Copy)]
enum Absent {
    /// None: every value is one.
    Never,
    /// 0: not measured yet.
    Zero,
    /// All bits set, or 0: not measured yet.
    ZeroOrMost,
    /// All bits set: no limit.
    Most,
    /// Before the handshake: the kernel counts these times from a moment of its own.
    Unconnected,
}

use Absent::{Most, Never, Unconnected, Zero, ZeroOrMost};
use Width::{U32, U64};

/// Where each metric begins, with the kernel's name for it and the version that has it first.
#[rustfmt::skip]
const LAYOUT: [(Metric, usize, Width, Absent); Metric::ALL.len()] = [
    // Since 2.6 and before.
    (Metric::Mss, 16, U32, Never),                      // tcpi_snd_mss
    (Metric::Unacked, 24, U32, Never),                  // tcpi_unacked
    (Metric::Lost, 32, U32, Never),                     // tcpi_lost
    (Metric::RetransNow, 36, U32, Never),               // tcpi_retrans
    (Metric::LastDataSent, 44, U32, Unconnected),       // tcpi_last_data_sent
    (Metric::LastDataReceived, 52, U32, Unconnected),   // tcpi_last_data_recv
    (Metric::RoundTripTime, 68, U32, Zero),             // tcpi_rtt
    (Metric::CongestionWindow, 80, U32, Never),         // tcpi_snd_cwnd
    (Metric::TotalRetrans, 100, U32, Never),            // tcpi_total_retrans
    (Metric::PacingRate, 104, U64, Most),               // tcpi_pacing_rate, 3.15
    (Metric::BytesReceived, 128, U64, Never),           // tcpi_bytes_received, 4.1
    (Metric::BytesNotSent, 144, U32, Never),            // tcpi_notsent_bytes, 4.6
    (Metric::MinRoundTripTime, 148, U32, ZeroOrMost),   // tcpi_min_rtt, 4.6
    (Metric::DeliveryRate, 160, U64, Zero),             // tcpi_delivery_rate, 4.9
    (Metric::BusyTime, 168, U64, Never),                // tcpi_busy_time, 4.10
    (Metric::BytesSent, 200, U64, Never),               // tcpi_bytes_sent, 4.19
];

/// Decodes what TCP knows of a connection in `state`; `None` for what is no connection: of a
/// listener the kernel reports its accept queue in the places of other numbers, and of a socket
/// in CLOSE the numbers it was made with.
pub(super) fn decode_tcp_info(bytes: &[u8], state: State) -> Option<Box<TcpInfo>> {
    if matches!(state, State::Listen | State::Close | State::Bound) {
        return None;
    }
    let mut info = Box::new(TcpInfo::default());
    for (metric, at, width, absent) in LAYOUT {
        let Some((value, most)) = bytes.get(at..).and_then(|bytes| read(bytes, width)) else {
            continue;
        };
        let is_absent = match absent {
            Never => false,
            Zero => value == 0,
            ZeroOrMost => value == 0 || value == most,
            Most => value == most,
            Unconnected => state == State::SynSent,
        };
        if !is_absent {
            info.set(metric, value);
        }
    }
    Some(info)
}

/// The number at the beginning of `bytes`, and the largest that it could be.
fn read(bytes: &[u8], width: Width) -> Option<(u64, u64)> {
    match width {
        U32 => {
            let value = u32::from_ne_bytes(*bytes.first_chunk()?);
            Some((value.into(), u32::MAX.into()))
        }
        U64 => Some((u64::from_ne_bytes(*bytes.first_chunk()?), u64::MAX)),
    }
}

/// Decodes the value of the attribute INET_DIAG_CONG (since 2.6.14): a name and a NUL.
pub(super) fn decode_congestion_control(bytes: &[u8]) -> Option<CongestionControl> {
    let name = bytes.split(|byte| *byte == 0).next()?;
    CongestionControl::new(std::str::from_utf8(name).ok()?)
}

#[cfg(test)]
mod tests;
