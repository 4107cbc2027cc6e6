//! Connections without keepalive that were used lately. That they are silent for an hour is played in
//! the unit tests of the rule: the kernel counts these times from the handshake on, in ticks of a clock
//! that neither a socket option nor a time namespace changes.

use std::net::TcpStream;

use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::{Behaviour, Family, Peer};

in_namespace!(
    fn a_fresh_crowd_without_keepalive_is_no_finding() {
        let _peers = Peer::open();
        let address = Peer::address(Behaviour::HandshakeOnly, Family::V4);
        let crowd: Vec<TcpStream> = (0..220)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let report = Report::after("0.1");
        assert!(report.findings.is_empty(), "{report:?}");
        assert!(report.examined.contains(&"silent".to_owned()));
        drop(crowd);
    }
);
