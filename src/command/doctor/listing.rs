//! The dumps of `doctor` besides those of the selected sockets: listeners, and a few sockets that rules
//! suspect.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::diagnose::{BoundPorts, Measures};
use crate::filter::{Compare, Expression, Side, Test};
use crate::model::{
    Field, InetEnds, Kind, Listener, Listeners, Metric, Names, Sink, State, StateSet,
};
use crate::question::Question;
use crate::source::{Observer, Report, Sources};

/// More listeners than this are counted and not kept; some 2 MiB.
const MOST_LISTENERS: usize = 20_000;

/// What is read of listeners after the window.
pub(super) const LISTENERS: [Field; 2] = [Field::Direction, Field::Drops];

/// Passes all sockets in these states, with these fields, to a sink.
pub(super) fn list(
    sources: &Sources,
    states: StateSet,
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Report, Failure> {
    let question = Question {
        fields,
        ..Question::about(Kind::Tcp, states)
    };
    Ok(Observer::new(question, sources.clone())?.list(sink)?)
}

/// The listeners. They have a table of their own, so that no connection is read.
pub(super) fn list_listeners(
    sources: &Sources,
    fields: Vec<Field>,
) -> Result<(Listeners, Report), Failure> {
    let mut listeners = Listeners::at_most(MOST_LISTENERS);
    let listen = StateSet::NONE.with(State::Listen);
    let report = list(sources, listen, fields, &mut listeners)?;
    Ok((listeners, report))
}

/// The names of the interfaces that they are bound to.
pub(super) fn interfaces(listeners: &Listeners, sources: &Sources) -> HashMap<u32, String> {
    let mut names = HostNames::of(sources.place());
    let indexes = listeners.iter().filter_map(Listener::bound_to);
    indexes
        .map(|index| (index, names.interface(index).to_owned()))
        .collect()
}

/// The listeners now, with what each dropped since `before`; or without it, and why so.
pub(super) fn listeners_since(
    before: Result<Listeners, String>,
    now: impl FnOnce() -> Result<(Listeners, Report), Failure>,
    sources: &Sources,
) -> Result<(Listeners, Report, Option<String>), Failure> {
    let compared = before.and_then(|before| {
        let (now, report) = now().map_err(|failure| failure.to_string())?;
        Ok((now.since(&before), report))
    });
    match compared {
        Ok((listeners, report)) => Ok((listeners, report, None)),
        Err(reason) => {
            let (listeners, report) = list_listeners(sources, vec![Field::Direction])?;
            Ok((listeners, report, Some(reason)))
        }
    }
}

/// The ports of sockets that are only bound, which netlink alone reports, and only on request.
///
/// # Errors
/// Why they are unknown, or not all of them are known.
pub(super) fn bound_ports(sources: &Sources) -> Result<BoundPorts, String> {
    let mut ports = BoundPorts::default();
    let bound = StateSet::NONE.with(State::Bound);
    let report = list(sources, bound, Vec::new(), &mut ports);
    let report = report.map_err(|failure| failure.to_string())?;
    match report.completeness.losses().first() {
        None => Ok(ports),
        Some(loss) => Err(loss.to_string()),
    }
}

/// What TCP measures of these connections; nothing where the source does not report it, or they
/// have ended.
pub(super) fn measure(sources: &Sources, suspects: &[InetEnds]) -> Measures {
    let mut measures = Measures::of(suspects);
    let fields = vec![Field::Metric(Metric::RoundTripTime)];
    // Without them a finding says less, and nothing wrong.
    let _ = list_each(sources, suspects, fields, &mut measures);
    measures
}

/// Passes the connections with these ends to a sink: each requested alone, and what is not found so from
/// one list, of which the kernel builds messages for these alone.
pub(super) fn list_each(
    sources: &Sources,
    wanted: &[InetEnds],
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<(), Failure> {
    let missing = find_each(sources, wanted, fields.clone(), sink)?;
    let filters = missing.iter().filter_map(is_between);
    match filters.reduce(Expression::or) {
        Some(filter) => list_only(sources, filter, fields, sink).map(|_| ()),
        None => Ok(()),
    }
}

/// Passes the connections with these ends to a sink, each requested alone; returns those that are not
/// found so.
pub(super) fn find_each(
    sources: &Sources,
    wanted: &[InetEnds],
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Vec<InetEnds>, Failure> {
    let question = Question {
        fields,
        ..Question::about(Kind::Tcp, StateSet::ALL)
    };
    Ok(Observer::new(question, sources.clone())?.find_each(wanted, sink))
}

/// Passes the sockets that a filter selects to a sink.
fn list_only(
    sources: &Sources,
    filter: Expression,
    fields: Vec<Field>,
    sink: &mut impl Sink,
) -> Result<Report, Failure> {
    let question = Question {
        fields,
        filter: Some(filter),
        ..Question::about(Kind::Tcp, StateSet::ALL)
    };
    Ok(Observer::new(question, sources.clone())?.list(sink)?)
}

/// The filter for one connection.
pub(super) fn is_between(ends: &InetEnds) -> Option<Expression> {
    let InetEnds { local, remote, .. } = ends;
    let port = |field, port: u16| Test::Number(field, Compare::Equal, port.into());
    let tests = [
        Test::Addr(Side::Local, IpNet::from(local.ip())),
        Test::Addr(Side::Remote, IpNet::from(remote.ip())),
        port(Field::LocalPort, local.port()),
        port(Field::RemotePort, remote.port()),
    ];
    Expression::all(tests.map(|test| Expression::of(test, true)))
}
