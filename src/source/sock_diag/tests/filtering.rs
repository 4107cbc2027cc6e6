//! A kernel that refuses a program: what it is asked next, and that the answer stays the same.

use super::*;
use crate::filter::testing::parsed;
use crate::source::divide::OnlyTheKernel;
use crate::source::sock_diag::scripted::Requests;
use crate::source::wire::list;

/// As many bytes come before the bytecode of a request for both families: two headers, the
/// request, and that of the attribute.
const BEFORE_BYTECODE: usize = 16 + 60 + 4;

/// What a conversation came to: the answer, the states seen, and the program of each request.
struct Came {
    answer: Result<Outcome, NetlinkError>,
    states: Vec<State>,
    programs: Vec<String>,
}

/// Asks about both families with a filter; each script answers one request.
fn ask(filter: &str, scripts: Vec<Vec<Turn>>) -> Came {
    let mut scripts: VecDeque<_> = scripts.into();
    let question = Question {
        filter: Some(parsed(&[filter]).unwrap()),
        ..Question::about(StateSet::ALL)
    };
    let asked = Requests::default();
    let connect = || match scripts.pop_front() {
        Some(script) => Ok(Scripted::recording(script, Requests::clone(&asked))),
        None => Err(Call::Socket.failed()(Errno::MFILE.into())),
    };
    let mut seen = Seen::default();
    let answer = Conversation::new(connect, &question).converse(&mut seen);
    assert!(scripts.is_empty(), "one request too few");
    let program = |request: &Vec<u8>| list(request.get(BEFORE_BYTECODE..).unwrap_or_default());
    let programs = asked
        .borrow()
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
fn a_refused_program_is_asked_with_the_oldest_operations_and_then_without() {
    // The scripted sockets are bound to no interface, and their ports are 0.
    let filter = "dev 0 and sport <= 7 and retransmits < 7";
    let all = ask(filter, vec![answered(1, &[1, 10])]);
    let mut scripts = refused(1, Errno::INVAL);
    scripts.push(answered(3, &[1, 10]));
    let oldest = ask(filter, scripts);
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    scripts.push(answered(5, &[1, 10]));
    let none = ask(filter, scripts);
    let program = |came: &Came| came.programs.last().cloned().unwrap();
    assert_eq!(program(&all), "DEV_COND S_LE");
    assert_eq!(program(&oldest), "S_LE");
    assert_eq!(program(&none), "");
    assert_eq!(all.programs.len(), 1);
    for came in [&all, &oldest, &none] {
        assert!(came.answer.as_ref().unwrap().completeness.is_complete());
        assert_eq!(came.states, [State::Established, State::Listen]);
    }
}

#[test]
fn what_the_kernel_is_not_told_is_judged_here() {
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    scripts.push(answered(5, &[1, 10]));
    let came = ask("dev lo and sport <= 7", scripts);
    assert_eq!(came.states, []);
    let judged = came.answer.unwrap().judged;
    assert_eq!(judged, "judged here is interface = 1 and sport <= :7");
}

#[test]
fn a_mark_without_the_privilege_is_told_as_such_wherever_it_is_judged() {
    for filter in ["mark 1", "mark 1 or inode 7", "not mark 0 and sport 7"] {
        let came = ask(filter, refused(1, Errno::PERM));
        let answer = came.answer.map(|_| ());
        assert!(
            matches!(answer, Err(NetlinkError::MarkForbidden)),
            "{filter}"
        );
    }
}

#[test]
fn a_filter_without_a_program_is_not_asked_again() {
    for filter in ["inode 7", "sport 80"] {
        let came = ask(filter, refused(1, Errno::INVAL));
        assert_eq!(came.programs, ["", ""], "{filter}");
        let error = came.answer.map(|_| ()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL), "{filter}");
    }
}

#[test]
fn what_only_the_kernel_can_tell_is_asked_in_two_dumps() {
    let scripts = vec![answered(1, &[1]), answered(2, &[10, 10])];
    let came = ask("autobound or retransmits < 7", scripts);
    assert_eq!(
        came.states,
        [State::Established, State::Listen, State::Listen]
    );
    assert!(
        came.programs.iter().all(|program| program.contains("AUTO")),
        "{:?}",
        came.programs
    );
    assert!(came.answer.unwrap().judged.contains("in a second dump"));
}

#[test]
fn where_it_takes_no_program_at_all_that_is_an_error() {
    let mut scripts = refused(1, Errno::INVAL);
    scripts.extend(refused(3, Errno::INVAL));
    let error = ask("autobound", scripts).answer.map(|_| ()).unwrap_err();
    let expected = NetlinkError::Unanswered(OnlyTheKernel::Autobound);
    assert_eq!(error.to_string(), expected.to_string());
}

#[test]
fn the_mark_of_a_kernel_that_knows_none_is_an_error() {
    let came = ask("mark 1", refused(1, Errno::INVAL));
    let error = came.answer.map(|_| ()).unwrap_err();
    let expected = NetlinkError::Unanswered(OnlyTheKernel::Mark);
    assert_eq!(error.to_string(), expected.to_string());
}
