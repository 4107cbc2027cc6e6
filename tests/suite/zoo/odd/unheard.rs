//! Connections that send to a peer that hears nothing: what they send is never acknowledged.
//!
//! tcp(7); RFC 6298 for when it is sent again.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use crate::zoo::manner::Manner;
use crate::zoo::sockets::open_connection;
use crate::zoo::{Family, Peer};

/// A connection with a send queue that is full of bytes, and how many they are: more than may be
/// on their way at a time.
pub(crate) fn full_queue(_peer: &Peer, family: Family) -> (TcpStream, usize) {
    let mut stream = open_connection(Peer::service(Manner::Deaf, family));
    stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&[b'x'; 4096]) {
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (stream, written),
            Err(error) => panic!("{error}"),
        }
    }
}
