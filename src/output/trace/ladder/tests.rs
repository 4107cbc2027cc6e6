//! Ladders of closes that were seen from one end, or in part.

use std::time::SystemTime;

use super::*;
use crate::model::State;
use crate::model::testing::close;
use crate::model::trace::{Acknowledged, Clock, FirstClose, Flags, Reset, Segment, Shape, Side};

const SECOND: u64 = 1_000_000_000;

fn drawn(story: &Story) -> String {
    let row = RowStyle {
        clock: Clock::new(SystemTime::UNIX_EPOCH, 0),
        with_netns: false,
        width: None,
        with_segments: false,
    };
    let style = LadderStyle {
        width: 58,
        utf8: false,
    };
    let mut out = Vec::new();
    write_ladder(&mut out, story, row, style).unwrap();
    String::from_utf8(out).unwrap()
}

/// A segment `us` after the first second.
fn segment(us: u64, from: Side, flags: &str, seq: u32, ack: u32) -> Segment {
    Segment {
        time_ns: SECOND + us * 1_000,
        from,
        flags: Flags {
            fin: flags.contains('F'),
            rst: flags.contains('R'),
            ack: flags.contains('.'),
            ..Flags::default()
        },
        seq,
        ack,
        length: 0,
    }
}

/// A close by `web` in which the first FIN was acknowledged in this way, and then FIN_WAIT2 entered.
fn half_closed(how: Acknowledged) -> Story {
    let mut story = close(1, Shape::Four);
    let mut end = story.first.close.take().unwrap();
    end.acknowledged = Some(how);
    end.steps.insert(1, (SECOND + 30_000, State::FinWait2));
    story.first.close = Some(end);
    story
}

#[test]
fn an_end_that_closed_first_and_was_not_traced_is_to_the_left() {
    let mut story = close(1, Shape::Three);
    let mut end = story.first.close.take().unwrap();
    end.first = FirstClose::By(Side::Remote);
    end.steps = vec![
        (SECOND, State::CloseWait),
        (SECOND + 40_000, State::LastAck),
        (SECOND + 90_000, State::Close),
    ];
    story.first.close = Some(end);
    story.captured = Some(Shape::Three);
    story.segments = vec![
        segment(0, Side::Remote, "F.", 1, 1),
        segment(40, Side::Local, "F.", 1, 2),
        segment(90, Side::Remote, ".", 2, 2),
    ];
    assert_eq!(
        drawn(&story),
        "00:00:01.000Z  THREE  192.0.2.2:40000 closed first\n            \
         not observed                            web[7]\n            \
         192.0.2.2:40000                   192.0.2.1:80\n\
         \u{20} 0.000 ms              |-- FIN,ACK --------->| CLOSE_WAIT\n\
         \u{20} 0.040 ms              |<--------- FIN,ACK --| LAST_ACK\n\
         \u{20} 0.090 ms              |-- ACK ------------->| CLOSE\n\
         three segments: the ACK of the first FIN came on the second FIN\n\n"
    );
}

#[test]
fn an_ack_that_came_with_data_is_inferred_beside_captured_segments() {
    let mut story = half_closed(Acknowledged::WithData);
    story.segments = vec![
        segment(0, Side::Local, "F.", 1, 1),
        segment(100_000, Side::Remote, "F.", 511, 2),
        segment(100_010, Side::Local, ".", 2, 512),
    ];
    let text = drawn(&story);
    for line in [
        "  0.030 ms  FIN_WAIT2   |<........ data,ACK ..|",
        "100.000 ms              |<--------- FIN,ACK --|",
        "four segments: the ACK came with data, 1.970 ms before the FIN",
        "dashed: inferred from socket states; segments with data are not captured",
    ] {
        assert!(text.lines().any(|drawn| drawn == line), "{line}:\n{text}");
    }
}

#[test]
fn a_close_that_the_peer_did_not_follow_is_half_closed() {
    let mut story = half_closed(Acknowledged::Alone);
    let mut end = story.first.close.take().unwrap();
    end.parked = Some(State::FinWait2);
    end.steps.truncate(2);
    story.first.close = Some(end);
    let text = drawn(&story);
    let last =
        "half closed: the ACK came alone; the peer had not sent its FIN when the socket ended";
    assert!(text.contains(last), "{text}");
    assert!(!text.contains("four segments"), "{text}");
}

#[test]
fn a_captured_reset_after_the_end_of_the_socket_has_a_sender() {
    let mut story = half_closed(Acknowledged::Alone);
    story.captured = Some(Shape::Reset);
    story.segments = vec![
        segment(0, Side::Local, "F.", 1, 1),
        segment(30, Side::Remote, ".", 1, 2),
        segment(500, Side::Remote, "R.", 1, 2),
    ];
    assert_eq!(story.reset_by(), Some(Side::Remote));
    let text = drawn(&story);
    assert!(text.contains("\nreset by 192.0.2.2:40000\n"), "{text}");
}

#[test]
fn a_reset_without_a_fin_has_its_sender_to_the_left() {
    let mut story = close(1, Shape::Reset);
    let mut end = story.first.close.take().unwrap();
    end.first = FirstClose::Nobody;
    end.steps.clear();
    end.reset = Some(Reset {
        by: Side::Remote,
        reason: None,
    });
    story.first.close = Some(end);
    let text = drawn(&story);
    assert!(
        text.starts_with("00:00:01.002Z  RESET  by 192.0.2.2:40000\n"),
        "{text}"
    );
    assert!(text.contains("|.. RST .............>| CLOSE\n"), "{text}");
}

#[test]
fn retransmissions_after_a_fin_are_reported() {
    let mut story = close(1, Shape::Three);
    let mut end = story.first.close.take().unwrap();
    end.retransmits = 3;
    story.first.close = Some(end);
    let text = drawn(&story);
    assert!(text.contains("; 3 retransmissions after a FIN\n"), "{text}");
}

#[test]
fn a_timeout_has_an_arrow_that_never_came() {
    let mut story = close(1, Shape::Timeout);
    let mut end = story.first.close.take().unwrap();
    end.first = FirstClose::By(Side::Local);
    end.steps = vec![(SECOND, State::FinWait1), (SECOND + 90_000, State::Close)];
    story.first.ended_ns = SECOND + 90_000;
    story.first.close = Some(end);
    let text = drawn(&story);
    assert!(
        text.contains("  0.000 ms  FIN_WAIT1   |.. FIN .............>|"),
        "{text}"
    );
    assert!(
        text.contains("  0.090 ms  CLOSE       |x.......... no ACK ..|"),
        "{text}"
    );
    assert!(text.contains("timed out: the peer acknowledged nothing"));
}
