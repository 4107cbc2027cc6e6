//! The floors: the least a program can do to read the kernel's answer. Each sends one request (or
//! one for each family), reads datagrams of 32 KiB and touches nothing but message headers and the
//! state byte. Formats: `sock_diag(7)`, `linux/inet_diag.h`.

use std::io::Write;
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::fault::{During, Fault};
use crate::state::{self, Counts};

/// Sockets of every state that can be listed; bit 13 (bound) would walk a second hash.
const ALL: u32 = 0xfff;
const RARE: u32 = ALL & !(1 << state::ESTABLISHED) & !(1 << state::TIME_WAIT);

const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x1 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// Larger reads get no larger batches.
const DATAGRAM: usize = 32 * 1024;

/// `idiag_ext` bits: nothing, or INET_DIAG_INFO, `struct tcp_info`.
const NOTHING_MORE: u8 = 0;
const TCP_INFO: u8 = 1 << 1;

/// The dump of every state and both families in one walk.
pub(crate) const ONE_WALK: &str = "one-walk";

/// Runs the dump named by `which` and prints one `STATE count` line for each state.
pub(crate) fn run(which: &str) -> Result<(), Fault> {
    print(&query_counts(which)?)
}

/// Asks the kernel for the dump named by `which`.
pub(crate) fn query_counts(which: &str) -> Result<Counts, Fault> {
    let requests = match which {
        "two-families" => vec![by_family(AF_INET), by_family(AF_INET6)],
        "one-family" => vec![by_family(AF_INET)],
        ONE_WALK => vec![one_walk(ALL, NOTHING_MORE)],
        "tcp-info" => vec![one_walk(ALL, TCP_INFO)],
        "rare-states" => vec![one_walk(RARE, NOTHING_MORE)],
        other => return Err(Fault::new(format!("no raw dump is called {other}"))),
    };
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
    .during("opening NETLINK_SOCK_DIAG")?;
    let mut by_code = [0; 256];
    for request in requests {
        send(&socket, &request, SendFlags::empty()).during("asking for a dump")?;
        read_dump(&socket, &mut by_code)?;
    }
    let mut counts = Counts::default();
    for (code, sockets) in (0..=u8::MAX).zip(by_code) {
        counts.add(code, sockets);
    }
    Ok(counts)
}

fn read_dump(socket: &OwnedFd, by_code: &mut [u64; 256]) -> Result<(), Fault> {
    let mut buffer = [0; DATAGRAM];
    loop {
        let (_, length) = recv(socket, &mut buffer, RecvFlags::TRUNC).during("reading a dump")?;
        let mut rest = buffer
            .get(..length)
            .ok_or_else(|| Fault::new("a datagram was cut off"))?;
        while let [l0, l1, l2, l3, t0, t1, ..] = *rest {
            match u16::from_ne_bytes([t0, t1]) {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => return Err(Fault::new("the kernel refused the dump")),
                _ => {}
            }
            // inet_diag_msg begins with family and state, after the header's 16 bytes.
            if let Some(slot) = rest
                .get(17)
                .and_then(|code| by_code.get_mut(usize::from(*code)))
            {
                *slot += 1;
            }
            let step = u32::from_ne_bytes([l0, l1, l2, l3]).next_multiple_of(4);
            rest = usize::try_from(step)
                .ok()
                .filter(|step| *step >= 16)
                .and_then(|step| rest.get(step..))
                .unwrap_or_default();
        }
    }
}

/// `struct inet_diag_req`, 60 bytes: family, address lengths, extensions, 48 bytes of socket id,
/// states, and the database the C headers call `dbs`.
fn one_walk(states: u32, extensions: u8) -> Vec<u8> {
    let mut body = vec![AF_INET, 0, 0, extensions];
    body.extend([0; 48]);
    body.extend(states.to_ne_bytes());
    body.extend([0; 4]);
    message(TCPDIAG_GETSOCK, &body)
}

/// `struct inet_diag_req_v2`, 56 bytes: family, protocol, extensions, padding, states, socket id.
fn by_family(family: u8) -> Vec<u8> {
    let mut body = vec![family, IPPROTO_TCP, 0, 0];
    body.extend(ALL.to_ne_bytes());
    body.extend([0; 48]);
    message(SOCK_DIAG_BY_FAMILY, &body)
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

fn print(counts: &Counts) -> Result<(), Fault> {
    let mut text = String::new();
    for code in 0..=u8::MAX {
        match counts.get(code) {
            0 => {}
            sockets => text += &format!("{} {sockets}\n", state::name(code)),
        }
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .during("printing")
}
