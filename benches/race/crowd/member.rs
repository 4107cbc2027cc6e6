//! One process of the crowd: makes its share of the sockets, says so, holds them until its standard
//! input ends. It is told everything by its arguments and knows nothing of the race.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::recipe::Share;
use crate::fault::{During, Fault};

/// The kernel looks for a free client port from a random start; past a quarter of the range in use
/// for one listening port it would search long.
const MOST_FOR_ONE_PORT: u64 = 12_000;

/// A member's place in the crowd, as its command line says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) v6: bool,
    /// Its listening ports begin here; nobody else's lie among them.
    pub(crate) first_port: u16,
    pub(crate) share: Share,
}

impl Place {
    pub(crate) fn to_arguments(self) -> Vec<String> {
        let family = if self.v6 { "6" } else { "4" };
        let Share {
            pairs,
            half_closed,
            time_wait,
            listeners,
        } = self.share;
        let numbers = [pairs, half_closed, time_wait, listeners];
        [family.to_owned(), self.first_port.to_string()]
            .into_iter()
            .chain(numbers.map(|number| number.to_string()))
            .collect()
    }

    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Fault> {
        let bad = || Fault::new("a crowd member takes FAMILY PORT PAIRS HALF TIME_WAIT LISTEN");
        let [family, port, numbers @ ..] = arguments else {
            return Err(bad());
        };
        let numbers: Vec<u64> = numbers.iter().filter_map(|n| n.parse().ok()).collect();
        let [pairs, half_closed, time_wait, listeners] = *numbers.as_slice() else {
            return Err(bad());
        };
        Ok(Self {
            v6: family == "6",
            first_port: port.parse().map_err(|_| bad())?,
            share: Share {
                pairs,
                half_closed,
                time_wait,
                listeners,
            },
        })
    }

    pub(super) fn address(self) -> IpAddr {
        if self.v6 {
            Ipv6Addr::LOCALHOST.into()
        } else {
            Ipv4Addr::LOCALHOST.into()
        }
    }
}

/// Runs a member: `held` once its lasting sockets stand, then TIME_WAIT when a byte on standard
/// input says so, then `ready`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Fault> {
    let place = Place::parse(arguments)?;
    raise_descriptor_limit();
    let mut door = Door::new(place, MOST_FOR_ONE_PORT);
    let mut held = Vec::new();
    for _ in 0..place.share.pairs {
        held.push(door.connect()?);
    }
    for _ in 0..place.share.half_closed {
        let (client, server) = door.connect()?;
        client
            .shutdown(Shutdown::Write)
            .during("closing one half")?;
        held.push((client, server));
    }
    for (client, server) in &held {
        forget_on_close(client)?;
        forget_on_close(server)?;
    }
    let listeners = listen(place)?;
    say("held\n")?;
    if wait_for_word()? {
        for _ in 0..place.share.time_wait {
            // The end that closes first keeps the TIME_WAIT.
            let (client, server) = door.connect()?;
            drop(client);
            drop(server);
        }
        drop(door);
        say("ready\n")?;
        wait_for_word()?;
    }
    drop((held, listeners));
    Ok(())
}

/// Makes loopback connections, moving to another listening port when one has served enough.
pub(super) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    served: u64,
    most_for_one_port: u64,
}

impl Door {
    pub(super) fn new(place: Place, most_for_one_port: u64) -> Self {
        Self {
            address: SocketAddr::new(place.address(), place.first_port),
            listener: None,
            served: 0,
            most_for_one_port,
        }
    }

    pub(super) fn connect(&mut self) -> Result<(TcpStream, TcpStream), Fault> {
        if self.served == self.most_for_one_port {
            self.move_on();
        }
        self.served += 1;
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => TcpListener::bind(self.address).during("listening")?,
        };
        let client = TcpStream::connect(self.address).during("connecting")?;
        let (server, _) = listener.accept().during("accepting")?;
        self.listener = Some(listener);
        Ok((client, server))
    }

    fn move_on(&mut self) {
        self.listener = None;
        self.served = 0;
        self.address.set_port(self.address.port() + 1);
    }
}

/// Ports a member needs besides those of its listeners.
pub(super) const SPARE_PORTS: u16 = 8;

/// Listeners that stay, each on a port of its own.
fn listen(place: Place) -> Result<Vec<TcpListener>, Fault> {
    (place.first_port + SPARE_PORTS..)
        .zip(0..place.share.listeners)
        .map(|(port, _)| TcpListener::bind((place.address(), port)).during("listening"))
        .collect()
}

/// Closing then sends a reset and leaves no TIME_WAIT behind: 400,000 sockets go in a second.
pub(super) fn forget_on_close(stream: &TcpStream) -> Result<(), Fault> {
    set_socket_linger(stream, Some(Duration::ZERO)).during("SO_LINGER")
}

/// The soft limit is 1,024 where nobody has changed it.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it is refused the first connection too many says so.
    let _ = setrlimit(Resource::Nofile, raised);
}

pub(super) fn say(word: &str) -> Result<(), Fault> {
    std::io::stdout()
        .write_all(word.as_bytes())
        .during("answering the race")
}

/// True when told to go on, false at the end of input: the race is over or dead.
pub(super) fn wait_for_word() -> Result<bool, Fault> {
    let mut word = [0; 1];
    let read = std::io::stdin()
        .read(&mut word)
        .during("waiting for the race")?;
    Ok(read == 1)
}
