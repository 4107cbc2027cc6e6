//! `serve`: the page for monitoring systems, over real sockets.

mod answers;
mod client;
mod life;
mod limits;
mod once;
mod page;
mod readers;
