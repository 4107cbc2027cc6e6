//! UNIX sockets of every type in every situation, and with names that no one would choose.

use std::os::fd::OwnedFd;

use rustix::fs::fstat;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept,
    bind, connect, listen, recv, send, shutdown, socket_with, socketpair,
};
use tempfile::TempDir;

/// Names, a first NUL being that of the abstract namespace, and how each is shown.
pub(super) const HOSTILE: [(&[u8], &str); 20] = [
    (b"line\nend", r"line\x0aend"),
    (b"\nfeffffff: 00000002", r"\x0afeffffff:\x2000000002"),
    (b"end\n\n", r"end\x0a\x0a"),
    (b"esc\x1b[31m", r"esc\x1b[31m"),
    (b"\xff\xfe", r"\xff\xfe"),
    (b"@path", r"\x40path"),
    (b"\0path", "@path"),
    (b"\0a\0b", r"@a\x00b"),
    (b"a b,c", r"a\x20b,c"),
    (b"\"quo\\te\"", r#"\x22quo\\te""#),
    (b"-", r"\x2d"),
    (b"TOTAL", r"\x54OTAL"),
    ("é\u{202e}".as_bytes(), r"é\u{202e}"),
    // Words of the language of filters.
    (b"not", "not"),
    (b"state", "state"),
    (b"(", "("),
    (b"*", "*"),
    // All of `sun_path`, with no NUL behind it, and in the abstract namespace.
    (
        &[b'm'; 108],
        "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm",
    ),
    (
        b"\0ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo",
        "@ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo",
    ),
    (
        &[b'n'; 107],
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    ),
];

/// The sockets, which are closed with it. Of their clients, 4 wait in accept queues and 4 have peers that
/// are gone.
pub(super) struct UnixZoo {
    sockets: Vec<OwnedFd>,
    _folder: TempDir,
}

fn socket(kind: SocketType) -> OwnedFd {
    socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

/// The address of this name; a first NUL is that of the abstract namespace.
fn address(name: &[u8]) -> SocketAddrUnix {
    match name.split_first() {
        Some((0, name)) => SocketAddrUnix::new_abstract_name(name).unwrap(),
        _ => SocketAddrUnix::new(name).unwrap(),
    }
}

impl UnixZoo {
    /// Opens them, in a folder that becomes the current one.
    pub(super) fn open() -> UnixZoo {
        let folder = tempfile::tempdir().unwrap();
        std::env::set_current_dir(folder.path()).unwrap();
        let mut zoo = UnixZoo {
            sockets: Vec::new(),
            _folder: folder,
        };
        zoo.connections(SocketType::STREAM, b"stream");
        zoo.connections(SocketType::SEQPACKET, b"seqpacket");
        zoo.listener(SocketType::STREAM, b"\0full", 1);
        for _ in 0..2 {
            zoo.client(SocketType::STREAM, b"\0full");
        }
        zoo.datagrams();
        for (name, _) in HOSTILE {
            zoo.named(SocketType::DGRAM, name);
        }
        zoo
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether one of them has this inode: starting a program makes others for a moment.
    pub(super) fn has(&self, inode: u64) -> bool {
        let mut inodes = self
            .sockets
            .iter()
            .map(|socket| fstat(socket).unwrap().st_ino);
        inodes.any(|own| own == inode)
    }

    fn keep(&mut self, socket: OwnedFd) -> &OwnedFd {
        self.sockets.push(socket);
        self.sockets.last().unwrap()
    }

    fn named(&mut self, kind: SocketType, name: &[u8]) -> &OwnedFd {
        let socket = self.keep(socket(kind));
        bind(socket, &address(name)).unwrap();
        socket
    }

    fn listener(&mut self, kind: SocketType, name: &[u8], backlog: i32) -> usize {
        listen(self.named(kind, name), backlog).unwrap();
        self.sockets.len() - 1
    }

    fn client(&mut self, kind: SocketType, name: &[u8]) -> &OwnedFd {
        let client = self.keep(socket(kind));
        connect(client, &address(name)).unwrap();
        client
    }

    /// Accepted with unread data, waiting, with a peer that is gone, half closed, unconnected.
    fn connections(&mut self, kind: SocketType, name: &[u8]) {
        let listener = self.listener(kind, name, 5);
        send(self.client(kind, name), b"hello", SendFlags::empty()).unwrap();
        let accepted = |zoo: &UnixZoo| accept(&zoo.sockets[listener]).unwrap();
        let server = accepted(self);
        self.keep(server);
        self.client(kind, name);
        drop(accepted(self));
        self.client(kind, name);
        shutdown(self.client(kind, name), Shutdown::Write).unwrap();
        // The one that was third in the queue.
        let server = accepted(self);
        self.keep(server);
        self.keep(socket(kind));
    }

    /// A receiver with two unread messages, one that is gone, and pairs.
    fn datagrams(&mut self) {
        let kind = SocketType::DGRAM;
        self.named(kind, b"receiver");
        let client = self.client(kind, b"receiver");
        for message in [&[7; 10][..], &[8; 20]] {
            send(client, message, SendFlags::empty()).unwrap();
        }
        let closed = socket(kind);
        bind(&closed, &address(b"closed")).unwrap();
        self.client(kind, b"closed");
        drop(closed);
        let flags = SocketFlags::CLOEXEC;
        let pair = |kind| socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let (first, second) = pair(kind);
        send(&first, b"ping", SendFlags::empty()).unwrap();
        recv(&second, &mut [0; 4], RecvFlags::empty()).unwrap();
        self.sockets.extend([first, second]);
        let (left, closed) = pair(SocketType::STREAM);
        drop(closed);
        self.keep(left);
    }
}
