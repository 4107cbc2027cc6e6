//! Rows of `/proc/net/packet` (`packet_seq_show`, net/packet/af_packet.c) and `/proc/net/netlink`
//! (`netlink_native_seq_show`, net/netlink/af_netlink.c), whose sockets have no internet addresses.

use super::{Columns, RowError, hex};
use crate::model::{Ends, Kind, NetlinkEnds, PacketEnds, Socket, State};
use crate::proc_root::parse_number;

/// The columns of either table.
pub(super) const PACKET_COLUMNS: usize = 9;
pub(super) const NETLINK_COLUMNS: usize = 10;

pub(super) fn packet(mut columns: Columns<'_>) -> Result<Socket, RowError> {
    columns.skip(&["sk", "RefCnt"])?;
    let socket_type = columns.parse("Type", parse_number)?;
    let protocol = columns.parse("Proto", |text| u16::try_from(hex(text)?).ok())?;
    let ends = PacketEnds {
        socket_type,
        protocol,
    };
    let interface = columns.parse("Iface", parse_number)?;
    columns.skip(&["R"])?;
    Ok(Socket {
        interface: Some(interface),
        receive_queue: columns.parse("Rmem", parse_number)?,
        uid: columns.parse("User", parse_number)?,
        inode: columns.parse("Inode", parse_number)?,
        ..Socket::bare(Kind::Packet, State::Unconnected, Ends::Packet(ends))
    })
}

/// The table does not have the state: one that is connected is among the others.
pub(super) fn netlink(mut columns: Columns<'_>) -> Result<Socket, RowError> {
    columns.skip(&["sk"])?;
    let ends = NetlinkEnds {
        protocol: columns.parse("Eth", parse_number)?,
        port_id: columns.parse("Pid", parse_number)?,
        peer: None,
        groups: Some(columns.parse("Groups", hex)?),
    };
    let receive_queue = columns.parse("Rmem", parse_number)?;
    let send_queue = columns.parse("Wmem", parse_number)?;
    columns.skip(&["Dump", "Locks"])?;
    Ok(Socket {
        receive_queue,
        send_queue,
        drops: Some(columns.parse("Drops", parse_number)?),
        uid: Socket::NO_UID,
        inode: columns.parse("Inode", parse_number)?,
        ..Socket::bare(Kind::Netlink, State::Unconnected, Ends::Netlink(ends))
    })
}
