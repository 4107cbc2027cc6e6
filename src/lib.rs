//! `tcpstates` tells which states a host's TCP sockets are in.
//!
//! One way through: the words typed (`cli`) become a [`question::Question`]; `source` chooses the
//! cheapest plan that answers it exactly and streams [`model::Socket`] records into a sink;
//! `tally` adds them up; `command` makes a [`model::Snapshot`] of the sum, with its time, source
//! and completeness; `output` shows it. A socket record lives for the length of one callback,
//! unless it is to be sorted, or shown with its holders, whom `owner` finds. `judge` holds counts
//! against thresholds, which `command` makes a [`model::Verdict`] of; `diagnose` is shown the
//! sockets in place of `tally` where the question is what is wrong with them. On a terminal, `live`
//! remembers samples and what was typed since; it makes a [`model::screen::Screen`], which `output`
//! draws.
//!
//! Imports run downward only: `command`, then `cli`, `output`, `live`, `tally`, `judge`, `diagnose`,
//! `owner` and `source` (which do not know each other), then `question`, then `filter`, then
//! `model`. The library neither prints nor exits on its own: [`run`] is given the streams and
//! returns a [`Status`]; in the live view it has the terminal for itself, and obeys the signals
//! that end it.

pub mod cli;
mod command;
pub mod diagnose;
pub mod filter;
pub mod judge;
pub mod live;
pub mod model;
pub mod output;
pub mod owner;
pub mod proc_root;
pub mod question;
pub mod source;
pub mod tally;

pub use command::{Status, run, standard_output};
