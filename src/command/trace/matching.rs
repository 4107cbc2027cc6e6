//! Which transitions and connections a filter selects.
//!
//! Events have fewer fields than sockets; tests of the others are refused. A state matches where it
//! was left or entered.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::command::outcome::Failure;
use crate::filter::{Edge, Expression, Folded, Program, Test, event_words};
use crate::model::trace::{Connection, Story, Task, Transition};
use crate::model::{
    Field, InetEnds, Kind, ProcessName, ProcessQuery, Socket, State, StateSet, Use,
};
use crate::question::{Families, Question};
use crate::source::{MOST_PORT_RANGES, Selector};

/// More rows than this of one connection do not wait to be known as a process's.
const MOST_ROWS: usize = 32;

/// More connections than this do not wait so.
const MOST_WAITING: usize = 65_536;

/// What selects rows.
#[derive(Debug)]
pub(in crate::command) struct Matcher {
    /// Tested here too: `destroy` reports both.
    families: Families,
    states: StateSet,
    program: Option<Program>,
    /// Whether it tests for processes, which are known at a call of theirs only.
    by_process: bool,
    /// Whether a row may pass because of a process that did nothing to its connection so far: what it
    /// does later decides.
    by_absence: bool,
    /// Whether it tests the local port, which a socket that connects has after SYN_SENT only.
    by_port: bool,
    by_state: bool,
    /// What is known of connections with rows that wait for one of these.
    waiting: HashMap<u64, Waiting>,
    /// Connections with rows that could not wait.
    forgotten: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    tasks: Vec<Task>,
    rows: Vec<Transition>,
}

/// What a filter can test of one row.
struct Row<'a> {
    state: State,
    ends: &'a InetEnds,
    cookie: u64,
    inode: u64,
    uid: u32,
    was_in: &'a dyn Fn(StateSet, Option<Edge>) -> bool,
    tasks: &'a [Task],
}

impl Matcher {
    /// The matcher of a question.
    ///
    /// # Errors
    /// The first word that an event has no value for.
    pub(in crate::command) fn new(question: &Question) -> Result<Matcher, Failure> {
        let tests = || question.filter.iter().flat_map(Expression::tests);
        if let Some(word) = tests().find_map(unknown_of_events) {
            let words: Vec<&str> = event_words().collect();
            return Err(Failure::Usage(format!(
                "trace does not record `{word}`; allowed are {}",
                words.join(", ")
            )));
        }
        let tests_field = |field| tests().any(|test| test.field() == Some(field));
        Ok(Matcher {
            families: question.families,
            states: question.states,
            program: question.filter.as_ref().map(Program::new),
            by_process: tests_field(Field::Process) || tests_field(Field::Pid),
            by_absence: question.filter.as_ref().is_some_and(excludes_processes),
            by_port: tests_field(Field::LocalPort),
            by_state: question.states != StateSet::ALL
                || tests().any(|test| matches!(test, Test::State(_) | Test::Change(..))),
            waiting: HashMap::new(),
            forgotten: 0,
        })
    }

    /// What it tests that only transitions show.
    pub(in crate::command) fn needs_transitions(&self) -> Option<&'static str> {
        match (self.by_state, self.by_process) {
            (true, _) => Some("state"),
            (_, true) => Some("process"),
            (false, false) => None,
        }
    }

    /// How many connections had rows that could not wait to be known: too many did.
    pub(in crate::command) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The rows that pass now that this one is known: it, and earlier ones of the same connection
    /// that waited for its process or its port.
    pub(in crate::command) fn transitions(&mut self, row: Transition) -> Vec<Transition> {
        if !self.by_process && !self.by_port {
            return Vec::from_iter(self.transition_passes(&row, &[]).then_some(row));
        }
        let mut waiting = self.waiting.remove(&row.cookie).unwrap_or_default();
        let (cookie, ends) = (row.cookie, row.ends);
        // A socket that goes from FIN_WAIT2 to FIN_WAIT2 becomes a minisocket.
        let is_over = matches!(row.to, State::Close | State::TimeWait) || row.from == row.to;
        waiting.tasks.extend(row.by);
        waiting.rows.push(row);
        let has_no_port = self.by_port && ends.local.port() == 0;
        if !is_over && (has_no_port || self.by_absence) {
            self.wait(cookie, waiting);
            return Vec::new();
        }
        let (passed, others) = self.decide(&mut waiting, &ends);
        if self.by_process && !is_over {
            waiting.rows = others;
            self.wait(cookie, waiting);
        }
        passed
    }

    /// The rows that still wait when the trace ends and pass by what is known then, in their order.
    pub(in crate::command) fn rest(&mut self) -> Vec<Transition> {
        if !self.by_absence {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting).into_values() {
            let ends = waiting.rows.last().map(|row| row.ends);
            rows.extend(ends.map(|ends| self.decide(&mut waiting, &ends).0));
        }
        let mut rows: Vec<Transition> = rows.into_iter().flatten().collect();
        rows.sort_by_key(|row| row.time_ns);
        rows
    }

    /// The rows of a connection between these ends that pass, and those that do not.
    fn decide(&self, waiting: &mut Waiting, ends: &InetEnds) -> (Vec<Transition>, Vec<Transition>) {
        let rows = std::mem::take(&mut waiting.rows).into_iter();
        let named = rows.map(|row| match row.ends.local.port() {
            0 => Transition { ends: *ends, ..row },
            _ => row,
        });
        named.partition(|row| self.transition_passes(row, &waiting.tasks))
    }

    fn wait(&mut self, cookie: u64, mut waiting: Waiting) {
        self.forgotten += u64::from(waiting.rows.len() > MOST_ROWS);
        waiting.rows.truncate(MOST_ROWS);
        if self.waiting.len() < MOST_WAITING {
            self.waiting.insert(cookie, waiting);
        } else {
            self.forgotten += 1;
        }
    }

    fn transition_passes(&self, row: &Transition, tasks: &[Task]) -> bool {
        let was_in = |states: StateSet, edge| match edge {
            Some(Edge::From) => states.contains(row.from),
            Some(Edge::To) => states.contains(row.to),
            None => states.contains(row.from) || states.contains(row.to),
        };
        self.passes(&Row {
            state: row.to,
            ends: &row.ends,
            cookie: row.cookie,
            inode: row.inode,
            uid: row.uid,
            was_in: &was_in,
            tasks,
        })
    }

    /// Whether a connection passes: a state matches where it was in it.
    pub(super) fn connection(&self, row: &Connection) -> bool {
        let was_in = |states: StateSet, _| {
            let steps = row.close.iter().flat_map(|close| &close.steps);
            let mut entered = row.states.iter().map(|state| state.0);
            entered.any(|state| states.contains(state))
                || steps.map(|step| step.1).any(|state| states.contains(state))
        };
        let tasks = row.opened_by.iter().chain(&row.closed_by).copied();
        let tasks: Vec<Task> = tasks.collect();
        self.passes(&Row {
            state: State::Close,
            ends: &row.ends,
            cookie: row.cookie,
            inode: row.inode,
            uid: row.uid,
            was_in: &was_in,
            tasks: &tasks,
        })
    }

    /// Whether either end of a story passes.
    pub(in crate::command) fn story(&self, story: &Story) -> bool {
        self.connection(&story.first) || story.other.iter().any(|other| self.connection(other))
    }

    fn passes(&self, row: &Row<'_>) -> bool {
        if !self.families.iter().any(|family| family == row.ends.family)
            || self.states != StateSet::ALL && !(row.was_in)(self.states, None)
        {
            return false;
        }
        let Some(program) = &self.program else {
            return true;
        };
        let socket = Socket {
            cookie: Some(row.cookie),
            inode: row.inode,
            ..Socket::bare(Kind::Tcp, row.state, *row.ends)
        };
        program.holds(|test| matches(test, row, &socket))
    }
}

