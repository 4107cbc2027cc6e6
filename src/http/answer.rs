//! Answers, with their headers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::model::page::PageFormat;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// From 1.0.0 on, text formats name how metric names are escaped ("Content negotiation" of Prometheus);
/// those of this page need no escapes.
const OPENMETRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

/// An answer before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    content_type: &'static str,
    text: Bytes,
}

impl Answer {
    /// A page.
    pub fn page(text: Bytes, format: PageFormat) -> Answer {
        Answer {
            status: StatusCode::OK,
            content_type: match format {
                PageFormat::Classic => CLASSIC,
                PageFormat::OpenMetrics => OPENMETRICS,
            },
            text,
        }
    }

    /// A text for a browser.
    pub fn html(text: String) -> Answer {
        Answer {
            status: StatusCode::OK,
            content_type: HTML,
            text: text.into(),
        }
    }

    /// `ok`: the program runs.
    pub fn healthy() -> Answer {
        Answer::short(StatusCode::OK, "ok")
    }

    /// A refusal, with its reason as one line.
    pub fn refused(status: StatusCode) -> Answer {
        Answer::short(status, status.canonical_reason().unwrap_or_default())
    }

    fn short(status: StatusCode, line: &str) -> Answer {
        Answer {
            status,
            content_type: PLAIN,
            text: format!("{line}\n").into(),
        }
    }

    /// The answer as it is sent; with `ends`, the connection is closed after it.
    pub(super) fn into_response(self, ends: bool) -> Response<Text> {
        let mut response = Response::new(Text(Some(self.text)));
        *response.status_mut() = self.status;
        let mut set = |name: HeaderName, value| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        };
        set(CONTENT_TYPE, self.content_type);
        set(X_CONTENT_TYPE_OPTIONS, "nosniff");
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            set(ALLOW, "GET, HEAD");
        }
        if ends {
            set(CONNECTION, "close");
        }
        response
    }
}

/// The body of an answer: one piece.
#[derive(Debug)]
pub(super) struct Text(Option<Bytes>);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_type_and_may_not_be_taken_for_another() {
        let page = |format| Answer::page("x 1\n".into(), format);
        for (answer, status, content_type) in [
            (page(PageFormat::Classic), 200, CLASSIC),
            (page(PageFormat::OpenMetrics), 200, OPENMETRICS),
            (Answer::healthy(), 200, PLAIN),
            (Answer::refused(StatusCode::NOT_FOUND), 404, PLAIN),
        ] {
            let response = answer.into_response(false);
            assert_eq!(response.status(), status);
            let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
            assert_eq!(header(CONTENT_TYPE), Some(content_type.as_bytes()));
            assert_eq!(header(X_CONTENT_TYPE_OPTIONS), Some(&b"nosniff"[..]));
            assert_eq!(header(CONNECTION), None);
        }
        let refused = Answer::refused(StatusCode::METHOD_NOT_ALLOWED).into_response(true);
        assert_eq!(refused.headers().get(ALLOW).unwrap(), "GET, HEAD");
        assert_eq!(refused.headers().get(CONNECTION).unwrap(), "close");
        assert_eq!(refused.body().size_hint().exact(), Some(19));
    }
}
