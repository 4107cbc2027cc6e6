//! `serve`: the page for monitoring systems, over real sockets.

mod once;
mod page;
