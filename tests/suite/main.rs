//! Tests over real sockets, each in a network namespace of its own.
//!
//! One binary for all of them: it is linked once, and it can start itself again inside a
//! namespace. This file only lists the modules; it must not hold a test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answer;
mod checking;
mod completions;
mod counting;
mod deriving;
mod diagnosing;
mod endings;
mod filtering;
mod grouping;
mod layering;
mod listing;
mod live;
mod manual;
mod mounting;
mod namespace;
mod naming;
mod owning;
mod proc_root;
mod program;
mod refusal;
mod seccomp;
mod selection;
mod skip;
mod syscall;
mod terminal;
mod usage;
mod watching;
mod zoo;
