//! Loads the program, runs it over each table in parts, and reads what it counted.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::layout::{Layout, Table};
use super::program::{assemble, buckets_of_block, request, result, value};
use crate::model::{FamilyClass, State};
use crate::source::bpf::kernel::{self, HashMap};
use crate::source::bpf::{BpfError, Btf, read_types};
use crate::source::kernel::decode_state;

/// How many buckets are read in one run: about a millisecond, in which the processor may do nothing
/// else.
const BUCKETS_OF_RUN: u32 = 1 << 14;

/// For how many namespaces there is room at first, and at most.
const ROOM: u32 = 1 << 12;
const MOST_ROOM: u32 = 1 << 20;

/// `TCP_NEW_SYN_RECV`, a request for a connection: dumps report it as SYN_RECV.
const NEW_SYN_RECV: u8 = 12;

/// The program, loaded.
#[derive(Debug)]
pub(super) struct Walker {
    map: HashMap,
    program: OwnedFd,
    layout: Layout,
    room: u32,
    /// The namespaces of the walk before.
    entered: Vec<u64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    pub(super) connections: bool,
    pub(super) listeners: bool,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) namespaces: Vec<Namespace>,
    /// The inode numbers of all namespaces that exist.
    pub(super) listed: Vec<u32>,
    /// Buckets whose sockets changed while they were read, so that some are missing.
    pub(super) unread: u64,
}

/// A network namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) inode: u32,
    /// Its sockets, by class and state, where there are some.
    pub(super) sockets: Vec<(FamilyClass, State, u64)>,
}

/// A table: which of the two requests reads it, where it is, its number of buckets less one.
type TableKey = (u64, u64, u32);

impl Walker {
    /// Loads the program.
    ///
    /// # Errors
    /// Why that is not possible; nothing stays behind in the kernel.
    pub(super) fn load() -> Result<Walker, BpfError> {
        Walker::with_room(ROOM)
    }

    fn with_room(room: u32) -> Result<Walker, BpfError> {
        let types = read_types()?;
        let layout = Layout::of(&Btf::parse(&types)?)?;
        let value_len = value::LEN.unsigned_abs().into();
        let map = HashMap::create(value_len, room).map_err(BpfError::of("create a map"))?;
        let load = "load the program that counts sockets";
        let code = assemble(&layout, map.as_fd().as_raw_fd());
        let code = code.ok_or_else(|| BpfError::of(load)(io::Error::other("a jump is too far")))?;
        let program = kernel::load(&code, None).map_err(BpfError::of(load))?;
        Ok(Walker {
            map,
            program,
            layout,
            room,
            entered: Vec::new(),
        })
    }

    /// Counts the sockets of every namespace that `is_wanted` by its inode number.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn walk(
        &mut self,
        tables: Tables,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Result<Walked, BpfError> {
        while !self.enter()? {
            if self.room >= MOST_ROOM {
                let error = io::Error::other(format!("there are more than {MOST_ROOM}"));
                return Err(BpfError::of("list the network namespaces")(error));
            }
            *self = Walker::with_room(self.room << 4)?;
        }
        let mut to_read: BTreeMap<TableKey, Vec<u64>> = BTreeMap::new();
        let mut walked = Walked::default();
        for (cookie, entry) in self.entries()? {
            walked.listed.push(entry.inode());
            if !is_wanted(entry.inode()) {
                continue;
            }
            if tables.connections {
                to_read.entry(entry.connections()).or_default().push(cookie);
            }
            if tables.listeners {
                to_read.entry(entry.listeners()).or_default().push(cookie);
            }
        }
        let mut gone = HashSet::new();
        for (table, users) in to_read {
            if !self.read_table(table, &users, &mut walked)? {
                gone.extend(users);
            }
        }
        let counted = self.entries()?.into_iter();
        let counted =
            counted.filter(|(cookie, one)| is_wanted(one.inode()) && !gone.contains(cookie));
        walked.namespaces = counted.map(|(_, entry)| entry.decode()).collect();
        Ok(walked)
    }

    /// Enters every namespace into the map, without sockets; false where it has no room.
    fn enter(&mut self) -> Result<bool, BpfError> {
        for cookie in std::mem::take(&mut self.entered) {
            self.map
                .remove(cookie)
                .map_err(BpfError::of("clear a map"))?;
        }
        let result = self.run(request::LIST, 0, 0, 0)?;
        Ok(result != result::UNLISTED)
    }

