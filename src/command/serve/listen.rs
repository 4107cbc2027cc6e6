//! The sockets that are listened on: those that the service manager passes (sd_listen_fds(3)), or the
//! addresses of `--listen`. Accepts nothing.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use listenfd::ListenFd;
use rustix::io::Errno;
use rustix::net::sockopt::socket_acceptconn;

use crate::cli::{ListenOn, Place};
use crate::command::outcome::Failure;

/// Where it listens unless `--listen` says otherwise. In the range of exporters that have a default, and
/// outside of that for outgoing connections.
const PORT: u16 = 10_227;

/// The sockets, and whether the service manager passed them.
pub(super) type Opened = (Vec<TcpListener>, bool);

/// Opens them; `typed` are those of `--listen`.
///
/// # Errors
/// One line that names the address, and the reason.
pub(super) fn open(typed: &[ListenOn]) -> Result<Opened, Failure> {
    let (listeners, are_passed) = match passed()? {
        passed if passed.is_empty() => (bind_all(typed)?, false),
        _ if !typed.is_empty() => {
            return Err(Failure::Usage(
                "--listen and sockets that the service manager passes exclude each other: remove one of the two"
                    .to_owned(),
            ));
        }
        passed => (passed, true),
    };
    for listener in &listeners {
        listener
            .set_nonblocking(true)
            .map_err(Failure::to("prepare a socket"))?;
    }
    Ok((listeners, are_passed))
}

/// Those that the service manager passes.
fn passed() -> Result<Vec<TcpListener>, Failure> {
    let mut descriptors = ListenFd::from_env();
    let all = (0..descriptors.len()).map(|number| {
        let listener = descriptors.take_tcp_listener(number);
        let listener = listener.map_err(Failure::to("use a socket of the service manager"))?;
        match listener.as_ref().map(socket_acceptconn) {
            Some(Ok(false)) => Err(Failure::Listen(
                "a socket of the service manager does not listen: its unit needs Accept=no"
                    .to_owned(),
            )),
            _ => Ok(listener),
        }
    });
    let all: Result<Vec<Option<TcpListener>>, Failure> = all.collect();
    Ok(all?.into_iter().flatten().collect())
}

fn bind_all(typed: &[ListenOn]) -> Result<Vec<TcpListener>, Failure> {
    let usual = [ListenOn {
        place: Place::Loopback,
        port: PORT,
    }];
    let requested = if typed.is_empty() { &usual[..] } else { typed };
    let mut listeners = Vec::new();
    for on in requested {
        match on.place {
            Place::One(address) => listeners.push(bind(address)?),
            Place::Loopback => {
                let v4 = bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), on.port))?;
                let port = v4.local_addr().map_or(on.port, |local| local.port());
                listeners.push(v4);
                listeners.extend(bind_if_there(Ipv6Addr::LOCALHOST.into(), port)?);
            }
            Place::Everywhere => {
                // This one usually takes IPv4 too, ipv6(7).
                let v6 = bind_if_there(Ipv6Addr::UNSPECIFIED.into(), on.port)?;
                let port = v6.iter().find_map(|v6| Some(v6.local_addr().ok()?.port()));
                let both = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port.unwrap_or(on.port));
                match TcpListener::bind(both) {
                    Ok(v4) => listeners.push(v4),
                    Err(error) if v6.is_some() && error.kind() == ErrorKind::AddrInUse => {}
                    Err(error) => return Err(failed(both, &error)),
                }
                listeners.extend(v6);
            }
        }
    }
    Ok(listeners)
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| failed(address, &error))
}

/// The same; `None` on a host without IPv6, or without its loopback address.
fn bind_if_there(address: IpAddr, port: u16) -> Result<Option<TcpListener>, Failure> {
    match TcpListener::bind((address, port)) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if lacks_family(&error) => Ok(None),
        Err(error) => Err(failed(SocketAddr::new(address, port), &error)),
    }
}

fn lacks_family(error: &io::Error) -> bool {
    let lacks = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL];
    Errno::from_io_error(error).is_some_and(|errno| lacks.contains(&errno))
}

fn failed(address: SocketAddr, error: &io::Error) -> Failure {
    let port = address.port();
    let remedies = [
        (
            ErrorKind::AddrInUse,
            format!("; tcpstates list -lp sport = :{port} shows which process does"),
        ),
        (
            ErrorKind::AddrNotAvailable,
            "; no interface of this host has it".to_owned(),
        ),
        (
            ErrorKind::InvalidInput,
            "; a link-local address needs the number of its interface, as in [fe80::1%2]:10227"
                .to_owned(),
        ),
        (
            ErrorKind::PermissionDenied,
            "; ports below 1024 need CAP_NET_BIND_SERVICE".to_owned(),
        ),
    ];
    let remedy = remedies.into_iter().find(|(kind, _)| *kind == error.kind());
    let remedy = remedy.map(|(_, remedy)| remedy).unwrap_or_default();
    Failure::Listen(format!("{address}: {error}{remedy}"))
}

/// The addresses of the listeners, and how other hosts could connect if these are loopback addresses.
pub(super) fn describe((listeners, are_passed): &Opened) -> String {
    let addresses: Vec<SocketAddr> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .collect();
    let is_local = addresses.iter().all(|address| address.ip().is_loopback());
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let remedy = match (is_local, *are_passed) {
        (true, false) => "; for other hosts: --listen ADDRESS:PORT",
        (true, true) => "; for other hosts: another ListenStream= in the unit of the socket",
        (false, _) => "",
    };
    format!("listening on {}{remedy}", addresses.join(" and "))
}
