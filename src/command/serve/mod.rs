//! `tcpstates serve`: the numbers of sockets, accept queues and kernel counters as a page for monitoring
//! systems, once or over HTTP.

mod file;
mod groups;
mod kinds;
mod listen;
mod namespaces;
mod page;
mod process;
mod sampler;
mod server;
mod sharing;
mod sink;
mod walk;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::net::UnixStream;
use tokio::runtime::Builder;

use super::console::Console;
use super::doctor::Rounds;
use super::log::{Log, LogMessage, Verbosity};
use super::outcome::{Failure, Status};
use super::runtime::{handle_signals, is_end_requested, keep_little_memory};
use super::secure;
use super::sources::refuse_several;
use super::target::Target;
use super::wait::{Wakeups, waker};
use crate::cli::{self, ListenOn, PageFormatName, Selection, SourceChoice};
use crate::model::KindSet;
use crate::model::page::{Family, Page, PageFormat};
use crate::output::render_page;
use groups::Grouping;
use process::Process;
use sampler::PageSampler;
use server::Server;
use sharing::Sharing;
use walk::Extras;

/// How many groups of each `--by` have series unless `--top` says otherwise.
const USUAL_TOP: usize = 20;

/// A resolved request for a page.
struct Serve {
    target: Target,
    /// The sockets of other kinds, if any are requested.
    others: Option<Target>,
    extras: Extras,
    verbosity: Verbosity,
    to: Reader,
}

/// Who reads the page.
enum Reader {
    /// Standard output or a file, once.
    Once(PageFormat, Option<PathBuf>),
    /// Clients at these addresses, or at the usual ones.
    Clients(Vec<ListenOn>),
}

impl Serve {
    /// Resolves the options.
    ///
    /// # Errors
    /// What is not valid.
    fn resolve(typed: cli::Serve) -> Result<Serve, Failure> {
        let written = [
            (typed.output.is_some(), "--output"),
            (typed.format.is_some(), "--format"),
        ];
        let written = written.into_iter().find(|(is_typed, _)| *is_typed);
        let to = match (typed.once, written) {
            (true, _) => Reader::Once(format(&typed)?, typed.output),
            (false, None) => Reader::Clients(typed.listen),
            (false, Some((_, option))) => {
                return Err(Failure::Usage(format!(
                    "{option} needs --once: clients choose the format, and the page is not written otherwise"
                )));
            }
        };
        if typed.sourcing.from.is_some() {
            return Err(Failure::Usage(
                "--from: a record does not change, so it cannot be served".to_owned(),
            ));
        }
        if typed.sourcing.source == SourceChoice::Bpf {
            return Err(Failure::Usage(
                "--source bpf counts sockets and reads no accept queues, which are on the page"
                    .to_owned(),
            ));
        }
        let target = Target::of_kind(KindSet::TCP, &Selection::default(), &typed.sourcing)?;
        let target = target.with_placements();
        let are_several = target.sources.are_several();
        if typed.top.is_some() && typed.by.is_empty() && !are_several {
            return Err(Failure::Usage(
                "--top needs --by KEYS or several network namespaces: without groups there is nothing to cut".to_owned(),
            ));
        }
        for (is_requested, option) in [(typed.ports, "--ports"), (typed.doctor, "--doctor")] {
            if is_requested {
                refuse_several(&target.sources, option)?;
            }
        }
        let kinds = typed.kinds.into_iter().reduce(KindSet::union);
        let others = kinds.map(|kinds| target.besides_tcp(kinds)).transpose()?;
        Ok(Serve {
            others: others.flatten(),
            extras: Extras {
                groupings: Grouping::resolve(typed.by, &target.sources)?,
                top: typed.top.map_or(USUAL_TOP, |top| top.get().into()),
                ports: typed.ports,
                kinds,
                rules: typed
                    .doctor
                    .then(|| Rounds::new(&typed.sourcing))
                    .transpose()?,
            },
            target,
            verbosity: Verbosity::new(typed.messages.quiet, typed.messages.verbose),
            to,
        })
    }
}

