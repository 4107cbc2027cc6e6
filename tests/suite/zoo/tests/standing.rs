//! A zoo stands still for as long as its TIME_WAIT lasts.
//!
//! The one place that sleeps: the passing of time is what it tests.

use crate::namespace::in_namespace;
use crate::zoo::odd::{fast_open, mapped, orphans};
use crate::zoo::{Family, Inhabitants, State, Zoo, read_inhabitants};
use std::time::Duration;

in_namespace!(
    #[ignore = "takes 55 seconds"]
    fn no_timer_moves_a_parked_socket_within_55_seconds() {
        let zoo = Zoo::open(&Inhabitants::all_different());
        let guests = [
            fast_open::unaccepted(zoo.peer(), Family::V4, 2),
            mapped::half_open(zoo.peer(), 2),
            orphans::full_fin_wait2(zoo.peer(), Family::V6, 2),
            orphans::fin_wait2_minisockets(zoo.peer(), Family::V4, 2),
            orphans::unfinished(zoo.peer(), Family::V4, State::LastAck, 2),
        ];
        let expected = guests
            .iter()
            .fold(zoo.expected().clone(), |all, some| all + some.added());
        std::thread::sleep(Duration::from_secs(55));
        assert_eq!(read_inhabitants(), expected);
    }
);
