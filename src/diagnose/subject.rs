//! What findings are about, in titles, filters and JSON.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Field, Label, Service};

/// An address as a filter takes it: an IPv6 address needs brackets, or its end may be a port.
pub(super) fn address_word(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The filter for the connections of a service.
pub(super) fn service_test(service: Service) -> String {
    match service {
        Service::Served(port) => format!("sport = {port}"),
        Service::Used(peer) => format!("dst {peer}"),
    }
}

/// The connections of a service, in a title: `inbound connections to port 80`.
pub(super) fn service_text(service: Service) -> String {
    match service {
        Service::Served(port) => format!("inbound connections to port {port}"),
        Service::Used(peer) => format!("outbound connections to {peer}"),
    }
}

/// The subject of a finding about a service.
pub(super) fn service_subject(service: Service) -> Vec<(Field, Label)> {
    match service {
        Service::Served(port) => vec![(Field::LocalPort, Label::Number(port.into()))],
        Service::Used(peer) => peer_subject(peer),
    }
}

/// The subject of a finding about a listener.
pub(super) fn listener_subject(local: SocketAddr) -> Vec<(Field, Label)> {
    vec![
        (Field::LocalAddr, Label::Text(local.ip().to_string())),
        (Field::LocalPort, Label::Number(local.port().into())),
    ]
}

/// The subject of a finding about a destination.
pub(super) fn peer_subject(peer: SocketAddr) -> Vec<(Field, Label)> {
    vec![
        (Field::RemoteAddr, Label::Text(peer.ip().to_string())),
        (Field::RemotePort, Label::Number(peer.port().into())),
    ]
}
