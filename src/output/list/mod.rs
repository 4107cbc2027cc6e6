//! Sockets one by one: as rows of a table, as JSON or as CSV.
//!
//! Rows are appended to bytes that whoever calls writes out in large pieces; a row costs no
//! allocation, since there may be a million of them. Knows no terminal and no file.

mod column;
mod csv;
mod fit;
mod holders;
mod json;
mod table;
mod text;
mod value;

pub use csv::CsvRows;
pub use json::JsonRows;
pub use table::{TableRows, TableStyle};

use std::io;
use std::time::SystemTime;

use crate::model::{Names, Observation, Socket};

/// A way to show sockets. One value serves all samples: what precedes the first one only, a
/// header, is told by whether there was one before.
pub trait Rows {
    /// Begins a sample that was taken at `time`.
    ///
    /// # Errors
    /// The format's own, as for every method here; none is known to occur.
    fn begin(&mut self, out: &mut Vec<u8>, time: SystemTime) -> io::Result<()>;

    /// Appends a socket, or keeps it for later.
    ///
    /// # Errors
    /// As above.
    fn row<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        socket: &Socket,
        names: &mut N,
    ) -> io::Result<()>;

    /// Ends a sample of `listed` sockets, appending what was kept and what is known now.
    ///
    /// # Errors
    /// As above.
    fn end<N: Names>(
        &mut self,
        out: &mut Vec<u8>,
        observation: &Observation,
        listed: u64,
        names: &mut N,
    ) -> io::Result<()>;

    /// Forgets the sample that was begun, of which nothing was shown; another one will begin.
    fn abandon(&mut self);

    /// What a person should be told about the rows shown so far.
    fn remark(&self) -> Option<String> {
        None
    }
}
