//! What TCP itself measures of a connection, one number each, and the unit of every field.
//!
//! Holds no values, which are in [`super::TcpInfo`], and no names, which are in the table of fields.
//! `source` knows which kernels report them.

use super::Field;

table! {
    /// A number that TCP keeps for one connection. Segments are counted as the kernel counts them:
    /// one of at most [`Metric::Mss`] bytes, however they are bundled on the way to the wire.
    Metric
    /// The unit of its values.
    unit: Unit
    {
        /// The smoothed round trip time, in microseconds; absent before the first measurement.
        RoundTripTime = Unit::Microseconds,
        /// The smallest round trip time of the last minutes, in microseconds; absent before the first
        /// measurement.
        MinRoundTripTime = Unit::Microseconds,
        /// How many segments may be on their way at a time, as congestion control sees it.
        CongestionWindow = Unit::Count,
        /// The most bytes of data that a segment to the peer takes.
        Mss = Unit::Bytes,
        /// Segments sent and not acknowledged.
        Unacked = Unit::Count,
        /// Segments that the peer acknowledged selectively, behind one that is missing (RFC 2018).
        Sacked = Unit::Count,
        /// Segments that were sent again and are not acknowledged now.
        RetransNow = Unit::Count,
        /// Segments sent again since the connection was begun, SYN included.
        TotalRetrans = Unit::Count,
        /// Segments that are taken for lost now.
        Lost = Unit::Count,
        /// Segments with data that were sent, each time they were.
        DataSegsOut = Unit::Count,
        /// Bytes of data sent, each time they were.
        BytesSent = Unit::Bytes,
        /// Bytes that the peer acknowledged, each once; its SYN and FIN may count as one more.
        BytesAcked = Unit::Bytes,
        /// Bytes of data received in order, each once.
        BytesReceived = Unit::Bytes,
        /// Bytes written by the program and not sent for the first time yet.
        BytesNotSent = Unit::Bytes,
        /// How fast the peer last acknowledged data, in bytes per second; absent before that was
        /// measured.
        DeliveryRate = Unit::BytesPerSecond,
        /// How fast segments are let out, in bytes per second; absent where nothing limits it.
        PacingRate = Unit::BytesPerSecond,
        /// For how long there was data to send or to be acknowledged, in microseconds, in steps of
        /// the kernel's clock tick.
        BusyTime = Unit::Microseconds,
        /// For how much of the busy time the peer's window left no room, in microseconds.
        RwndLimited = Unit::Microseconds,
        /// The time since data was last sent, in milliseconds; since the connection was made, where
        /// none was.
        LastDataSent = Unit::Milliseconds,
        /// The time since data was last received, in milliseconds; since the connection was made,
        /// where none was.
        LastDataReceived = Unit::Milliseconds,
        /// The time since the peer last acknowledged anything, in milliseconds: every segment of an
        /// open connection does.
        LastAckReceived = Unit::Milliseconds,
    }
}

impl Metric {
    /// Whether MPTCP measures it too, of a connection as a whole (`struct mptcp_info`, linux/mptcp.h).
    pub fn is_of_mptcp(self) -> bool {
        matches!(
            self,
            Metric::BytesSent
                | Metric::BytesAcked
                | Metric::BytesReceived
                | Metric::LastDataSent
                | Metric::LastDataReceived
                | Metric::LastAckReceived
        )
    }
}

/// The unit of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A count, an identifier, or not a number.
    Count,
    /// Bytes.
    Bytes,
    /// Millionths of a second.
    Microseconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Bytes per second.
    BytesPerSecond,
}

impl Unit {
    /// What follows the name of a field with this unit: in JSON and CSV, and in the heading of a
    /// column.
    pub(super) fn suffixes(self) -> (&'static str, &'static str) {
        match self {
            Unit::Count => ("", ""),
            Unit::Bytes => ("_bytes", "-BYTES"),
            Unit::Microseconds => ("_us", "-US"),
            Unit::Milliseconds => ("_ms", "-MS"),
            Unit::BytesPerSecond => ("_bytes_per_second", "-B/S"),
        }
    }
}

impl Field {
    /// The unit of its values; a count for fields that are not numbers.
    pub fn unit(self) -> Unit {
        if let Field::Metric(metric) = self {
            return metric.unit();
        }
        match self == Field::ReceiveQueue || self == Field::SendQueue {
            true => Unit::Bytes,
            false => Unit::Count,
        }
    }

    /// The unit that is written behind its name: none where the name contains it, and none behind
    /// the queues, whose names are known without.
    pub(super) fn written_unit(self) -> Unit {
        let is_named = self.name().contains("bytes") || self.name().ends_with("-queue");
        match self.unit() == Unit::Bytes && is_named {
            true => Unit::Count,
            false => self.unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_unit_are_written_with_it_unless_their_name_says_it() {
        for (field, key, heading) in [
            (Field::Metric(Metric::RoundTripTime), "rtt_us", "RTT-US"),
            (Field::Metric(Metric::CongestionWindow), "cwnd", "CWND"),
            (Field::Metric(Metric::Mss), "mss_bytes", "MSS-BYTES"),
            (Field::Metric(Metric::BytesSent), "bytes_sent", "BYTES-SENT"),
            (
                Field::Metric(Metric::LastDataSent),
                "last_data_sent_ms",
                "LAST-DATA-SENT-MS",
            ),
            (
                Field::Metric(Metric::DeliveryRate),
                "delivery_rate_bytes_per_second",
                "DELIVERY-RATE-B/S",
            ),
            (Field::SendQueue, "send_queue", "SEND-QUEUE"),
            (Field::Retransmits, "retransmits", "RETRANSMITS"),
        ] {
            assert_eq!((&*field.json_key(), &*field.heading()), (key, heading));
        }
    }

    #[test]
    fn every_metric_has_a_number_of_its_own_and_a_name() {
        for (number, &metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(metric as usize, number);
            assert!(!Field::Metric(metric).name().is_empty(), "{metric:?}");
        }
    }
}
