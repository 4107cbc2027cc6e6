//! TIME_WAIT at its limit, which is made small.

use std::net::{TcpListener, TcpStream};

use super::report::Report;
use crate::namespace::in_namespace;
use crate::zoo::sysctl::write_sysctl;

in_namespace!(
    fn time_wait_at_its_limit_is_told_with_what_it_went_to() {
        write_sysctl("ipv4/tcp_max_tw_buckets", "5");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..8 {
            let client = TcpStream::connect(address).unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(client);
            drop(server);
        }
        drop(listener);
        let report = Report::after("0.1");
        let finding = report.finding("time-wait");
        assert_eq!(finding.severity, "CRITICAL");
        assert_eq!((finding.value, finding.limit), (Some(5.0), Some(5.0)));
        let told = finding.evidence.join("; ");
        assert!(told.contains(&format!("5 went out to {address}")), "{told}");
    }
);
