//! Host names in a filter, resolved on the machine that runs it.

use std::net::TcpListener;

use rustix::thread::UnshareFlags;

use crate::list::row::Listed;
use crate::mounts::cover;
use crate::namespace::in_namespace;
use crate::program::run;

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_host_name_matches_all_its_addresses_and_an_unknown_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, "127.0.0.7 twice.test\n::1 twice.test\n").unwrap();
        cover("/etc/hosts", &hosts);
        let listeners = ["127.0.0.7:0", "[::1]:0", "127.0.0.8:0"].map(TcpListener::bind);
        let addresses = |filter: &str| {
            let ran = run(["list", "--json", "--sort=local-addr", filter]).succeeded();
            let listed = Listed::all(&ran).0;
            listed.into_iter().map(|s| s.local_addr).collect::<Vec<_>>()
        };
        let port = listeners[0].as_ref().unwrap().local_addr().unwrap().port();
        assert_eq!(addresses("src twice.test"), ["127.0.0.7", "::1"]);
        assert_eq!(addresses("src != twice.test"), ["127.0.0.8"]);
        assert_eq!(addresses("src inet6:twice.test"), ["::1"]);
        assert_eq!(addresses(&format!("src twice.test:{port}")), ["127.0.0.7"]);
        // This namespace has no network to resolve names.
        let ran = run(["src", "nowhere.invalid"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(
            ran.stderr
                .contains("word 2, `nowhere.invalid`: cannot resolve the host: "),
            "{ran:?}"
        );
    }
);
