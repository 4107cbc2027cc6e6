//! The thread that counts, as often as it is told to.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use super::limits;
use super::news::{News, Post};
use crate::cli::Summary;
use crate::command::asking::{question_by, sources};
use crate::command::failure::Failure;
use crate::command::filtering::{of_files, of_words, usage};
use crate::command::lookup::HostLookup;
use crate::command::notes::Notes;
use crate::command::repeat::Schedule;
use crate::command::{holders, summary};
use crate::filter::{Expression, FilterError};
use crate::live::{NoSample, Sample};
use crate::model::screen::SampleCost;
use crate::question::Question;
use crate::source::Observer;

/// What the thread can be told.
pub(super) enum Order {
    /// To sample so often from now on.
    Interval(Duration),
    /// To take this filter.
    Filter(String),
}

/// What the thread works with.
pub(super) struct Counter {
    typed: Arc<Summary>,
    /// The filters of files: read once, since standard input cannot be read twice.
    in_files: Option<Expression>,
    lookup: HostLookup,
    observer: Observer,
    post: Post,
}

/// Why a filter is not taken.
enum Refusal {
    Word(FilterError),
    Whole(Failure),
}

impl Counter {
    /// Ready to count what was typed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(typed: Arc<Summary>, post: Post) -> Result<Counter, Failure> {
        let mut lookup = HostLookup::default();
        let in_words = of_words(&typed.selection.words, &mut lookup);
        let in_words = in_words.map_err(|error| usage(&error))?;
        let in_files = of_files(&typed.selection.files, &mut lookup)?;
        let all = Expression::all(in_words.into_iter().chain(in_files.clone()));
        let question = question_by(&typed.selection, all, Vec::new())?;
        let observer = Observer::new(question, sources(&typed.sourcing)?)?;
        Ok(Counter {
            typed,
            in_files,
            lookup,
            observer,
            post,
        })
    }

    /// What is asked.
    pub(super) fn question(&self) -> &Question {
        self.observer.question()
    }

    /// Counts until nobody gives orders, or takes news, any more.
    pub(super) fn run(mut self, mut interval: Duration, orders: &Receiver<Order>) {
        let mut schedule = Schedule::new(Instant::now(), interval);
        let mut due = Instant::now();
        loop {
            let news = match orders.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let news = self.sample();
                    let now = Instant::now();
                    due = now + schedule.wait(now);
                    Some(news)
                }
                Ok(order) => {
                    let news = match order {
                        Order::Interval(other) => {
                            interval = other;
                            None
                        }
                        Order::Filter(text) => Some(self.take_filter(text)),
                    };
                    // At once, and every interval from now on.
                    due = Instant::now();
                    schedule = Schedule::new(due, interval);
                    news
                }
            };
            if news.is_some_and(|news| !self.post.send(news)) {
                return;
            }
        }
    }

    fn sample(&mut self) -> News {
        let (at, time) = (Instant::now(), SystemTime::now());
        self.try_sample(at).unwrap_or_else(|failure| {
            let reason = failure.to_string();
            News::NoSample(NoSample { at, time, reason }, failure)
        })
    }

    fn try_sample(&mut self, at: Instant) -> Result<News, Failure> {
        let mut said = Vec::new();
        let mut notes = Notes::new(&mut said);
        holders::refresh(&mut self.observer, &self.typed.sourcing, &mut notes)?;
        drop(notes);
        let (snapshot, report, took) = summary::observe(&mut self.observer)?;
        let question = self.observer.question();
        let limits = limits::reached(question, &snapshot, &self.typed.sourcing);
        let said = String::from_utf8_lossy(&said);
        // What is remarked on the processes of a filter stands beside what is said of the source.
        let remarks = said
            .lines()
            .map(|line| line.trim_start_matches("tcpstates: note: "));
        let notes: Vec<&str> = report.note.as_deref().into_iter().chain(remarks).collect();
        Ok(News::Sample(Box::new(Sample {
            at,
            snapshot,
            plan: report.plan,
            cost: SampleCost {
                took,
                listed: report.cost.listed,
                derived: report.cost.derived,
            },
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            limits,
        })))
    }

    fn take_filter(&mut self, text: String) -> News {
        match self.observer_of(&text) {
            Ok(observer) => {
                self.observer = observer;
                let question = Box::new(self.observer.question().clone());
                News::FilterTaken(text, question)
            }
            Err(Refusal::Word(error)) => {
                let reason = error.reason.clone();
                News::FilterRefused(Some(error), reason)
            }
            Err(Refusal::Whole(failure)) => News::FilterRefused(None, failure.to_string()),
        }
    }

    fn observer_of(&mut self, text: &str) -> Result<Observer, Refusal> {
        let words = (!text.trim().is_empty()).then(|| text.to_owned());
        let words: Vec<String> = words.into_iter().collect();
        let typed = of_words(&words, &mut self.lookup).map_err(Refusal::Word)?;
        let all = Expression::all(typed.into_iter().chain(self.in_files.clone()));
        let made = || {
            let question = question_by(&self.typed.selection, all, Vec::new())?;
            Ok::<_, Failure>(Observer::new(question, sources(&self.typed.sourcing)?)?)
        };
        made().map_err(Refusal::Whole)
    }
}
