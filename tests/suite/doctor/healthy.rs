//! Hosts that are busy and healthy: nothing is found.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread::sleep;
use std::time::Duration;

use super::report::Report;
use crate::namespace::in_namespace;
use crate::wait::{DEADLINE, Repeated};

/// How long slow programs of these scenes take; the window is a little longer.
const PACE: Duration = Duration::from_millis(300);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Clients that closed their direction, and a server that sends them something now and then.
fn half_closed_streams() -> Repeated {
    let mut pairs: Vec<(TcpStream, TcpStream)> = (0..12).map(|_| pair()).collect();
    for (client, _) in &pairs {
        client.shutdown(Shutdown::Write).unwrap();
    }
    Repeated::start(move || {
        for (client, server) in &mut pairs {
            server.write_all(b"event").unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
        }
        sleep(PACE);
    })
}

/// Twelve clients at a time that close their direction after the request and get an answer later.
fn half_closing_clients() -> [Repeated; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (clients, answered) = sync_channel::<TcpStream>(24);
    let connect = Repeated::start(move || {
        let client = TcpStream::connect(address).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // The receiver has ended at the end of the scene.
        let _ = clients.send(client);
        sleep(PACE / 12);
    });
    let mut waiting = std::collections::VecDeque::new();
    let serve = Repeated::start(move || {
        waiting.push_back(listener.accept().unwrap().0);
        if waiting.len() > 12 {
            drop(waiting.pop_front());
            let mut client = answered.recv().unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
        }
    });
    // The server first, which waits for a client.
    [serve, connect]
}

/// A writer that is faster than its reader, which reads so much at a time.
fn slow_reader(bytes: usize) -> [Repeated; 2] {
    let (mut client, mut server) = pair();
    let mut buffer = vec![0; bytes];
    let read = Repeated::start(move || {
        let _ = server.read(&mut buffer).unwrap();
        sleep(PACE);
    });
    let write = Repeated::start(move || {
        // Fails when the reader has ended.
        let _ = client.write_all(&[7; 16_384]);
    });
    [read, write]
}

in_namespace!(
    fn half_closed_connections_and_slow_readers_are_no_finding() {
        let streams = half_closed_streams();
        let clients = half_closing_clients();
        let batches = slow_reader(16 << 20);
        let throttled = slow_reader(128 << 10);
        for _ in 0..3 {
            let report = Report::after("0.4");
            assert!(report.findings.is_empty(), "{report:?}");
            assert!(report.examined.contains(&"stuck-peers".to_owned()));
            assert!(report.examined.contains(&"close-wait".to_owned()));
        }
        drop((throttled, batches, clients, streams));
    }
);
