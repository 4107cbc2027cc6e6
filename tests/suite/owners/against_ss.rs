//! The owners of each socket equal those shown by ss(8).

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};

use super::holder::Holder;
use crate::child::run_tool;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;

/// Local and remote port, and the owners as process and descriptor.
type Owners = BTreeMap<(u16, u16), Vec<(u32, u32)>>;

in_namespace!(
    fn ss_finds_the_same_processes_and_descriptors() {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut holders = Vec::new();
        for (number, listener) in listeners.iter().enumerate() {
            for _ in 0..4 {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (server, _) = listener.accept().unwrap();
                holders.extend((0..number).map(|_| Holder::of(&server)));
                holders.push(Holder::of(&client));
            }
        }
        let json = run(["list", "-p", "--json"]).succeeded();
        let ours: Owners = Listed::all(&json)
            .0
            .iter()
            .map(|socket| {
                let processes = socket.processes.iter().flatten();
                let processes = processes.map(|one| (one.pid, one.fd.unwrap())).collect();
                ((socket.local_port, socket.remote_port), processes)
            })
            .collect();
        assert_eq!(ours, by_ss());
        assert_eq!(ours.values().flatten().count(), 3 + holders.len());
    }
);

fn by_ss() -> Owners {
    let text = run_tool("ss", ["-Htanp"]);
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
