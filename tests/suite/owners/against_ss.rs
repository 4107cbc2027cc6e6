//! The same holders as ss(8) finds, socket by socket.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::holder::Holder;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip_or_fail;

/// Local and remote port, and who holds the socket by which descriptor.
type Found = BTreeMap<(u16, u16), Vec<(u32, u32)>>;

in_namespace!(
    fn ss_finds_the_same_processes_and_descriptors() {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut kept = Vec::new();
        for (number, listener) in listeners.iter().enumerate() {
            for _ in 0..4 {
                let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (far, _) = listener.accept().unwrap();
                kept.extend((0..number).map(|_| Holder::of(&far)));
                kept.push(Holder::of(&near));
            }
        }
        let json = run(["list", "-p", "--json"]).succeeded();
        let ours: Found = Listed::all(&json)
            .0
            .iter()
            .map(|socket| {
                let holders = socket.processes.iter().flatten();
                let holders = holders.map(|holder| (holder.pid, holder.fd)).collect();
                ((socket.local_port, socket.remote_port), holders)
            })
            .collect();
        assert_eq!(ours, by_ss());
        assert_eq!(ours.values().flatten().count(), 3 + kept.len());
    }
);

fn by_ss() -> Found {
    let output = Command::new("ss")
        .arg("-Htanp")
        .output()
        .unwrap_or_else(|error| skip_or_fail("ss", &error));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let port = |word: &str| {
                let port = word.rsplit(':').next().unwrap();
                port.parse().unwrap_or(0)
            };
            let number = |key: &str, text: &str| {
                let number = text.split(key).nth(1).unwrap();
                let end = number.find(|c: char| !c.is_ascii_digit());
                number[..end.unwrap_or(number.len())].parse().unwrap()
            };
            let users = words.get(5).copied().unwrap_or_default();
            let mut holders: Vec<(u32, u32)> = users
                .split("),(")
                .filter(|user| !user.is_empty())
                .map(|user| (number("pid=", user), number("fd=", user)))
                .collect();
            holders.sort_unstable();
            ((port(words[3]), port(words[4])), holders)
        })
        .collect()
}
