//! Changes of TCP sockets as the kernel makes them, recorded by programs that this one loads into
//! it, bpf(2).
//!
//! No compiler, object file or library is needed: instructions are assembled here from the offsets
//! that the running kernel describes in `/sys/kernel/btf/vmlinux`. Everything ends with the process,
//! however it ends. All unsafe code is in `kernel`.

mod assemble;
mod btf;
mod capture;
mod destroy;
mod kernel;
mod offsets;
mod program;
mod record;
mod ring;
mod selector;
mod tracer;

pub use btf::{Btf, BtfError};
pub use capture::{Capture, Captured};
pub use destroy::Destroyed;
pub use selector::{MOST_PORT_RANGES, Selector};
pub use tracer::{Lost, TraceError, Tracer};
