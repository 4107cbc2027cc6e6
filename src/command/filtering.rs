//! The filter typed, from words and files, with its names looked up on this host.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::failure::Failure;
use super::lookup::HostLookup;
use crate::cli::{Selection, command_meant};
use crate::filter::{Expression, FilterError, FilterText, Place, parse};

/// What the words and the files say together; `None` where there are none.
pub(super) fn filter(selection: &Selection) -> Result<Option<Expression>, Failure> {
    let mut lookup = HostLookup::default();
    let typed = of_words(&selection.words, &mut lookup);
    let typed = typed.map_err(|error| usage(&error))?;
    let in_files = of_files(&selection.files, &mut lookup)?;
    Ok(Expression::all(typed.into_iter().chain(in_files)))
}

/// What the words say; `None` where there are none.
pub(super) fn of_words(
    words: &[String],
    lookup: &mut HostLookup,
) -> Result<Option<Expression>, FilterError> {
    if words.is_empty() {
        return Ok(None);
    }
    parse(&FilterText::of_words(words), lookup).map(Some)
}

/// What the files say together; `None` where there are none.
pub(super) fn of_files(
    files: &[PathBuf],
    lookup: &mut HostLookup,
) -> Result<Option<Expression>, Failure> {
    let mut filters = Vec::new();
    for path in files {
        let text = read(path)?;
        filters.push(parse(&text, lookup).map_err(|error| usage(&error))?);
    }
    Ok(Expression::all(filters))
}

fn read(path: &Path) -> Result<FilterText, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let mut contents = String::new();
    let read = if is_stdin {
        io::stdin().lock().read_to_string(&mut contents)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut contents))
    };
    read.map_err(|error| Failure::Usage(format!("--filter: cannot read {name}: {error}")))?;
    Ok(FilterText::of_file(&name, &contents))
}

/// What is wrong; a word that is none may have been meant as a command.
pub(super) fn usage(error: &FilterError) -> Failure {
    let command = match error.place {
        Place::Word(number) if error.is_unknown_word => command_meant(&error.word, number == 1),
        Place::Word(_) | Place::Line { .. } => None,
    };
    Failure::Usage(command.unwrap_or_else(|| error.to_string()))
}
