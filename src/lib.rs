//! `tcpstates` reports which states a host's TCP sockets are in.
//!
//! One way through: the command line (`cli`) becomes a [`question::Question`]; `source` chooses the
//! cheapest plan that answers it exactly and streams [`model::Socket`] records into a sink;
//! `tally` adds them up; `command` makes a [`model::Snapshot`] of the sum, with its time, source
//! and completeness; `output` shows it. A socket record lives for the length of one callback,
//! unless it is sorted, or shown with its owners, which `owner` finds. `judge` compares counts with
//! thresholds, of which `command` makes a [`model::Verdict`]; `diagnose` takes the sockets in place
//! of `tally` to find what is wrong. On a terminal, `live` remembers samples and keys; it makes a
//! [`model::screen::Screen`], which `output` draws.
//!
//! Imports run downward only: `command`, then `cli`, `output`, `live`, `tally`, `judge`, `diagnose`,
//! `owner` and `source` (which do not know each other), then `question`, then `filter`, then
//! `model`. The library neither prints nor exits on its own: [`run`] is given the streams and
//! returns a [`Status`]; in the live view it uses the terminal, and ends by the signals that end a
//! program.

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
