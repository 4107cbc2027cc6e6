//! The live view: the program in a pseudo-terminal, by what its screen shows.

mod counts;
mod exit;
mod findings;
mod keys;
mod kinds;
mod panes;
pub(crate) mod pty;
mod terminals;
mod trace;
