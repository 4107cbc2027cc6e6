//! The netlink messages of one datagram: `struct nlmsghdr`, `linux/netlink.h`, netlink(7).
//!
//! Splits and classifies; whether a message answers our request, and what its absence means, is
//! decided in `source::sock_diag`.

use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NetlinkBuffer,
};

/// One message, borrowed from the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The sequence number of the request it answers.
    pub sequence: u32,
    /// The port of the socket it is addressed to.
    pub port: u32,
    /// Whether the kernel's table changed during the dump (NLM_F_DUMP_INTR).
    pub interrupted: bool,
    /// Its content.
    pub payload: Payload<'a>,
}

/// The content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The type of a request, and the bytes that answer it.
    Record {
        /// The type of the request.
        message_type: u16,
        /// The record.
        bytes: &'a [u8],
    },
    /// The end of a dump.
    Done {
        /// Why it failed; else 0.
        errno: i32,
    },
    /// A refusal, or an acknowledgement.
    Error {
        /// Why it was refused; 0 for an acknowledgement.
        errno: i32,
    },
    /// Messages were lost before this one.
    Overrun,
    /// Nothing.
    Noop,
}

/// Iterates over the messages of a datagram. A message whose length does not fit ends the
/// iteration with an error, because nothing after it can be found.
#[derive(Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Those of a datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Messages { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = match NetlinkBuffer::new_checked(self.rest) {
            Ok(message) => message,
            Err(error) => {
                self.rest = &[];
                return Some(Err(format!("netlink header: {error}")));
            }
        };
        // Messages begin at multiples of four; the padding after the last one may be missing.
        let end = (message.length() as usize).next_multiple_of(4);
        let decoded = decode_message(&message);
        self.rest = self.rest.get(end..).unwrap_or(&[]);
        Some(Ok(decoded))
    }
}

fn decode_message<'a>(message: &NetlinkBuffer<&'a [u8]>) -> Message<'a> {
    let bytes = message.payload();
    let payload = match message.message_type() {
        NLMSG_NOOP => Payload::Noop,
        NLMSG_OVERRUN => Payload::Overrun,
        NLMSG_DONE => Payload::Done {
            // Absent on kernels that end a dump with an empty message.
            errno: decode_errno(bytes).unwrap_or(0),
        },
        NLMSG_ERROR => Payload::Error {
            // A refusal too short for an errno is still a refusal: EPROTO.
            errno: decode_errno(bytes).unwrap_or(rustix::io::Errno::PROTO.raw_os_error()),
        },
        message_type => Payload::Record {
            message_type,
            bytes,
        },
    };
    Message {
        sequence: message.sequence_number(),
        port: message.port_number(),
        interrupted: message.flags() & NLM_F_DUMP_INTR != 0,
        payload,
    }
}

/// The errno at the start of a DONE or ERROR message, sent negative.
fn decode_errno(bytes: &[u8]) -> Option<i32> {
    bytes
        .first_chunk()
        .map(|errno| i32::from_ne_bytes(*errno).saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(message_type: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        crate::source::wire::testing::message(message_type, flags, (5, 9), body)
    }

    fn payloads(datagram: &[u8]) -> Vec<Payload<'_>> {
        Messages::new(datagram)
            .map(|message| message.unwrap().payload)
            .collect()
    }

    #[test]
    fn the_ends_of_a_dump_carry_the_errno_as_a_positive_number() {
        let refusal = message(NLMSG_ERROR, 0, &(-2i32).to_ne_bytes());
        let end = message(NLMSG_DONE, 0, &(-105i32).to_ne_bytes());
        assert_eq!(payloads(&refusal), [Payload::Error { errno: 2 }]);
        assert_eq!(payloads(&end), [Payload::Done { errno: 105 }]);
        let lowest = message(NLMSG_DONE, 0, &i32::MIN.to_ne_bytes());
        assert_eq!(payloads(&lowest), [Payload::Done { errno: i32::MAX }]);
    }

    #[test]
    fn a_done_without_an_errno_is_a_good_end_and_an_error_without_one_a_refusal() {
        assert_eq!(
            payloads(&message(NLMSG_DONE, 0, &[])),
            [Payload::Done { errno: 0 }]
        );
        assert_eq!(
            payloads(&message(NLMSG_ERROR, 0, &[1, 2])),
            [Payload::Error { errno: 71 }]
        );
    }

    #[test]
    fn unpadded_messages_follow_each_other_at_multiples_of_four() {
        let mut datagram = message(20, 0x10, &[1, 2, 3]);
        datagram.push(0);
        datagram.extend(message(NLMSG_OVERRUN, 0, &[]));
        let messages: Vec<_> = Messages::new(&datagram).map(Result::unwrap).collect();
        assert!(messages[0].interrupted && !messages[1].interrupted);
        assert_eq!((messages[0].sequence, messages[0].port), (5, 9));
        assert_eq!(
            messages[0].payload,
            Payload::Record {
                message_type: 20,
                bytes: &[1, 2, 3]
            }
        );
        assert_eq!(messages[1].payload, Payload::Overrun);
    }

    #[test]
    fn a_length_that_does_not_fit_ends_the_datagram_with_an_error() {
        for length in [0u32, 15, 100, u32::MAX] {
            let mut datagram = message(20, 0, &[0; 4]);
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            let mut messages = Messages::new(&datagram);
            assert!(messages.next().unwrap().is_err(), "{length}");
            assert!(messages.next().is_none(), "{length}");
        }
    }

    #[test]
    fn every_truncation_of_a_datagram_ends_in_an_error_or_at_a_border() {
        let mut datagram = message(20, 0, &[7; 72]);
        datagram.extend(message(NLMSG_DONE, 0, &0i32.to_ne_bytes()));
        for length in 0..=datagram.len() {
            let read: Vec<_> = Messages::new(&datagram[..length]).collect();
            let at_a_border = [0, 88, datagram.len()].contains(&length);
            assert_eq!(read.iter().all(Result::is_ok), at_a_border, "{length}");
        }
    }
}
