//! The sockets of a record, read anew for each answer: states and filters are evaluated here.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use super::counted::is_counted;
use super::{Cost, ProcNet, Report, SourceError};
use crate::filter::{Expression, Filtered, Program};
use crate::model::{
    Completeness, Counted, Ends, Family, Field, InetEnds, KindSet, Loss, Moment, Netns, Recorded,
    Sink, Socket, State, StateSet,
};
use crate::question::Question;
use crate::record::{Rows, Sockets};

impl Report {
    /// Passes the sockets of a record that the question is about to a sink.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(super) fn of_record(
        tables: &ProcNet,
        record: &Recorded,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Result<Report, SourceError> {
        let plan = super::Plan::record(tables, question);
        let Some(moment) = record.moment() else {
            return Ok(Report::recorded(plan, record, Completeness::default()));
        };
        if let Some(counted) = &moment.counted {
            count(counted, question, tables.netns(), sink);
            return Ok(Report::recorded(plan, record, recorded_losses(moment)));
        }
        let mut reading = Reading {
            netns: tables.netns(),
            ..Reading::of(record, moment, question)
        };
        let read = match question.filter.as_ref().map(Program::new) {
            Some(program) => {
                let program = &program;
                reading.read(&mut Filtered { program, sink })
            }
            None => reading.read(sink),
        };
        let ended_by_sink = read
            .map_err(|error| SourceError::Record {
                path: record.path.clone(),
                error,
            })?
            .is_break();
        let Reading {
            completeness, cost, ..
        } = reading;
        Ok(Report {
            cost,
            ended_by_sink,
            ..Report::recorded(plan, record, completeness)
        })
    }
}

impl Report {
    /// Passes the numbers of a moment to a sink, where the question is about no more than these and they were
    /// recorded beside the sockets.
    pub(super) fn of_numbers(
        tables: &ProcNet,
        question: &Question,
        sink: &mut dyn Sink,
    ) -> Option<Report> {
        let record = tables.place().recorded()?;
        let moment = record.moment()?;
        let numbers = moment.numbers.as_ref()?;
        let is_known = question.kinds().difference(moment.available()).is_empty();
        // The filter of a record is not applied to the listeners in it.
        if !is_known || !is_counted(question, question.filter.as_ref()) {
            return None;
        }
        count_by(
            numbers,
            question,
            question.filter.as_ref(),
            tables.netns(),
            sink,
        );
        let plan = super::Plan::record(tables, question);
        Some(Report::recorded(plan, record, recorded_losses(moment)))
    }
}

/// What was lost when it was recorded.
fn recorded_losses(moment: &Moment) -> Completeness {
    let mut completeness = Completeness::default();
    for warning in &*moment.warnings {
        completeness.lose(Loss::Doubtful {
            what: format!("when it was recorded: {warning}"),
        });
    }
    completeness
}

/// Passes the numbers of a sample to a sink, of the sockets of this network namespace.
pub(super) fn count(counted: &Counted, question: &Question, netns: Netns, sink: &mut dyn Sink) {
    let filter = question.beyond_record.as_ref();
    count_by(counted, question, filter, netns, sink);
}

/// The same with another filter.
fn count_by(
    counted: &Counted,
    question: &Question,
    filter: Option<&Expression>,
    netns: Netns,
    sink: &mut dyn Sink,
) {
    let program = filter.map(Program::new);
    let kinds = counted.kinds.iter();
    for (kind, counts) in kinds.filter(|(kind, _)| question.kinds().contains(*kind)) {
        let states = counts.present();
        for (state, number) in states.filter(|(state, _)| question.states.contains(*state)) {
            let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            let ends = InetEnds::listening(Family::V4, nowhere);
            let socket = Socket {
                netns,
                ..Socket::bare(*kind, state, ends)
            };
            let is_meant = program.as_ref().is_none_or(|one| one.matches(&socket));
            if is_meant && sink.alike(&socket, number).is_break() {
                return;
            }
        }
    }
}

/// How lines of sockets begin, as this program writes them; the name of a kind follows, then a state.
const KIND: &[u8] = br#"{"type":"socket","kind":""#;
const STATE: &[u8] = br#"","state":""#;

