//! What a request asks for. Its body is never read, and its query string is ignored.

use std::time::Duration;

use hyper::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING, UPGRADE};
use hyper::{Method, Request, StatusCode, Version};

use super::negotiation::negotiate;
use crate::model::page::PageFormat;

/// How long Prometheus waits for the answer, in seconds.
const TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// How much earlier the answer is sent.
const MARGIN: Duration = Duration::from_millis(500);

/// The time for an answer if the client names none: Prometheus waits 10 s by default.
const USUAL: Duration = Duration::from_millis(9_500);

/// The least and the most.
const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(120);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The page, in this format, after this time at the latest.
    Page(PageFormat, Duration),
    /// A text about the program.
    About,
    /// Whether it runs.
    Healthy,
    /// What is refused with this status.
    Refused(StatusCode),
}

/// What a request asks for, and whether the connection ends with the answer.
pub(super) fn parse_request<B>(request: &Request<B>) -> (Asked, bool) {
    let headers = request.headers();
    let has = |name: &HeaderName| headers.contains_key(name);
    let length = headers.get(CONTENT_LENGTH);
    let has_body = has(&TRANSFER_ENCODING) || length.is_some_and(|length| length != "0");
    let ends = has_body || has(&UPGRADE) || request.version() != Version::HTTP_11;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (Asked::Refused(StatusCode::METHOD_NOT_ALLOWED), ends);
    }
    let asked = match request.uri().path() {
        "/metrics" => {
            let accept = headers.get_all(ACCEPT).iter();
            let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
            Asked::Page(negotiate(&accept.join(",")), time_for(headers))
        }
        "/" => Asked::About,
        "/-/healthy" => Asked::Healthy,
        _ => Asked::Refused(StatusCode::NOT_FOUND),
    };
    (asked, ends)
}

/// How long the answer may take.
fn time_for(headers: &HeaderMap) -> Duration {
    let timeout = headers.get(TIMEOUT).and_then(|value| value.to_str().ok());
    let seconds = timeout.and_then(|text| text.trim().parse::<f64>().ok());
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.map_or(USUAL, |timeout| {
        timeout.saturating_sub(MARGIN).clamp(LEAST, MOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn paths_and_methods_are_few_and_queries_mean_nothing() {
        let classic = Asked::Page(PageFormat::Classic, USUAL);
        let refused = Asked::Refused;
        for (method, path, expected) in [
            ("GET", "/metrics", classic),
            ("HEAD", "/metrics?collect[]=tcp", classic),
            ("GET", "/", Asked::About),
            ("GET", "/-/healthy", Asked::Healthy),
            ("GET", "/metrics/", refused(StatusCode::NOT_FOUND)),
            ("GET", "/../etc/passwd", refused(StatusCode::NOT_FOUND)),
            ("POST", "/metrics", refused(StatusCode::METHOD_NOT_ALLOWED)),
            ("OPTIONS", "*", refused(StatusCode::METHOD_NOT_ALLOWED)),
        ] {
            assert_eq!(
                parse_request(&request(method, path, &[])),
                (expected, false),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_announces_a_body_or_another_protocol_ends_the_connection() {
        let ends = |headers: &[(&str, &str)]| parse_request(&request("GET", "/", headers));
        for headers in [
            &[("content-length", "5")][..],
            &[("transfer-encoding", "chunked")],
            &[("upgrade", "h2c")],
        ] {
            assert_eq!(ends(headers), (Asked::About, true), "{headers:?}");
        }
        assert_eq!(ends(&[("content-length", "0")]), (Asked::About, false));
        let mut old = request("GET", "/", &[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(parse_request(&old), (Asked::About, true));
    }

    #[test]
    fn the_time_for_an_answer_is_the_scrapers_less_half_a_second_within_bounds() {
        for (seconds, milliseconds) in [
            ("10", 9_500),
            ("0.2", 100),
            ("1e9", 120_000),
            ("-1", 9_500),
            ("NaN", 9_500),
            ("soon", 9_500),
            ("", 9_500),
            ("2.75", 2_250),
        ] {
            let headers = [("X-Prometheus-Scrape-Timeout-Seconds", seconds)];
            let (asked, _) = parse_request(&request("GET", "/metrics", &headers));
            let time = Duration::from_millis(milliseconds);
            assert_eq!(asked, Asked::Page(PageFormat::Classic, time), "{seconds}");
        }
    }
}
