//! The one error of the race: a sentence for the person who started it. Nothing here is retried by
//! kind, so no enum; every message names the step, tool or file at fault.

use std::fmt;
use std::io;

#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what was being done when the system refused.
pub(crate) trait During<T> {
    fn during(self, step: &str) -> Result<T, Fault>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: &str) -> Result<T, Fault> {
        self.map_err(|error| Fault(format!("{step}: {}", error.into())))
    }
}
