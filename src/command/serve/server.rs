//! The connections: how many there are at most, which one is closed for a new one, and how they end.
//!
//! Any client may connect. Each connection has its limits (`http::Phases`), and all together leave enough
//! descriptors for a sample.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, AbortHandle, Id};
use tokio::time::sleep;

use super::sharing::Sharing;
use crate::command::console::write_message;
use crate::command::log::LogMessage;
use crate::http::{Answer, Asked, Doing, Phases, serve};

/// How long nothing is accepted after accept(2) failed because there were no descriptors or no memory.
const PAUSE: Duration = Duration::from_millis(200);

/// How much of its answers the kernel keeps for a client that does not read, in bytes: it takes twice as much. More
/// is not written, so that the limit of the time for it counts.
const UNREAD: usize = 64 << 10;

/// How long clients may take to receive their answers after a signal requests the end.
const GRACE: Duration = Duration::from_secs(5);

/// How often the server checks whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// A connection.
#[derive(Debug)]
struct Seat {
    phases: Phases,
    task: AbortHandle,
}

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Server {
    sharing: Sharing,
    /// How many connections there may be.
    most: usize,
    /// The text of the page about the program.
    about: String,
    /// By the tasks that serve them.
    seats: Mutex<HashMap<Id, Seat>>,
    /// Connections that were closed to make room for others, or refused because there was none.
    rejected: Arc<AtomicU64>,
}

impl Server {
    /// A server with at most `most` connections, which counts those that it rejects.
    pub(super) fn new(
        sharing: Sharing,
        most: usize,
        rejected: Arc<AtomicU64>,
        about: String,
    ) -> Server {
        Server {
            sharing,
            most,
            about,
            seats: Mutex::default(),
            rejected,
        }
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<Id, Seat>> {
        // Nothing panics while it has the lock.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts connections until it is aborted.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut is_failing = false;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    is_failing = false;
                    self.seat(stream);
                }
                // One that ended before it was accepted.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                // No descriptors or no memory: another try at once would fail too.
                Err(error) => {
                    if !is_failing {
                        print_failed(&error);
                    }
                    is_failing = true;
                    self.close_idle();
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection. If there are too many, it closes the one that has done the same thing for
    /// longest, but none that waits for its answer.
    fn seat(self: &Arc<Self>, stream: TcpStream) {
        let mut seats = self.seats();
        if seats.len() >= self.most {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            let others = seats.iter().filter_map(|(task, seat)| {
                let (doing, since) = seat.phases.now();
                (doing != Doing::Waiting).then_some((since, *task))
            });
            let Some((_, longest)) = others.min_by_key(|(since, _)| *since) else {
                return;
            };
            if let Some(seat) = seats.remove(&longest) {
                seat.task.abort();
            }
        }
        // An answer is written at once; it must not wait for an acknowledgment of the one before.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, UNREAD);
        let phases = Phases::new(Instant::now());
        let (server, watched) = (Arc::clone(self), phases.clone());
        let task = tokio::spawn(async move {
            serve(stream, watched, |asked| server.answer(asked)).await;
            server.seats().remove(&task::id());
        });
        let task = task.abort_handle();
        seats.insert(task.id(), Seat { phases, task });
    }

    /// Closes the connections that do nothing, or have sent half a request.
    fn close_idle(&self) {
        self.seats().retain(|_, seat| {
            let is_idle = matches!(seat.phases.now().0, Doing::Idle | Doing::Head);
            if is_idle {
                seat.task.abort();
            }
            !is_idle
        });
    }

    async fn answer(&self, asked: Asked) -> Answer {
        match asked {
            Asked::Refused(status) => Answer::refused(status),
            Asked::Healthy => Answer::healthy(),
            Asked::About => Answer::html(self.about.clone()),
            Asked::Page(format, within) => {
                let page = self.sharing.page(within).await;
                Answer::page(page.text(format), format)
            }
        }
    }

    /// Ends all connections; those that wait for an answer or receive one end after that.
    pub(super) async fn close(&self) {
        self.close_idle();
        for seat in self.seats().values() {
            seat.phases.end_with_answer();
        }
        let end = Instant::now() + GRACE;
        while !self.seats().is_empty() && Instant::now() < end {
            sleep(LOOK).await;
        }
    }
}

/// Prints that no connection can be accepted. In a thread of its own: standard error may block.
fn print_failed(error: &io::Error) {
    let line = format!("cannot accept connections, and tries again: {error}");
    let print = move || write_message(&mut io::stderr(), &LogMessage::Error(line));
    // Without a thread there is no message.
    drop(thread::Builder::new().spawn(print));
}
