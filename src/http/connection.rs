//! One connection from its first byte to its end, within its limits.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep_until};

use super::answer::Answer;
use super::phase::Phases;
use super::request::{Asked, parse_request};

/// The longest head, in bytes; hyper allows no lower limit.
const LONGEST_HEAD: usize = 8 * 1024;

/// The most headers.
const MOST_HEADERS: usize = 64;

/// Answers the requests of a connection by `answer`, until it ends, or one of its limits is reached.
pub async fn serve<S, F, A>(stream: S, phases: Phases, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Asked) -> A,
    A: Future<Output = Answer>,
{
    let watched = phases.clone();
    let service = service_fn(|request: Request<Incoming>| {
        let is_early = watched.requested(Instant::now());
        // The body of the request is dropped with it, unread.
        let (asked, ends) = parse_request(&request);
        let is_old = request.version() == Version::HTTP_10;
        let (answer, watched) = (answer(asked), &watched);
        async move {
            if is_early {
                // Else a client that does not read its answers would get as many as the kernel buffers before
                // another one gets one.
                yield_now().await;
            }
            let answer = answer.await;
            watched.answered(Instant::now());
            let ends = ends || watched.ends();
            let mut response = answer.into_response(ends);
            if is_old {
                // Otherwise hyper keeps the connection open if the client requests it.
                *response.version_mut() = Version::HTTP_10;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let io = Watched {
        stream,
        phases: phases.clone(),
    };
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        // A client that has sent all its requests may say so and wait for the answers, as nc -N does.
        .half_close(true)
        .serve_connection(io, service);
    let limited = Limited {
        connection: Box::pin(connection),
        sleep: Box::pin(sleep_until(Instant::now().into())),
        phases,
    };
    limited.await;
}

/// A connection that ends when it has done one thing for too long.
struct Limited<C> {
    connection: Pin<Box<C>>,
    sleep: Pin<Box<Sleep>>,
    phases: Phases,
}

impl<C: Future> Future for Limited<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Errors of the peer are not reported.
        if self.connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        while let Some(deadline) = self.phases.deadline() {
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            if self.sleep.deadline() != deadline.into() {
                self.sleep.as_mut().reset(deadline.into());
            }
            ready!(self.sleep.as_mut().poll(context));
        }
        Poll::Pending
    }
}

/// A stream whose reads and flushes are recorded in `phases`.
struct Watched<S> {
    stream: S,
    phases: Phases,
}

impl<S: AsyncRead + Unpin> hyper::rt::Read for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; LONGEST_HEAD];
        let room = to.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if !buffer.filled().is_empty() {
            self.phases.received(Instant::now());
        }
        to.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when nothing is left to write, and a socket keeps nothing back.
        self.phases.flushed(Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }
}
