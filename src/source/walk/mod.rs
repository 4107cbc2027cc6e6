//! Every TCP socket of the host, counted by network namespace, family and state in one walk of the
//! kernel's tables, by a program that runs in the kernel (`--source bpf`).
//!
//! Takes no lock, copies no socket, and finds namespaces that no process is in. Nothing else than a
//! request for this source loads the program.

mod answer;
mod layout;
mod program;
mod walker;

pub(super) use answer::Walk;
