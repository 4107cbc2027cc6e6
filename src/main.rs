//! The process: its arguments and streams in, its exit status out. Everything else is in the
//! library.

use std::io::{self, Write};
use std::process::ExitCode;

#[cfg(all(any(test, target_env = "musl"), target_arch = "x86_64"))]
mod memory;

fn main() -> ExitCode {
    match tcpstates::standard_output() {
        Ok(out) => tcpstates::run(std::env::args_os(), out, io::stderr()).into(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tcpstates: standard output: {error}");
            tcpstates::Status::Failed.into()
        }
    }
}
