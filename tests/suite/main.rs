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
mod capabilities;
mod check;
mod child;
mod compare;
mod completions;
mod counts;
mod derived;
mod doctor;
mod filter;
mod further_kinds;
mod group_names;
mod groups;
mod help;
mod hostile_tree;
mod interrupted;
mod kind_details;
mod kind_groups;
mod kinds;
mod layering;
mod list;
mod live;
mod manual;
mod mounts;
mod namespace;
mod neighbour;
mod netlink_refused;
mod netns;
mod owners;
mod proc_root;
mod program;
mod readme;
mod record;
mod record_samples;
mod release;
mod seccomp;
mod selection;
mod serve;
mod skip;
mod ss;
mod start;
mod streams;
mod supervisor;
mod syscall;
mod terminal;
mod trace;
mod unix;
mod usage;
mod user_names;
mod wait;
mod watch;
mod zoo;
