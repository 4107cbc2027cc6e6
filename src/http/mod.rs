//! HTTP/1.1 for one purpose: a page, requested by monitoring systems. What a request asks for, the
//! answers, and the limits of one connection.
//!
//! hyper reads requests and writes answers; tokio waits. Opens no listener, takes no sample and knows no
//! socket of the page: `command::serve` connects both.

mod answer;
mod connection;
mod negotiation;
mod phase;
mod request;

pub use answer::Answer;
pub use connection::serve;
pub use hyper::body::Bytes;
pub use phase::{Doing, Phases};
pub use request::Asked;
