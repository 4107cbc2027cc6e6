//! The live view: the program in a pseudo-terminal, by what its screen shows.

mod counts;
mod exit;
mod keys;
mod pty;
mod terminals;
