//! `tcpstates record`: evidence in a file, of two moments with a window between them; or samples, and such
//! moments when something is wrong.

mod continuous;
mod disguise;
mod listing;
mod moment;
mod namespaces;
mod rows;
mod sampling;
mod several;
#[cfg(test)]
mod tests;
mod walk;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::console::Console;
use super::outcome::{Failure, Status};
use super::secure;
use super::target::Target;
use crate::cli::{self, Sourcing};
use crate::model::{EVERY_NETNS, KindSet, counted};
use crate::record::line::{Head, VERSION, VERSION_OF_ONE};
use crate::record::{self, Writer, lock, not_regular};
use crate::source::Readings;
use moment::{Labels, Recorder};
use rows::Before;

/// Records both moments, and reports what the file has.
pub(super) fn run(typed: cli::Record, console: &mut Console) -> Result<Status, Failure> {
    console.set_verbosity(typed.messages);
    secure::refuse("FILE")?;
    let kinds = typed.letters.named(&typed.kinds).unwrap_or(KindSet::ALL);
    if typed.anonymize && !typed.words.is_empty() {
        return Err(Failure::Usage(
            "--anonymize: the record would contain the filter as it is typed; leave one of them out"
                .to_owned(),
        ));
    }
    let selection = cli::Selection {
        words: typed.words.clone(),
        ..cli::Selection::default()
    };
    let sourcing = Sourcing {
        namespaces: typed.namespaces.clone(),
        ..Sourcing::default()
    };
    let target = Target::of_kind(kinds, &selection, &sourcing)?.with_placements();
    if let Some(interval) = typed.every {
        return continuous::run(&typed, interval, target, console);
    }
    let file = create(&typed.file, typed.force)?;
    let ended = record_into(file, &typed, target, console);
    // Of a file that has nothing, the next attempt would say that it exists.
    if ended.is_err() && !typed.force && record::open(&typed.file, None).is_err() {
        let _ = fs::remove_file(&typed.file);
    }
    ended
}

/// Records into a file that is empty.
fn record_into(
    file: File,
    typed: &cli::Record,
    target: Target,
    console: &mut Console,
) -> Result<Status, Failure> {
    let sources = target.sources.clone();
    let cannot = |error| not_written(&typed.file, &error);
    let mut writer = Writer::new(file);
    let mut labels = Labels::new(sources.place(), typed.anonymize);
    writer.head(head(&target, &mut labels)).map_err(cannot)?;
    let recorder = Recorder {
        kinds: target.kinds(),
        filtered: target.typed_words().map(|_| target.question),
        sources,
        writer,
        path: typed.file.clone(),
        command_lines: typed.command_lines,
        labels,
        known: Some(Before::new(SystemTime::UNIX_EPOCH)),
    };
    record_both(recorder, typed.window, console)
}

/// Whose record it is.
fn head(target: &Target, labels: &mut Labels) -> Head<'static> {
    let name = rustix::system::uname();
    let host = name.nodename().to_string_lossy();
    Head {
        version: match target.sources.are_several() {
            true => VERSION,
            false => VERSION_OF_ONE,
        },
        program: env!("CARGO_PKG_VERSION").into(),
        host: labels.name(&host).to_owned().into(),
        kernel: name.release().to_string_lossy().into_owned().into(),
        kinds: target.kinds().words_of().into(),
        filter: target.typed_words().map(Into::into),
        anonymized: labels.are_others(),
        page_size: Readings::of(&target.sources).page_size(),
        netns: words(target, labels).map(Into::into),
    }
}

/// Which network namespaces were requested, where these may be several.
fn words(target: &Target, labels: &mut Labels) -> Option<String> {
    let place = target.sources.place();
    let words = place.namespaces()?.words();
    let words = words.split(',').map(|word| match word {
        EVERY_NETNS => word.to_owned(),
        word => labels.namespace(word).to_owned(),
    });
    Some(words.collect::<Vec<_>>().join(","))
}

/// Records both moments.
fn record_both(
    mut recorder: Recorder<File>,
    window: Duration,
    console: &mut Console,
) -> Result<Status, Failure> {
    let begin = Instant::now();
    let first = recorder.record(true, &[], console)?;
    let left = window.saturating_sub(begin.elapsed());
    console.progress(&format!(
        "recorded {}; waiting {:.1} s for the second moment",
        counted(first.sockets, "socket", "sockets"),
        left.as_secs_f64()
    ));
    thread::sleep(left);
    let window = begin.elapsed();
    let second = recorder.record(false, &[], console)?;
    let text = format!(
        "{}: {}{}, then {}, {:.1} s apart, {} KiB\n",
        crate::output::escape::line(&recorder.path.display().to_string()),
        counted(first.sockets, "socket", "sockets"),
        first.namespaces.map_or_else(String::new, |number| {
            let number = counted(number as u64, "network namespace", "network namespaces");
            format!(" in {number}")
        }),
        second.sockets,
        window.as_secs_f64(),
        recorder.writer.written.div_ceil(1024),
    );
    console.write(text.as_bytes())?;
    Ok(match first.is_complete && second.is_complete {
        true => Status::Answered,
        false => Status::Incomplete,
    })
}

/// Creates the file, which only its owner may read: it shows addresses and names of processes.
fn create(path: &Path, force: bool) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match force {
        true => options.create(true).truncate(false),
        false => options.create_new(true),
    };
    // A pipe that no process reads would be waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    let opened = options.open(path).and_then(|file| {
        take(&file)?;
        Ok(file)
    });
    opened.map_err(|error| not_opened(path, &error))
}

/// Empties a file that no other process may record into, and takes it from all but its owner.
fn take(file: &File) -> io::Result<()> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        lock(file)?;
        file.set_len(0)?;
    } else if kind.is_fifo() {
        return Err(not_regular());
    }
    Ok(())
}

/// That the file cannot be opened.
fn not_opened(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    if error.kind() == io::ErrorKind::AlreadyExists {
        Failure::Usage(format!(
            "{name} exists: choose another name, or replace it by --force"
        ))
    } else if error.kind() == io::ErrorKind::WouldBlock {
        Failure::Usage(format!(
            "{name} is written by another process: choose another name"
        ))
    } else if is_link {
        Failure::Usage(format!(
            "{name} is a symbolic link, and these are not followed: name the file"
        ))
    } else if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
        // A pipe that no process reads.
        not_written(path, &not_regular())
    } else {
        not_written(path, error)
    }
}

/// That the file cannot be written.
fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::Proc(format!("cannot write {}: {error}", path.display()))
}
