//! Programs as the kernel would take them, and its audit of their jumps.

use super::*;
use crate::filter::testing::parsed;

fn program(filter: &str) -> Vec<u8> {
    encode(&Program::new(&parsed(&[filter]).unwrap())).unwrap()
}

/// The kernel's `inet_diag_bc_audit` and `valid_cc` (6.18), as far as they look at jumps.
fn passes_audit(program: &[u8]) -> bool {
    let is_passed = |at: usize| {
        let mut passed = 0;
        while passed < at {
            passed += usize::from(program[passed + 1]);
        }
        passed == at
    };
    let mut at = 0;
    while at < program.len() {
        let left = program.len() - at;
        let yes = usize::from(program[at + 1]);
        let no = usize::from(u16::from_ne_bytes([program[at + 2], program[at + 3]]));
        let good = |way: usize| way >= OPERATION_LEN && way <= left + 4 && way.is_multiple_of(4);
        if !good(yes) || !good(no) || no < yes && program[at] != code::JMP {
            return false;
        }
        if no < left && !is_passed(at + no) {
            return false;
        }
        at += yes;
    }
    at == program.len()
}

#[test]
fn one_test_is_one_operation_and_its_two_ends() {
    assert_eq!(
        list(&program("sport = :443")),
        ["    0  S_COND *:443  yes accept no reject"]
    );
    assert_eq!(
        program("sport = :443"),
        [
            &[7, 12][..],
            &16u16.to_ne_bytes(),
            &[0, 0, 0, 0],
            &443i32.to_ne_bytes()
        ]
        .concat()
    );
}

#[test]
fn an_or_jumps_over_its_second_half_and_an_and_does_not_jump() {
    assert_eq!(
        list(&program("sport = :1 or dport > :2 and dev lo")),
        [
            "    0  S_COND *:1  yes 12 no 16",
            "   12  JMP accept",
            "   16  D_LE 2  yes 24 no 28",
            "   24  JMP reject",
            "   28  DEV_COND 1  yes accept no reject",
        ]
    );
}

#[test]
fn every_test_that_the_kernel_knows_has_its_operation() {
    for (filter, line) in [
        ("src 10.0.0.0/8", "S_COND inet 10.0.0.0/8:*"),
        ("dst [2001:db8::1]", "D_COND inet6 [2001:db8::1]/128:*"),
        ("sport >= :1", "S_GE 1"),
        ("sport <= :1", "S_LE 1"),
        ("dport >= :1", "D_GE 1"),
        ("dport <= :1", "D_LE 1"),
        ("dport = :1", "D_COND *:1"),
        ("dev 7", "DEV_COND 7"),
        ("mark 0x10/0xff", "MARK_COND 0x10/0xff"),
        ("cgroup id:5", "CGROUP_COND 5"),
        ("family inet6", "S_COND inet6 [::]/0:*"),
        ("family v4-mapped", "S_COND inet6 [::ffff:0.0.0.0]/96:*"),
    ] {
        let expected = format!("    0  {line}  yes accept no reject");
        assert_eq!(list(&program(filter)), [expected], "{filter}");
    }
    let not_inet6 = list(&program("family inet"));
    assert_eq!(
        not_inet6,
        [
            "    0  S_COND inet6 [::]/0:*  yes 28 no accept",
            "   28  JMP reject"
        ]
    );
    assert!(list(&program("autobound"))[0].contains("AUTO"));
}

#[test]
fn programs_of_any_shape_pass_the_audit_of_the_kernel() {
    let tests = [
        "sport = :1",
        "dport > :2",
        "src 10.0.0.0/8",
        "dev 3",
        "not dst [::1]",
    ];
    for first in tests {
        for second in tests {
            for third in tests {
                for shape in [
                    format!("{first} and {second} or {third}"),
                    format!("{first} or {second} and {third}"),
                    format!("({first} or {second}) and not {third}"),
                    format!("not ({first} and {second}) and {third}"),
                    format!("not ({first} or not ({second} and {third}))"),
                ] {
                    let program = program(&shape);
                    assert!(passes_audit(&program), "{shape}: {:#?}", list(&program));
                }
            }
        }
    }
}

#[test]
fn a_program_that_is_too_long_is_not_made() {
    let long = |count: usize| vec!["sport = :1"; count].join(" or ");
    let encoded = |count| encode(&Program::new(&parsed(&[&long(count)]).unwrap()));
    let longest = encoded(1_024).unwrap();
    assert!(longest.len() <= MOST_BYTES && passes_audit(&longest));
    assert_eq!(encoded(1_025), None);
}

#[test]
fn what_the_kernel_does_not_know_has_no_program() {
    for filter in ["uid 5", "state listening", "sport 1 or receive-queue > 5"] {
        assert_eq!(encode(&Program::new(&parsed(&[filter]).unwrap())), None);
    }
    let mark = &parsed(&["mark 5"]).unwrap();
    let test = mark.tests().next().unwrap();
    assert!(Operations::All.answer(test));
    assert!(!Operations::Oldest.answer(test));
    let port = &parsed(&["sport 5"]).unwrap();
    let test = port.tests().next().unwrap();
    assert!(Operations::Oldest.answer(test));
    assert!(!Operations::None.answer(test));
}
