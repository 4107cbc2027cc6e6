//! What findings are about, in titles, filters and JSON.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Field, Kind, Label, ListenAddress, Service, UnixName, counted, thousands};

/// An address as a filter takes it: an IPv6 address needs brackets, or its end may be a port.
pub(super) fn address_word(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Milliseconds as seconds: `1,234.5`.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{}", thousands(ms / 1_000), ms % 1_000 / 100)
}

/// The filter for the connections of a service.
pub(super) fn service_test(service: Service) -> String {
    match service {
        Service::Served(port) => format!("sport = {port}"),
        Service::Used(peer) => format!("dst {peer}"),
    }
}

/// A number of connections of a service, in a title: `9 inbound connections to port 80`.
pub(super) fn counted_connections(number: u64, service: Service) -> String {
    let (connection, connections, to) = match service {
        Service::Served(port) => (
            "inbound connection",
            "inbound connections",
            format!("port {port}"),
        ),
        Service::Used(peer) => (
            "outbound connection",
            "outbound connections",
            peer.to_string(),
        ),
    };
    format!("{} to {to}", counted(number, connection, connections))
}

/// The subject of a finding about a service.
pub(super) fn service_subject(service: Service) -> Vec<(Field, Label)> {
    match service {
        Service::Served(port) => vec![(Field::LocalPort, Label::Number(port.into()))],
        Service::Used(peer) => peer_subject(peer),
    }
}

/// The kind of sockets in the subject of a finding, which TCP is without.
pub(super) fn kind_label(kind: Kind) -> Option<(Field, Label)> {
    let label = Label::Text(kind.name().to_owned());
    (kind != Kind::Tcp).then_some((Field::Kind, label))
}

/// The name of a UNIX socket, as titles show it: `/run/php/fpm.sock`, `@x`.
pub(super) fn name_text(name: &UnixName) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match name {
        UnixName::Unnamed => "a UNIX socket without a name".to_owned(),
        UnixName::Path(bytes) => text(bytes),
        UnixName::Abstract(bytes) => format!("@{}", text(bytes)),
    }
}

/// The pattern of this name alone, as a filter takes it.
pub(super) fn name_test(name: &UnixName) -> String {
    let mut pattern = match name {
        UnixName::Abstract(_) => "@".to_owned(),
        UnixName::Unnamed | UnixName::Path(_) => String::new(),
    };
    for byte in name.bytes().unwrap_or_default() {
        match *byte {
            plain if plain.is_ascii_alphanumeric() || b"/._-+:".contains(&plain) => {
                pattern.push(plain.into());
            }
            other => pattern.push_str(&format!("\\x{other:02x}")),
        }
    }
    pattern
}

/// The subject of a finding about a listener.
pub(super) fn listener_subject(address: &ListenAddress) -> Vec<(Field, Label)> {
    let ListenAddress {
        local,
        interface,
        v6only,
    } = address;
    let mut subject = vec![
        (Field::LocalAddr, Label::Text(local.ip().to_string())),
        (Field::LocalPort, Label::Number(local.port().into())),
    ];
    let interface = interface.clone().map(Label::Text);
    subject.extend(interface.map(|name| (Field::Interface, name)));
    subject.extend(v6only.map(|only| (Field::V6Only, Label::Flag(only))));
    subject
}

/// The subject of a finding about a destination.
pub(super) fn peer_subject(peer: SocketAddr) -> Vec<(Field, Label)> {
    vec![
        (Field::RemoteAddr, Label::Text(peer.ip().to_string())),
        (Field::RemotePort, Label::Number(peer.port().into())),
    ]
}

/// How many of some come from one source, after how many sources there are.
pub(super) fn most_of_them(most: Option<(IpAddr, u64)>, sources: usize) -> String {
    match most {
        None => String::new(),
        Some((_, 0..=1)) if sources == 1 => String::new(),
        Some((_, 0..=1)) => ", at most one from each".to_owned(),
        Some((source, most)) => format!(", {} of them from {source}", thousands(most)),
    }
}
