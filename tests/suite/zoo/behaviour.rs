//! How a peer replies, as a pure function from a received segment to the reply.
//!
//! A peer keeps no state about its connections. Its behaviour follows from the address it was sent
//! to, and its sequence number from the acknowledgment number in the segment, so that a repeated
//! segment gets the same reply. Must not do I/O. RFC 9293 section 3.3.2.

use super::segment::Segment;
use super::state::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The sequence number of every SYN a peer sends.
pub(crate) const FIRST_SEQUENCE: u32 = 1_000;

/// The bytes of data from which on a segment is not small; a full one has 536, as no peer sends its MSS.
const LARGE: usize = 500;

/// How a peer replies, and with that the states in which it keeps a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Never replies: SYN_SENT, and SYN_RECV for connections it opened itself.
    NoReply,
    /// Completes the handshake and replies to nothing after it: ESTABLISHED, FIN_WAIT1.
    HandshakeOnly,
    /// The same with a closed window, so that all the kernel can send is probes of it.
    ClosedWindow,
    /// The same for full segments, as behind a router that drops them; acknowledges small ones.
    SmallSegments,
    /// Acknowledges a FIN and never sends its own: FIN_WAIT2.
    AckFin,
    /// Sends a FIN when the handshake is complete, and acknowledges none: CLOSE_WAIT, LAST_ACK.
    SendFin,
    /// Replies to a FIN with a FIN that does not acknowledge it: CLOSING.
    SimultaneousClose,
    /// Replies to a FIN with a FIN that acknowledges it: TIME_WAIT.
    NormalClose,
}

impl Behaviour {
    const ALL: [Self; 8] = [
        Self::NoReply,
        Self::HandshakeOnly,
        Self::ClosedWindow,
        Self::SmallSegments,
        Self::AckFin,
        Self::SendFin,
        Self::SimultaneousClose,
        Self::NormalClose,
    ];

    /// The address of the peer with this behaviour, in a network reserved for documentation
    /// (RFC 5737 section 3, RFC 3849).
    pub(crate) fn address(self, family: Family) -> IpAddr {
        let host: u8 = match self {
            Self::NoReply => 11,
            Self::HandshakeOnly => 12,
            Self::AckFin => 13,
            Self::SendFin => 14,
            Self::SimultaneousClose => 15,
            Self::NormalClose => 16,
            Self::ClosedWindow => 17,
            Self::SmallSegments => 18,
        };
        address(family, host)
    }

    fn at_address(address: IpAddr) -> Option<Self> {
        let has_address = |behaviour: &Self| {
            let mut families = Family::ALL.into_iter();
            families.any(|family| behaviour.address(family) == address)
        };
        Self::ALL.into_iter().find(has_address)
    }
}

/// The address number `host` of the zoo's network: 1 is the kernel's own.
pub(crate) fn address(family: Family, host: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, host).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()).into(),
    }
}

/// The reply to `received` of the peer it is addressed to.
pub(crate) fn reply(received: &Segment) -> Option<Segment> {
    let behaviour = Behaviour::at_address(received.destination.ip())?;
    if received.rst || behaviour == Behaviour::NoReply {
        return None;
    }
    let ack = Segment {
        ack: true,
        acknowledgment: received.end(),
        sequence: received.acknowledgment,
        ..Segment::between(received.destination, received.source)
    };
    if received.syn && !received.ack {
        return Some(Segment {
            syn: true,
            sequence: FIRST_SEQUENCE,
            window: if behaviour == Behaviour::ClosedWindow {
                0
            } else {
                ack.window
            },
            ..ack
        });
    }
    if received.syn {
        // The SYN-ACK of a connection the peer opened; the final ACK may carry a FIN.
        let fin = behaviour == Behaviour::SendFin;
        return Some(Segment { fin, ..ack });
    }
    let fin_was_sent = received.acknowledgment != FIRST_SEQUENCE.wrapping_add(1);
    match (behaviour, received.fin) {
        (Behaviour::AckFin, true) => Some(ack),
        (Behaviour::SmallSegments, _) => {
            (1..LARGE).contains(&received.payload.len()).then_some(ack)
        }
        (Behaviour::SendFin, false) if !fin_was_sent => Some(Segment { fin: true, ..ack }),
        (Behaviour::SimultaneousClose, true) if !fin_was_sent => Some(Segment {
            fin: true,
            acknowledgment: received.sequence,
            ..ack
        }),
        (Behaviour::NormalClose, true) => Some(Segment { fin: true, ..ack }),
        _ => None,
    }
}

mod tests {
    use super::{Behaviour, FIRST_SEQUENCE, Family, address, reply};
    use crate::zoo::segment::Segment;

    fn segment_to(behaviour: Behaviour) -> Segment {
        let kernel = (address(Family::V4, 1), 40_000);
        let peer = (behaviour.address(Family::V4), 443);
        Segment {
            sequence: 70,
            acknowledgment: FIRST_SEQUENCE + 1,
            ack: true,
            ..Segment::between(kernel.into(), peer.into())
        }
    }

    #[test]
    fn a_reset_or_an_unused_address_gets_no_reply() {
        let mut received = segment_to(Behaviour::NormalClose);
        received.fin = true;
        assert!(reply(&received).is_some());
        received.rst = true;
        assert_eq!(reply(&received), None);
        received.rst = false;
        received.destination.set_ip(address(Family::V4, 200));
        assert_eq!(reply(&received), None);
    }

    #[test]
    fn a_peer_without_replies_ignores_a_syn() {
        let received = Segment {
            syn: true,
            ack: false,
            ..segment_to(Behaviour::NoReply)
        };
        assert_eq!(reply(&received), None);
    }

    #[test]
    fn a_simultaneous_close_does_not_acknowledge_the_fin() {
        let received = Segment {
            fin: true,
            ..segment_to(Behaviour::SimultaneousClose)
        };
        let crossing = reply(&received).unwrap();
        assert!(crossing.fin);
        assert_eq!(crossing.acknowledgment, received.sequence);
        let normal = reply(&Segment {
            fin: true,
            ..segment_to(Behaviour::NormalClose)
        });
        assert_eq!(normal.unwrap().acknowledgment, received.sequence + 1);
    }

    #[test]
    fn an_acknowledged_fin_is_not_repeated() {
        let mut received = segment_to(Behaviour::SendFin);
        assert!(reply(&received).unwrap().fin);
        received.acknowledgment += 1;
        assert_eq!(reply(&received), None);
    }
}
