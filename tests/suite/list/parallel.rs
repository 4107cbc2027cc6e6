//! A large table is dumped in two halves in parallel where order does not matter, with the same
//! result.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};

use super::row::Listed;
use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::raise_file_limit;

/// With their listeners, more sockets than the threshold of a parallel dump.
const PAIRS: usize = 5_100;

/// Both ends of connections over IPv4 and IPv6.
fn open_connections() -> Vec<TcpStream> {
    raise_file_limit();
    let mut ends = Vec::new();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        for _ in 0..PAIRS / 2 {
            ends.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            ends.push(listener.accept().unwrap().0);
        }
    }
    ends
}

in_namespace!(
    fn a_large_table_dumped_in_parallel_is_counted_completely() {
        let ends = open_connections();
        let ran = run(["-v", "--json", "--by", "remote-port,remote-addr"]);
        let cores = std::thread::available_parallelism().unwrap().get();
        let halved = ran.stderr.contains("in two parallel dumps");
        assert_eq!(halved, cores > 1, "{}", ran.stderr);
        let groups = Answer::of(&ran);
        assert_eq!(groups.total, ends.len());
        let mut listed: BTreeMap<(u64, String), usize> = BTreeMap::new();
        for socket in Listed::all(&run(["list", "--json"]).succeeded()).0 {
            let peer = (socket.remote_port.into(), socket.remote_addr);
            *listed.entry(peer).or_default() += 1;
        }
        let grouped = groups.groups.into_iter().map(|group| {
            let port = group.key["remote_port"].as_u64().unwrap();
            let address = group.key["remote_addr"].as_str().unwrap().to_owned();
            ((port, address), group.total)
        });
        assert_eq!(grouped.collect::<BTreeMap<_, _>>(), listed);
        let ran = run(["-v", "--json", "--source", "netlink"]);
        assert_eq!(ran.stderr.contains("in two parallel dumps"), cores > 1);
        assert_eq!(Answer::of(&ran).total, ends.len());
    }
);
