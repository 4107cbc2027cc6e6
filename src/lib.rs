//! `tcpstates` counts, lists and diagnoses the TCP sockets of a Linux host.
//!
//! `command` resolves the options, which `cli` parses, into a [`question::Question`]. `source` chooses
//! the cheapest exact plan for it, reads netlink or /proc, and passes each [`model::Socket`] to a
//! [`model::Sink`]: `tally` adds sockets up, `diagnose` looks for problems. A socket lives for the
//! length of one callback, unless it is sorted, or shown with its owners, which `owner` finds. `judge`
//! compares the sums with thresholds. `output` renders the answer, and `http` sends a page of metrics;
//! on a terminal, `live` keeps the samples and makes a [`model::screen::Screen`] of them, which `output`
//! draws.
//!
//! Imports run downward only: `command`; then `cli`, `output`, `http`, `live`, `tally`, `judge`, `diagnose`,
//! `owner` and `source`, which do not import each other; then `netns`; then `question` and `proc_root`;
//! then `filter`; then `model`. The library neither prints nor exits: [`run`] writes to the streams that it
//! is passed and returns a [`Status`]. The live view also uses the terminal, and ends by the signals
//! that end a program.
//!
//! # Stability
//!
//! This library is the program `tcpstates`, divided for its tests. [`run`], [`Status`] and
//! [`standard_output`] are meant to be used by `main` only; the modules are public for tests and fuzz
//! targets, and not part of any promise: every release may change them. What scripts may rely on is the
//! program's output, described in its manual.

#[cfg_attr(docsrs, doc(hidden))]
pub mod cli;
mod command;
#[cfg_attr(docsrs, doc(hidden))]
pub mod diagnose;
#[cfg_attr(docsrs, doc(hidden))]
pub mod filter;
#[cfg_attr(docsrs, doc(hidden))]
pub mod http;
#[cfg_attr(docsrs, doc(hidden))]
pub mod judge;
#[cfg_attr(docsrs, doc(hidden))]
pub mod life;
#[cfg_attr(docsrs, doc(hidden))]
pub mod live;
#[cfg_attr(docsrs, doc(hidden))]
pub mod model;
#[cfg_attr(docsrs, doc(hidden))]
pub mod netns;
#[cfg_attr(docsrs, doc(hidden))]
pub mod output;
#[cfg_attr(docsrs, doc(hidden))]
pub mod owner;
#[cfg_attr(docsrs, doc(hidden))]
pub mod proc_root;
#[cfg_attr(docsrs, doc(hidden))]
pub mod question;
#[cfg_attr(docsrs, doc(hidden))]
pub mod record;
#[cfg_attr(docsrs, doc(hidden))]
pub mod source;
#[cfg_attr(docsrs, doc(hidden))]
pub mod tally;

pub use command::{Status, run, standard_output};
