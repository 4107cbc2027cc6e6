//! What the server answers to requests, good and bad ones.

use std::collections::BTreeSet;
use std::net::{Shutdown, TcpListener};
use std::time::Instant;

use super::client::{Client, Served};
use super::page::Page;
use crate::namespace::in_namespace;
use crate::program::run;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

in_namespace!(
    fn the_page_is_served_in_the_format_that_is_asked_for() {
        let _served = Served::start([]);
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut client = Client::connect();
        let classic = client.get("/metrics");
        let type_of = |reply: &super::client::Reply| reply.headers["content-type"].clone();
        assert_eq!(
            type_of(&classic),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let page = Page::parse(&classic.body);
        assert_eq!(page.complete(), [Some(1.0); 3]);
        for family in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_start_time_seconds",
            "tcpstates_http_connections_rejected_total",
            "tcpstates_accept_queue_limit{local_addr=\"127.0.0.1\",local_port=\"9901\"}",
        ] {
            assert!(page.number(family).is_some(), "{family}: {page:?}");
        }
        let other = client.request("GET", "/metrics?x=1", &[("Accept", OPENMETRICS)]);
        assert_eq!(
            type_of(&other),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
        );
        assert!(other.body.ends_with("\n# EOF\n"), "{}", other.body);
        let head = client.request("HEAD", "/metrics", &[]);
        assert_eq!((head.status, &*head.body), (200, ""));
        assert!(head.headers["content-length"].parse::<usize>().unwrap() > 1000);
        for reply in [classic, other, head] {
            assert_eq!(reply.headers["x-content-type-options"], "nosniff");
            assert!(reply.headers.contains_key("date"));
        }
    }
);

in_namespace!(
    fn a_page_that_is_written_once_has_nothing_about_a_server() {
        let page = Page::of(&run(["serve", "--once"]).succeeded());
        assert!(
            !page.has("process_") && !page.has("tcpstates_http_"),
            "{page:?}"
        );
    }
);

in_namespace!(
    fn other_paths_and_methods_have_their_answers_on_one_connection() {
        let _served = Served::start([]);
        let mut client = Client::connect();
        for (method, path, status, body) in [
            ("GET", "/-/healthy", 200, "ok\n"),
            ("GET", "/metrics/", 404, "Not Found\n"),
            ("POST", "/metrics", 405, "Method Not Allowed\n"),
            ("DELETE", "/", 405, "Method Not Allowed\n"),
        ] {
            let reply = client.request(method, path, &[]);
            assert_eq!(
                (reply.status, &*reply.body),
                (status, body),
                "{method} {path}"
            );
            let allow = reply.headers.get("allow").map(String::as_str);
            assert_eq!(allow, (status == 405).then_some("GET, HEAD"));
        }
        let about = client.get("/");
        assert_eq!(about.headers["content-type"], "text/html; charset=utf-8");
        for part in [
            "<a href=\"metrics\">",
            "listening on 127.0.0.1:9901",
            env!("CARGO_PKG_VERSION"),
        ] {
            assert!(about.body.contains(part), "{}", about.body);
        }
    }
);

in_namespace!(
    fn what_is_no_request_has_a_status_or_the_end_of_its_connection() {
        let _served = Served::start([]);
        let long = format!(
            "GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n",
            "x".repeat(9 * 1024)
        );
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(65));
        let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
        let two_lengths = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        for (bytes, status) in [
            (b"no request\r\n\r\n".to_vec(), 400),
            (tls, 400),
            (long.into_bytes(), 431),
            (many.into_bytes(), 431),
            (two_lengths.as_bytes().to_vec(), 405),
            (b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400),
        ] {
            let mut client = Client::connect();
            client.send(&bytes);
            let reply = client.read_reply(false).unwrap();
            assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&bytes));
            client.wait_for_end();
        }
        assert_eq!(Client::connect().get("/metrics").status, 200);
    }
);

in_namespace!(
    fn a_body_is_not_read_and_ends_the_connection_as_http_1_0_does() {
        let _served = Served::start([]);
        for request in [
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\npart",
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
            // Both lengths (RFC 9112, 6.3): what follows is no second request.
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ] {
            let mut client = Client::connect();
            client.send(request);
            let reply = client.read_reply(false).unwrap();
            assert_eq!((reply.status, &*reply.body), (200, "ok\n"), "{request}");
            assert_eq!(reply.headers["connection"], "close", "{request}");
            assert!(client.read_reply(false).is_none(), "{request}");
        }
    }
);

in_namespace!(
    fn requests_byte_by_byte_and_several_at_once_are_answered_in_order() {
        let _served = Served::start([]);
        let request = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut client = Client::connect();
        for byte in request.bytes() {
            client.send([byte]);
        }
        assert_eq!(client.read_reply(false).unwrap().body, "ok\n");
        client.send(request.repeat(20));
        for _ in 0..20 {
            assert_eq!(client.read_reply(false).unwrap().body, "ok\n");
        }
        assert_eq!(client.get("/metrics").status, 200);
        client.0.shutdown(Shutdown::Write).unwrap();
        client.wait_for_end();
    }
);

in_namespace!(
    fn scrapes_over_one_connection_leave_no_time_wait_and_share_samples_for_100_ms() {
        let _served = Served::start([]);
        let mut client = Client::connect();
        let taken = (0..40).map(|_| {
            let page = Page::parse(&client.get("/metrics").body);
            let taken = page.number("tcpstates_sample_timestamp_seconds").unwrap();
            assert_eq!(page.states().get("time_wait"), None);
            // As a key of a set.
            format!("{taken:.6}")
        });
        let taken: BTreeSet<String> = taken.collect();
        let taken: Vec<f64> = taken.iter().map(|taken| taken.parse().unwrap()).collect();
        for pair in taken.windows(2) {
            assert!(pair[1] - pair[0] >= 0.099, "{taken:?}");
        }
        let summary = run(["--json"]).succeeded().stdout;
        assert!(summary.contains("\"TIME_WAIT\":0"), "{summary}");
    }
);

in_namespace!(
    fn scrapers_that_come_at_the_same_time_share_samples() {
        let _served = Served::start([]);
        let begin = Instant::now();
        let scrape = |_| {
            let taken = |_| {
                let reply = Client::connect().get("/metrics");
                assert_eq!(reply.status, 200);
                let page = Page::parse(&reply.body);
                let taken = page.number("tcpstates_sample_timestamp_seconds");
                format!("{:.6}", taken.unwrap())
            };
            std::thread::spawn(move || (0..10).map(taken).collect::<BTreeSet<String>>())
        };
        let scrapers: Vec<_> = (0..40).map(scrape).collect();
        let scrapers = scrapers.into_iter();
        let samples: BTreeSet<String> = scrapers
            .flat_map(|scraper| crate::wait::join("ten scrapes", scraper))
            .collect();
        // The first, one that is under way, and one in a tenth of a second.
        let most = 2 + begin.elapsed().as_millis() / 100;
        assert!(samples.len() as u128 <= most, "{} of 400", samples.len());
    }
);