fn matches(test: &Test, row: &Row<'_>, socket: &Socket) -> bool {
    match (test, test.field()) {
        (Test::State(states), _) => (row.was_in)(*states, None),
        (Test::Change(edge, states), _) => (row.was_in)(*states, Some(*edge)),
        // The creator of the socket, whether or not a process still holds it.
        (Test::Number(_, compare, uid), Some(Field::Uid)) => compare.holds(row.uid.into(), *uid),
        (Test::Holder { query, .. }, _) => row.tasks.iter().any(|task| is_task(*query, task)),
        _ => test.matches(socket),
    }
}

fn is_task(query: ProcessQuery, task: &Task) -> bool {
    match query {
        ProcessQuery::Pid(pid) => task.pid == pid,
        ProcessQuery::Name(name) => ProcessName::new(task.text().as_bytes()) == name,
    }
}

/// Whether more rows pass where a process is not the one that it tests for.
fn excludes_processes(filter: &Expression) -> bool {
    let mut excludes = false;
    filter.fold(|test, permissive| {
        excludes |= !permissive && matches!(test, Test::Holder { .. });
        None
    });
    excludes
}

/// Whether nothing can pass that is never in one of these states.
pub(super) fn selects_none(question: &Question, never: &[State]) -> bool {
    let never: StateSet = never.iter().copied().collect();
    let is_never = |states: StateSet| states.intersection(never) == states;
    let by_filter = question.filter.as_ref().map(|filter| {
        filter.fold(|test, _| {
            let (Test::State(states) | Test::Change(_, states)) = test else {
                return None;
            };
            is_never(*states).then_some(false)
        })
    });
    is_never(question.states) || by_filter == Some(Folded::Never)
}

/// The word of a test about what events do not have.
fn unknown_of_events(test: &Test) -> Option<&'static str> {
    match (test, test.field()) {
        (Test::Autobound, _) => Some("autobound"),
        (_, Some(field)) if !field.has_use(Use::TraceFilter) => Some(field.name()),
        _ => None,
    }
}

/// What the kernel can select by: conditions that must all hold, at either end of a socket.
pub(in crate::command) fn selector(question: &Question, netns: Option<u32>) -> Selector {
    let mut families = question.families.iter();
    let family = match (families.next(), families.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let mut selector = Selector {
        netns,
        family,
        ..Selector::default()
    };
    let parts = question.filter.iter().flat_map(Expression::conjuncts);
    for part in parts {
        if let Some(Test::Addr(_, net)) = part.only_test()
            && net.prefix_len() == net.max_prefix_len()
        {
            let address = Some(net.addr()).filter(|address| !address.is_unspecified());
            selector.address = selector.address.or(address);
        }
        // A socket without a port has port 0 at first.
        let has_zero = |ports: &Vec<_>| {
            ports
                .iter()
                .any(|range: &RangeInclusive<u16>| *range.start() == 0)
        };
        let ports = part
            .implied_ports()
            .filter(|ports| !has_zero(ports) && ports.len() <= MOST_PORT_RANGES);
        if selector.ports.is_empty() {
            selector.ports = ports.unwrap_or_default();
        }
    }
    selector
}
