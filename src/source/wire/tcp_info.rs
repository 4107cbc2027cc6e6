//! `struct tcp_info`, `linux/tcp.h`, the value of the attribute INET_DIAG_INFO.
//!
//! The kernel only ever appends to it, and sends as much as it has: 104 bytes to 3.14, 232 from
//! 5.4, more since. A field beyond the bytes sent is absent. Filled by `tcp_get_info`
//! (net/ipv4/tcp.c); the values it uses for "none" are absent too. Pure; no bytes make it panic.

use crate::model::{CongestionControl, Metric, State, TcpInfo};

/// Decodes the measures of a connection in `state` into `info`; `None` for a socket without a
/// connection: for a listener the kernel reports the accept queue in the place of other numbers,
/// and for a socket in CLOSE the numbers it was created with.
pub(super) fn decode_tcp_info(
    bytes: &[u8],
    state: State,
    mut info: Box<TcpInfo>,
) -> Option<Box<TcpInfo>> {
    if matches!(state, State::Listen | State::Close | State::Bound) {
        return None;
    }
    *info = TcpInfo::default();
    let word = |at| read_u32(bytes, at);
    let long = |at| read_u64(bytes, at);
    // Before the handshake these times do not count from data.
    let time = |at| word(at).filter(|_| state != State::SynSent);
    let is_measured = |value: &u64| *value != 0;
    let mut put = |metric, value: Option<u64>| {
        if let Some(value) = value {
            info.set(metric, value);
        }
    };
    // The offset of each; its name in the kernel, and the first version that sends it, where that
    // is later than 2.6.
    put(Metric::Mss, word(16)); // tcpi_snd_mss
    put(Metric::Unacked, word(24)); // tcpi_unacked
    put(Metric::Sacked, word(28)); // tcpi_sacked
    put(Metric::Lost, word(32)); // tcpi_lost
    put(Metric::RetransNow, word(36)); // tcpi_retrans
    put(Metric::LastDataSent, time(44)); // tcpi_last_data_sent
    put(Metric::LastDataReceived, time(52)); // tcpi_last_data_recv
    put(Metric::LastAckReceived, time(56)); // tcpi_last_ack_recv
    put(Metric::RoundTripTime, word(68).filter(is_measured)); // tcpi_rtt
    put(Metric::CongestionWindow, word(80)); // tcpi_snd_cwnd
    put(Metric::TotalRetrans, word(100)); // tcpi_total_retrans
    // tcpi_pacing_rate, 3.15: all bits are set where there is no limit.
    put(
        Metric::PacingRate,
        long(104).filter(|rate| *rate != u64::MAX),
    );
    put(Metric::BytesAcked, long(120)); // tcpi_bytes_acked, 4.1
    put(Metric::BytesReceived, long(128)); // tcpi_bytes_received, 4.1
    put(Metric::BytesNotSent, word(144)); // tcpi_notsent_bytes, 4.6
    // tcpi_min_rtt, 4.6: all bits are set until it is measured.
    let least = word(148).filter(|time| *time != u64::from(u32::MAX));
    put(Metric::MinRoundTripTime, least.filter(is_measured));
    put(Metric::DataSegsOut, word(156)); // tcpi_data_segs_out, 4.6
    put(Metric::DeliveryRate, long(160).filter(is_measured)); // tcpi_delivery_rate, 4.9
    put(Metric::BusyTime, long(168)); // tcpi_busy_time, 4.10
    put(Metric::RwndLimited, long(176)); // tcpi_rwnd_limited, 4.10
    put(Metric::BytesSent, long(200)); // tcpi_bytes_sent, 4.19
    Some(info)
}

/// The same of `struct mptcp_info` (linux/mptcp.h), which has fewer measures, filled by
/// `mptcp_diag_fill_info` (net/mptcp/sockopt.c).
pub(super) fn decode_mptcp_info(
    bytes: &[u8],
    state: State,
    mut info: Box<TcpInfo>,
) -> Option<Box<TcpInfo>> {
    if matches!(state, State::Listen | State::Close) {
        return None;
    }
    *info = TcpInfo::default();
    // mptcpi_bytes_sent, _received and _acked, 6.5; mptcpi_last_data_sent, _last_data_recv and
    // _last_ack_recv, 6.10.
    for (metric, value) in [
        (Metric::BytesSent, read_u64(bytes, 56)),
        (Metric::BytesReceived, read_u64(bytes, 64)),
        (Metric::BytesAcked, read_u64(bytes, 72)),
        (Metric::LastDataSent, read_u32(bytes, 84)),
        (Metric::LastDataReceived, read_u32(bytes, 88)),
        (Metric::LastAckReceived, read_u32(bytes, 92)),
    ] {
        if let Some(value) = value {
            info.set(metric, value);
        }
    }
    Some(info)
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*chunk).into())
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*chunk))
}

/// Decodes the value of the attribute INET_DIAG_CONG (since 2.6.14): a name and a NUL.
pub(super) fn decode_congestion_control(bytes: &[u8]) -> Option<CongestionControl> {
    let name = bytes.split(|byte| *byte == 0).next()?;
    CongestionControl::new(std::str::from_utf8(name).ok()?)
}

#[cfg(test)]
mod tests;
