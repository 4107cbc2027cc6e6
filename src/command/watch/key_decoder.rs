//! From the bytes a terminal sends to the keys of the view. Pure.
//!
//! Follows console_codes(4) and xterm's control sequences (ECMA-48): keys without a character come
//! as `ESC [` with parameters and a final byte, or as `ESC O` with one byte. Escape itself is an
//! ESC that nothing follows, so that only time distinguishes it: the reader waits a moment
//! ([`Decoder::awaits_more`]) before it is taken for that ([`Decoder::end`]).

#[cfg(test)]
mod tests;

use crate::live::Key;

const ESC: u8 = 0x1b;

/// The longest sequence that is kept, in bytes; those of keys are shorter.
const LONGEST: usize = 32;

/// Turns bytes into keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The start of a character or sequence whose rest is missing.
    begun: Vec<u8>,
}

impl Decoder {
    /// Takes bytes, and returns the keys that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.begun.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut rest = &*self.begun;
        while let Some((length, key)) = first(rest) {
            keys.extend(key);
            rest = rest.get(length..).unwrap_or_default();
        }
        self.begun = rest.to_vec();
        if self.begun.len() > LONGEST {
            self.begun.clear();
        }
        keys
    }

    /// Whether the rest of a sequence is missing, which its terminal would send at once.
    pub(super) fn awaits_more(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Nothing followed: an ESC alone is the key, the start of anything else is dropped.
    pub(super) fn end(&mut self) -> Option<Key> {
        let begun = std::mem::take(&mut self.begun);
        (begun == [ESC]).then_some(Key::Escape)
    }
}

/// How many of the bytes come first as one key, and which, if it means anything here; `None` where
/// the rest of a key is missing.
fn first(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let (byte, rest) = bytes.split_first()?;
    let key = match *byte {
        ESC => return escaped(rest),
        b'\r' | b'\n' => Some(Key::Enter),
        b'\t' => Some(Key::Tab),
        0x7f => Some(Key::Backspace),
        control @ 1..=26 => Some(Key::Control((control - 1 + b'a').into())),
        0..=0x1f => None,
        _ => return character(bytes),
    };
    Some((1, key))
}

/// The key of an ESC and what follows it; a character after it is one that was typed with alt.
fn escaped(rest: &[u8]) -> Option<(usize, Option<Key>)> {
    Some(match rest.split_first()? {
        (&ESC, _) => (1, Some(Key::Escape)),
        (b'[', sequence) => return control_sequence(sequence),
        (b'O', sequence) => (3, named(*sequence.first()?, b"")),
        _ => (1 + first(rest)?.0, None),
    })
}

/// The key of `ESC [` and what follows it.
fn control_sequence(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let at = bytes.iter().position(|byte| !(0x20..0x40).contains(byte))?;
    let (parameters, end) = bytes.split_at(at);
    Some(match end {
        // F1 to F5 on the console of Linux: `ESC [ [ A`.
        [b'['] | [] => return None,
        [b'[', ..] => (2 + at + 2, None),
        // Cut off: what begins here is something else.
        [byte, ..] if *byte < 0x40 => (2 + at, None),
        [end, ..] => (2 + at + 1, named(*end, parameters)),
    })
}

/// The key of a report of the mouse, `ESC [ < button ; column ; line M` (xterm's mode 1006): a step of
/// the wheel, or the first button pressed.
fn mouse(parameters: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.strip_prefix('<')?.split(';');
    let (button, _column, line) = (numbers.next()?, numbers.next()?, numbers.next()?);
    match button {
        "0" => Some(Key::Click(line.parse::<u16>().ok()?.checked_sub(1)?)),
        "64" => Some(Key::WheelUp),
        "65" => Some(Key::WheelDown),
        _ => None,
    }
}

/// Whether shift was held, alone: the second parameter is one more than a bit for each such key (xterm).
fn has_shift(parameters: &[u8]) -> bool {
    parameters.split(|byte| *byte == b';').nth(1) == Some(b"2")
}

/// The key of a sequence, whichever other keys were held with it.
fn named(end: u8, parameters: &[u8]) -> Option<Key> {
    let number = parameters.split(|byte| *byte == b';').next();
    Some(match (end, number.unwrap_or_default()) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) if has_shift(parameters) => Key::ShiftRight,
        (b'D', _) if has_shift(parameters) => Key::ShiftLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        // As rxvt sends them.
        (b'c', b"") => Key::ShiftRight,
        (b'd', b"") => Key::ShiftLeft,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'M', b"") => Key::Enter,
        (b'M', _) => return mouse(parameters),
        (b'Z', _) => Key::BackTab,
        (b'~', b"3") => Key::Delete,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        _ => return None,
    })
}

/// A character in UTF-8; invalid bytes give no key.
fn character(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let chunk = bytes.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some(c) => Some((c.len_utf8(), Some(Key::Char(c)))),
        None if chunk.invalid().len() < bytes.len() => Some((chunk.invalid().len(), None)),
        // All bytes: the start of a character, or not valid.
        None => match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => None,
            Ok(_) | Err(_) => Some((bytes.len(), None)),
        },
    }
}
