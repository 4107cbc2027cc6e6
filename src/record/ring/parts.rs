//! The parts of a file that are given up as a whole: one after the other, what says whose record follows, a
//! member with samples, a moment, or two moments with what is between them. Pure.

use crate::record::index::Member;
use crate::record::tag::{BEGINS, ENDS, FIRST, HEAD, SAMPLES, Tag};

/// A part of the file, which is given up as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) at: u64,
    pub(super) last: i64,
    pub(super) is_head: bool,
}

/// Where the last head before this part is.
pub(super) fn head_at(parts: &[Part], from: usize) -> u64 {
    let before = parts.iter().take(from).rev();
    let head = before.clone().find(|part| part.is_head);
    head.map_or(0, |part| part.at)
}

/// Makes one part of that which begins here and of all behind it.
pub(super) fn join(parts: &mut Vec<Part>, first: Option<u64>) {
    let position = parts.iter().position(|part| Some(part.at) == first);
    if let (Some(position), Some(last)) = (position, parts.last().map(|part| part.last)) {
        parts.truncate(position + 1);
        if let Some(part) = parts.last_mut() {
            part.last = last;
        }
    }
}

/// The parts that these members are.
pub(super) fn parts(members: &[Member]) -> Vec<Part> {
    let (mut parts, mut begun) = (Vec::new(), None);
    // Where the first of two moments begins, and whether the one that is read is that.
    let (mut first, mut is_first) = (None, false);
    for Member { at, tag } in members {
        let part = |at: u64, tag: &Tag| Part {
            at,
            last: tag.last,
            is_head: tag.is(HEAD),
        };
        if tag.is(HEAD) || tag.is(SAMPLES) {
            parts.push(part(*at, tag));
        }
        if tag.is(HEAD) {
            first = None;
        }
        if tag.is(BEGINS) {
            begun = Some(part(*at, tag));
            is_first = tag.is(FIRST);
        }
        if tag.is(ENDS)
            && let Some(moment) = begun.take()
        {
            parts.push(moment);
            match is_first {
                true => first = Some(moment.at),
                false => join(&mut parts, first.take()),
            }
        }
    }
    parts
}
