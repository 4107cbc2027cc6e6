//! One sample for all requests that arrive while it is taken or soon after: scrapes take a tenth of a core
//! at most, however many there are.
//!
//! Samples are taken on a thread of their own, which publishes what it has after each part. An answer
//! does not wait for it longer than its client does.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::sampler::{PageSampler, Sampled};
use crate::command::console::write_message;
use crate::command::log::Log;
use crate::command::outcome::Failure;
use crate::http::Bytes;
use crate::model::page::{Page, PageFormat};
use crate::output::render_page;

/// A sample is shared for this many times what it took ...
const TIMES: u32 = 9;

/// ... and no shorter and no longer than this.
const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(5);

/// A page, and its text in each format that was requested: rendered once for all requests.
#[derive(Debug)]
pub(super) struct Rendered {
    page: Arc<Page>,
    classic: OnceLock<Bytes>,
    openmetrics: OnceLock<Bytes>,
}

impl Rendered {
    fn of(page: Page) -> Arc<Rendered> {
        Arc::new(Rendered {
            page: Arc::new(page),
            classic: OnceLock::new(),
            openmetrics: OnceLock::new(),
        })
    }

    /// The text in this format.
    pub(super) fn text(&self, format: PageFormat) -> Bytes {
        let text = match format {
            PageFormat::Classic => &self.classic,
            PageFormat::OpenMetrics => &self.openmetrics,
        };
        // A string takes everything that is written to it.
        let render = || render_page(Arc::clone(&self.page), format).unwrap_or_default();
        text.get_or_init(|| render().into()).clone()
    }
}

/// Adds the families of the server to each page.
type Complete = Box<dyn Fn(&mut Page) + Send>;

/// The last sample, as far as it is taken.
#[derive(Clone, Debug)]
struct Published {
    /// Which one, counted from 1.
    number: u64,
    page: Arc<Rendered>,
    /// Until when it is shared; `None` as long as parts are missing.
    shared_until: Option<Instant>,
}

/// Takes samples when they are requested.
#[derive(Debug)]
pub(super) struct Sharing {
    published: watch::Receiver<Published>,
    /// Has a message for each sample that is to be taken.
    requests: mpsc::Sender<()>,
    /// The number of the last sample that was requested.
    requested: AtomicU64,
}

impl Sharing {
    /// Begins with a first sample, which is taken here.
    ///
    /// # Errors
    /// When it has no sockets, or no thread can be started.
    pub(super) fn begin(
        sampler: PageSampler,
        log: Log,
        complete: Complete,
    ) -> Result<Sharing, Failure> {
        let (publish, published) = watch::channel(Published {
            number: 0,
            page: Rendered::of(Page::default()),
            shared_until: None,
        });
        let mut worker = Worker {
            sampler,
            log,
            complete,
            publish,
        };
        if let Some(failure) = worker.take(1) {
            return Err(failure);
        }
        worker.print();
        let (requests, received) = mpsc::channel();
        let work = move || {
            for (number, ()) in (2..).zip(received) {
                if let Some(failure) = worker.take(number) {
                    worker.log.failed(&failure);
                }
                worker.print();
            }
        };
        thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(work)
            .map_err(Failure::to("start a thread"))?;
        Ok(Sharing {
            published,
            requests,
            requested: AtomicU64::new(1),
        })
    }

    /// A page, after this time at the latest: then with the parts that are there.
    pub(super) async fn page(&self, within: Duration) -> Arc<Rendered> {
        let deadline = Instant::now() + within;
        let number = self.request();
        // Of a later sample, which may have begun meanwhile, parts are no answer either.
        let is_answer = |last: &Published| last.number >= number && last.shared_until.is_some();
        let mut published = self.published.clone();
        let _ = timeout_at(deadline.into(), published.wait_for(is_answer)).await;
        let last = published.borrow();
        match last.number >= number {
            true => Arc::clone(&last.page),
            false => Rendered::of(Sampled::begin(SystemTime::now()).page()),
        }
    }

    /// The number of the sample that answers a request made now. Requests a new one if the last one is
    /// complete and too old.
    fn request(&self) -> u64 {
        let last = self.published.borrow();
        let requested = self.requested.load(Ordering::Relaxed);
        let is_running = last.number < requested;
        let is_shared = |until| Instant::now() <= until;
        if is_running || last.shared_until.is_none_or(is_shared) {
            return requested;
        }
        // Fails where the thread has ended: then every page says that nothing is complete.
        let _ = self.requests.send(());
        self.requested.store(requested + 1, Ordering::Relaxed);
        requested + 1
    }
}

