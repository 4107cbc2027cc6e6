//! What is told to the kernel of a filter, and what is not.

use super::*;
use crate::filter::testing::parsed;
use crate::model::StateSet;

/// Ports that count, and every operation.
fn divided(typed: &str) -> Vec<Ask> {
    divide(&parsed(&[typed]).unwrap(), Operations::All, true).unwrap()
}

/// What the kernel is told and what is judged here, of a filter of one dump.
#[track_caller]
fn shares(typed: &str) -> (Option<String>, Option<String>) {
    let [ask] = &divided(typed)[..] else {
        panic!("{typed}: not one dump")
    };
    let text = |part: &Option<Expression>| part.as_ref().map(ToString::to_string);
    (text(&ask.told), text(&ask.rest))
}

#[test]
fn of_tests_joined_by_and_each_is_judged_where_it_can_be() {
    for (typed, told, here) in [
        ("src 10/8 and inode 7", "src = 10.0.0.0/8", "inode = 7"),
        (
            "inode 7 dport > 9 dev lo",
            "dport > :9 and interface = 1",
            "inode = 7",
        ),
        (
            "(inode 7 and src 10/8) and dst 10/8",
            "src = 10.0.0.0/8 and dst = 10.0.0.0/8",
            "inode = 7",
        ),
    ] {
        assert_eq!(
            shares(typed),
            (Some(told.into()), Some(here.into())),
            "{typed}"
        );
    }
}

#[test]
fn half_of_an_or_is_never_told_but_what_it_implies_is() {
    for (typed, told, here) in [
        ("src 10/8 or inode 7", None, "src = 10.0.0.0/8 or inode = 7"),
        (
            "not (src 10/8 and inode 7)",
            None,
            "not (src = 10.0.0.0/8 and inode = 7)",
        ),
        (
            "(src 10/8 and inode 7) or dst 10/8",
            Some("src = 10.0.0.0/8 or dst = 10.0.0.0/8"),
            "(src = 10.0.0.0/8 and inode = 7) or dst = 10.0.0.0/8",
        ),
        (
            "not (src 10/8 or inode 7)",
            Some("not src = 10.0.0.0/8"),
            "not (src = 10.0.0.0/8 or inode = 7)",
        ),
    ] {
        let expected = (told.map(str::to_owned), Some(here.to_owned()));
        assert_eq!(shares(typed), expected, "{typed}");
    }
}

#[test]
fn one_port_of_each_end_is_in_the_header_and_a_second_one_in_the_bytecode() {
    let of = |typed: &str| {
        let ask = divided(typed).remove(0);
        (ask.ports.local, ask.ports.remote, ask.bytecode.is_empty())
    };
    assert_eq!(of("sport 80"), (80, 0, true));
    assert_eq!(of("sport 80 and dport 443"), (80, 443, true));
    assert_eq!(of("sport 80 and sport 81"), (80, 0, false));
    assert_eq!(of("not sport 80"), (0, 0, false));
    assert_eq!(of("sport 80 or dport 80"), (0, 0, false));
    // There 0 means any.
    assert_eq!(of("sport 0"), (0, 0, false));
}

#[test]
fn where_ports_of_the_header_do_not_count_they_are_in_the_bytecode() {
    let filter = parsed(&["sport", "80"]).unwrap();
    let bound = StateSet::NONE.with(State::Bound);
    let question = |states| Question {
        families: crate::question::Families::Both,
        filter: Some(filter.clone()),
        ..Question::about(states)
    };
    let share = |states| Share::over_netlink(&question(states)).unwrap().remove(0);
    assert_eq!(share(StateSet::ALL).ports.as_deref(), Some("sport = :80"));
    let share = share(StateSet::ALL.union(bound));
    assert_eq!((share.ports, share.bytecode.is_empty()), (None, false));
}

#[test]
fn what_makes_the_program_too_long_is_judged_here_and_the_rest_is_told() {
    let ports: Vec<String> = (0..9_000).map(|port| format!("dport {port}")).collect();
    let long = ports.join(" or ");
    let (told, here) = shares(&format!("({long}) and src 10/8 and dev lo"));
    assert_eq!(told.unwrap(), "src = 10.0.0.0/8 and interface = 1");
    assert!(here.unwrap().starts_with("dport = :0 or "));
    let ask = divided(&ports[..1_000].join(" or ")).remove(0);
    assert!(ask.here.is_none() && ask.bytecode.len() > 15_000);
}

#[test]
fn what_only_the_kernel_can_judge_has_the_first_claim_on_the_room() {
    let ports: Vec<String> = (0..9_000).map(|port| format!("dport != {port}")).collect();
    let many = ports.join(" ");
    for filter in [format!("autobound {many}"), format!("{many} autobound")] {
        let asks = divided(&filter);
        assert_eq!(asks.len(), 1);
        assert!(list(&asks[0].bytecode)[0].contains("AUTO"));
    }
    assert_eq!(divided(&format!("autobound or ({many})")).len(), 2);
}

#[test]
fn marks_judged_here_are_asked_for_with_the_privilege_they_need() {
    let ask = divided("mark 1 or inode 7").remove(0);
    assert_eq!(
        list(&ask.bytecode),
        ["    0  MARK_COND 0x0/0x0  yes accept no reject"]
    );
    assert_eq!(ask.told, None);
    assert!(ask.needs_attributes());
    let ask = divided("mark 1 and inode 7").remove(0);
    assert!(!ask.needs_attributes() && list(&ask.bytecode).len() == 1);
}

#[test]
fn a_kernel_that_does_not_know_an_operation_is_told_the_others() {
    let filter = parsed(&["src 10/8 and dev lo and sport 80"]).unwrap();
    let of = |operations| {
        let ask = divide(&filter, operations, true).unwrap().remove(0);
        let text = |part: Option<Expression>| part.map(|part| part.to_string());
        (text(ask.told), text(ask.rest))
    };
    assert_eq!(
        of(Operations::Oldest),
        (
            Some("sport = :80 and src = 10.0.0.0/8".into()),
            Some("interface = 1".into())
        )
    );
    let (told, here) = of(Operations::None);
    assert_eq!(told, None);
    assert!(here.unwrap().ends_with("sport = :80"));
}

#[test]
fn what_only_the_kernel_tells_takes_two_dumps_beside_what_it_does_not_know() {
    let both = divided("autobound or inode 7");
    let told: Vec<_> = both
        .iter()
        .map(|ask| ask.told.clone().unwrap().to_string())
        .collect();
    assert_eq!(told[1], "not autobound");
    assert!(told[0].ends_with("autobound"), "{told:?}");
    // Both are conjuncts here, and the kernel knows one of them whole.
    assert_eq!(divided("autobound and inode 7").len(), 1);
    assert_eq!(divided("not autobound or dev lo").len(), 1);
}

#[test]
fn without_the_operation_what_only_the_kernel_tells_is_an_error() {
    let of = |typed: &str, operations| divide(&parsed(&[typed]).unwrap(), operations, true);
    for typed in ["autobound", "autobound or inode 7", "not autobound"] {
        assert_eq!(
            of(typed, Operations::None),
            Err(OnlyTheKernel::Autobound),
            "{typed}"
        );
        assert!(of(typed, Operations::Oldest).is_ok(), "{typed}");
    }
    for operations in [Operations::Oldest, Operations::None] {
        assert_eq!(of("mark 1", operations), Err(OnlyTheKernel::Mark));
        assert_eq!(of("cgroup id:1", operations), Err(OnlyTheKernel::Cgroup));
    }
}
