//! `tcpstates serve`: the numbers of sockets, accept queues and kernel counters as a page for monitoring
//! systems.

mod file;
mod page;
mod sampler;
mod sink;

use std::path::PathBuf;
use std::sync::Arc;

use super::console::Console;
use super::outcome::{Failure, Status};
use super::secure;
use super::sources::refuse_several;
use super::target::Target;
use crate::cli::{self, PageFormatName, Selection, SourceChoice};
use crate::model::KindSet;
use crate::model::page::PageFormat;
use crate::output::render_page;
use sampler::PageSampler;

/// A resolved request for a page.
struct Serve {
    target: Target,
    output: Option<PathBuf>,
    format: PageFormat,
}

impl Serve {
    /// Resolves the options.
    ///
    /// # Errors
    /// What is not valid.
    fn resolve(typed: cli::Serve, console: &mut Console) -> Result<Serve, Failure> {
        console.set_verbosity(typed.messages);
        let format = match typed.format {
            PageFormatName::Classic => PageFormat::Classic,
            PageFormatName::Openmetrics => PageFormat::OpenMetrics,
        };
        if let Some(path) = &typed.output {
            secure::refuse("--output")?;
            let is_collected = path
                .extension()
                .is_some_and(|extension| extension == "prom");
            if is_collected && format == PageFormat::OpenMetrics {
                return Err(Failure::Usage(
                    "--output: node_exporter reads files that end in .prom, and no OpenMetrics in them: remove --format openmetrics".to_owned(),
                ));
            }
        }
        if typed.sourcing.source == SourceChoice::Bpf {
            return Err(Failure::Usage(
                "--source bpf counts sockets and reads no accept queues, which are on the page"
                    .to_owned(),
            ));
        }
        let target = Target::of_kind(KindSet::TCP, &Selection::default(), &typed.sourcing)?;
        target.refuse_owner_timeout()?;
        refuse_several(&target.sources, "the page")?;
        Ok(Serve {
            target,
            output: typed.output,
            format,
        })
    }
}

/// Makes a page, and writes it.
pub(super) fn run(typed: cli::Serve, console: &mut Console) -> Result<Status, Failure> {
    let request = Serve::resolve(typed, console)?;
    let sampled = PageSampler::new(&request.target)?.sample();
    let page = Arc::new(sampled.page());
    let status = sampled.status();
    sampled.log(console)?;
    let text = render_page(page, request.format);
    let text = text.map_err(|error| Failure::Output(error.to_string()))?;
    match &request.output {
        None => console.write(text.as_bytes())?,
        Some(path) => file::replace(path, text.as_bytes()).map_err(Failure::Output)?,
    }
    Ok(status)
}