/// What takes the samples: here the first one, then on a thread of its own.
struct Worker {
    sampler: PageSampler,
    log: Log,
    complete: Complete,
    publish: watch::Sender<Published>,
}

impl Worker {
    /// Takes a sample, and publishes it part by part; returns why it has no sockets, if it has none.
    fn take(&mut self, number: u64) -> Option<Failure> {
        let begin = Instant::now();
        let Worker {
            sampler,
            log,
            complete,
            publish,
        } = self;
        let send = |sampled: &Sampled, is_whole: bool| {
            let mut page = sampled.page();
            complete(&mut page);
            publish.send_replace(Published {
                number,
                page: Rendered::of(page),
                shared_until: is_whole.then(|| shared_until(begin, Instant::now())),
            });
        };
        let sampled = sampler.sample(|sampled| send(sampled, false));
        send(&sampled, true);
        sampled.log(log)
    }

    /// Prints what is new. Standard error may block: then samples come late, and answers do not.
    fn print(&mut self) {
        let mut err = io::stderr();
        let messages = self.log.take();
        messages
            .iter()
            .for_each(|message| write_message(&mut err, message));
    }
}

/// Until when a sample is shared that took from `begin` to `end`.
fn shared_until(begin: Instant, end: Instant) -> Instant {
    end + (end - begin).saturating_mul(TIMES).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::page::{Family, Series};

    fn page(part: &str) -> Page {
        let mut page = Page::default();
        page.add(Family::Complete, [part], Some(true));
        page
    }

    fn sharing(first: Published) -> (Sharing, watch::Sender<Published>, mpsc::Receiver<()>) {
        let requested = AtomicU64::new(first.number);
        let (publish, published) = watch::channel(first);
        let (requests, received) = mpsc::channel();
        let sharing = Sharing {
            published,
            requests,
            requested,
        };
        (sharing, publish, received)
    }

    fn published(number: u64, part: &str, shared_until: Option<Instant>) -> Published {
        Published {
            number,
            page: Rendered::of(page(part)),
            shared_until,
        }
    }

    fn wait(sharing: &Sharing, within: Duration) -> Page {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let rendered = runtime.unwrap().block_on(sharing.page(within));
        Page::clone(&rendered.page)
    }

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_sample_is_shared_until_it_is_too_old() {
        let later = Instant::now() + Duration::from_secs(60);
        let (sharing, _publish, received) = sharing(published(1, "first", Some(later)));
        assert_eq!(wait(&sharing, SHORT), page("first"));
        assert!(received.try_recv().is_err());
        let past = Instant::now();
        let (sharing, publish, received) = self::sharing(published(1, "first", Some(past)));
        std::thread::sleep(Duration::from_millis(1));
        let answer = std::thread::spawn(move || wait(&sharing, Duration::from_secs(60)));
        received.recv().unwrap();
        publish.send(published(2, "second", Some(later))).unwrap();
        assert_eq!(answer.join().unwrap(), page("second"));
    }

    #[test]
    fn parts_of_the_next_sample_are_no_answer_for_one_who_missed_the_end_of_the_last() {
        let past = Instant::now();
        let (sharing, publish, received) = sharing(published(1, "first", Some(past)));
        std::thread::sleep(Duration::from_millis(1));
        let answer = std::thread::spawn(move || wait(&sharing, Duration::from_secs(60)));
        received.recv().unwrap();
        let later = Instant::now() + Duration::from_secs(60);
        publish.send(published(3, "a part", None)).unwrap();
        std::thread::sleep(SHORT);
        publish.send(published(3, "third", Some(later))).unwrap();
        assert_eq!(answer.join().unwrap(), page("third"));
    }

    #[test]
    fn at_the_deadline_the_parts_that_are_there_are_the_answer_and_the_next_one_waits_for_the_same()
    {
        let past = Instant::now();
        let (sharing, publish, received) = sharing(published(1, "first", Some(past)));
        std::thread::sleep(Duration::from_millis(1));
        let empty = wait(&sharing, SHORT);
        let complete: Vec<&Series> = empty
            .families()
            .filter(|(family, ..)| *family == Family::Complete)
            .flat_map(|(.., series)| series)
            .collect();
        assert_eq!(complete.len(), 3);
        assert!(complete.iter().all(|series| series.value == 0.into()));
        publish.send(published(2, "half", None)).unwrap();
        assert_eq!(wait(&sharing, SHORT), page("half"));
        assert_eq!(received.try_iter().count(), 1, "one sample for both");
    }
}
