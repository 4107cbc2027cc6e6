//! How a peer treats those who talk to it, as a pure function from a segment to its answer.
//!
//! A peer keeps no record of its connections. Its manner follows from the address it is spoken to
//! at, and its position from the acknowledgment number in the segment, so an answer can be given
//! twice, and no answer races its own bookkeeping. Must not do I/O. RFC 9293 section 3.3.2.

use super::segment::Segment;
use super::state::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The sequence number of every SYN a peer sends.
pub(crate) const FIRST_SEQUENCE: u32 = 1_000;

/// What a peer does, and with that the states it parks a socket in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Never answers: SYN_SENT, and SYN_RECV for those it called itself.
    Silent,
    /// Completes a handshake and then hears nothing: ESTABLISHED, FIN_WAIT1.
    Deaf,
    /// Acknowledges a FIN and never sends its own: FIN_WAIT2.
    Patient,
    /// Sends a FIN as soon as it is connected and acknowledges none: CLOSE_WAIT, LAST_ACK.
    Hasty,
    /// Answers a FIN with a FIN that does not acknowledge it: CLOSING.
    Crossing,
    /// Answers a FIN with one that acknowledges it: TIME_WAIT.
    Polite,
}

impl Manner {
    const ALL: [Self; 6] = [
        Self::Silent,
        Self::Deaf,
        Self::Patient,
        Self::Hasty,
        Self::Crossing,
        Self::Polite,
    ];

    /// Where one with these manners lives, in a network set aside for documentation (RFC 5737
    /// section 3, RFC 3849).
    pub(crate) fn address(self, family: Family) -> IpAddr {
        let house: u8 = match self {
            Self::Silent => 11,
            Self::Deaf => 12,
            Self::Patient => 13,
            Self::Hasty => 14,
            Self::Crossing => 15,
            Self::Polite => 16,
        };
        address(family, house)
    }

    fn living_at(address: IpAddr) -> Option<Self> {
        let lives_there = |manner: &Self| {
            let mut homes = Family::ALL.into_iter();
            homes.any(|family| manner.address(family) == address)
        };
        Self::ALL.into_iter().find(lives_there)
    }
}

/// The address number `house` of the zoo's network: 1 is the kernel's own.
pub(crate) fn address(family: Family, house: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, house).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, house.into()).into(),
    }
}

/// What the peer that `heard` is addressed to says to it.
pub(crate) fn reply(heard: &Segment) -> Option<Segment> {
    let manner = Manner::living_at(heard.destination.ip())?;
    if heard.rst || manner == Manner::Silent {
        return None;
    }
    let answer = Segment {
        ack: true,
        acknowledgment: heard.end(),
        sequence: heard.acknowledgment,
        ..Segment::between(heard.destination, heard.source)
    };
    if heard.syn && !heard.ack {
        return Some(Segment {
            syn: true,
            sequence: FIRST_SEQUENCE,
            ..answer
        });
    }
    if heard.syn {
        // Our own call was taken; the third step of the handshake may carry a FIN.
        let fin = manner == Manner::Hasty;
        return Some(Segment { fin, ..answer });
    }
    let we_sent_fin = heard.acknowledgment != FIRST_SEQUENCE.wrapping_add(1);
    match (manner, heard.fin) {
        (Manner::Patient, true) => Some(answer),
        (Manner::Hasty, false) if !we_sent_fin => Some(Segment {
            fin: true,
            ..answer
        }),
        (Manner::Crossing, true) if !we_sent_fin => Some(Segment {
            fin: true,
            acknowledgment: heard.sequence,
            ..answer
        }),
        (Manner::Polite, true) => Some(Segment {
            fin: true,
            ..answer
        }),
        _ => None,
    }
}

mod tests {
    use super::{FIRST_SEQUENCE, Family, Manner, address, reply};
    use crate::zoo::segment::Segment;

    fn said_to(manner: Manner) -> Segment {
        let kernel = (address(Family::V4, 1), 40_000);
        let peer = (manner.address(Family::V4), 443);
        Segment {
            sequence: 70,
            acknowledgment: FIRST_SEQUENCE + 1,
            ack: true,
            ..Segment::between(kernel.into(), peer.into())
        }
    }

    #[test]
    fn a_reset_or_an_unused_address_gets_no_reply() {
        let mut heard = said_to(Manner::Polite);
        heard.fin = true;
        assert!(reply(&heard).is_some());
        heard.rst = true;
        assert_eq!(reply(&heard), None);
        heard.rst = false;
        heard.destination.set_ip(address(Family::V4, 200));
        assert_eq!(reply(&heard), None);
    }

    #[test]
    fn a_peer_without_replies_ignores_a_syn() {
        let heard = Segment {
            syn: true,
            ack: false,
            ..said_to(Manner::Silent)
        };
        assert_eq!(reply(&heard), None);
    }

    #[test]
    fn a_simultaneous_close_does_not_acknowledge_the_fin() {
        let heard = Segment {
            fin: true,
            ..said_to(Manner::Crossing)
        };
        let answer = reply(&heard).unwrap();
        assert!(answer.fin);
        assert_eq!(answer.acknowledgment, heard.sequence);
        let polite = reply(&Segment {
            fin: true,
            ..said_to(Manner::Polite)
        });
        assert_eq!(polite.unwrap().acknowledgment, heard.sequence + 1);
    }

    #[test]
    fn an_acknowledged_fin_is_not_repeated() {
        let mut heard = said_to(Manner::Hasty);
        assert!(reply(&heard).unwrap().fin);
        heard.acknowledgment += 1;
        assert_eq!(reply(&heard), None);
    }
}
