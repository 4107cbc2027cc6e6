//! Writes lines as gzip members. What was written can be read, whatever happens later.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use super::index::milliseconds;
use super::line::{Begin, End, Head, Line, stamp};
use super::moment::MOST_KEPT;
use super::tag::{BEGINS, ENDS, FIRST, HEAD, SOCKETS, Tag, pack};

/// A member has at least this many bytes of lines, unless it is the last one of a moment.
const MEMBER: usize = 1 << 20;

/// The room for its lines.
const ROOM: usize = MEMBER + MEMBER / 8;

/// The lines of a record on their way into a file.
#[derive(Debug)]
pub struct Writer<W: Write> {
    file: W,
    /// The lines of the next member.
    pub lines: Vec<u8>,
    packed: Vec<u8>,
    /// A member that is being compressed in a thread of its own, while the next one is filled: each takes
    /// about half of the time of a record of many sockets.
    packing: Option<JoinHandle<io::Result<Vec<u8>>>>,
    /// What the next member is about.
    tag: Tag,
    /// Whether it has lines that are not sockets.
    has_others: bool,
    /// How long the lines of the moment are besides those of sockets, in bytes.
    beside: usize,
    /// How many bytes were written.
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to a file.
    pub fn new(file: W) -> Writer<W> {
        Writer {
            file,
            lines: Vec::with_capacity(ROOM),
            packed: Vec::new(),
            packing: None,
            tag: Tag::default(),
            has_others: false,
            beside: 0,
            written: 0,
        }
    }

    /// The file.
    pub fn into_file(self) -> W {
        self.file
    }

    /// The same, for what is written in between.
    pub fn file(&mut self) -> &mut W {
        &mut self.file
    }

    /// Writes whose record it is, as a member.
    ///
    /// # Errors
    /// Those of the file.
    pub fn head(&mut self, head: Head<'_>) -> io::Result<()> {
        self.tag.flags = HEAD;
        self.line(&Line::Record(head))?;
        self.end_member()
    }

    /// Begins a moment, which begins a member, so that it is found without reading the one before. Lines
    /// `unchanged` are about the moment that began at `base`.
    ///
    /// # Errors
    /// Those of the file.
    pub fn begin_moment(
        &mut self,
        time: SystemTime,
        first: bool,
        base: Option<SystemTime>,
    ) -> io::Result<()> {
        self.end_member()?;
        self.beside = 0;
        let at = milliseconds(time);
        self.tag = Tag {
            flags: match first {
                true => BEGINS | FIRST,
                false => BEGINS,
            },
            first: at,
            last: at,
            ..Tag::default()
        };
        let time = stamp(time).into();
        let base = base.map(|base| stamp(base).into());
        self.line(&Line::Moment(Begin { time, first, base }))
    }

    /// Ends a moment, with which it is whole.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end_moment(&mut self, end: End<'_>) -> io::Result<()> {
        self.line(&Line::End(end))?;
        // If that line just filled a member, one without lines follows.
        self.tag.flags |= ENDS;
        self.write_member()
    }

    /// Why the moment cannot be read, if it has too much besides its sockets.
    pub fn doubt(&self) -> Option<&'static str> {
        let doubt = "this moment has more than 512 MiB besides its sockets and cannot be read from the record; \
            select kinds (-A) or fewer network namespaces (-N)";
        (self.beside > MOST_KEPT).then_some(doubt)
    }

    /// Leaves out the lines that were not written yet.
    pub fn drop_lines(&mut self) {
        self.lines.clear();
        self.packing = None;
        self.tag = Tag::default();
        self.has_others = false;
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Those of the file.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.has_others = true;
        let begin = self.lines.len();
        serde_json::to_writer(&mut self.lines, line)?;
        self.beside += self.lines.len() - begin;
        self.lines.push(b'\n');
        self.pass_on()
    }

    /// Writes the lines when they are enough for a member.
    ///
    /// # Errors
    /// Those of the file.
    pub fn pass_on(&mut self) -> io::Result<()> {
        match self.lines.len() < MEMBER {
            true => Ok(()),
            false => self.pack_beside(),
        }
    }

    /// Writes all lines.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end_member(&mut self) -> io::Result<()> {
        match self.lines.is_empty() {
            true => self.end_packing(),
            false => self.write_member(),
        }
    }

    fn write_member(&mut self) -> io::Result<()> {
        self.end_packing()?;
        let tag = self.take_tag();
        pack(&self.lines, tag, &mut self.packed)?;
        self.lines.clear();
        self.write_packed()
    }

    /// What is known of the lines of a member that is whole now.
    fn take_tag(&mut self) -> Tag {
        let mut tag = self.tag;
        if !std::mem::take(&mut self.has_others) && !self.lines.is_empty() {
            tag.flags |= SOCKETS;
        }
        self.tag.flags = 0;
        tag
    }

    /// Compresses the lines in a thread, or here where threads are refused.
    fn pack_beside(&mut self) -> io::Result<()> {
        self.end_packing()?;
        let tag = self.take_tag();
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(ROOM));
        let lines = Arc::new(lines);
        let mut packed = std::mem::take(&mut self.packed);
        let its = Arc::clone(&lines);
        let begun = thread::Builder::new()
            .name("pack".to_owned())
            .spawn(move || pack(&its, tag, &mut packed).map(|()| packed));
        match begun {
            Ok(packing) => {
                self.packing = Some(packing);
                Ok(())
            }
            Err(_) => {
                pack(&lines, tag, &mut self.packed)?;
                self.write_packed()
            }
        }
    }

    /// Writes the member that is being compressed, if one is.
    fn end_packing(&mut self) -> io::Result<()> {
        let Some(packing) = self.packing.take() else {
            return Ok(());
        };
        let ended = packing.join();
        self.packed = ended.map_err(|_| io::Error::other("cannot compress; this is a bug"))??;
        self.write_packed()
    }

    fn write_packed(&mut self) -> io::Result<()> {
        self.file.write_all(&self.packed)?;
        self.file.flush()?;
        self.written += self.packed.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::line::Name;

    #[test]
    fn a_moment_that_has_too_much_besides_its_sockets_is_in_doubt() {
        let mut writer = Writer::new(Vec::new());
        let begin = |writer: &mut Writer<_>| writer.begin_moment(SystemTime::now(), true, None);
        begin(&mut writer).unwrap();
        let (id, name) = (7, "eth0".into());
        let line = Line::Interface(Name { id, name });
        let length = serde_json::to_vec(&line).unwrap().len();
        writer.beside = MOST_KEPT - length;
        writer.line(&line).unwrap();
        writer.lines.extend_from_slice(b"{\"type\":\"socket\"}\n");
        assert_eq!(writer.doubt(), None);
        writer.line(&line).unwrap();
        assert!(writer.doubt().is_some());
        begin(&mut writer).unwrap();
        assert_eq!(writer.doubt(), None);
    }
}
