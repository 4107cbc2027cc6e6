//! Who holds a socket: processes of every kind, and reasons for finding none.

mod agreement;
mod hiding;
pub(crate) mod holder;
mod names;
mod reasons;
mod rows;
mod selecting;
mod sharing;
