//! The processes that own a socket, and the reasons for finding none.

mod against_ss;
mod filter;
mod hidden;
pub(crate) mod holder;
mod names;
mod reasons;
mod rows;
mod shared;
