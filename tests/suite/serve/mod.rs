//! `serve`: the page for monitoring systems, over real sockets.

mod alerts;
mod answers;
mod client;
mod findings;
mod groups;
mod kinds;
mod life;
mod limits;
mod misfortune;
mod namespaces;
mod once;
mod page;
mod readers;
