//! The loop of the live view: waits for keys, signals and samples in one place, and draws.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::counter::{Change, Counter};
use super::details::{DetailRequest, Details};
use super::findings::{self, Examined};
use super::key_decoder::Decoder;
use super::player::Player;
use super::saving::save;
use super::terminal::{Canvas, Guard, give_back_at_once};
use super::{Event, Events};
use crate::cli::parse_time;
use crate::command::outcome::{Failure, Status};
use crate::command::repeat::Repetition;
use crate::command::runtime::{self, Signal, TERMINAL_GONE};
use crate::command::summary::Summary;
use crate::command::wait::{Wakeups, waker};
use crate::live::{Action, DetailQuery, DetailResult, Key, Setup, View};
use crate::model::screen::Drawn;
use crate::model::{GroupKey, Grouped, Snapshot};
use crate::output::screen::{Paint, draw_screen, screen_text};

/// The screen is redrawn so often without any event: it shows ages.
const TICK: Duration = Duration::from_secs(1);

/// How long the rest of a key may take after its first byte.
const REST_OF_A_KEY: Duration = Duration::from_millis(25);

/// Samples that may wait to be shown; the next one blocks its thread.
const WAITING: usize = 4;

/// The live view while it runs.
pub(super) struct Session {
    repetition: Repetition,
    view: View,
    paint: Paint,
    canvas: Canvas,
    guard: Guard,
    decoder: Decoder,
    wakeups: Wakeups,
    events: Receiver<Event>,
    changes: Sender<Change>,
    requests: Sender<DetailRequest>,
    examined: Sender<Examined>,
    /// What is shown now, and what was requested last.
    request: DetailRequest,
    sent: Option<DetailRequest>,
    threads: [JoinHandle<()>; 3],
    /// The keys typed, and the last groups by them.
    by: Option<Vec<GroupKey>>,
    groups: Option<Arc<Grouped>>,
    /// How many samples were taken or failed, and how the worst of them ended.
    samples: u64,
    worst: Status,
}

/// The last answers.
pub(super) struct Last {
    pub(super) snapshot: Option<Snapshot>,
    /// By the keys typed.
    pub(super) groups: Option<Arc<Grouped>>,
}

/// What ends the view.
enum End {
    /// A key, or an interrupt.
    Quit,
    /// Enough samples are taken.
    Enough,
    /// A signal.
    Signal(i32),
    /// The view cannot go on.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

impl Session {
    /// Begins to sample and takes the terminal.
    pub(super) fn begin(
        request: Summary,
        setup: Setup,
        paint: Paint,
        out: impl AsFd,
    ) -> Result<Session, Failure> {
        let cannot_start = Failure::to("start the live view");
        let (waker, wakeups) = waker().map_err(&cannot_start)?;
        let (send, events) = sync_channel(WAITING);
        let sampled = Events {
            events: send,
            waker: waker.clone(),
        };
        let (changes, count_changes) = channel();
        let (requests, detail_requests) = channel();
        let (examined, to_examine) = channel();
        let (interval, mut view) = (setup.interval, View::new(setup));
        let count = counting(&request, interval, sampled.clone(), count_changes)?;
        runtime::handle_signals(waker, give_back_at_once).map_err(&cannot_start)?;
        let guard = Guard::take(io::stdin(), &out).map_err(Failure::to("use the terminal"))?;
        let size = guard.size();
        view.resized(size.1);
        let details = Details {
            top: request.top,
            utf8: paint.utf8,
            events: sampled.clone(),
            requests: detail_requests,
        };
        let _ = examined.send(Examined::new(&request.target, request.filter, 0));
        Ok(Session {
            repetition: request.repetition,
            paint,
            canvas: Canvas::of(size)?,
            guard,
            decoder: Decoder::default(),
            wakeups,
            events,
            changes,
            requests,
            examined,
            request: DetailRequest {
                wanted: view.wanted(),
                target: request.target,
                filter: 0,
                interval,
                width: size.0.into(),
            },
            view,
            sent: None,
            threads: [
                spawn("count", count)?,
                spawn("details", move || details.run())?,
                spawn("findings", move || findings::run(&sampled, &to_examine))?,
            ],
            by: request.by,
            groups: None,
            samples: 0,
            worst: Status::Answered,
        })
    }

