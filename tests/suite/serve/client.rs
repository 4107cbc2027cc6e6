//! A client that speaks HTTP/1.1 as badly as a test wants, and the server it connects to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::child::{Running, Start};
use crate::program::command;
use crate::wait::DEADLINE;

/// Where the tests let it listen, each in a network namespace of its own.
pub(crate) const ADDRESS: &str = "127.0.0.1:9901";

/// The server, which is killed at the drop.
#[derive(Debug)]
pub(crate) struct Served(pub(crate) Running);

impl Served {
    /// Starts it with these options, and waits until it listens.
    #[track_caller]
    pub(crate) fn start<'a>(options: impl IntoIterator<Item = &'a str>) -> Served {
        let words = ["serve", "--listen", ADDRESS].into_iter().chain(options);
        Served::of(&mut command(words))
    }

    #[track_caller]
    pub(crate) fn of(command: &mut std::process::Command) -> Served {
        let mut running = command.start().unwrap();
        running.wait_for_stderr("tcpstates: listening on ");
        Served(running)
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        line.unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.0.id()))
            .unwrap()
            .count()
    }
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// By their names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    #[track_caller]
    pub(crate) fn connect() -> Client {
        Client::to(ADDRESS)
    }

    #[track_caller]
    pub(crate) fn to(address: &str) -> Client {
        let address: SocketAddr = address.parse().unwrap();
        let stream = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Client(stream)
    }

    /// Sends bytes; the server may have closed the connection already.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Sends a request with these headers, and reads the reply.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers: String = headers.collect();
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
        ));
        self.read_reply(method == "HEAD").unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, &[])
    }

    /// Reads a reply; `None` if the connection ends without one.
    #[track_caller]
    pub(crate) fn read_reply(&mut self, is_head: bool) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) => {
                    assert!(head.is_empty(), "{:?}", String::from_utf8_lossy(&head));
                    return None;
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<String, String> = headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map(|length| length.parse().unwrap());
        let mut body = vec![0; length.filter(|_| !is_head).unwrap_or(0)];
        self.0.read_exact(&mut body).unwrap();
        Some(Reply {
            status: status.parse().unwrap(),
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// Waits until the server has closed the connection.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        let mut bytes = [0; 4096];
        loop {
            match self.0.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the connection does not end: {error}"),
            }
        }
    }

    /// Whether the server has closed the connection by now.
    pub(crate) fn has_ended(&self) -> bool {
        self.0
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let ended = match self.0.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        self.0.set_read_timeout(Some(DEADLINE)).unwrap();
        ended
    }
}
