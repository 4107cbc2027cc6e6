//! The live view: the real program in a pseudo-terminal, looked at as a person would.

mod counts;
mod exit;
mod keys;
mod pty;
mod terminals;
