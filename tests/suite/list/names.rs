//! Hostile interface and user names: no format passes a control character on.

use std::net::{SocketAddrV6, TcpListener};

use rustix::thread::UnshareFlags;

use super::row::Listed;
use crate::child::run_tool;
use crate::mounts::cover;
use crate::namespace::in_namespace;
use crate::program::run;

const INTERFACE: &str = "e\u{1b}[31mvil";

in_namespace!(
    fn a_hostile_interface_name_is_escaped_in_lists() {
        let script = "ip link set lo down && ip link set lo name \"$1\" && ip link set \"$1\" up \
            && ip addr add fe80::1/64 dev \"$1\" nodad";
        run_tool("sh", ["-c", script, "sh", INTERFACE]);
        // A link-local address binds its socket to the interface.
        let address = SocketAddrV6::new("fe80::1".parse().unwrap(), 0, 0, 1);
        let _listener = TcpListener::bind(address).unwrap();
        let json = run(["list", "--json", "--columns=interface"]).succeeded();
        let sockets = Listed::all(&json).0;
        assert_eq!(sockets[0].interface.as_deref(), Some(INTERFACE));
        let table = run(["list", "--columns=interface"]).succeeded().stdout;
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let quoted = r#""e\u{1b}[31mvil""#;
        assert!(
            table.trim_end().ends_with(&format!("  {quoted}")),
            "{table}"
        );
        assert!(table.contains(&format!("[fe80::1]%{quoted}:")), "{table}");
        let csv = run(["list", "--format=csv", "--columns=interface"]).succeeded();
        assert!(
            csv.stdout.trim_end().ends_with(r",e\u{1b}[31mvil"),
            "{csv:?}"
        );
        assert!(json.stdout.contains(r#""e\u001b[31mvil""#), "{json:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn user_names_come_from_etc_passwd_and_are_escaped() {
        let me = rustix::process::geteuid().as_raw();
        let folder = tempfile::tempdir().unwrap();
        let passwd = folder.path().join("passwd");
        std::fs::write(&passwd, format!("we,b \"x\":x:{me}:0::/:/bin/sh\n")).unwrap();
        cover("/etc/passwd", &passwd);
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for source in ["--source=netlink", "--source=proc"] {
            let table = run(["list", "--columns=user", source]).succeeded().stdout;
            assert!(
                table.trim_end().ends_with(r#"  "we,b\x20\"x\"""#),
                "{table}"
            );
            let csv = run(["list", "--format=csv", "--columns=user", source]).succeeded();
            assert!(
                csv.stdout.trim_end().ends_with(",\"we,b \"\"x\"\"\""),
                "{csv:?}"
            );
            let json = run(["list", "--json", "--columns=user", source]).succeeded();
            let sockets = Listed::all(&json).0;
            assert_eq!(sockets[0].user.as_deref(), Some("we,b \"x\""));
        }
    }
);
