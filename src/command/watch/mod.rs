//! `--watch` on a terminal: the live view.
//!
//! The only place of the view that does anything: it samples (on threads of its own, so that a
//! slow sample never keeps a key waiting), waits for keys, signals and samples in one place, and
//! has the terminal drawn. What a key or a sample changes is `live`'s, what it looks like is
//! `output`'s.

mod bell;
mod canvas;
mod charset;
mod counter;
mod details;
mod duty;
mod guard;
mod keys;
mod limits;
mod listing;
mod news;
mod saving;
mod session;
mod signals;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use rustix::fd::AsFd;

use super::failure::Failure;
use super::{Status, terminal};
use crate::cli::{FormatName, Summary};
use crate::live::Settings;
use crate::model::{Field, Key};
use session::Session;

/// Whether samples are shown in place: a table for a terminal that can, whose keys are heard.
/// Everywhere else they are appended.
pub(super) fn is_for(typed: &Summary, out: &impl IsTerminal) -> bool {
    typed.repetition.watch.is_some()
        && typed.presentation.format() == FormatName::Table
        && out.is_terminal()
        && io::stdin().is_terminal()
        && !terminal::is_dumb()
}

/// Shows the live view until somebody ends it.
pub(super) fn run(
    typed: &Summary,
    out: &mut (impl Write + AsFd + IsTerminal),
) -> Result<Status, Failure> {
    let look = terminal::look(out, typed.presentation.color);
    let settings = Settings {
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        interval: typed.repetition.watch.unwrap_or_default(),
        filter: typed.selection.words.join(" "),
        groupings: groupings(typed),
        start: Instant::now(),
    };
    let paint = charset::paint(look);
    Session::begin(Arc::new(typed.clone()), settings, paint, out)?.run()
}

/// What sockets can be grouped by: what was typed first, then what is usually asked for.
fn groupings(typed: &Summary) -> Vec<Vec<Key>> {
    const USUAL: [&[Field]; 6] = [
        &[Field::Service, Field::RemoteAddr],
        &[Field::Service],
        &[Field::RemoteAddr],
        &[Field::LocalPort],
        &[Field::Process],
        &[Field::User],
    ];
    let key = |field: &Field| Key {
        field: *field,
        prefix: None,
    };
    let usual = USUAL.map(|fields| fields.iter().map(key).collect::<Vec<_>>());
    let named = typed.grouping.by.iter().map(|keys| keys.0.clone());
    let mut all: Vec<Vec<Key>> = named.collect();
    for keys in usual {
        if !all.contains(&keys) {
            all.push(keys);
        }
    }
    all
}
