//! The lines of the sockets of a moment, one after the other: those that are as in an earlier moment are read
//! there, from its begin to its end once.

use std::io;

use super::line::{Line, Unchanged};
use super::lines::Lines;
use super::unchanged::later;
use super::{END, SOCKET};
use crate::model::{Moment, Recorded, Socket};

/// The sockets of a moment.
#[derive(Debug)]
pub struct Sockets {
    lines: Lines,
    /// Where the next socket is read that is as in the earlier moment.
    base: Option<Lines>,
    /// How many sockets follow that are as in the earlier moment, and by how much they are older.
    run: Unchanged,
    /// How many are left.
    left: u64,
}

/// The line of a socket, and by how many milliseconds the socket is older than its line says.
#[derive(Debug)]
pub struct SocketLine<'a> {
    /// The line.
    pub line: &'a [u8],
    older_ms: u32,
}

impl SocketLine<'_> {
    /// The socket, of what its line says.
    pub fn aged(&self, mut socket: Socket) -> Socket {
        later(&mut socket, self.older_ms);
        socket
    }
}

impl Sockets {
    /// Those of this moment of a record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(record: &Recorded, moment: &Moment) -> io::Result<Sockets> {
        let open = |place| Lines::open(&record.path, place);
        Ok(Sockets {
            lines: open(moment.start)?,
            base: moment.base.map(open).transpose()?,
            run: Unchanged::default(),
            left: moment.total,
        })
    }

    /// The next one; `None` behind the last one.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn next_line(&mut self) -> io::Result<Option<SocketLine<'_>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        while self.run.sockets == 0 {
            let Some((_, line)) = self.lines.next_line()? else {
                return Ok(None);
            };
            if line.starts_with(SOCKET) {
                let older_ms = 0;
                return Ok(Some(SocketLine {
                    line: self.lines.line(),
                    older_ms,
                }));
            }
            match serde_json::from_slice(line) {
                Ok(Line::Unchanged(run)) => self.run = run,
                Ok(Line::End(_)) => return Ok(None),
                _ => continue,
            }
            for _ in 0..self.run.skipped {
                if next_socket(&mut self.base)?.is_none() {
                    return Ok(None);
                }
            }
        }
        self.run.sockets -= 1;
        let older_ms = self.run.older_ms;
        let line = next_socket(&mut self.base)?;
        Ok(line.map(|line| SocketLine { line, older_ms }))
    }
}

/// The line of the next socket of the earlier moment.
fn next_socket(base: &mut Option<Lines>) -> io::Result<Option<&[u8]>> {
    let Some(base) = base else {
        return Ok(None);
    };
    loop {
        match base.next_line()? {
            None => return Ok(None),
            Some((_, line)) if line.starts_with(SOCKET) => return Ok(Some(base.line())),
            Some((_, line)) if line.starts_with(END) => return Ok(None),
            Some(_) => {}
        }
    }
}
