//! `tcpstates doctor`: each finding from real sockets, or from a copied tree where that is impossible.

mod accept_queue;
mod close_wait;
mod commands;
mod copied_trees;
mod ephemeral_ports;
mod fin_wait_2;
mod half_open;
mod healthy;
mod keepalive;
mod no_acknowledgment;
mod no_answer;
mod overall;
mod path_mtu;
pub(crate) mod report;
mod resets;
mod retransmission;
mod rules;
mod selection;
mod self_connection;
mod silent;
mod stalled;
mod stuck_peers;
mod syn_loss;
mod time_wait;
mod unconfirmed;
mod unexamined;
mod vanished_peers;
