//! Builds what a kernel would send, for the tests of this room and of the conversation.

/// One message: header, then `body`.
pub(in crate::source) fn message(
    message_type: u16,
    flags: u16,
    (sequence, port): (u32, u32),
    body: &[u8],
) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(message_type.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// The body of a message for an IPv4 socket in the state of this number.
pub(in crate::source) fn inet_diag_msg(state: u8) -> [u8; 72] {
    let mut body = [0; 72];
    body[0] = 2;
    body[1] = state;
    body
}
