//! The zoo's own promises.
//!
//! Witnesses that know nothing of it (the kernel's tables, ss, netstat), as root and as an
//! ordinary user. Must not need the program under test.

mod odd;
mod ordinary_user;
mod rows;
mod standing;
mod witnesses;