    /// Shows the view until it ends. If enough samples were taken, the last answers are returned.
    pub(super) fn run(mut self) -> Result<(Status, Option<Last>), Failure> {
        let end = loop {
            if let Err(end) = self.turn() {
                break end;
            }
        };
        let worst = self.worst;
        let last = Last {
            snapshot: self.view.snapshot().cloned(),
            groups: self.groups.take(),
        };
        drop(self);
        let signal = match end {
            End::Quit => return Ok((Status::Answered, None)),
            End::Enough => return Ok((worst, Some(last))),
            End::Signal(number) => number,
            // If the terminal has disappeared, a write or a read may fail before SIGHUP arrives.
            End::Failed(Failure::Write(error) | Failure::System(_, error))
                if Errno::from_io_error(&error) == Some(Errno::IO) =>
            {
                TERMINAL_GONE
            }
            End::Failed(failure) => return Err(failure),
        };
        runtime::end_by(signal);
        Ok((Status::Failed, None))
    }

    /// Draws, waits for something to happen, and acts upon it.
    fn turn(&mut self) -> Result<(), End> {
        self.draw()?;
        self.request_detail();
        let most = match self.decoder.awaits_more() {
            true => REST_OF_A_KEY,
            false => TICK,
        };
        let keys = self.wakeups.wait(io::stdin(), most);
        let keys = keys.map_err(Failure::to("wait for keys"))?;
        runtime::take_signals()
            .into_iter()
            .try_for_each(|signal| self.handle(signal))?;
        while let Ok(event) = self.events.try_recv() {
            self.take(event)?;
        }
        // While this end of its channels is open, a thread ends only by a panic.
        if self.threads.iter().any(JoinHandle::is_finished) {
            let reason = io::Error::other("one of its threads has ended; this is a bug");
            return Err(Failure::System("go on with the live view", reason).into());
        }
        self.take_keys(keys)
    }

    fn handle(&mut self, signal: Signal) -> Result<(), End> {
        match signal {
            Signal::Interrupt => return Err(End::Quit),
            Signal::End(number) => return Err(End::Signal(number)),
            Signal::Stop => {
                self.guard.give_back();
                runtime::stop();
                // Continued.
            }
            Signal::Continue | Signal::Resize => {}
        }
        Ok(self.redraw()?)
    }

    /// Takes the terminal anew and draws every cell of it.
    fn redraw(&mut self) -> Result<(), Failure> {
        let size = self.guard.size();
        self.view.resized(size.1);
        self.request.width = size.0.into();
        self.canvas = Canvas::of(size)?;
        self.guard
            .take_again()
            .map_err(Failure::to("use the terminal"))
    }

    fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Sample(sample) => {
                let complete = &sample.snapshot.observation.completeness;
                self.worst = self.worst.max(Status::of(complete));
                self.samples += 1;
                self.view.sampled(*sample);
            }
            Event::Moved(moved, target, failure) => {
                if let Some(failure) = failure.filter(|_| self.samples == 0) {
                    return Err(failure.into());
                }
                self.samples += 1;
                self.worst = self.worst.max(match &moved.sample {
                    Ok(sample) => Status::of(&sample.snapshot.observation.completeness),
                    Err(_) => Status::Failed,
                });
                self.request.filter = self.view.moved(Instant::now(), *moved);
                self.request.target = *target;
                self.examine();
            }
            Event::Scanned(timeline, before) => self.view.scanned(timeline, before),
            Event::TimeRefused(reason) => self.view.time_refused(&reason),
            Event::SampleFailed(_, failure) if self.samples == 0 => return Err(failure.into()),
            Event::SampleFailed(failed, _) => {
                self.worst = self.worst.max(Status::Failed);
                self.samples += 1;
                self.view.failed(failed);
            }
            Event::FilterTaken(text, target) => {
                self.request.filter = self.view.filter_taken(&text, target.kinds());
                self.groups = None;
                self.request.target = *target;
                self.examine();
            }
            Event::Findings(filter, found) => self.view.diagnosed(filter, found),
            Event::FilterRefused(error, reason) => {
                let now = Instant::now();
                self.view.filter_refused(now, error.as_ref(), &reason);
            }
            Event::Detail(detail) => {
                if let (
                    DetailQuery::Groups {
                        state: None, keys, ..
                    },
                    Ok(DetailResult::Groups(groups)),
                ) = (&detail.wanted, &detail.found)
                    && self.by.as_ref() == Some(keys)
                {
                    self.groups = Some(Arc::clone(groups));
                }
                self.view.found(*detail);
            }
        }
        match self.repetition.is_over(self.samples) {
            true => Err(End::Enough),
            false => Ok(()),
        }
    }

    /// Requests what is wrong with the sockets shown.
    fn examine(&self) {
        let request = &self.request;
        let words = request.target.typed_words().unwrap_or_default();
        let examined = Examined::new(&request.target, words, request.filter);
        // The thread runs as long as this end of its channel is open.
        let _ = self.examined.send(examined);
    }

    /// Takes the keys that were sent; after a time without any, ends a sequence that is incomplete.
    fn take_keys(&mut self, ready: Option<PollFlags>) -> Result<(), End> {
        let keys = match ready {
            None => Vec::from_iter(self.decoder.end()),
            Some(ready) if ready.is_empty() => return Ok(()),
            Some(_) => {
                let mut bytes = [0; 1024];
                match rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut bytes)) {
                    Ok(0) => return Err(End::Signal(TERMINAL_GONE)),
                    // Another program that shares the terminal was faster.
                    Err(Errno::AGAIN) => return Ok(()),
                    Ok(read) => self.decoder.feed(bytes.get(..read).unwrap_or_default()),
                    Err(error) => return Err(Failure::System("read keys", error.into()).into()),
                }
            }
        };
        keys.into_iter().try_for_each(|key| self.press(key))
    }

    /// Acts upon a key.
    fn press(&mut self, key: Key) -> Result<(), End> {
        let now = Instant::now();
        match self.view.press(key, now) {
            None => {}
            Some(Action::Quit) => return Err(End::Quit),
            Some(Action::Redraw) => self.redraw()?,
            Some(Action::Save) => {
                let size = self.guard.size();
                let screen = || screen_text(&self.view.screen(now), size, self.paint);
                let notice = save(self.view.saved(), screen, Path::new("."));
                self.view.replied(now, notice);
            }
            Some(Action::Mouse(on)) => self.guard.set_mouse(on).map_err(Failure::write)?,
            Some(Action::Interval(interval)) => {
                self.request.interval = interval;
                let _ = self.changes.send(Change::Interval(interval));
            }
            Some(Action::Move(to)) => drop(self.changes.send(Change::Move(to))),
            Some(Action::Play(is_playing)) => drop(self.changes.send(Change::Play(is_playing))),
            Some(Action::GoTo(text)) => match parse_time(&text) {
                Ok(at) => drop(self.changes.send(Change::GoTo(at))),
                Err(_) => self
                    .view
                    .time_refused("as in 03:14, 03:14:07 or 2026-11-26T03:14:07Z (UTC)"),
            },
            Some(Action::Filter(text)) => {
                let _ = self.changes.send(Change::Filter(text));
            }
            Some(Action::Kinds(kinds)) => {
                let _ = self.changes.send(Change::Kinds(kinds));
            }
        }
        Ok(())
    }

    /// Requests what is shown now, if that has changed.
    fn request_detail(&mut self) {
        self.request.wanted = self.view.wanted();
        if self.sent.as_ref() != Some(&self.request) {
            self.sent = Some(self.request.clone());
            // The thread runs as long as this end of its channel is open.
            let _ = self.requests.send(self.request.clone());
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let (view, paint) = (&self.view, self.paint);
        let mut drawn = Drawn::default();
        self.canvas.draw(|frame| {
            drawn = draw_screen(frame, &view.screen(Instant::now()), paint);
        })?;
        self.view.drawn(drawn);
        Ok(())
    }
}

/// What the thread does whose samples are shown.
fn counting(
    request: &Summary,
    interval: Duration,
    events: Events,
    changes: Receiver<Change>,
) -> Result<Box<dyn FnOnce() + Send>, Failure> {
    Ok(match request.target.sources.record() {
        None => {
            let counter = Counter::new(request)?;
            Box::new(move || counter.run(interval, &events, &changes))
        }
        Some(record) => {
            let player = Player::new(request, record, events, changes)?;
            Box::new(move || player.run())
        }
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map_err(Failure::to("start a thread"))
}