/// The format of a page that is written once.
fn format(typed: &cli::Serve) -> Result<PageFormat, Failure> {
    let format = match typed.format {
        None | Some(PageFormatName::Classic) => PageFormat::Classic,
        Some(PageFormatName::Openmetrics) => PageFormat::OpenMetrics,
    };
    if let Some(path) = &typed.output {
        secure::refuse("--output")?;
        let is_collected = path.extension().is_some_and(|end| end == "prom");
        if is_collected && format == PageFormat::OpenMetrics {
            return Err(Failure::Usage(
                "--output: node_exporter reads files that end in .prom, and no OpenMetrics in them: remove --format openmetrics".to_owned(),
            ));
        }
    }
    Ok(format)
}

/// Makes a page and writes it, or serves pages until a signal ends that.
pub(super) fn run(typed: cli::Serve, console: &mut Console) -> Result<Status, Failure> {
    keep_little_memory();
    let request = Serve::resolve(typed)?;
    let sampler = PageSampler::new(&request.target, request.others.as_ref(), request.extras)?;
    let log = Log::new(request.verbosity);
    match request.to {
        Reader::Once(format, path) => write_once(sampler, log, format, path.as_deref(), console),
        Reader::Clients(addresses) => {
            let process = Process::this();
            let opened = listen::open(&addresses)?;
            let mut say = |line: &str| {
                if request.verbosity != Verbosity::Quiet {
                    console.print(&LogMessage::Server(line.to_owned()));
                }
            };
            let place = listen::describe(&opened);
            let rejected = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&rejected);
            let complete = move |page: &mut Page| {
                let rejected = counted.load(Ordering::Relaxed);
                page.add(Family::HttpRejected, [], Some(rejected));
                process.add_to(page);
            };
            let sharing = Sharing::begin(sampler, log, Box::new(complete))?;
            // Before the address is printed: from then on, a signal may come.
            let (waker, wakeups) = waker().map_err(Failure::to("make a pair of sockets"))?;
            handle_signals(waker, || {}).map_err(Failure::to("handle signals"))?;
            say(&place);
            let server = Arc::new(Server::new(
                sharing,
                process.most_connections(),
                rejected,
                about(&place),
            ));
            serve_until_signal(&server, opened.0, wakeups)?;
            say("ended by a signal");
            Ok(Status::Answered)
        }
    }
}

fn write_once(
    mut sampler: PageSampler,
    mut log: Log,
    format: PageFormat,
    path: Option<&Path>,
    console: &mut Console,
) -> Result<Status, Failure> {
    if sampler.compares() {
        // The second one says what could not be read.
        sampler.sample(|_| {});
        thread::sleep(Rounds::WINDOW);
    }
    let sampled = sampler.sample(|_| {});
    let (page, status) = (Arc::new(sampled.page()), sampled.status());
    if let Some(failure) = sampled.log(&mut log) {
        return Err(failure);
    }
    log.take().iter().for_each(|message| console.print(message));
    let text = render_page(page, format).map_err(|error| Failure::Output(error.to_string()))?;
    match path {
        None => console.write(text.as_bytes())?,
        Some(path) => file::replace(path, text.as_bytes()).map_err(Failure::Output)?,
    }
    Ok(status)
}

/// Serves at these sockets.
fn serve_until_signal(
    server: &Arc<Server>,
    listeners: Vec<TcpListener>,
    wakeups: Wakeups,
) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build();
    let runtime = runtime.map_err(Failure::to("start the server"))?;
    let served = runtime.block_on(async {
        let wakeups = UnixStream::from_std(wakeups.into_stream())?;
        let mut accepting = Vec::new();
        for listener in listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(tokio::spawn(Arc::clone(server).accept(listener)));
        }
        until_signal(&wakeups).await?;
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        server.close().await;
        Ok(())
    });
    served.map_err(Failure::to("serve"))
}

/// Waits for a signal that requests the end.
async fn until_signal(wakeups: &UnixStream) -> std::io::Result<()> {
    let mut bytes = [0; 64];
    loop {
        wakeups.readable().await?;
        while matches!(wakeups.try_read(&mut bytes), Ok(read) if read > 0) {}
        if is_end_requested() {
            return Ok(());
        }
    }
}

/// What a browser shows at the address of the server; `place` is where it listens.
fn about(place: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>tcpstates</title></head>\n\
         <body><h1>tcpstates {version}</h1>\n<p><a href=\"metrics\">Metrics</a> of the TCP sockets of this host</p>\n\
         <p>{place}</p></body></html>\n"
    )
}
