//! A socket in some 40 bytes instead of 200, for those who must keep many. Pure; the bytes are never
//! written anywhere.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::{
    CongestionControl, Ends, Family, InetEnds, Kind, Metric, Netns, Socket, State, TcpInfo, Timer,
    TimerKind,
};

/// Which of the things that a socket may lack are there, and which of two each is.
mod bit {
    pub(super) const V6: u64 = 1;
    pub(super) const LOCAL_V6: u64 = 1 << 1;
    pub(super) const REMOTE_V6: u64 = 1 << 2;
    pub(super) const TOLD_FULL: u64 = 1 << 3;
    pub(super) const FULL: u64 = 1 << 4;
    pub(super) const TIMER: u64 = 1 << 5;
    pub(super) const INTERFACE: u64 = 1 << 6;
    pub(super) const COOKIE: u64 = 1 << 7;
    pub(super) const MARK: u64 = 1 << 8;
    pub(super) const CGROUP: u64 = 1 << 9;
    pub(super) const TOLD_V6ONLY: u64 = 1 << 10;
    pub(super) const V6ONLY: u64 = 1 << 11;
    pub(super) const INFO: u64 = 1 << 12;
    pub(super) const CONGESTION_CONTROL: u64 = 1 << 13;
    pub(super) const DROPS: u64 = 1 << 14;
    pub(super) const RETRANSMITS: u64 = 1 << 15;
}

/// Numbers from here on are states without a name.
const UNNAMED: u64 = 1 << 8;

/// Appends a socket.
#[allow(clippy::too_many_lines, reason = "every field once")]
pub(super) fn pack(out: &mut Vec<u8>, socket: &Socket) {
    // Every field by name, so that a new one cannot be forgotten here.
    let Socket {
        state,
        kind: _,
        netns: _,
        ends: _,
        receive_queue,
        send_queue,
        uid,
        full,
        inode,
        timer,
        retransmits,
        interface,
        cookie,
        mark,
        cgroup,
        drops,
        v6only,
        info,
        congestion_control,
    } = socket;
    let Some(InetEnds {
        family,
        local,
        remote,
    }) = socket.internet()
    else {
        return;
    };
    let bits = [
        (*family == Family::V6, bit::V6),
        (local.is_ipv6(), bit::LOCAL_V6),
        (remote.is_ipv6(), bit::REMOTE_V6),
        (full.is_some(), bit::TOLD_FULL),
        (*full == Some(true), bit::FULL),
        (timer.is_some(), bit::TIMER),
        (interface.is_some(), bit::INTERFACE),
        (cookie.is_some(), bit::COOKIE),
        (mark.is_some(), bit::MARK),
        (cgroup.is_some(), bit::CGROUP),
        (drops.is_some(), bit::DROPS),
        (retransmits.is_some(), bit::RETRANSMITS),
        (v6only.is_some(), bit::TOLD_V6ONLY),
        (*v6only == Some(true), bit::V6ONLY),
        (info.is_some(), bit::INFO),
        (congestion_control.is_some(), bit::CONGESTION_CONTROL),
    ];
    let there = bits.iter().filter(|(is_there, _)| *is_there);
    push(out, there.map(|(_, bit)| bit).sum());
    push(out, pack_state(*state));
    push_address(out, *local);
    push_address(out, *remote);
    for number in [*receive_queue, *send_queue, *uid] {
        push(out, number.into());
    }
    push(out, *inode);
    if let Some(timer) = timer {
        push_timer(out, *timer);
    }
    let interface = interface.map(u64::from);
    let (mark, drops) = (mark.map(u64::from), drops.map(u64::from));
    let retransmits = retransmits.map(u64::from);
    for number in [interface, *cookie, mark, *cgroup, drops, retransmits] {
        number.into_iter().for_each(|number| push(out, number));
    }
    info.iter().for_each(|info| push_info(out, info));
    congestion_control
        .iter()
        .for_each(|name| push_name(out, name));
}

