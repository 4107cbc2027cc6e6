//! Bytes that a client sends: no panic, the connection ends, each request has one answer at most, and
//! no more is read of one than fits a head.

#![no_main]

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tcpstates::http::{Answer, Phases, serve};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// The longest head, and what one more read takes.
const MOST: usize = 2 * 8 * 1024;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
}

/// A client that sends some bytes at a time and then nothing more.
struct Client<'a> {
    left: &'a [u8],
    step: usize,
    /// How often it has nothing to send before it ends: hyper answers no client that has ended.
    pauses: u8,
    /// How much was read since the last answer.
    unanswered: &'a Cell<usize>,
    received: &'a RefCell<Vec<u8>>,
}

impl AsyncRead for Client<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_empty() && self.pauses > 0 {
            self.pauses -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let some = self.left.len().min(self.step).min(to.remaining());
        let (some, left) = self.left.split_at(some);
        to.put_slice(some);
        self.left = left;
        self.unanswered.set(self.unanswered.get() + some.len());
        assert!(self.unanswered.get() <= MOST);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.received.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, left)) = bytes.split_first() else {
        return;
    };
    let (unanswered, received) = (Cell::new(0), RefCell::new(Vec::new()));
    let answers = Cell::new(0);
    let client = Client {
        left,
        step: usize::from(*first) * 64 + 1,
        pauses: 8,
        unanswered: &unanswered,
        received: &received,
    };
    let answer = |_| {
        answers.set(answers.get() + 1);
        unanswered.set(0);
        std::future::ready(Answer::healthy())
    };
    let phases = Phases::new(Instant::now());
    RUNTIME.with(|runtime| runtime.block_on(serve(client, phases, answer)));
    let received = received.borrow();
    let text = String::from_utf8_lossy(&received);
    let heads = text.matches("HTTP/1.").count();
    // The last one may be a refusal of what is no request. A client that is gone gets none.
    assert!(heads <= answers.get() + 1, "{text}");
});
