//! Which format a client accepts (RFC 9110, 12.5.1; "Content negotiation" of Prometheus).

use crate::model::page::PageFormat;

/// The requested versions of OpenMetrics that 1.0.0 is an answer to: Prometheus 2 also requests 0.0.1.
const VERSIONS: [&str; 2] = ["1.0.0", "0.0.1"];

/// The format for a client that sent this `Accept`: OpenMetrics if it is accepted at least as much as
/// plain text, else the classic format, whatever is accepted.
pub(super) fn negotiate(accept: &str) -> PageFormat {
    let (mut openmetrics, mut plain) = (0.0_f32, 0.0_f32);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|part| part.split_once('='));
        let (mut quality, mut version) = (1.0, None);
        for (name, value) in parameters {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = value.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0),
                "version" => version = Some(value),
                _ => {}
            }
        }
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            if version.is_none_or(|version| VERSIONS.contains(&version)) {
                openmetrics = openmetrics.max(quality);
            }
        } else if media.eq_ignore_ascii_case("text/plain") {
            plain = plain.max(quality);
        }
    }
    match openmetrics > 0.0 && openmetrics >= plain {
        true => PageFormat::OpenMetrics,
        false => PageFormat::Classic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_gets_the_format_that_it_prefers() {
        use PageFormat::{Classic, OpenMetrics};
        for (client, accept, format) in [
            (
                "Prometheus 2.42",
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "Prometheus 3",
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
            (
                "Prometheus 3 that prefers protobuf",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            ("vmagent", "text/plain;version=0.0.4;q=1,*/*;q=0.1", Classic),
            ("curl", "*/*", Classic),
            ("nothing", "", Classic),
            ("nonsense", ";;q=,,=;version", Classic),
            (
                "a browser",
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Classic,
            ),
            (
                "refused",
                "application/openmetrics-text;q=0, text/plain",
                Classic,
            ),
            (
                "a future version",
                "application/openmetrics-text; version=2.0.0",
                Classic,
            ),
            (
                "plain text first",
                "application/openmetrics-text;q=0.3,text/plain;q=0.5",
                Classic,
            ),
            (
                "quoted, in capitals",
                "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1",
                OpenMetrics,
            ),
            ("protobuf only", "application/vnd.google.protobuf", Classic),
            (
                "a quality that is no number",
                "application/openmetrics-text;q=x",
                Classic,
            ),
        ] {
            assert_eq!(negotiate(accept), format, "{client}");
        }
    }
}
