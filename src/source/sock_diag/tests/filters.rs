//! A kernel that refuses a filter program: what is requested next, and that the answer stays the
//! same.

use super::scripted::Requests;
use super::*;
use crate::filter::testing::parsed;
use crate::source::UnsupportedTest;
use crate::source::wire::list;

/// As many bytes come before the bytecode of a request for both families: two headers, the
/// request, and that of the attribute.
const BEFORE_BYTECODE: usize = 16 + 60 + 4;

/// What a listing came to: the answer, the states seen, and the program of each request.
struct Came {
    answer: Result<(Plan, Outcome), NetlinkError>,
    states: Vec<State>,
    programs: Vec<String>,
}

/// Lists both families with a filter; each script answers one request.
fn list_filtered(filter: &str, scripts: Vec<Vec<Turn>>) -> Came {
    let mut scripts: VecDeque<_> = scripts.into();
    let question = Question {
        filter: Some(parsed(&[filter]).unwrap()),
        ..Question::about(Kind::Tcp, StateSet::ALL)
    };
    let requests = Requests::default();
    let connect = || match scripts.pop_front() {
        Some(script) => Ok(Scripted::recording(script, Requests::clone(&requests))),
        None => Err(NetlinkError::failed("socket")(Errno::MFILE.into())),
    };
    let mut seen = Seen::default();
    let mut dumps = dumps(&question);
    let answer = Conversation::new(connect).list(&mut dumps, &mut seen);
    let answer = answer.map(|outcome| {
        (
            Plan::netlink(dumps, Reason::Needed, &ProcNet::own()),
            outcome,
        )
    });
    assert!(scripts.is_empty(), "one request too few");
    let program = |request: &Vec<u8>| list(request.get(BEFORE_BYTECODE..).unwrap_or_default());
    let programs = requests
        .lock()
        .unwrap()
        .iter()
        .map(program)
        .map(|lines| names(&lines))
        .collect();
    Came {
        answer,
        states: seen.states,
        programs,
    }
}

/// The names of operations.
fn names(lines: &[String]) -> String {
    let names = lines
        .iter()
        .filter_map(|line| line.split_whitespace().nth(1));
    names.collect::<Vec<_>>().join(" ")
}

/// A refused walk is tried once for each family before it counts as refused: one request more.
fn refused(first: u32, errno: Errno) -> Vec<Vec<Turn>> {
    [first, first + 1].map(|n| vec![refusal(n, errno)]).into()
}

fn answered(sequence: u32, states: &[u8]) -> Vec<Turn> {
    vec![sockets(ONE_WALK, sequence, states), done(sequence, 0)]
}

#[test]
fn a_refused_program_is_replaced_by_one_of_the_oldest_operations_and_then_by_none() {
    // The scripted sockets are bound to no interface, and their ports are 0.
    let filter = "dev 0 and sport <= 7 and retransmits < 7";
    let all = list_filtered(filter, vec![answered(1, &[1, 10])]);
    let mut scripts = refused(1, Errno::INVAL);
    scripts.push(answered(3, &[1, 10]));
    let oldest = list_filtered(filter, scripts);
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    scripts.push(answered(5, &[1, 10]));
    let none = list_filtered(filter, scripts);
    let program = |came: &Came| came.programs.last().cloned().unwrap();
    assert_eq!(program(&all), "DEV_COND S_LE");
    assert_eq!(program(&oldest), "S_LE");
    assert_eq!(program(&none), "");
    assert_eq!(all.programs.len(), 1);
    for came in [&all, &oldest, &none] {
        assert!(came.answer.as_ref().unwrap().1.completeness.is_complete());
        assert_eq!(came.states, [State::Established, State::Listen]);
    }
}

#[test]
fn what_the_kernel_does_not_evaluate_is_evaluated_here() {
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    scripts.push(answered(5, &[1, 10]));
    let came = list_filtered("dev lo and sport <= 7", scripts);
    assert_eq!(came.states, []);
    let plan = came.answer.unwrap().0.to_string();
    let end = "; tcpstates evaluates interface = 1 and sport <= :7; the kernel refused every filter \
               program";
    assert!(plan.ends_with(end), "{plan}");
}

#[test]
fn a_mark_without_the_privilege_is_reported_wherever_it_is_evaluated() {
    for filter in ["mark 1", "mark 1 or inode 7", "not mark 0 and sport 7"] {
        let came = list_filtered(filter, refused(1, Errno::PERM));
        let answer = came.answer.map(|_| ());
        assert!(
            matches!(answer, Err(NetlinkError::MarkForbidden)),
            "{filter}"
        );
    }
}

#[test]
fn a_refused_filter_without_a_program_is_not_requested_again() {
    for filter in ["inode 7", "sport 80"] {
        let came = list_filtered(filter, refused(1, Errno::INVAL));
        assert_eq!(came.programs, ["", ""], "{filter}");
        let error = came.answer.map(|_| ()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL), "{filter}");
    }
}

#[test]
fn what_only_the_kernel_can_evaluate_is_requested_in_two_dumps() {
    let scripts = vec![answered(1, &[1]), answered(2, &[10, 10])];
    let came = list_filtered("autobound or retransmits < 7", scripts);
    assert_eq!(
        came.states,
        [State::Established, State::Listen, State::Listen]
    );
    assert!(
        came.programs.iter().all(|program| program.contains("AUTO")),
        "{:?}",
        came.programs
    );
    let plan = came.answer.unwrap().0.to_string();
    assert!(plan.contains("; in a second dump the kernel"), "{plan}");
}

#[test]
fn autobound_without_any_program_is_an_error() {
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    let error = list_filtered("autobound", scripts)
        .answer
        .map(|_| ())
        .unwrap_err();
    let expected = NetlinkError::Unsupported(UnsupportedTest::Autobound);
    assert_eq!(error.to_string(), expected.to_string());
}

#[test]
fn the_mark_of_a_kernel_without_marks_is_an_error() {
    let came = list_filtered("mark 1", refused(1, Errno::INVAL));
    let error = came.answer.map(|_| ()).unwrap_err();
    let expected = NetlinkError::Unsupported(UnsupportedTest::Mark);
    assert_eq!(error.to_string(), expected.to_string());
}
