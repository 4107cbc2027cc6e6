//! `tcpstates doctor`, each finding from a real situation where one can be made.

mod accept_queue;
mod commands;
mod half_open;
mod recorded;
mod report;
mod retransmission;
mod stuck_peers;
mod time_wait;
mod whole;
