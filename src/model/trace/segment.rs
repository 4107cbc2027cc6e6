//! A TCP segment as it was captured.

use super::Side;

/// The flags of a segment that matter to a close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// SYN
    pub syn: bool,
    /// FIN
    pub fin: bool,
    /// RST
    pub rst: bool,
    /// PSH
    pub psh: bool,
    /// ACK
    pub ack: bool,
}

impl Flags {
    /// As tcpdump(8) marks them: `F.`, `.`, `R`.
    pub fn marks(self) -> String {
        let marks = [
            (self.syn, 'S'),
            (self.fin, 'F'),
            (self.rst, 'R'),
            (self.psh, 'P'),
            (self.ack, '.'),
        ];
        let set = marks.into_iter().filter(|(is_set, _)| *is_set);
        set.map(|(_, mark)| mark).collect()
    }

    /// As the RFC names them: `FIN,ACK`.
    pub fn names(self) -> String {
        let names = [
            (self.syn, "SYN"),
            (self.fin, "FIN"),
            (self.rst, "RST"),
            (self.ack, "ACK"),
        ];
        let set = names.into_iter().filter(|(is_set, _)| *is_set);
        set.map(|(_, name)| name).collect::<Vec<_>>().join(",")
    }
}

/// One segment of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// Who sent it, seen from the first end of its story.
    pub from: Side,
    /// Its flags.
    pub flags: Flags,
    /// Its sequence number.
    pub seq: u32,
    /// The number it acknowledges; 0 without ACK.
    pub ack: u32,
    /// Bytes of data.
    pub length: u32,
}
