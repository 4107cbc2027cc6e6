//! What TCP measures of the few connections that findings are about. They are asked about once more,
//! because the answer trebles the bytes of every socket.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::model::{InetEnds, Metric, Sink, Socket, TcpInfo};

/// The measures of the connections that were asked about.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    by_ends: HashMap<InetEnds, Option<TcpInfo>>,
}

impl Measures {
    /// Room for those of these connections, before any is known.
    pub fn of(suspects: &[InetEnds]) -> Measures {
        Measures {
            by_ends: suspects.iter().map(|ends| (*ends, None)).collect(),
        }
    }

    /// One measure of a connection; `None` where it was not asked for, or is gone by now.
    pub(super) fn get(&self, ends: InetEnds, metric: Metric) -> Option<u64> {
        self.by_ends.get(&ends)?.as_ref()?.get(metric)
    }

    /// With a measure of a connection.
    #[cfg(test)]
    pub(super) fn with(mut self, ends: InetEnds, metric: Metric, value: u64) -> Measures {
        let info = self.by_ends.entry(ends).or_default();
        info.get_or_insert_default().set(metric, value);
        self
    }
}

impl Sink for Measures {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let known = socket
            .internet()
            .and_then(|ends| self.by_ends.get_mut(ends));
        if let (Some(known), Some(info)) = (known, &socket.info) {
            *known = Some(**info);
        }
        ControlFlow::Continue(())
    }
}
