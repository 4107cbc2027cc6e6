//! The process: its arguments in, its exit status out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tcpstates::run(std::env::args_os(), std::io::stdout(), std::io::stderr()).into()
}
