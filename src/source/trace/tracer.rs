//! The programs, their ring, and what was lost on the way.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::offsets::Offsets;
use super::program::{Maps, Tracepoint, assemble};
use super::record::{Reasons, decode};
use super::ring::Ring;
use super::selector::Selector;
use crate::model::trace::Event;
use crate::source::bpf::{BpfError, Btf, kernel, read_types};

/// The ring, in bytes: at 10 transitions a connection and 10,000 connections a second it fills in
/// 200 ms; it is read four times in that.
const RING_LEN: u32 = 4 << 20;

/// Events that were not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// For want of room in the ring.
    pub ring: u64,
    /// Because a program was interrupted on the same processor by what it traces; of the whole host,
    /// whatever is traced.
    pub nested: u64,
}

/// Programs that record events, for as long as this lives.
#[derive(Debug)]
pub struct Tracer {
    ring: Ring,
    lost: OwnedFd,
    programs: Vec<OwnedFd>,
    /// What keeps the programs attached.
    _links: Vec<OwnedFd>,
    reasons: Reasons,
    /// Records that could not be read, which would be a mistake of this program.
    malformed: u64,
}

impl Tracer {
    /// Loads and attaches the programs; events are recorded from then on.
    ///
    /// # Errors
    /// Why that is not possible; nothing stays behind in the kernel.
    pub fn attach(selector: &Selector) -> Result<Tracer, BpfError> {
        Tracer::with_ring(selector, RING_LEN)
    }

    fn with_ring(selector: &Selector, length: u32) -> Result<Tracer, BpfError> {
        let types = read_types()?;
        let btf = Btf::parse(&types)?;
        let offsets = Offsets::of(&btf)?;
        let ring_map = kernel::create_ring(length).map_err(BpfError::of("create a ring buffer"))?;
        let lost = kernel::create_counter().map_err(BpfError::of("create a map"))?;
        let ring = Ring::map(&ring_map, length as usize);
        let ring = ring.map_err(BpfError::of("map a ring buffer"))?;
        let maps = Maps {
            ring: ring_map.as_raw_fd(),
            lost: lost.as_raw_fd(),
        };
        let (mut programs, mut links) = (Vec::new(), Vec::new());
        for tracepoint in Tracepoint::ALL {
            let name = tracepoint.name();
            let typedef = match tracepoint.is_typed() {
                true => Some(btf.typedef(&format!("btf_trace_{name}"))?),
                false => None,
            };
            let code = assemble(tracepoint, &offsets, selector, maps).ok_or_else(|| {
                let error = io::Error::other("a jump is too far");
                BpfError::of(format!("assemble the program for {name}"))(error)
            })?;
            let program = kernel::load(&code, typedef);
            let program = program.map_err(BpfError::of(format!("load a program for {name}")))?;
            let raw_name = typedef.is_none().then_some(name);
            let link = kernel::attach(program.as_fd(), raw_name);
            links.push(link.map_err(BpfError::of(format!("attach to {name}")))?);
            programs.push(program);
        }
        Ok(Tracer {
            ring,
            lost,
            programs,
            _links: links,
            reasons: Reasons::of_kernel(&btf),
            malformed: 0,
        })
    }

    /// Hands on the events recorded since the last time, in the order in which they were.
    pub fn drain(&mut self, mut take: impl FnMut(Event)) {
        let (malformed, reasons) = (&mut self.malformed, &self.reasons);
        self.ring.drain(|bytes| match decode(bytes, reasons) {
            Some(event) => take(event),
            None => *malformed += 1,
        });
    }

    /// What was not recorded so far.
    ///
    /// # Errors
    /// The system's.
    pub fn lost(&self) -> io::Result<Lost> {
        let mut nested = 0;
        for program in &self.programs {
            nested += kernel::read_recursion_misses(program.as_fd())?;
        }
        Ok(Lost {
            ring: kernel::read_counter(self.lost.as_fd())? + self.malformed,
            nested,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::model::State;
    use crate::model::trace::EventKind;

    /// A tracer of the connections to a new listener, where bpf is permitted.
    fn traced(length: u32) -> Option<(Tracer, TcpListener)> {
        // The port is known before the listener is recorded.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let selector = Selector {
            ports: vec![port..=port],
            ..Selector::default()
        };
        match Tracer::with_ring(&selector, length) {
            Ok(tracer) => Some((tracer, TcpListener::bind(("127.0.0.1", port)).unwrap())),
            Err(error) => {
                let is_refusal = matches!(&error, BpfError::Bpf { error, .. }
                    if error.kind() == io::ErrorKind::PermissionDenied);
                assert!(is_refusal, "{error}");
                None
            }
        }
    }

    /// A connection that the client closes, and whose server closes then.
    fn connect_and_close(listener: &TcpListener) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        drop(client);
        let _ = server.read(&mut [0]);
    }

    #[test]
    fn a_connection_is_recorded_from_its_beginning_to_its_end() {
        let Some((mut tracer, listener)) = traced(RING_LEN) else {
            return;
        };
        connect_and_close(&listener);
        let port = listener.local_addr().unwrap().port();
        let (mut client, mut server) = (Vec::new(), Vec::new());
        tracer.drain(|event| {
            let EventKind::Transition { to, .. } = event.kind else {
                return;
            };
            if event.ends.remote.port() == port {
                client.push(to);
            } else if event.ends.local.port() == port {
                server.push(to);
            }
        });
        assert_eq!(
            client,
            [
                State::SynSent,
                State::Established,
                State::FinWait1,
                State::FinWait2,
                State::Close,
            ]
        );
        assert_eq!(
            server,
            [
                State::Listen,
                State::SynRecv,
                State::Established,
                State::CloseWait,
                State::LastAck,
                State::Close,
            ]
        );
    }

    #[test]
    fn events_beyond_a_ring_that_is_not_read_are_counted() {
        let page = u32::try_from(rustix::param::page_size()).unwrap();
        let Some((mut tracer, listener)) = traced(page) else {
            return;
        };
        let port = listener.local_addr().unwrap().port();
        for _ in 0..20 {
            connect_and_close(&listener);
        }
        drop(listener);
        let mut recorded = 0;
        tracer.drain(|event| {
            let ends = [event.ends.local.port(), event.ends.remote.port()];
            let is_change = matches!(event.kind, EventKind::Transition { .. });
            recorded += u64::from(is_change && ends.contains(&port));
        });
        // LISTEN and its end, and ten transitions a connection; sockets of others that have no port
        // yet may be among the lost.
        let lost = tracer.lost().unwrap();
        assert!(recorded + lost.ring + lost.nested >= 2 + 20 * 10);
        assert!(lost.ring > 100, "{lost:?}");
    }
}
