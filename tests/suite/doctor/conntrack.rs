//! Packets that connection tracking drops, because source NAT gives every connection one port. How full a
//! table is has its tests with a copied tree: the maximum is that of the whole host, which no test may
//! lower.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::child::{self, Start};
use crate::namespace::in_namespace;
use crate::skip::skip;
use crate::wait::Repeated;
use crate::zoo::begin_connection;

const ID: &str = "conntrack";

/// Makes all connections to this port come from one.
fn translate(port: u16) {
    let rules = format!(
        "add table ip nat; add chain ip nat post {{ type nat hook postrouting priority 100; }}; add rule ip nat post tcp dport {port} snat to 127.0.0.1:5000"
    );
    match child::command("nft").arg(&rules).run_to_end() {
        Ok(output) if output.status.success() => {}
        Ok(output) => skip(format!(
            "nft cannot translate addresses: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => skip(format!("cannot run nft: {error}")),
    }
}

in_namespace!(
    fn packets_that_source_nat_gives_no_entry_in_the_table_are_reported() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        translate(address.port());
        let first = TcpStream::connect(address).unwrap();
        let served = listener.accept().unwrap();
        assert_eq!(served.1.port(), 5000);
        let attempts = Repeated::start(move || {
            let _open: Vec<OwnedFd> = (0..5).map(|_| begin_connection(address)).collect();
            sleep(Duration::from_millis(50));
        });
        let report = Report::until_from(
            || Report::after("1"),
            |report| !report.findings_of(ID).is_empty(),
        );
        let found = report.finding(ID);
        assert_eq!(found.severity, "WARNING", "{found:?}");
        assert!(found.title.contains("were dropped in "), "{found:?}");
        assert!(found.value >= Some(10.0), "{found:?}");
        for counter in ["nf_conntrack drop", "nf_conntrack insert_failed"] {
            let dropped = format!("{counter} grew by {}", found.value.unwrap());
            assert!(found.evidence[0].contains(&dropped), "{found:?}");
        }
        assert_commands_run(found);
        drop((attempts, first, served));
    }
);