/// Whether a line is about a socket that is not of these kinds and states, as far as its begin shows: most
/// lines need not be parsed then.
fn is_other(line: &[u8], (kinds, states): (KindSet, StateSet)) -> bool {
    let Some(line) = line.strip_prefix(KIND) else {
        return false;
    };
    let is_named = |name: &str| {
        let rest = line.strip_prefix(name.as_bytes())?.strip_prefix(STATE)?;
        let end = rest.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(rest.get(..end)?).ok()
    };
    let known = KindSet::ALL.iter();
    let mut known = known.filter_map(|kind| Some((kind, is_named(kind.name())?)));
    known.next().is_some_and(|(kind, state)| {
        let state = State::of_text(state);
        !kinds.contains(kind) || state.is_some_and(|state| !states.contains(state))
    })
}

/// One moment while it is read.
struct Reading<'a> {
    record: &'a Recorded,
    moment: &'a Moment,
    question: &'a Question,
    /// Where its sockets are.
    netns: Netns,
    rows: Rows,
    completeness: Completeness,
    cost: Cost,
}

impl<'a> Reading<'a> {
    fn of(record: &'a Recorded, moment: &'a Moment, question: &'a Question) -> Reading<'a> {
        let completeness = recorded_losses(moment);
        let is_metric = |field| matches!(field, Field::Metric(_));
        Reading {
            record,
            moment,
            question,
            netns: Netns::CALLER,
            rows: Rows::new(question.kinds(), moment, question.needed().any(is_metric)),
            completeness,
            cost: Cost::default(),
        }
    }

    /// Reads to the end of the moment; `Break` if the sink takes no more.
    fn read(&mut self, sink: &mut dyn Sink) -> std::io::Result<ControlFlow<()>> {
        let mut sockets = Sockets::open(self.record, self.moment)?;
        while let Some(found) = sockets.next_line()? {
            self.cost.bytes += found.line.len() as u64;
            if is_other(found.line, (self.question.kinds(), self.question.states)) {
                continue;
            }
            match self.rows.parse(found.line) {
                Ok(None) => {}
                Ok(Some(socket)) => {
                    let socket = found.aged(Socket {
                        netns: self.netns,
                        ..socket
                    });
                    if self.is_meant(&socket) {
                        self.cost.listed += 1;
                        if sink.socket(&socket).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
                Err(first) => self
                    .completeness
                    .lose(Loss::Malformed { records: 1, first }),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn is_meant(&self, socket: &Socket) -> bool {
        let Question {
            states, families, ..
        } = self.question;
        if !self.question.kinds().contains(socket.kind) {
            return false;
        }
        let is_of_family = match &socket.ends {
            Ends::Internet(ends) => families.iter().any(|family| family == ends.family),
            Ends::Unix(_) | Ends::Packet(_) | Ends::Netlink(_) => true,
        };
        is_of_family && states.contains(socket.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn only_lines_whose_begin_shows_another_kind_or_state_are_left_out() {
        let wanted = (
            KindSet::TCP.with(Kind::Udp),
            StateSet::NONE.with(State::Listen),
        );
        let line = |rest: &str| [br#"{"type":"socket","kind":""#, rest.as_bytes()].concat();
        for rest in [
            r#"udplite","state":"LISTEN""#,
            r#"tcp","state":"ESTABLISHED""#,
            r#"tcp","state":"UNKNOWN(14)""#,
        ] {
            assert!(is_other(&line(rest), wanted), "{rest}");
        }
        for rest in [
            r#"tcp","state":"LISTEN""#,
            r#"tcp","state":"later""#,
            r#"later","state":"ESTABLISHED""#,
            r#"tcp","family":"ipv4","state":"ESTABLISHED""#,
            r#"tcp","state":"ESTABLISHED"#,
        ] {
            assert!(!is_other(&line(rest), wanted), "{rest}");
        }
        assert!(!is_other(br#"{"kind":"tcp","state":"ESTABLISHED""#, wanted));
    }
}
