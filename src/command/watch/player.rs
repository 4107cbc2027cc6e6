//! The thread that goes through a record, in the place of the one that samples: the samples of its view are those
//! of the record, at a cursor.
//!
//! Several keys in a row are one move. Meanwhile it reads the numbers of the whole record, part by part, for the
//! line over it; a key waits for one part at most.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use super::counter::{Change, Counter};
use super::{Event, Events};
use crate::command::outcome::Failure;
use crate::command::summary::Summary;
use crate::live::{FailedSample, HISTORY, Move, Moved};
use crate::model::{Counts, Moment, Recorded};
use crate::record::{At, Cursor, RecordError};
use crate::source::{SourceError, count_sample};

/// What was read of the record is sent to the view no more often.
const SHOWN: Duration = Duration::from_millis(100);

/// What the thread works with.
pub(super) struct Player {
    counter: Counter,
    cursor: Cursor,
    events: Events,
    changes: Receiver<Change>,
    interval: Duration,
    is_playing: bool,
    /// When the next sample is shown, while it plays.
    due: Instant,
}

/// What changes led to: another moment is shown.
#[derive(Default)]
struct Done {
    has_moved: bool,
    /// What is said of it.
    reply: Option<String>,
}

impl Player {
    /// At the moment that a record is about.
    ///
    /// # Errors
    /// When the source cannot know the sockets of `request`, or the file cannot be read.
    pub(super) fn new(
        request: &Summary,
        record: &Recorded,
        events: Events,
        changes: Receiver<Change>,
    ) -> Result<Player, Failure> {
        let counter = Counter::new(request)?;
        let cursor = Cursor::new(record, &numbers_for(&counter));
        Ok(Player {
            cursor: cursor.map_err(Failure::to("read the record"))?,
            counter,
            events,
            changes,
            interval: request.repetition.interval.unwrap_or_default(),
            // Who limits the samples waits for the last one.
            is_playing: request.repetition.samples.is_some(),
            due: Instant::now(),
        })
    }

