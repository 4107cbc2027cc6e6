//! A pseudo-terminal that runs the program, and the screen it draws.
//!
//! Waits for the contents of the screen, never for a time. pty(7), termios(3).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, WaitOptions, getrlimit, prlimit, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    Action, OptionalActions, Termios, Winsize, tcflow, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::child::{self, Running, Start};
use crate::program::PROGRAM;
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::{DEADLINE, poll, poll_within, wait_for};

/// The time for what may never appear.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two signals to a program that does not end.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(5);

/// The program on a terminal.
pub(crate) struct Terminal {
    program: Running,
    master: File,
    slave: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    viewer: Viewer,
    initial_modes: Termios,
}

/// Draws the output of the program until it is stopped.
struct Viewer {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// How the program is started.
pub(crate) struct Setup<'a> {
    pub(crate) size: (u16, u16),
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl Terminal {
    /// The live view on a terminal of 80 columns and 24 rows.
    pub(crate) fn with(arguments: &[&str]) -> Terminal {
        Terminal::start(&Setup {
            size: (80, 24),
            arguments,
            environment: &[],
        })
    }

    /// The program on a terminal.
    pub(crate) fn start(setup: &Setup<'_>) -> Terminal {
        let mut command = child::command(PROGRAM);
        command.args(setup.arguments);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        command.envs(setup.environment.iter().copied());
        Terminal::run(command, setup.size)
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
        let initial_modes = tcgetattr(&slave).unwrap();
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
        let program = command.start().unwrap();
        let master = File::from(master);
        let viewer = Viewer::of(master.try_clone().unwrap(), Arc::clone(&screen));
        Terminal {
            program,
            master,
            slave,
            screen,
            viewer,
            initial_modes,
        }
    }

    /// Types keys.
    pub(crate) fn type_(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Moves the cursor up to the row of this state.
    #[track_caller]
    pub(crate) fn select(&mut self, state: &str) {
        loop {
            let selected = self.reversed();
            if selected.contains(state) {
                return;
            }
            self.type_("k");
            wait_for("another row to be selected", || {
                (self.reversed() != selected).then_some(())
            });
        }
    }

    /// The text on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen is as expected.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_expected: impl Fn(&vt100::Screen) -> bool) {
        let look = || is_expected(self.screen.lock().unwrap().screen()).then_some(());
        let text = || self.text();
        poll(look).unwrap_or_else(|| panic!("waited {DEADLINE:?} in vain for {what}:\n{}", text()));
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits for a text that may never appear; prints the screen if it does not.
    #[allow(clippy::print_stderr, reason = "shown if the test fails")]
    pub(crate) fn shows(&self, is_expected: impl Fn(&str) -> bool) -> Option<()> {
        let found = poll_within(PATIENCE, || is_expected(&self.text()).then_some(()));
        if found.is_none() {
            eprintln!("after {PATIENCE:?} the screen is still\n{}", self.text());
        }
        found
    }

    /// Waits until a state has this count.
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

    /// Restores the initial modes and screen of the terminal without the program, as a shell does.
    pub(crate) fn reset(&self) {
        tcsetattr(&self.slave, OptionalActions::Now, &self.initial_modes).unwrap();
        let mut screen = self.screen.lock().unwrap();
        screen.process(b"\x1b[?1049l\x1b[?25h\x1b[2J");
    }

    /// The text in reverse video.
    pub(crate) fn reversed(&self) -> String {
        self.cells(|cell| cell.inverse().then(|| cell.contents().to_owned()))
            .concat()
    }

    /// Whether any cell has a colour other than the default.
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

    pub(crate) fn process_id(&self) -> u32 {
        self.program.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// Limits the descriptors that the program may have; the limit before.
    pub(crate) fn limit_descriptors(&self, most: Option<u64>) -> Option<u64> {
        let pid = Some(self.program.pid());
        let before = prlimit(pid, Resource::Nofile, getrlimit(Resource::Nofile)).unwrap();
        let limit = Rlimit {
            current: most,
            ..before
        };
        prlimit(pid, Resource::Nofile, limit).unwrap();
        before.current
    }

    /// Sends a signal to a program that may have ended.
    pub(crate) fn signal_again(&mut self, signal: Signal) {
        if self.program.is_running() {
            self.signal(signal);
        }
    }

    /// Waits until the program is stopped.
    pub(crate) fn wait_until_stopped(&self) {
        let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
        let (_, status) = wait_for("the program to stop", || {
            waitpid(Some(self.program.pid()), options).unwrap()
        });
        assert!(status.stopped(), "{status:?}");
    }

    /// Waits until the program ends; the terminal must then be restored.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let status = self.program.wait();
        self.assert_restored();
        status
    }

    /// Closes the terminal, as a closed window does, and waits until the program, which writes to it
    /// with every sample, ends.
    #[track_caller]
    pub(crate) fn hang_up(&mut self) -> ExitStatus {
        self.viewer.stop.store(true, Ordering::SeqCst);
        wait_for("the end of the viewer", || {
            self.viewer.thread.is_finished().then_some(())
        });
        self.master = File::open("/dev/null").unwrap();
        self.program.wait()
    }

    /// Stops the terminal's output, as ^S does, so that not even the sequences that restore it can be
    /// written; and sends a signal until the program ends, as a user would.
    #[track_caller]
    pub(crate) fn signal_while_stopped(&mut self, signal: Signal) -> ExitStatus {
        tcflow(&self.slave, Action::OOff).unwrap();
        wait_for("the end of the program", || {
            self.signal(signal);
            thread::sleep(BETWEEN_SIGNALS);
            (!self.program.is_running()).then_some(())
        });
        self.program.wait()
    }

    /// Asserts that the modes are the initial ones, and the screen is the main one with a cursor.
    #[track_caller]
    pub(crate) fn assert_restored(&self) {
        let now = tcgetattr(&self.slave).unwrap();
        assert_eq!(as_text(&now), as_text(&self.initial_modes));
        self.wait_until("the main screen", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
    }

    /// Waits until the view has set up the terminal.
    #[track_caller]
    pub(crate) fn wait_for_view(&self) {
        self.wait_until("the alternate screen", |screen| {
            screen.alternate_screen() && screen.hide_cursor()
        });
        let now = tcgetattr(&self.slave).unwrap();
        assert_ne!(as_text(&now), as_text(&self.initial_modes));
    }
}

impl Viewer {
    /// Draws the output at the master until its end.
    fn of(mut master: File, screen: Arc<Mutex<vt100::Parser>>) -> Viewer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while !stopped.load(Ordering::SeqCst)
                && let Ok(read @ 1..) = master.read(&mut bytes)
            {
                screen.lock().unwrap().process(&bytes[..read]);
            }
        });
        Viewer { thread, stop }
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

/// The count in a state's row: the word after its name.
pub(crate) fn count_of(screen: &str, state: &str) -> Option<usize> {
    screen.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != state);
        words.next()?;
        words.next()?.parse().ok()
    })
}

/// The signal that ended a program.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}