/// Takes the next socket off `bytes`; `None` where there is none.
pub(super) fn unpack(bytes: &mut &[u8]) -> Option<Socket> {
    let bits = take(bytes)?;
    let is = |bit| bits & bit != 0;
    let told = |known, value| is(known).then(|| is(value));
    Some(Socket {
        state: unpack_state(take(bytes)?)?,
        kind: Kind::Tcp,
        netns: Netns::CALLER,
        ends: Ends::Internet(InetEnds {
            family: if is(bit::V6) { Family::V6 } else { Family::V4 },
            local: take_address(bytes, is(bit::LOCAL_V6))?,
            remote: take_address(bytes, is(bit::REMOTE_V6))?,
        }),
        receive_queue: take_u32(bytes)?,
        send_queue: take_u32(bytes)?,
        uid: take_u32(bytes)?,
        inode: take(bytes)?,
        timer: match is(bit::TIMER) {
            true => Some(take_timer(bytes)?),
            false => None,
        },
        interface: match is(bit::INTERFACE) {
            true => Some(take_u32(bytes)?),
            false => None,
        },
        cookie: match is(bit::COOKIE) {
            true => Some(take(bytes)?),
            false => None,
        },
        mark: match is(bit::MARK) {
            true => Some(take_u32(bytes)?),
            false => None,
        },
        cgroup: match is(bit::CGROUP) {
            true => Some(take(bytes)?),
            false => None,
        },
        drops: match is(bit::DROPS) {
            true => Some(take_u32(bytes)?),
            false => None,
        },
        retransmits: match is(bit::RETRANSMITS) {
            true => Some(take_u32(bytes)?),
            false => None,
        },
        info: match is(bit::INFO) {
            true => Some(Box::new(take_info(bytes)?)),
            false => None,
        },
        congestion_control: match is(bit::CONGESTION_CONTROL) {
            true => Some(take_name(bytes)?),
            false => None,
        },
        full: told(bit::TOLD_FULL, bit::FULL),
        v6only: told(bit::TOLD_V6ONLY, bit::V6ONLY),
    })
}

/// Which metrics there are, then each of these.
fn push_info(out: &mut Vec<u8>, info: &TcpInfo) {
    let known = Metric::ALL.iter().enumerate();
    let known = known.filter(|(_, metric)| info.get(**metric).is_some());
    push(out, known.map(|(number, _)| 1 << number).sum());
    let values = Metric::ALL.iter().filter_map(|metric| info.get(*metric));
    values.for_each(|value| push(out, value));
}

fn take_info(bytes: &mut &[u8]) -> Option<TcpInfo> {
    let known = take(bytes)?;
    let mut info = TcpInfo::default();
    for (number, metric) in Metric::ALL.into_iter().enumerate() {
        if known >> number & 1 != 0 {
            info.set(metric, take(bytes)?);
        }
    }
    Some(info)
}

fn push_name(out: &mut Vec<u8>, name: &CongestionControl) {
    let name = name.name().as_bytes();
    push(out, name.len() as u64);
    out.extend_from_slice(name);
}

fn take_name(bytes: &mut &[u8]) -> Option<CongestionControl> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (name, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    CongestionControl::new(std::str::from_utf8(name).ok()?)
}

fn pack_state(state: State) -> u64 {
    match (state, state.index()) {
        (State::Unknown(number), _) => UNNAMED + u64::from(number),
        (_, index) => index.and_then(|index| index.try_into().ok()).unwrap_or(0),
    }
}

fn unpack_state(packed: u64) -> Option<State> {
    match packed.checked_sub(UNNAMED) {
        Some(number) => Some(State::Unknown(number.try_into().ok()?)),
        None => State::named().nth(packed.try_into().ok()?),
    }
}

fn pack_timer(kind: TimerKind) -> u64 {
    match kind {
        TimerKind::Retransmit => 0,
        TimerKind::KeepAlive => 1,
        TimerKind::TimeWait => 2,
        TimerKind::Persist => 3,
        TimerKind::Unknown(number) => UNNAMED + u64::from(number),
    }
}

fn push_timer(out: &mut Vec<u8>, timer: Timer) {
    push(out, pack_timer(timer.kind));
    push(out, timer.remaining.as_secs());
    push(out, timer.remaining.subsec_nanos().into());
}

fn take_timer(bytes: &mut &[u8]) -> Option<Timer> {
    let kind = match take(bytes)? {
        0 => TimerKind::Retransmit,
        1 => TimerKind::KeepAlive,
        2 => TimerKind::TimeWait,
        3 => TimerKind::Persist,
        number => TimerKind::Unknown(number.checked_sub(UNNAMED)?.try_into().ok()?),
    };
    Some(Timer {
        kind,
        remaining: Duration::new(take(bytes)?, take_u32(bytes)?),
    })
}

