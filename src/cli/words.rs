//! Values that are words of a table: help and completions list those of the table, and the parser
//! takes their other spellings too.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::model::{Field, StateSet, Use};

/// A parser of one word.
#[derive(Clone, Copy)]
pub(super) struct Words<T> {
    names: fn() -> Vec<String>,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Words<T> {
    fn new(names: fn() -> Vec<String>, parse: fn(&str) -> Result<T, String>) -> Words<T> {
        Words { names, parse }
    }
}

/// Keys of groups.
pub(super) fn keys<T>(parse: fn(&str) -> Result<T, String>) -> Words<T> {
    Words::new(|| names(Use::Group), parse)
}

/// Columns of lists.
pub(super) fn columns<T>(parse: fn(&str) -> Result<T, String>) -> Words<T> {
    Words::new(|| names(Use::Column), parse)
}

/// What lists are sorted by.
pub(super) fn sort_keys<T>(parse: fn(&str) -> Result<T, String>) -> Words<T> {
    Words::new(|| names(Use::Sort), parse)
}

/// States, and groups of them.
pub(super) fn states(parse: fn(&str) -> Result<StateSet, String>) -> Words<StateSet> {
    Words::new(|| StateSet::words().collect(), parse)
}

fn names(used_as: Use) -> Vec<String> {
    Field::names(used_as).map(str::to_owned).collect()
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let parse = self.parse;
        let parser = clap::builder::StringValueParser::new().try_map(move |word| parse(&word));
        parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.names)().into_iter().map(PossibleValue::new)))
    }
}
