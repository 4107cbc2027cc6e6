//! `tcpstates doctor`, each finding from a real situation where one can be made.

mod report;
mod time_wait;
mod whole;
