//! What the fields of a socket say about the segments of its close, without any packet.
//!
//! At the end that closes first, the segment that acknowledges its FIN leads to FIN_WAIT2; where the
//! peer's FIN was in it too, no other segment was received before the socket ends. At the other end,
//! the received FIN is acknowledged by the time its own FIN is sent, or by it: `rcv_nxt` is beyond
//! `rcv_wup`, what was acknowledged last, as long as no segment with that acknowledgement has left
//! (`tcp_rcv_nxt_update`, `tcp_select_window`, net/ipv4/tcp_input.c and tcp_output.c).
//!
//! What a socket cannot show: everything after the kernel has replaced it by a minisocket, and
//! acknowledgements of the peer that do not cover the FIN.

use std::cmp::Ordering;

use crate::model::trace::{Acknowledged, Counters, Segment, Shape};

/// The end that closed first, when its socket ends in FIN_WAIT2: its counters as it entered
/// FIN_WAIT2 and now, and whether the peer's FIN was received.
pub(super) fn of_first_closer(
    acknowledged: &Counters,
    now: &Counters,
    fin_received: bool,
) -> (Shape, Acknowledged) {
    if fin_received && now.segments_in == acknowledged.segments_in {
        (Shape::Three, Acknowledged::WithFin)
    } else {
        // Where the FIN is not here yet, the ACK came without it.
        (Shape::Four, Acknowledged::Alone)
    }
}

/// The other end, when it sends its own FIN: its counters as it entered CLOSE_WAIT and now.
pub(super) fn of_second_closer(received: &Counters, now: &Counters) -> (Shape, Acknowledged) {
    if now.receive_next != now.receive_acknowledged {
        return (Shape::Three, Acknowledged::WithFin);
    }
    let sent = now.segments_out.wrapping_sub(received.segments_out);
    let with_data = now
        .data_segments_out
        .wrapping_sub(received.data_segments_out);
    let how = if sent > 0 && sent == with_data {
        Acknowledged::WithData
    } else {
        Acknowledged::Alone
    };
    (Shape::Four, how)
}

/// Whether all segments that were received between two counts had data, and there were some.
pub(super) fn has_only_data(before: &Counters, now: &Counters) -> bool {
    let received = now.segments_in.wrapping_sub(before.segments_in);
    let data = now.data_segments_in.wrapping_sub(before.data_segments_in);
    received > 0 && received == data
}

/// What the segments of a close show, from the first FIN or RST on; `None` where one is missing: data
/// is not captured, so where some was sent before the second FIN, it may have acknowledged the first.
pub(super) fn of_segments(close: &[Segment]) -> Option<Shape> {
    if close.iter().any(|one| one.flags.rst) {
        return Some(Shape::Reset);
    }
    let first = close.iter().find(|one| one.flags.fin)?;
    let end = first.seq.wrapping_add(first.length).wrapping_add(1);
    let acknowledges = |one: &Segment| one.from != first.from && one.flags.ack && one.ack == end;
    let second = close
        .iter()
        .position(|one| one.from != first.from && one.flags.fin)?;
    let acknowledged = close.iter().position(acknowledges)?;
    let has_data_before = close.get(second).is_some_and(|fin| fin.seq != first.ack);
    match acknowledged.cmp(&second) {
        Ordering::Less => Some(Shape::Four),
        Ordering::Equal => (!has_data_before).then_some(Shape::Three),
        Ordering::Greater => Some(Shape::Crossed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_closer_sees_three_segments_where_the_fin_came_with_the_ack() {
        let acknowledged = Counters {
            segments_in: 2,
            ..Counters::default()
        };
        let later = Counters {
            segments_in: 3,
            ..Counters::default()
        };
        let of = |now, fin| of_first_closer(&acknowledged, now, fin);
        assert_eq!(
            of(&acknowledged, true),
            (Shape::Three, Acknowledged::WithFin)
        );
        assert_eq!(of(&later, true), (Shape::Four, Acknowledged::Alone));
        assert_eq!(of(&acknowledged, false), (Shape::Four, Acknowledged::Alone));
    }

    #[test]
    fn the_second_closer_sees_three_segments_where_its_fin_carries_the_ack() {
        let counters = |receive_acknowledged, segments_out, data_segments_out| Counters {
            receive_next: 100,
            receive_acknowledged,
            segments_out,
            data_segments_out,
            ..Counters::default()
        };
        let received = counters(99, 5, 2);
        let of = |now| of_second_closer(&received, &now);
        let three = (Shape::Three, Acknowledged::WithFin);
        assert_eq!(of(counters(99, 5, 2)), three);
        let alone = (Shape::Four, Acknowledged::Alone);
        assert_eq!(of(counters(100, 6, 2)), alone);
        let with_data = (Shape::Four, Acknowledged::WithData);
        assert_eq!(of(counters(100, 6, 3)), with_data);
        assert_eq!(of(counters(100, 7, 3)), alone);
    }
}