    /// Goes through the record until the other end of one of its channels is gone.
    pub(super) fn run(mut self) {
        self.due = Instant::now() + self.interval;
        let mut is_alive = self.show(None);
        let mut sent = Instant::now();
        let mut is_read = false;
        while is_alive {
            let wait = match (is_read, self.is_playing) {
                (false, _) => Duration::ZERO,
                (true, true) => self.due.saturating_duration_since(Instant::now()),
                (true, false) => Duration::MAX,
            };
            is_alive = match self.changes.recv_timeout(wait) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(change) => {
                    let is_alive = self.take(change);
                    is_read = false;
                    is_alive
                }
                Err(RecvTimeoutError::Timeout) if self.is_playing && self.due <= Instant::now() => {
                    self.play()
                }
                Err(RecvTimeoutError::Timeout) => {
                    let count = numbers_for(&self.counter);
                    is_read = !self.cursor.scan(&count);
                    if !is_read && sent.elapsed() < SHOWN {
                        continue;
                    }
                    sent = Instant::now();
                    let (timeline, before) =
                        (Arc::new(self.cursor.timeline().clone()), self.before());
                    self.events.send(Event::Scanned(timeline, before))
                }
            };
        }
    }

    /// Shows the next one.
    fn play(&mut self) -> bool {
        self.due = Instant::now() + self.interval;
        match self.step(1) {
            true => self.show(None),
            false => {
                self.is_playing = false;
                self.show(Some("the record ends here".to_owned()))
            }
        }
    }

    /// Acts upon a change, and upon those that wait behind it. False where the view has ended.
    fn take(&mut self, change: Change) -> bool {
        let mut done = Done::default();
        let mut next = Some(change);
        while let Some(change) = next {
            if !self.act(change, &mut done) {
                return false;
            }
            next = self.changes.try_recv().ok();
        }
        !done.has_moved || self.show(done.reply)
    }

    /// Acts upon a change. False where the view has ended.
    fn act(&mut self, change: Change, done: &mut Done) -> bool {
        let reply = match change {
            Change::Interval(interval) => {
                self.interval = interval;
                self.due = Instant::now() + interval;
                return true;
            }
            Change::Play(is_playing) => {
                self.is_playing = is_playing;
                self.due = Instant::now() + self.interval;
                return true;
            }
            Change::Move(Move::By(by)) => match (self.step(by), by > 0) {
                (true, _) => None,
                (false, true) => Some("the record ends here"),
                (false, false) => Some("the record begins here"),
            },
            Change::Move(Move::Mark { forward }) => {
                match (self.cursor.go_to_mark(forward), forward) {
                    (true, _) => None,
                    (false, true) => Some("no later moment has all sockets"),
                    (false, false) => Some("no earlier moment has all sockets"),
                }
            }
            Change::GoTo(at) => match self.go_to(at) {
                Ok(()) => None,
                Err(reason) => return self.events.send(Event::TimeRefused(reason)),
            },
            Change::Filter(text) => {
                let taken = self.counter.take_filter(text);
                if !self.ask_anew(taken) {
                    return false;
                }
                None
            }
            Change::Kinds(kinds) => {
                let taken = self.counter.take_kinds(kinds);
                if !self.ask_anew(taken) {
                    return false;
                }
                None
            }
        };
        *done = Done {
            has_moved: true,
            reply: reply.map(ToOwned::to_owned),
        };
        true
    }

    /// Sends whether another question is asked from now on. False where the view has ended.
    fn ask_anew(&mut self, taken: Event) -> bool {
        let count = numbers_for(&self.counter);
        self.cursor.forget(&count);
        self.events.send(taken)
    }

    fn step(&mut self, by: i64) -> bool {
        let count = numbers_for(&self.counter);
        self.cursor.step(by, &count)
    }

    fn go_to(&mut self, at: At) -> Result<(), String> {
        let count = numbers_for(&self.counter);
        let gone = self.cursor.go_to(at, &count);
        // One line has room for it.
        gone.map_err(|error| match &error {
            RecordError::Outside { brief, .. } => brief.clone(),
            RecordError::Unreadable { .. }
            | RecordError::Other { .. }
            | RecordError::Newer { .. }
            | RecordError::Nothing { .. }
            | RecordError::NoMoment { .. } => error.to_string(),
        })
    }

    /// Shows what is at the cursor, and says something of it. False where the view has ended.
    fn show(&mut self, reply: Option<String>) -> bool {
        let at = Instant::now();
        let (mut has_sockets, mut causes) = (false, Vec::new());
        let sample = match self.cursor.read() {
            Ok(record) => {
                let moment = record.last();
                has_sockets = record.counted().is_none();
                let found = moment.into_iter().flat_map(|moment| &*moment.causes);
                causes.extend(found.map(|(rule, title)| format!("{rule}: {title}")));
                self.counter.sample_at(record)
            }
            Err(error) => Err(Failure::System("read the record", error)),
        };
        let (sample, failure) = match sample {
            Ok(sample) => (Ok(sample), None),
            Err(failure) => {
                let reason = told(&failure, has_sockets);
                (Err(FailedSample { at, reason }), Some(failure))
            }
        };
        let moved = Moved {
            sample,
            before: self.before(),
            timeline: Arc::new(self.cursor.timeline().clone()),
            at: self.cursor.position(),
            has_sockets,
            causes,
            cut: self.cursor.cut().map(ToOwned::to_owned),
            is_playing: self.is_playing,
            reply,
        };
        let target = Box::new(self.counter.target().clone());
        self.events
            .send(Event::Moved(Box::new(moved), target, failure))
    }

    /// The numbers before those at the cursor.
    fn before(&self) -> Vec<(SystemTime, Counts)> {
        let timeline = self.cursor.timeline();
        timeline.before(self.cursor.position(), HISTORY - 1)
    }
}

/// Reads the numbers of a sample that are counted.
fn numbers_for(counter: &Counter) -> impl Fn(&Moment) -> Option<Counts> + '_ {
    let (question, sources) = (counter.question(), &counter.target().sources);
    move |moment| count_sample(moment, question, sources)
}

/// Why there is no answer: of a sample, in fewer words, and with the keys that lead to one.
pub(super) fn told(failure: &Failure, has_sockets: bool) -> String {
    let is_lack = matches!(
        failure,
        Failure::CannotKnow(_) | Failure::Observe(SourceError::CannotKnow(_))
    );
    match is_lack && !has_sockets {
        true => {
            "a sample has numbers, and no sockets: n and N go to moments that have all".to_owned()
        }
        false => failure.to_string(),
    }
}
