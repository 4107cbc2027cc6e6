//! UNIX sockets, unix(7): their names, and what is at the other end.
//!
//! Names are untrusted bytes: of a path all but NUL, of the abstract namespace every byte. How they are
//! escaped is decided by `output`.

use std::fmt;

/// What a UNIX socket is bound to and connected to, as far as it was requested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UnixEnds {
    /// Its own name; that of its listener for a connection that was accepted.
    pub name: UnixName,
    /// The other end; `None` if it was not requested, and from /proc, which does not report it.
    pub peer: Option<UnixPeer>,
    /// What was shut down; `None` from /proc.
    pub shutdown: Option<UnixShutdown>,
    /// Of a listener, the inodes of the clients in its accept queue; 0 for one that has closed. Empty
    /// if they were not requested.
    pub clients: Box<[u32]>,
}

/// The name a UNIX socket is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixName {
    /// Not bound, or not requested.
    #[default]
    Unnamed,
    /// A path in the file system, up to its NUL; any bytes.
    Path(Box<[u8]>),
    /// A name in the abstract namespace, without the leading NUL; any bytes, NUL included.
    Abstract(Box<[u8]>),
}

impl UnixName {
    /// The name in the bytes of `sun_path` of `struct sockaddr_un` (linux/un.h).
    pub fn parse(bytes: &[u8]) -> UnixName {
        match bytes.split_first() {
            None => UnixName::Unnamed,
            Some((0, name)) => UnixName::Abstract(name.into()),
            Some(_) => {
                let path = bytes.split(|byte| *byte == 0).next();
                UnixName::Path(path.unwrap_or(bytes).into())
            }
        }
    }

    /// The bytes, without what distinguishes an abstract name; `None` for a socket without one.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            UnixName::Unnamed => None,
            UnixName::Path(bytes) | UnixName::Abstract(bytes) => Some(bytes),
        }
    }

    /// The word for its name space; `None` for a socket without a name.
    pub fn space(&self) -> Option<&'static str> {
        match self {
            UnixName::Unnamed => None,
            UnixName::Path(_) => Some("path"),
            UnixName::Abstract(_) => Some("abstract"),
        }
    }
}

/// The other end of a UNIX socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixPeer {
    /// Connected to nothing.
    None,
    /// Connected to a listener whose program has not accepted yet.
    Waiting,
    /// The other end was closed, and this one was not.
    Gone,
    /// The socket with this inode.
    Inode(u32),
}

impl UnixPeer {
    /// The words for those without an inode.
    const WORDS: [(&'static str, UnixPeer); 3] = [
        ("none", UnixPeer::None),
        ("waiting", UnixPeer::Waiting),
        ("gone", UnixPeer::Gone),
    ];

    /// What a word or an inode means, in any case.
    pub fn parse(word: &str) -> Option<UnixPeer> {
        let mut words = UnixPeer::WORDS.iter();
        let named = words.find(|(name, _)| name.eq_ignore_ascii_case(word));
        let inode = || word.parse().ok().filter(|inode| *inode != 0);
        named.map_or_else(|| inode().map(UnixPeer::Inode), |(_, peer)| Some(*peer))
    }

    /// The inode of the other end, if it has one.
    pub fn inode(self) -> Option<u32> {
        match self {
            UnixPeer::Inode(inode) => Some(inode),
            UnixPeer::None | UnixPeer::Waiting | UnixPeer::Gone => None,
        }
    }
}

impl fmt::Display for UnixPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixPeer::Inode(inode) => write!(f, "{inode}"),
            UnixPeer::None => f.write_str("none"),
            UnixPeer::Waiting => f.write_str("waiting"),
            UnixPeer::Gone => f.write_str("gone"),
        }
    }
}

/// The directions of a UNIX socket that were shut down, shutdown(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixShutdown {
    /// Neither.
    None,
    /// Nothing more can be received: the peer shut its side down.
    Receive,
    /// Nothing more can be sent: this side was shut down.
    Send,
    /// Both.
    Both,
}

impl UnixShutdown {
    /// Every one.
    pub const ALL: [UnixShutdown; 4] = [
        UnixShutdown::None,
        UnixShutdown::Receive,
        UnixShutdown::Send,
        UnixShutdown::Both,
    ];

    /// The directions of these bits, `RCV_SHUTDOWN` and `SEND_SHUTDOWN` (net/sock.h).
    pub fn of_bits(bits: u8) -> UnixShutdown {
        match bits & 3 {
            0 => UnixShutdown::None,
            1 => UnixShutdown::Receive,
            2 => UnixShutdown::Send,
            _ => UnixShutdown::Both,
        }
    }

    /// The word for them.
    pub fn name(self) -> &'static str {
        match self {
            UnixShutdown::None => "none",
            UnixShutdown::Receive => "receive",
            UnixShutdown::Send => "send",
            UnixShutdown::Both => "both",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_at_its_nul_and_an_abstract_name_does_not() {
        let path = |name: &[u8]| UnixName::Path(name.into());
        assert_eq!(UnixName::parse(b""), UnixName::Unnamed);
        assert_eq!(UnixName::parse(b"/run/a\0"), path(b"/run/a"));
        assert_eq!(UnixName::parse(b"/run/a\0b\0"), path(b"/run/a"));
        assert_eq!(UnixName::parse(b"@x"), path(b"@x"));
        assert_eq!(UnixName::parse(&[0xff; 108]), path(&[0xff; 108]));
        let name = UnixName::parse(b"\0a\0b\0");
        assert_eq!(name, UnixName::Abstract(b"a\0b\0".as_slice().into()));
        assert_eq!(UnixName::parse(b"\0").bytes(), Some(&b""[..]));
    }

    #[test]
    fn every_peer_is_parsed_from_what_is_printed() {
        for peer in [
            UnixPeer::None,
            UnixPeer::Waiting,
            UnixPeer::Gone,
            UnixPeer::Inode(u32::MAX),
        ] {
            assert_eq!(UnixPeer::parse(&peer.to_string()), Some(peer));
        }
        for word in ["", "0", "4294967296", "-1", "some"] {
            assert_eq!(UnixPeer::parse(word), None, "{word}");
        }
    }
}
