//! What TCP itself measures of a connection, one number each, and the unit of every field.
//!
//! Names the measures only: their values are in [`super::TcpInfo`], their spelling is in the one
//! table of fields, and which kernel tells them is for `source` to know.

use super::Field;

/// A number that TCP keeps for one connection. Segments are counted as the kernel counts them:
/// one of at most [`Metric::Mss`] bytes, however they are bundled on the way to the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Metric {
    /// The smoothed round trip time, in microseconds; absent before the first measurement.
    RoundTripTime,
    /// The smallest round trip time of the last minutes, in microseconds; absent before the first
    /// measurement.
    MinRoundTripTime,
    /// How many segments may be on their way at a time, as congestion control sees it.
    CongestionWindow,
    /// The most bytes of data that a segment to the peer takes.
    Mss,
    /// Segments sent and not acknowledged.
    Unacked,
    /// Segments that were sent again and are not acknowledged now.
    RetransNow,
    /// Segments sent again since the connection was begun, SYN included.
    TotalRetrans,
    /// Segments that are taken for lost now.
    Lost,
    /// Bytes of data sent, each time they were.
    BytesSent,
    /// Bytes of data received in order, each once.
    BytesReceived,
    /// Bytes written by the program and not sent for the first time yet.
    BytesNotSent,
    /// How fast the peer last acknowledged data, in bytes per second; absent before that was
    /// measured.
    DeliveryRate,
    /// How fast segments are let out, in bytes per second; absent where nothing limits it.
    PacingRate,
    /// For how long there was data to send or to be acknowledged, in microseconds, in steps of
    /// the kernel's clock tick.
    BusyTime,
    /// The time since data was last sent, in milliseconds; since the connection was made, where
    /// none was.
    LastDataSent,
    /// The time since data was last received, in milliseconds; since the connection was made,
    /// where none was.
    LastDataReceived,
}

impl Metric {
    /// All of them, in the order of their numbers.
    pub const ALL: [Metric; 16] = [
        Metric::RoundTripTime,
        Metric::MinRoundTripTime,
        Metric::CongestionWindow,
        Metric::Mss,
        Metric::Unacked,
        Metric::RetransNow,
        Metric::TotalRetrans,
        Metric::Lost,
        Metric::BytesSent,
        Metric::BytesReceived,
        Metric::BytesNotSent,
        Metric::DeliveryRate,
        Metric::PacingRate,
        Metric::BusyTime,
        Metric::LastDataSent,
        Metric::LastDataReceived,
    ];

    /// What one of it is.
    pub fn unit(self) -> Unit {
        match self {
            Metric::RoundTripTime | Metric::MinRoundTripTime | Metric::BusyTime => {
                Unit::Microseconds
            }
            Metric::LastDataSent | Metric::LastDataReceived => Unit::Milliseconds,
            Metric::DeliveryRate | Metric::PacingRate => Unit::BytesPerSecond,
            Metric::Mss | Metric::BytesSent | Metric::BytesReceived | Metric::BytesNotSent => {
                Unit::Bytes
            }
            Metric::CongestionWindow
            | Metric::Unacked
            | Metric::RetransNow
            | Metric::TotalRetrans
            | Metric::Lost => Unit::Count,
        }
    }
}

/// What one of a field's number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A number of things, a number that stands for a thing, or no number at all.
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
    /// What follows the name of a field in JSON and CSV: `_us`.
    pub(super) fn key_suffix(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Bytes => "_bytes",
            Unit::Microseconds => "_us",
            Unit::Milliseconds => "_ms",
            Unit::BytesPerSecond => "_bytes_per_second",
        }
    }

    /// What follows it in the heading of a column: `-US`.
    pub(super) fn heading_suffix(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::Bytes => "-BYTES",
            Unit::Microseconds => "-US",
            Unit::Milliseconds => "-MS",
            Unit::BytesPerSecond => "-B/S",
        }
    }
}

impl Field {
    /// What one of its number is; a count for what is no number.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other field is a count, or no number"
    )]
    pub fn unit(self) -> Unit {
        match self {
            Field::ReceiveQueue | Field::SendQueue => Unit::Bytes,
            Field::Metric(metric) => metric.unit(),
            _ => Unit::Count,
        }
    }

    /// The unit that is written behind its name: none where the name says it, and none behind the
    /// queues, which are known by their names alone.
    pub(super) fn written_unit(self) -> Unit {
        let unit = self.unit();
        let is_said = self.name().contains("bytes") || self.name().ends_with("-queue");
        if unit == Unit::Bytes && is_said {
            Unit::Count
        } else {
            unit
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
        for (number, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, number);
            assert!(!Field::Metric(metric).name().is_empty(), "{metric:?}");
        }
    }
}
