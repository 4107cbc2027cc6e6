//! Programs that read in batches, and leave data unread for a while.

use super::*;

/// What is found of 12 of which the program has read a part before this number of bytes and the end, which came
/// so long ago, and from some of which it reads 500 bytes while they are watched.
fn left(queue: u32, received: u64, ago: u64, reads: u64) -> Option<Finding> {
    let socket = |number| Socket {
        receive_queue: queue,
        ..one(number, number)
    };
    let sockets: Vec<Socket> = (1..=12).map(socket).collect();
    watched(&sockets, |number, one| {
        let measures = [
            (Metric::BytesReceived, received),
            (Metric::BytesAcked, 0),
            (Metric::LastDataReceived, ago),
            (Metric::LastDataSent, ago + 30_000),
            (Metric::LastAckReceived, ago),
        ];
        let read = if number <= reads { 500 } else { 0 };
        let receive_queue = one.receive_queue - read;
        let one = with(one, &measures);
        Some(Socket {
            receive_queue,
            ..one
        })
    })
}

#[test]
fn data_that_a_program_has_begun_to_read_may_be_read_on() {
    let found = left(8_001, 9_001, 30_000, 0).unwrap();
    assert_eq!(found.severity, Severity::Info);
    assert!(found.title.ends_with("and may still be read"), "{found:?}");
    let part = "of 12 of these the program has read a part";
    assert!(found.evidence.iter().any(|text| text == part), "{found:?}");
    for (queue, received, ago, why) in [
        (9_001, 9_001, 30_000, "it has read nothing"),
        (1, 9_001, 30_000, "the end alone is left"),
        (8_001, 9_001, 3_600_000, "an hour"),
    ] {
        let found = left(queue, received, ago, 0).unwrap();
        assert_eq!(found.severity, Severity::Warning, "{why}");
        assert!(found.title.ends_with("stay in CLOSE_WAIT"), "{why}");
    }
}

#[test]
fn where_some_are_read_the_others_wait_for_their_turn() {
    // A tenth of those that are watched, which makes them streams.
    assert!(left(8_001, 9_001, 30_000, 2).is_none());
    let found = left(8_001, 9_001, 300_000, 1).unwrap();
    assert_eq!(found.severity, Severity::Info);
    let all = left(8_001, 9_001, 30_000, 12);
    assert!(all.is_none(), "all are used");
}
