//! `serve`: the page for monitoring systems, over real sockets.

mod answers;
mod client;
mod findings;
mod groups;
mod life;
mod limits;
mod misfortune;
mod once;
mod page;
mod readers;
