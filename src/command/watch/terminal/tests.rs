//! A terminal is given back after a panic: in a process of its own, which is this test again, on a
//! pseudo-terminal.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

use super::{GIVE_BACK, Guard, TAKE, write_all};

const TEST: &str = "command::watch::terminal::tests::a_panic_anywhere_gives_the_terminal_back";

/// Holds which thread is to panic, in the process that does.
const WHO: &str = "TCPSTATES_TEST_PANIC";

/// What follows the terminal that was given back.
const SAID: &str = "panicked at";

#[test]
fn a_panic_anywhere_gives_the_terminal_back() {
    match env::var(WHO) {
        Ok(who) => panic_on(&who),
        Err(_) => ["the one that draws", "another"]
            .into_iter()
            .for_each(look_at),
    }
}

/// Takes the terminal and panics, as the released program does: that is the end of it.
fn panic_on(who: &str) {
    let guard = Guard::take(io::stdin(), io::stderr()).unwrap();
    assert_ne!(guard.size(), (0, 0));
    if who == "another" {
        // Its panic ends the thread only, where panics unwind; the guard still lives then.
        let ended = thread::spawn(|| panic!("forced")).join();
        assert!(ended.is_err());
        std::process::abort();
    }
    panic!("forced");
}

fn look_at(who: &str) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let slave = options.open(name.to_str().unwrap()).unwrap();
    let before = format!("{:?}", tcgetattr(&slave).unwrap());

    let mut command = Command::new("/proc/self/exe");
    command.args([TEST, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(WHO, who).env("RUST_BACKTRACE", "0");
    command.stdin(slave.try_clone().unwrap());
    command.stdout(std::process::Stdio::null());
    command.stderr(slave.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut seen = Vec::new();
    let mut master = File::from(master);
    let mut bytes = [0; 1024];
    while !contains(&seen, SAID.as_bytes()) {
        let read = master.read(&mut bytes).unwrap();
        seen.extend_from_slice(&bytes[..read]);
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "{who}: {status:?} {:?}", status.signal());
    assert_eq!(format!("{:?}", tcgetattr(&slave).unwrap()), before, "{who}");
    let place = |part: &[u8]| seen.windows(part.len()).position(|window| window == part);
    let (taken, given, said) = (place(TAKE), place(GIVE_BACK), place(SAID.as_bytes()));
    let (taken, given, said) = (taken.unwrap(), given.unwrap(), said.unwrap());
    assert!(
        taken < given && given < said,
        "{who}: {taken} {given} {said}"
    );
}

#[test]
fn an_output_that_does_not_wait_is_waited_for() {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
    rustix::io::ioctl_fionbio(&reader, false).unwrap();
    // Many times what a pipe holds.
    let bytes = vec![b'x'; 4 << 20];
    let read = thread::spawn(move || io::copy(&mut File::from(reader), &mut io::sink()));
    write_all(&writer, &bytes).unwrap();
    drop(writer);
    assert_eq!(read.join().unwrap().unwrap(), bytes.len() as u64);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
