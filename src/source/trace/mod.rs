//! Changes of TCP sockets as the kernel makes them, recorded by programs that this one loads into
//! it by way of `source::bpf`, and segments captured at the same time.
//!
//! Everything ends with the process, however it ends. All unsafe code of this folder is in `kernel`.

mod capture;
mod destroy;
mod kernel;
mod offsets;
mod program;
mod record;
mod ring;
mod selector;
mod tracer;

pub use capture::{Capture, Captured};
pub use destroy::Destroyed;
pub use selector::{MOST_PORT_RANGES, Selector};
pub use tracer::{Lost, Tracer};
