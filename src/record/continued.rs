//! Makes a file whole that another run has left, so that more can follow: the member with samples that was
//! not ended is ended after its last whole sample, and what no tag reaches is removed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::index::{Member, milliseconds, read_members};
use super::line::{Line, time_of};
use super::tag::{BEGINS, ENDS, HEAD, HEADER, SAMPLES, Tag, trailer};

/// A longer member is in no record, in bytes.
const LONGEST: u64 = 64 << 20;

/// What ends a sample: an empty block that makes the stream whole up to there (RFC 1951, 3.2.4).
const MARK: [u8; 4] = [0, 0, 0xff, 0xff];

/// Makes a file whole.
///
/// # Errors
/// Those of the file; [`io::ErrorKind::InvalidData`] where it is none of members with tags.
pub(super) fn repair(file: &File) -> io::Result<()> {
    let (members, end) = read_members(file)?;
    let length = file.metadata()?.len();
    if end < length {
        let mut header = vec![0; usize::try_from(HEADER).unwrap_or_default()];
        let read = file.read_exact_at(&mut header, end);
        let tag = read.ok().and_then(|()| Tag::parse(&header));
        if members.is_empty() && !tag.is_some_and(|tag| tag.is(HEAD)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // What a run leaves is one member that is not whole. Of a file that is damaged, more may be whole.
        if length - end > LONGEST || has_member(file, end + 1, length)? {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match tag.filter(|tag| tag.is(SAMPLES)) {
            Some(tag) => return end_samples(file, end, tag),
            None => file.set_len(end)?,
        }
    }
    // A moment that was not ended.
    let begins = members.iter().rposition(|member| member.tag.is(BEGINS));
    let ends = members.iter().rposition(|member| member.tag.is(ENDS));
    match begins.and_then(|at| members.get(at)) {
        Some(Member { at, .. }) if begins > ends => file.set_len(*at),
        _ => Ok(()),
    }
}

/// Whether a whole member begins anywhere in this part of a file.
fn has_member(file: &File, begin: u64, end: u64) -> io::Result<bool> {
    let mut bytes = vec![0; usize::try_from(end - begin).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, begin)?;
    let header = usize::try_from(HEADER).unwrap_or_default();
    let mut headers = bytes.windows(header).zip(begin..);
    Ok(headers.any(|(header, at)| {
        let tag = Tag::parse(header).filter(|tag| tag.length > HEADER);
        tag.is_some_and(|tag| tag.length <= end - at)
    }))
}

/// Ends the member that begins at `at` after its last whole sample.
fn end_samples(file: &File, at: u64, tag: Tag) -> io::Result<()> {
    let begin = at + HEADER;
    let length = file.metadata()?.len().saturating_sub(begin);
    let mut packed = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut packed, begin)?;
    let mut ends = packed.windows(MARK.len()).enumerate().rev();
    let whole = ends.find_map(|(position, bytes)| {
        let data = packed.get(..position + MARK.len())?;
        let lines = (bytes == MARK).then(|| inflate(data)).flatten()?;
        Some((data.len() as u64, last_time(&lines)?, lines))
    });
    let Some((data, last, lines)) = whole else {
        return file.set_len(at);
    };
    let mut crc = Crc::new();
    crc.update(&lines);
    let trailer = trailer(&crc);
    file.set_len(begin + data)?;
    file.write_all_at(&trailer, begin + data)?;
    let length = HEADER + data + trailer.len() as u64;
    file.write_all_at(
        &Tag {
            length,
            last,
            ..tag
        }
        .header(),
        at,
    )?;
    file.sync_data()
}

/// The whole of what a stream has up to here; `None` where this is no place between two blocks.
fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let (mut inflater, mut lines) = (Decompress::new(false), Vec::new());
    loop {
        let taken = usize::try_from(inflater.total_in()).ok()?;
        let left = packed.get(taken..)?;
        if lines.len() as u64 > LONGEST {
            return None;
        }
        lines.reserve(1 << 16);
        let before = (taken, lines.len());
        let status = inflater.decompress_vec(left, &mut lines, FlushDecompress::None);
        let after = (usize::try_from(inflater.total_in()).ok()?, lines.len());
        match status.ok()? {
            Status::StreamEnd => return None,
            Status::Ok | Status::BufError if before == after => {
                return (left.is_empty() && lines.ends_with(b"\n")).then_some(lines);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

/// The time of the sample that is the last line.
fn last_time(lines: &[u8]) -> Option<i64> {
    let line = lines
        .strip_suffix(b"\n")?
        .rsplit(|byte| *byte == b'\n')
        .next()?;
    match serde_json::from_slice(line) {
        Ok(Line::Sample(sample)) => time_of(&sample.time).map(milliseconds),
        _ => None,
    }
}
