//! The cost of a start without arguments, in instructions, whatever the load of the machine; and the size of
//! the programs.
//!
//! Must measure release builds; a debug build takes many times as long.

use std::ffi::OsString;

use crate::child::{Start, command};
use crate::namespace::in_namespace;
use crate::skip::{skip, skip_or_fail};

/// The variable with the path of the program built by `cargo build --release`.
const RELEASE: &str = "TCPSTATES_RELEASE";

/// The variable with the path of the statically linked program that packaging/build makes.
const STATIC: &str = "TCPSTATES_STATIC";

/// Between 426,000, with rustc 1.95, glibc 2.36 and valgrind 3.19 on x86-64, and 758,000, where clap
/// parses one option. 356,000 are the dynamic loader's and the language runtime's: these grow with
/// the relocations of the program and with the memory maps of the machine.
const MOST_INSTRUCTIONS: u64 = 560_000;

/// Of a static program, which nothing relocates: musl's, or glibc's.
const MOST_INSTRUCTIONS_STATIC: u64 = 292_000;

in_namespace!(
    fn a_start_without_arguments_builds_no_command_line() {
        let instructions = instructions_of(RELEASE);
        assert!(instructions <= MOST_INSTRUCTIONS, "{instructions}");
    }
);

in_namespace!(
    fn a_static_program_starts_with_fewer_instructions() {
        let instructions = instructions_of(STATIC);
        assert!(instructions <= MOST_INSTRUCTIONS_STATIC, "{instructions}");
    }
);

in_namespace!(
    fn what_is_distributed_takes_at_most_6_mib() {
        for variable in [RELEASE, STATIC] {
            let program = program_of(variable);
            let bytes = std::fs::metadata(&program).unwrap().len();
            // Where the target of musl is not installed, the static program has all of glibc that it needs.
            let has_glibc = variable == STATIC && !program.to_string_lossy().contains("musl");
            let most = (6 << 20) + if has_glibc { 1 << 20 } else { 0 };
            assert!(bytes <= most, "{variable}: {bytes} bytes");
        }
    }
);

/// The program that a variable names.
fn program_of(variable: &str) -> OsString {
    std::env::var_os(variable)
        .unwrap_or_else(|| skip(format!("{variable} does not name a program")))
}

/// The instructions of a start without arguments of the program that a variable names.
fn instructions_of(variable: &str) -> u64 {
    let program = program_of(variable);
    let mut valgrind = command("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    // The loader reads the whole environment.
    valgrind
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    let output = valgrind
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("valgrind", &error));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let collected = stderr
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}
