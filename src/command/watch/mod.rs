//! `--watch` on a terminal: the live view.
//!
//! Does the view's I/O: it samples on threads of its own, so that a slow sample never delays a key,
//! waits for keys, signals and samples in one place, and draws on the terminal. `live` decides what
//! a key or a sample changes, `output` how it looks.

mod counter;
mod details;
mod findings;
mod inspect;
mod kernel_limits;
mod key_decoder;
mod listing;
mod player;
mod saving;
mod session;
mod terminal;
mod tracing;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Instant, SystemTime};

use super::console::{Console, Presentation, is_dumb, is_linux_console};
use super::log::LogMessage;
use super::outcome::{Failure, Status};
use super::summary::Summary;
use super::target::Target;
use super::wait::Waker;
use crate::filter::FilterError;
use crate::live::{Detail, FailedSample, Moved, Setup, StateSample};
use crate::model::{CountedGroups, Counts, Field, Finding, GroupKey, Recorded, Timeline};
use crate::output::Look;
use crate::output::screen::Paint;
use crate::source::Sources;
use session::{Last, Session};

/// What the threads that sample report to the one that draws.
enum Event {
    /// A sample was taken.
    Sample(Box<StateSample>),
    /// Another moment of the record is shown, of these sockets; why it cannot answer, if it cannot.
    Moved(Box<Moved>, Box<Target>, Option<Failure>),
    /// More of the record was read, and the numbers before those shown.
    Scanned(Arc<Timeline>, Vec<(SystemTime, Counts)>),
    /// The record has nothing of the time typed.
    TimeRefused(String),
    /// A sample failed.
    SampleFailed(FailedSample, Failure),
    /// The filter typed is valid, and used from now on.
    FilterTaken(String, Box<Target>),
    /// The filter typed is not valid: the word at fault, if it is one, and why.
    FilterRefused(Option<FilterError>, String),
    /// What is wrong with the sockets of the filter with this number.
    Findings(u64, Option<Vec<Finding>>),
    /// Groups or sockets were sampled.
    Detail(Box<Detail>),
}

/// Sends events there.
#[derive(Clone)]
struct Events {
    events: SyncSender<Event>,
    waker: Waker,
}

impl Events {
    /// Sends; waits while too many events are pending, as on a terminal that is stopped. False
    /// where the view has ended.
    fn send(&self, event: Event) -> bool {
        let sent = self.events.send(event).is_ok();
        self.waker.wake();
        sent
    }
}

/// How the view looks, if samples are shown in place: as a table on a terminal that can, with keys.
/// Everywhere else they are appended.
pub(super) fn look(request: &Summary, console: &Console) -> Option<Look> {
    let Presentation::Table(look) = request.presentation else {
        return None;
    };
    let is_for = request.repetition.interval.is_some()
        && console.out.is_terminal()
        && io::stdin().is_terminal()
        && !is_dumb();
    is_for.then_some(look)
}

/// Shows the live view until it is ended.
pub(super) fn run(request: &Summary, look: Look, console: &mut Console) -> Result<Status, Failure> {
    let record = request.target.sources.record();
    let setup = Setup {
        host: match (record, request.netns()) {
            (Some(record), _) => record.origin.host.clone(),
            (None, Some(netns)) => format!("{} netns {netns}", host()),
            (None, None) => host(),
        },
        record: record.map(|record| file_name(record)),
        interval: request.repetition.interval.unwrap_or_default(),
        filter: request.filter.clone(),
        kinds: request.target.kinds(),
        shows_plan: console.shows_plans(),
        groupings: groupings(request.by.as_deref(), &request.target.sources),
        start: Instant::now(),
    };
    // Colour as for tables; so are characters beyond ASCII, except on the console of Linux.
    let paint = Paint {
        color: look.color,
        utf8: look.utf8 && !is_linux_console(),
    };
    let session = Session::begin(request.clone(), setup, paint, &console.out)?;
    let (status, last) = session.run()?;
    if let Some(last) = last {
        leave(request, &last, console)?;
    }
    Ok(status)
}

/// The last part of a record's path.
fn file_name(record: &Recorded) -> String {
    let name = record.path.file_name().unwrap_or(record.path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// Leaves the last sample on the screen, as a table.
fn leave(request: &Summary, last: &Last, console: &mut Console) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let mut format = request.format(false);
    let observation = if let Some(grouped) = &last.groups {
        format.write_groups(&mut bytes, grouped);
        &grouped.observation
    } else if let Some(snapshot) = &last.snapshot {
        format.write_summary(&mut bytes, snapshot);
        &snapshot.observation
    } else {
        return Ok(());
    };
    for loss in observation.completeness.losses() {
        console.print(&LogMessage::Warning(loss.clone()));
    }
    console.write(&bytes)
}

/// What sockets can be grouped by: the keys typed first, then the usual ones, of several network namespaces
/// by these first; in a record, those first that samples have.
fn groupings(typed: Option<&[GroupKey]>, sources: &Sources) -> Vec<Vec<GroupKey>> {
    const USUAL: [&[Field]; 10] = [
        &[Field::Netns],
        &[Field::Service, Field::RemoteAddr],
        &[Field::Service],
        &[Field::RemoteAddr],
        &[Field::LocalPort],
        &[Field::Name],
        &[Field::PeerProcess],
        &[Field::Process],
        &[Field::User],
        &[Field::Kind],
    ];
    let key = |field: &Field| GroupKey {
        field: *field,
        prefix: None,
    };
    let usual = USUAL.map(|fields| fields.iter().map(key).collect::<Vec<_>>());
    let mut usual: Vec<_> = usual
        .into_iter()
        .skip(usize::from(!sources.are_several()))
        .filter(|keys| typed != Some(keys))
        .collect();
    if sources.record().is_some() {
        let is_sampled = |key: &GroupKey| {
            CountedGroups::FIELDS.contains(&key.field) || key.field == Field::Netns
        };
        usual.sort_by_key(|keys| keys.len() > 1 || !keys.iter().all(is_sampled));
    }
    let typed = typed.map(<[GroupKey]>::to_vec);
    typed.into_iter().chain(usual).collect()
}
