//! A pseudo-terminal with the program in it, and a screen to look at.
//!
//! Waits for what is to be seen, with a deadline, and never for a time. pty(7), termios(3).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    Action, OptionalActions, Termios, Winsize, tcflow, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::program::PROGRAM;
use crate::skip::skip_or_fail;
use crate::syscall;

/// Nothing is waited for longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program on a terminal.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    slave: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    viewer: Viewer,
    found: Termios,
}

/// Draws what the program writes, until it is told to stop.
struct Viewer {
    thread: JoinHandle<()>,
    is_enough: Arc<AtomicBool>,
}

/// How and with what the program is started.
pub(crate) struct Start<'a> {
    pub(crate) size: (u16, u16),
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl Terminal {
    /// The live view on a terminal of 80 columns and 24 rows.
    pub(crate) fn of(arguments: &[&str]) -> Terminal {
        Terminal::start(&Start {
            size: (80, 24),
            arguments,
            environment: &[],
        })
    }

    /// The program on a terminal.
    pub(crate) fn start(start: &Start<'_>) -> Terminal {
        let mut command = Command::new(PROGRAM);
        command.args(start.arguments);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        command.envs(start.environment.iter().copied());
        Terminal::run(command, start.size)
    }

    /// Any command on a terminal.
    pub(crate) fn run(mut command: Command, (columns, rows): (u16, u16)) -> Terminal {
        let open = || -> rustix::io::Result<(OwnedFd, OwnedFd)> {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
            grantpt(&master)?;
            unlockpt(&master)?;
            let name = ptsname(&master, Vec::new())?;
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            let slave = options.open(name.to_str().unwrap());
            Ok((
                master,
                slave
                    .map_err(|e| rustix::io::Errno::from_io_error(&e).unwrap())?
                    .into(),
            ))
        };
        let (master, slave) =
            open().unwrap_or_else(|error| skip_or_fail("a pseudo-terminal", &error.into()));
        tcsetwinsize(&slave, winsize(columns, rows)).unwrap();
        let found = tcgetattr(&slave).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            cells(rows),
            cells(columns),
            0,
        )));
        for stream in ["in", "out", "err"] {
            let slave = slave.try_clone().unwrap();
            match stream {
                "in" => command.stdin(slave),
                "out" => command.stdout(slave),
                _ => command.stderr(slave),
            };
        }
        syscall::own_terminal(&mut command);
        let child = command.spawn().unwrap();
        let master = File::from(master);
        let viewer = Viewer::of(master.try_clone().unwrap(), Arc::clone(&screen));
        Terminal {
            child,
            master,
            slave,
            screen,
            viewer,
            found,
        }
    }

    /// Types.
    pub(crate) fn type_(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// The text on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen is as it should.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        self.poll(what, |terminal| {
            is_so(terminal.screen.lock().unwrap().screen())
        });
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until a state has so many sockets.
    #[track_caller]
    pub(crate) fn wait_for_count(&self, state: &str, count: usize) {
        self.wait_until(&format!("{count} in {state}"), |screen| {
            count_of(&screen.contents(), state) == Some(count)
        });
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut screen = self.screen.lock().unwrap();
        screen.screen_mut().set_size(cells(rows), cells(columns));
        drop(screen);
        tcsetwinsize(&self.slave, winsize(columns, rows)).unwrap();
    }

    /// Gives the terminal the modes and the screen it was found with, behind the program's back.
    pub(crate) fn spoil(&self) {
        tcsetattr(&self.slave, OptionalActions::Now, &self.found).unwrap();
        let mut screen = self.screen.lock().unwrap();
        screen.process(b"\x1b[?1049l\x1b[?25h\x1b[2J");
    }

    /// What stands out by being reversed.
    pub(crate) fn reversed(&self) -> String {
        self.cells(|cell| cell.inverse().then(|| cell.contents().to_owned()))
            .concat()
    }

    /// Whether any cell has a colour that is not the terminal's own.
    pub(crate) fn has_colour(&self) -> bool {
        let colours = self.cells(|cell| Some((cell.fgcolor(), cell.bgcolor())));
        let plain = (vt100::Color::Default, vt100::Color::Default);
        colours.iter().any(|colour| *colour != plain)
    }

    fn cells<T>(&self, of: impl Fn(&vt100::Cell) -> Option<T>) -> Vec<T> {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let places =
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let cells = places.filter_map(|(row, column)| screen.cell(row, column));
        cells.filter_map(of).collect()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the program is stopped.
    pub(crate) fn wait_until_stopped(&self) {
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED)
            .unwrap()
            .unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// Waits until it ends; the terminal must then be as it was found.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let status = wait(&mut self.child);
        self.assert_given_back();
        status
    }

    /// Takes the terminal away, as a window that is closed, and waits until the program, which
    /// writes to it now and then, ends.
    #[track_caller]
    pub(crate) fn hang_up(&mut self) -> ExitStatus {
        self.viewer.is_enough.store(true, Ordering::SeqCst);
        self.poll("the viewer", |terminal| {
            terminal.viewer.thread.is_finished()
        });
        self.master = File::open("/dev/null").unwrap();
        wait(&mut self.child)
    }

    /// Has the terminal take no more output, as ^S does, so that not even what gives it back can
    /// be written; and signals until it ends, as somebody would who sees that the first does not.
    #[track_caller]
    pub(crate) fn signal_while_stopped(&mut self, signal: Signal) -> ExitStatus {
        tcflow(&self.slave, Action::OOff).unwrap();
        let begin = Instant::now();
        loop {
            self.signal(signal);
            thread::sleep(Duration::from_millis(5));
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < DEADLINE, "no end");
        }
    }

    #[track_caller]
    fn poll(&self, what: &str, is_so: impl Fn(&Terminal) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(
                begin.elapsed() < DEADLINE,
                "waited in vain for {what}:\n{}",
                self.text()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The modes are those found; the screen is the one there was, with a cursor.
    #[track_caller]
    pub(crate) fn assert_given_back(&self) {
        let now = tcgetattr(&self.slave).unwrap();
        assert_eq!(as_text(&now), as_text(&self.found));
        self.wait_until("the screen there was", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
    }

    /// Whether the terminal is the view's.
    #[track_caller]
    pub(crate) fn wait_until_taken(&self) {
        self.wait_until("another screen", |screen| {
            screen.alternate_screen() && screen.hide_cursor()
        });
        let now = tcgetattr(&self.slave).unwrap();
        assert_ne!(as_text(&now), as_text(&self.found));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Viewer {
    /// Draws what comes out of the master, until nothing does any more.
    fn of(mut master: File, screen: Arc<Mutex<vt100::Parser>>) -> Viewer {
        let is_enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_enough);
        let thread = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !told.load(Ordering::SeqCst)
                && let Ok(read @ 1..) = master.read(&mut bytes)
            {
                screen.lock().unwrap().process(&bytes[..read]);
            }
        });
        Viewer { thread, is_enough }
    }
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begin.elapsed() < DEADLINE, "no end");
        thread::sleep(Duration::from_millis(5));
    }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn as_text(modes: &Termios) -> String {
    format!("{modes:?}")
}

/// The number in a state's row: the first one behind its name.
pub(crate) fn count_of(screen: &str, state: &str) -> Option<usize> {
    screen.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != state);
        words.next()?;
        words.next()?.parse().ok()
    })
}

/// The exit status by which a signal ended a program.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}
