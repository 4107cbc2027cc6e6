//! The kinds of sockets: what a protocol is called here, in messages and in files of /proc.

/// A kind of socket. One so far; what depends on the kind asks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// TCP over IPv4 and IPv6.
    #[default]
    Tcp,
}

impl Kind {
    /// The name in /etc/services, services(5), and of the IPv4 table in `net` of proc(5): `tcp`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Tcp => "tcp",
        }
    }

    /// The name in messages: `TCP`.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::Tcp => "TCP",
        }
    }
}