fn push_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
    out.extend_from_slice(&address.port().to_ne_bytes());
}

fn take_address(bytes: &mut &[u8], is_v6: bool) -> Option<SocketAddr> {
    let ip = if is_v6 {
        IpAddr::from(take_array::<16>(bytes)?)
    } else {
        IpAddr::from(take_array::<4>(bytes)?)
    };
    let port = u16::from_ne_bytes(take_array(bytes)?);
    Some(SocketAddr::new(ip, port))
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*array)
}

/// Appends a number in as many groups of seven bits as it needs, the lowest first; all but the
/// last are marked by their highest bit.
fn push(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for group in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes)?.try_into().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sockets that have everything, nothing, and each thing alone or not; with the largest and the
    /// least of each.
    pub(in crate::tally) fn sockets() -> Vec<Socket> {
        let (plain, everything) = (plain(), everything());
        let mut sockets = vec![plain.clone(), everything.clone()];
        for state in State::named() {
            let (mut with, mut without) = (plain.clone(), everything.clone());
            (with.state, without.state) = (state, state);
            match state.index().unwrap() % 10 {
                0 => (with.full, without.full) = (Some(false), None),
                1 => (with.timer, without.timer) = (everything.timer, None),
                2 => (with.interface, without.interface) = (Some(0), None),
                3 => (with.cookie, without.cookie) = (Some(300), None),
                4 => (with.mark, without.mark) = (Some(0x80), None),
                5 => (with.cgroup, without.cgroup) = (Some(127), None),
                8 => (with.drops, without.drops) = (Some(128), None),
                6 => (with.v6only, without.v6only) = (Some(false), None),
                7 => {
                    let some = TcpInfo::default()
                        .with(Metric::Mss, 0)
                        .with(Metric::Lost, 300);
                    (with.info, without.info) = (Some(Box::new(some)), None);
                }
                _ => {
                    with.congestion_control = CongestionControl::new("bbr");
                    without.congestion_control = None;
                }
            }
            sockets.extend([with, without]);
        }
        sockets
    }

    fn plain() -> Socket {
        let local = ([127, 0, 0, 1], 80).into();
        let remote = ([0, 0, 0, 0], 0).into();
        Socket {
            send_queue: 128,
            ..Socket::bare(
                State::Listen,
                InetEnds {
                    family: Family::V4,
                    local,
                    remote,
                },
            )
        }
    }

    fn everything() -> Socket {
        Socket {
            state: State::Unknown(255),
            kind: Kind::Tcp,
            netns: Netns::CALLER,
            ends: Ends::Internet(InetEnds {
                family: Family::V6,
                local: "[2001:db8::1]:65535".parse().unwrap(),
                remote: "[::ffff:192.0.2.1]:1".parse().unwrap(),
            }),
            receive_queue: u32::MAX,
            send_queue: u32::MAX,
            uid: u32::MAX,
            full: Some(true),
            inode: u64::MAX,
            timer: Some(Timer {
                kind: TimerKind::Unknown(7),
                remaining: Duration::new(u64::MAX, 999_999_999),
            }),
            retransmits: Some(u32::MAX),
            interface: Some(u32::MAX),
            cookie: Some(u64::MAX),
            mark: Some(u32::MAX),
            cgroup: Some(u64::MAX),
            drops: Some(u32::MAX),
            v6only: Some(true),
            info: Some(Box::new(
                Metric::ALL
                    .into_iter()
                    .fold(TcpInfo::default(), |info, metric| {
                        info.with(metric, u64::MAX)
                    }),
            )),
            congestion_control: CongestionControl::new("sixteen_bytes_xx"),
        }
    }

    #[test]
    fn a_socket_comes_out_as_it_went_in() {
        let mut bytes = Vec::new();
        sockets().iter().for_each(|socket| pack(&mut bytes, socket));
        let mut rest = bytes.as_slice();
        for socket in sockets() {
            assert_eq!(unpack(&mut rest), Some(socket));
        }
        assert_eq!((unpack(&mut rest), rest.len()), (None, 0));
    }

    #[test]
    fn what_is_cut_off_is_no_socket() {
        for socket in sockets() {
            let mut bytes = Vec::new();
            pack(&mut bytes, &socket);
            for length in 0..bytes.len() {
                assert_eq!(unpack(&mut &bytes[..length]), None);
            }
        }
    }
}
