//! Where the members of this kernel's structures begin that the programs read. Pure.
//!
//! `struct sock` and `struct sock_common` (include/net/sock.h), `struct inet_sock`
//! (include/net/inet_sock.h), `struct tcp_sock` (include/linux/tcp.h).

use super::record::at;
use crate::source::bpf::{Btf, BtfError, Width};

use Width::{U16, U32, U64};

/// The structure of a socket that a member is read from: a `struct tcp_sock` begins with the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Sock,
    TcpSock,
}

/// The members that are copied as they are: where from, how many bytes, and where in the record.
const COPIED: [(Base, &str, Width, i16); 16] = [
    (Base::Sock, "__sk_common.skc_family", U16, at::FAMILY),
    (Base::Sock, "__sk_common.skc_dport", U16, at::REMOTE_PORT),
    (Base::Sock, "__sk_common.skc_flags", U64, at::FLAGS),
    (Base::Sock, "sk_err", U32, at::ERROR),
    (Base::Sock, "sk_uid", U32, at::UID),
    (Base::TcpSock, LOCAL_PORT, U16, at::LOCAL_PORT),
    (Base::TcpSock, "srtt_us", U32, at::RTT),
    (Base::TcpSock, "bytes_sent", U64, at::BYTES_SENT),
    (Base::TcpSock, "bytes_received", U64, at::BYTES_RECEIVED),
    (Base::TcpSock, "segs_out", U32, at::SEGMENTS_OUT),
    (Base::TcpSock, "data_segs_out", U32, at::DATA_SEGMENTS_OUT),
    (Base::TcpSock, "segs_in", U32, at::SEGMENTS_IN),
    (Base::TcpSock, "data_segs_in", U32, at::DATA_SEGMENTS_IN),
    (Base::TcpSock, "rcv_nxt", U32, at::RECEIVE_NEXT),
    (Base::TcpSock, "rcv_wup", U32, at::RECEIVE_ACKNOWLEDGED),
    (Base::TcpSock, "total_retrans", U32, at::TOTAL_RETRANS),
];

/// Kept when a socket closes, as `skc_num` is not.
const LOCAL_PORT: &str = "inet_conn.icsk_inet.inet_sport";

/// A member that is copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    pub(super) base: Base,
    pub(super) offset: i16,
    pub(super) width: Width,
    /// Where in the record.
    pub(super) to: i16,
}

/// Where members begin, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Offsets {
    pub(super) netns: i16,
    pub(super) netns_inum: i16,
    pub(super) family: i16,
    pub(super) protocol: i16,
    pub(super) local_port: i16,
    pub(super) remote_port: i16,
    pub(super) local_v4: i16,
    pub(super) remote_v4: i16,
    pub(super) local_v6: i16,
    pub(super) remote_v6: i16,
    pub(super) cookie: i16,
    pub(super) socket: i16,
    pub(super) socket_file: i16,
    pub(super) file_inode: i16,
    pub(super) inode_number: i16,
    pub(super) copied: Vec<Copied>,
}

impl Offsets {
    /// Those of the kernel with these types.
    ///
    /// # Errors
    /// The member that this kernel does not have.
    pub(super) fn of(btf: &Btf<'_>) -> Result<Offsets, BtfError> {
        let sock = |path: &str| btf.offset("sock", path);
        let copied = COPIED.into_iter().map(|(base, path, width, to)| {
            let structure = match base {
                Base::Sock => "sock",
                Base::TcpSock => "tcp_sock",
            };
            Ok(Copied {
                base,
                offset: btf.offset(structure, path)?,
                width,
                to,
            })
        });
        Ok(Offsets {
            netns: sock("__sk_common.skc_net.net")?,
            netns_inum: btf.offset("net", "ns.inum")?,
            family: sock("__sk_common.skc_family")?,
            protocol: sock("sk_protocol")?,
            local_port: btf.offset("tcp_sock", LOCAL_PORT)?,
            remote_port: sock("__sk_common.skc_dport")?,
            local_v4: sock("__sk_common.skc_rcv_saddr")?,
            remote_v4: sock("__sk_common.skc_daddr")?,
            local_v6: sock("__sk_common.skc_v6_rcv_saddr")?,
            remote_v6: sock("__sk_common.skc_v6_daddr")?,
            cookie: sock("__sk_common.skc_cookie")?,
            socket: sock("sk_socket")?,
            socket_file: btf.offset("socket", "file")?,
            file_inode: btf.offset("file", "f_inode")?,
            inode_number: btf.offset("inode", "i_ino")?,
            copied: copied.collect::<Result<_, BtfError>>()?,
        })
    }
}