    /// Counts the sockets of a table, which is found through any namespace that uses it; false if all of
    /// these are gone.
    fn read_table(
        &self,
        (request, _, mask): TableKey,
        users: &[u64],
        walked: &mut Walked,
    ) -> Result<bool, BpfError> {
        let table: &Table = match request {
            request::CONNECTIONS => &self.layout.connections,
            _ => &self.layout.listeners,
        };
        let blocks = BUCKETS_OF_RUN / u32::from(buckets_of_block(table).unsigned_abs());
        let mut users = users.iter();
        let Some(mut user) = users.next() else {
            return Ok(true);
        };
        for first in (0..=mask).step_by(BUCKETS_OF_RUN as usize) {
            loop {
                let result = self.run(request, *user, first, blocks)?;
                if result != result::GONE {
                    walked.unread += u64::from(result);
                    break;
                }
                match users.next() {
                    Some(next) => user = next,
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn run(&self, request: u64, user: u64, first: u32, blocks: u32) -> Result<u32, BpfError> {
        let arguments = [request, user, first.into(), blocks.into(), 0];
        let result = kernel::run(self.program.as_fd(), &arguments);
        result.map_err(BpfError::of("run the program that counts sockets"))
    }

    /// What is in the map, by the cookie of the namespace.
    fn entries(&mut self) -> Result<Vec<(u64, Entry)>, BpfError> {
        let read = || {
            let (mut entries, mut key) = (Vec::new(), None);
            while let Some(next) = self.map.next_key(key)? {
                entries.push((next, Entry(self.map.read(next)?)));
                key = Some(next);
            }
            Ok(entries)
        };
        let entries = read().map_err(BpfError::of("read a map"))?;
        self.entered = entries.iter().map(|(cookie, _)| *cookie).collect();
        Ok(entries)
    }
}

/// The value of a namespace.
struct Entry(Vec<u8>);

impl Entry {
    fn u32(&self, at: i16) -> u32 {
        let chunk = self.0.get(usize::from(at.unsigned_abs())..);
        let chunk = chunk.and_then(<[u8]>::first_chunk);
        chunk.map_or(0, |chunk| u32::from_ne_bytes(*chunk))
    }

    fn u64(&self, at: i16) -> u64 {
        let chunk = self.0.get(usize::from(at.unsigned_abs())..);
        let chunk = chunk.and_then(<[u8]>::first_chunk);
        chunk.map_or(0, |chunk| u64::from_ne_bytes(*chunk))
    }

    fn inode(&self) -> u32 {
        self.u32(value::INODE)
    }

    fn connections(&self) -> TableKey {
        let mask = self.u32(value::CONNECTION_MASK);
        (request::CONNECTIONS, self.u64(value::CONNECTIONS), mask)
    }

    fn listeners(&self) -> TableKey {
        let mask = self.u32(value::LISTENER_MASK);
        (request::LISTENERS, self.u64(value::LISTENERS), mask)
    }

    fn decode(&self) -> Namespace {
        let classes = [FamilyClass::V4, FamilyClass::V6, FamilyClass::V4Mapped];
        let classes = classes.into_iter().zip(0i16..);
        let counted = classes.flat_map(|(class, row)| {
            (0u8..).zip(0..value::STATES).map(move |(state, column)| {
                let sockets = self.u32(value::COUNTS + 4 * (row * value::STATES + column));
                let state = match state {
                    NEW_SYN_RECV => State::SynRecv,
                    state => decode_state(state),
                };
                (class, state, u64::from(sockets))
            })
        });
        Namespace {
            inode: self.inode(),
            sockets: counted.filter(|(.., sockets)| *sockets > 0).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value with these 32-bit numbers from here on.
    fn value(at: i16, numbers: &[u32]) -> Entry {
        let mut bytes = vec![0; usize::from(value::LEN.unsigned_abs())];
        let places = bytes.as_chunks_mut().0.iter_mut();
        let places = places.skip(usize::from(at.unsigned_abs()) / 4);
        places
            .zip(numbers)
            .for_each(|(place, number)| *place = number.to_ne_bytes());
        Entry(bytes)
    }

    #[test]
    fn requests_are_half_open_connections_and_every_class_has_its_numbers() {
        let mut numbers = [0; 48];
        (numbers[3], numbers[12]) = (5, 7);
        (numbers[16 + 6], numbers[32 + 1]) = (2, 9);
        let namespace = value(value::COUNTS, &numbers).decode();
        let expected = [
            (FamilyClass::V4, State::SynRecv, 5),
            (FamilyClass::V4, State::SynRecv, 7),
            (FamilyClass::V6, State::TimeWait, 2),
            (FamilyClass::V4Mapped, State::Established, 9),
        ];
        assert_eq!(namespace.sockets, expected);
    }

    #[test]
    fn tables_are_the_same_only_if_they_are_of_one_kind_and_at_one_place() {
        let entry = value(value::INODE, &[17, 63, 1, 0, 1, 0, 63]);
        assert_eq!(entry.inode(), 17);
        assert_eq!(entry.connections(), (request::CONNECTIONS, 1, 63));
        assert_ne!(entry.connections(), entry.listeners());
        assert_eq!(Entry(Vec::new()).decode().sockets, []);
    }

    #[test]
    fn the_program_is_loaded_with_more_room_where_the_map_is_too_small() {
        let Ok(mut walker) = Walker::with_room(1) else {
            return;
        };
        // A map of one entry has room for a few: namespaces of other tests, if there are any.
        let tables = Tables {
            connections: false,
            listeners: true,
        };
        let walked = walker.walk(tables, |_| true).unwrap();
        assert_eq!(walked.namespaces.len(), walker.entered.len());
        assert!(walker.entered.len() <= walker.room as usize);
    }
}
