//! Words of kinds, and the states that each has.

use super::*;

#[test]
fn every_kind_is_parsed_from_its_name_and_its_title() {
    for kind in Kind::ALL {
        for word in [kind.name(), kind.title()] {
            assert_eq!(
                KindSet::parse(word),
                Ok(KindSet::NONE.with(*kind)),
                "{word}"
            );
        }
        assert!(KindSet::ALL.iter().any(|one| one == *kind), "{kind:?}");
    }
    for word in ["sctp", "vsock_stream", "tc"] {
        assert!(KindSet::parse(word).is_err(), "{word}");
    }
}

#[test]
fn states_that_a_kind_does_not_have_are_left_out_and_close_is_unconnected() {
    let close = StateSet::NONE.with(State::Close);
    let unconnected = StateSet::NONE.with(State::Unconnected);
    assert_eq!(Kind::Udp.meant(close), unconnected);
    assert_eq!(Kind::Udp.meant(StateSet::ALL), Kind::Udp.states());
    assert!(
        Kind::Udp
            .meant(StateSet::NONE.with(State::TimeWait))
            .is_empty()
    );
    assert_eq!(Kind::Tcp.meant(close), close);
}
