//! The raw racers, which do as little as possible. Dumps send one request (or one per family), read
//! datagrams of 32 KiB and look only at message headers and the state byte: `sock_diag(7)`,
//! `linux/inet_diag.h`. The walk reads every descriptor of every process and keeps nothing.

use std::io::{Write, stdout};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result, bail};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, SOCK_DIAG_BY_FAMILY};
use procfs::process::{FDTarget, all_processes};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::state::{Counts, state_of_code};

/// All states that can be listed; bit 13 (bound) would walk a second hash.
const ALL: u32 = 0xfff;
/// All but ESTABLISHED (1) and TIME_WAIT (6).
const RARE: u32 = ALL & !(1 << 1) & !(1 << 6);

const TCPDIAG_GETSOCK: u16 = 18;

/// `idiag_ext` bit of INET_DIAG_INFO, `struct tcp_info`.
const TCP_INFO: u8 = 1 << 1;

/// The kernel sends no larger batches to larger reads.
const DATAGRAM: usize = 32 * 1024;

/// The dump of every state and both families in one walk.
pub(crate) const ONE_WALK: &str = "raw dump, one walk";

/// The walk over all descriptors.
pub(crate) const DESCRIPTORS: &str = "raw walk, procfs";

/// Runs the racer called `name` and prints its counts.
pub(crate) fn run(name: &str) -> Result<()> {
    let counts = match name {
        DESCRIPTORS => count_socket_descriptors()?.to_string(),
        _ => query_counts(name)?.to_string().replace(", ", "\n"),
    };
    write!(stdout(), "{counts}").context("cannot print")
}

/// Requests the dump called `name`.
pub(crate) fn query_counts(name: &str) -> Result<Counts> {
    let requests = match name {
        "raw dump, two families" => vec![by_family(AF_INET), by_family(AF_INET6)],
        "raw dump, one family" => vec![by_family(AF_INET)],
        "raw dump, one walk with tcp_info" => vec![one_walk(ALL, TCP_INFO)],
        "raw dump, rare states" => vec![one_walk(RARE, 0)],
        ONE_WALK => vec![one_walk(ALL, 0)],
        other => bail!("unknown raw racer {other:?}"),
    };
    let (kind, protocol) = (SocketType::DGRAM, Some(netlink::SOCK_DIAG));
    let socket = socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, protocol)
        .context("cannot open NETLINK_SOCK_DIAG")?;
    let mut by_code = [0; 256];
    for request in requests {
        send(&socket, &request, SendFlags::empty()).context("cannot request a dump")?;
        read_dump(&socket, &mut by_code)?;
    }
    let mut counts = Counts::default();
    for (code, sockets) in by_code.into_iter().enumerate() {
        if sockets > 0 {
            counts.add(state_of_code(code)?, sockets);
        }
    }
    Ok(counts)
}

fn read_dump(socket: &OwnedFd, by_code: &mut [u64; 256]) -> Result<()> {
    let mut buffer = [0; DATAGRAM];
    loop {
        let (_, length) =
            recv(socket, &mut buffer, RecvFlags::TRUNC).context("cannot read a dump")?;
        let mut rest = buffer.get(..length).context("a datagram was truncated")?;
        while let [l0, l1, l2, l3, t0, t1, ..] = *rest {
            match u16::from_ne_bytes([t0, t1]) {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => bail!("the kernel refused the dump"),
                _ => {}
            }
            // inet_diag_msg begins with family and state, after the header's 16 bytes.
            let code = rest.get(17).copied().map(usize::from);
            if let Some(slot) = code.and_then(|code| by_code.get_mut(code)) {
                *slot += 1;
            }
            let length = u32::from_ne_bytes([l0, l1, l2, l3]).max(16);
            let next = usize::try_from(length.next_multiple_of(4))?;
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

/// `struct inet_diag_req`, 60 bytes: family, address lengths, extensions, 48 bytes of socket id,
/// states, and the database the C headers call `dbs`.
fn one_walk(states: u32, extensions: u8) -> Vec<u8> {
    request(TCPDIAG_GETSOCK, 76, [AF_INET, 0, 0, extensions], 68, states)
}

/// `struct inet_diag_req_v2`, 56 bytes: family, protocol, extensions, padding, states, socket id.
fn by_family(family: u8) -> Vec<u8> {
    let head = [family, IPPROTO_TCP, 0, 0];
    request(SOCK_DIAG_BY_FAMILY, 72, head, 20, ALL)
}

/// `length` bytes: the header of 16 bytes, `head`, and zeroes but for the states.
fn request(kind: u16, length: u8, head: [u8; 4], states_at: usize, states: u32) -> Vec<u8> {
    let mut bytes = vec![0; length.into()];
    bytes[..4].copy_from_slice(&u32::from(length).to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    bytes[16..20].copy_from_slice(&head);
    bytes[states_at..states_at + 4].copy_from_slice(&states.to_ne_bytes());
    bytes
}

fn count_socket_descriptors() -> Result<u64> {
    let mut sockets = 0;
    let processes = all_processes().context("cannot read /proc")?;
    for process in processes.flatten() {
        let descriptors = process.fd().into_iter().flatten().flatten();
        let targets = descriptors.filter(|fd| matches!(fd.target, FDTarget::Socket(_)));
        sockets += u64::try_from(targets.count())?;
    }
    Ok(sockets)
}
