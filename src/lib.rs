//! `tcpstates` counts, lists and diagnoses the TCP sockets of a Linux host.
//!
//! `command` resolves the options, which `cli` parses, into a [`question::Question`]. `source` chooses
//! the cheapest exact plan for it, reads netlink or /proc, and passes each [`model::Socket`] to a
//! [`model::Sink`]: `tally` adds sockets up, `diagnose` looks for problems. A socket lives for the
//! length of one callback, unless it is sorted, or shown with its owners, which `owner` finds. `judge`
//! compares the sums with thresholds. `output` renders the answer; on a terminal, `live` keeps the
//! samples and makes a [`model::screen::Screen`] of them, which `output` draws.
//!
//! Imports run downward only: `command`; then `cli`, `output`, `live`, `tally`, `judge`, `diagnose`,
//! `owner` and `source`, which do not import each other; then `netns`; then `question` and `proc_root`;
//! then `filter`; then `model`. The library neither prints nor exits: [`run`] writes to the streams that it
//! is passed and returns a [`Status`]. The live view also uses the terminal, and ends by the signals
//! that end a program.

pub mod cli;
mod command;
pub mod diagnose;
pub mod filter;
pub mod judge;
pub mod life;
pub mod live;
pub mod model;
pub mod netns;
pub mod output;
pub mod owner;
pub mod proc_root;
pub mod question;
pub mod source;
pub mod tally;

pub use command::{Status, run, standard_output};
