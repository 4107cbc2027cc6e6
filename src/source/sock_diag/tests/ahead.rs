//! Long dumps that are received in a thread of their own: the same as without it.

use super::scripted::Requests;
use super::*;

/// What a dump comes to: the states, the losses, whether the sink ended it, and how often a datagram was waited for
/// in vain.
type Came = (Vec<State>, Vec<Loss>, bool, usize);

/// Lists the sockets of this number of datagrams, then of this end.
fn list(ahead: bool, datagrams: usize, end: &dyn Fn() -> Vec<Turn>, enough: Option<usize>) -> Came {
    let script = (0..datagrams).map(|number| match number % 2 {
        0 => sockets(ONE_WALK, 1, &[1, 10]),
        _ => sockets(ONE_WALK, 1, &[6]),
    });
    let mut script = Some(script.chain(end()));
    let requests = Requests::default();
    let connect = || {
        let script = script.take().unwrap();
        Ok(Scripted::recording(script, Requests::clone(&requests)))
    };
    let mut conversation = Conversation {
        ahead,
        ..Conversation::new(connect)
    };
    let mut seen = Seen {
        enough,
        ..Seen::default()
    };
    let mut dumps = dumps(&Question::about(Kind::Tcp, StateSet::ALL));
    let outcome = conversation.list(&mut dumps, &mut seen).unwrap();
    let losses = outcome.completeness.losses().to_vec();
    let in_vain = requests.lock().unwrap().len() - 1;
    (seen.states, losses, outcome.ended_by_sink, in_vain)
}

#[test]
fn a_long_dump_that_is_received_ahead_is_the_same() {
    let stranger = || {
        let Turn::Datagram(_, bytes) = done(1, 0) else {
            unreachable!()
        };
        Turn::Datagram(4712, bytes)
    };
    let ends: [&dyn Fn() -> Vec<Turn>; 9] = [
        &|| vec![done(1, 0)],
        &|| vec![done(1, Errno::IO.raw_os_error())],
        &|| vec![refusal(1, Errno::IO)],
        &|| vec![Turn::Fails(Errno::NOBUFS)],
        &|| vec![Turn::Datagram(0, vec![1; 7]), done(1, 0)],
        &|| vec![Turn::Datagram(0, vec![0; BUFFER_LEN + 1]), done(1, 0)],
        &|| vec![stranger(), sockets(ONE_WALK, 1, &[1]), done(1, 0)],
        &|| vec![done(2, 0), sockets(ONE_WALK, 1, &[1]), done(1, 0)],
        &|| {
            let disturbed = flagged_sockets(ONE_WALK, INTERRUPTED, 1, &[1]);
            vec![disturbed, done(1, 0)]
        },
    ];
    for (number, end) in ends.into_iter().enumerate() {
        for datagrams in [15, 16, 17, 19, 20, 21, 40] {
            let alone = list(false, datagrams, end, None);
            assert_eq!(alone.3, 0, "{number}");
            let ahead = list(true, datagrams, end, None);
            assert_eq!(ahead, alone, "{number} after {datagrams}");
        }
    }
}

#[test]
fn a_sink_ends_a_dump_that_is_received_ahead() {
    for enough in [1, 24, 25, 40] {
        let (states, losses, is_ended, _) = list(true, 60, &|| vec![done(1, 0)], Some(enough));
        assert_eq!((states.len(), losses, is_ended), (enough, vec![], true));
    }
}
