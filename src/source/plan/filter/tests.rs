//! Which part of a filter the kernel evaluates, and which it does not.

use super::*;
use crate::filter::testing::parsed;
use crate::model::{Kind, State, StateSet};
use crate::question::Question;
use crate::source::plan::Dumps;
use crate::source::wire::list;

/// Divided for ports that apply and a kernel that knows every operation.
fn divided(typed: &str) -> Vec<DumpFilter> {
    divide(&parsed(&[typed]).unwrap(), Operations::All, true).unwrap()
}

/// What the kernel evaluates and what remains, of a filter of one dump.
#[track_caller]
fn shares(typed: &str) -> (Option<String>, Option<String>) {
    let [dump] = &divided(typed)[..] else {
        panic!("{typed}: not one dump")
    };
    let text = |part: &Option<Expression>| part.as_ref().map(ToString::to_string);
    (text(&dump.in_kernel), text(&dump.remainder))
}

#[test]
fn of_tests_joined_by_and_each_is_evaluated_where_it_can_be() {
    for (typed, in_kernel, here) in [
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
            (Some(in_kernel.into()), Some(here.into())),
            "{typed}"
        );
    }
}

#[test]
fn the_kernel_never_evaluates_half_of_an_or_but_what_it_implies() {
    for (typed, in_kernel, here) in [
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
        let expected = (in_kernel.map(str::to_owned), Some(here.to_owned()));
        assert_eq!(shares(typed), expected, "{typed}");
    }
}

#[test]
fn one_port_of_each_end_is_in_the_header_and_a_second_one_in_the_bytecode() {
    let of = |typed: &str| {
        let dump = divided(typed).remove(0);
        (
            dump.ports.local,
            dump.ports.remote,
            dump.bytecode.is_empty(),
        )
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
fn where_ports_of_the_header_do_not_apply_they_are_in_the_bytecode() {
    let filter = parsed(&["sport", "80"]).unwrap();
    let bound = StateSet::NONE.with(State::Bound);
    let dump = |states| {
        let question = Question {
            filter: Some(filter.clone()),
            ..Question::about(Kind::Tcp, states)
        };
        Dumps::new(&question, states, Operations::All)
            .unwrap()
            .filters
            .remove(0)
    };
    assert_eq!(dump(StateSet::ALL).ports.local, 80);
    let dump = dump(StateSet::ALL.union(bound));
    assert_eq!((dump.ports.local, dump.bytecode.is_empty()), (0, false));
}

#[test]
fn what_makes_the_program_too_long_is_evaluated_here_and_the_rest_by_the_kernel() {
    let ports: Vec<String> = (0..9_000).map(|port| format!("dport {port}")).collect();
    let long = ports.join(" or ");
    let (in_kernel, here) = shares(&format!("({long}) and src 10/8 and dev lo"));
    assert_eq!(in_kernel.unwrap(), "src = 10.0.0.0/8 and interface = 1");
    assert!(here.unwrap().starts_with("dport = :0 or "));
    let dump = divided(&ports[..1_000].join(" or ")).remove(0);
    assert!(dump.program.is_none() && dump.bytecode.len() > 15_000);
}

#[test]
fn what_only_the_kernel_can_evaluate_has_the_first_claim_on_the_room() {
    let ports: Vec<String> = (0..9_000).map(|port| format!("dport != {port}")).collect();
    let many = ports.join(" ");
    for filter in [format!("autobound {many}"), format!("{many} autobound")] {
        let dumps = divided(&filter);
        assert_eq!(dumps.len(), 1);
        assert!(list(&dumps[0].bytecode)[0].contains("AUTO"));
    }
    assert_eq!(divided(&format!("autobound or ({many})")).len(), 2);
}

#[test]
fn marks_evaluated_here_are_requested_with_the_privilege_they_need() {
    let dump = divided("mark 1 or inode 7").remove(0);
    assert_eq!(
        list(&dump.bytecode),
        ["    0  MARK_COND 0x0/0x0  yes accept no reject"]
    );
    assert_eq!(dump.in_kernel, None);
    assert!(dump.needs_attributes());
    let dump = divided("mark 1 and inode 7").remove(0);
    assert!(!dump.needs_attributes() && list(&dump.bytecode).len() == 1);
}

#[test]
fn a_kernel_that_does_not_know_an_operation_evaluates_the_others() {
    let filter = parsed(&["src 10/8 and dev lo and sport 80"]).unwrap();
    let of = |operations| {
        let dump = divide(&filter, operations, true).unwrap().remove(0);
        let text = |part: Option<Expression>| part.map(|part| part.to_string());
        (text(dump.in_kernel), text(dump.remainder))
    };
    assert_eq!(
        of(Operations::Oldest),
        (
            Some("sport = :80 and src = 10.0.0.0/8".into()),
            Some("interface = 1".into())
        )
    );
    let (in_kernel, here) = of(Operations::None);
    assert_eq!(in_kernel, None);
    assert!(here.unwrap().ends_with("sport = :80"));
}

#[test]
fn autobound_takes_two_dumps_beside_tests_that_the_kernel_does_not_know() {
    let both = divided("autobound or inode 7");
    let in_kernel: Vec<_> = both
        .iter()
        .map(|dump| dump.in_kernel.clone().unwrap().to_string())
        .collect();
    assert_eq!(in_kernel[1], "not autobound");
    assert!(in_kernel[0].ends_with("autobound"), "{in_kernel:?}");
    // Both are conjuncts here, and the kernel knows one of them whole.
    assert_eq!(divided("autobound and inode 7").len(), 1);
    assert_eq!(divided("not autobound or dev lo").len(), 1);
}

#[test]
fn a_test_only_the_kernel_can_evaluate_is_an_error_without_its_operation() {
    let of = |typed: &str, operations| divide(&parsed(&[typed]).unwrap(), operations, true);
    for typed in ["autobound", "autobound or inode 7", "not autobound"] {
        assert_eq!(
            of(typed, Operations::None),
            Err(UnsupportedTest::Autobound),
            "{typed}"
        );
        assert!(of(typed, Operations::Oldest).is_ok(), "{typed}");
    }
    for operations in [Operations::Oldest, Operations::None] {
        assert_eq!(of("mark 1", operations), Err(UnsupportedTest::Mark));
        assert_eq!(of("cgroup id:1", operations), Err(UnsupportedTest::Cgroup));
    }
}
