//! Programs in the kernel, bpf(2): their instructions, the types of the running kernel, and loading
//! them.
//!
//! No compiler, object file or library is needed: instructions are assembled here from the offsets
//! that the running kernel describes in `/sys/kernel/btf/vmlinux`. Everything ends with the process,
//! however it ends. What the programs do is not known here.

mod assemble;
mod btf;
mod error;
mod functions;
pub(in crate::source) mod kernel;

pub(in crate::source) use assemble::{Assembler, Code, Helper, Label, Register, Width};
pub(in crate::source) use btf::read_types;
pub use btf::{Btf, BtfError};
pub use error::BpfError;
