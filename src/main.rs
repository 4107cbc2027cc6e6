//! The process: its arguments and streams in, its exit status out. Everything else is in the
//! library.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Not Stdout itself: it reports a write to a descriptor that cannot be written to as done.
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(out) => tcpstates::run(std::env::args_os(), File::from(out), io::stderr()).into(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tcpstates: standard output: {error}");
            tcpstates::Status::Failed.into()
        }
    }
}
