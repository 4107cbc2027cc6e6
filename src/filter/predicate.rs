//! One test as typed: a word that names something, an operator, and a value.

use super::expression::Node;
use super::host::{parse_host, split_family};
use super::keyword::{BareValue, Keyword, bare_reason};
use super::lexer::{Lexer, Token, TokenKind};
use super::lookup::Lookup;
use super::nodes;
use super::test::{Compare, Side, Test};
use super::text::{FilterError, FilterText};
use super::value::{
    Ports, parse_interface, parse_mark, parse_number, parse_ports, parse_quantity, parse_yes_or_no,
};
use crate::model::{
    CongestionControl, Field, Netns, ProcessName, ProcessQuery, State, StateSet, hint,
};

/// Reads tests from the text.
pub(super) struct Predicates<'a, L> {
    pub(super) text: &'a FilterText,
    pub(super) lexer: Lexer<'a>,
    pub(super) lookup: &'a mut L,
}

/// The manual page with all words.
pub(super) const PAGE: &str = "tcpstates-filter(7)";

/// Also those that are listed only if they are requested by name.
const EVERY_STATE: StateSet = StateSet::ALL.with(State::Bound);

pub(super) type Nodes = Result<Vec<Node>, FilterError>;

/// The operator and the value behind a word.
pub(super) struct Operand<'a> {
    word: Token<'a>,
    compare: Compare,
    /// Whether the opposite is meant: `!=`.
    pub(super) is_negated: bool,
    pub(super) value: Token<'a>,
}

impl<'a, L: Lookup> Predicates<'a, L> {
    /// The run of `state X` and `exclude Y` at the beginning of a filter, which add up as in
    /// ss(8): the first `state` starts from none, the first `exclude` from all.
    pub(super) fn leading_states(&mut self) -> Result<Option<Vec<Node>>, FilterError> {
        // The states it starts from, and those that pass so far.
        let mut run: Option<(StateSet, StateSet)> = None;
        let mut adds_bound = false;
        while let Some(word) = self.lexer.peek() {
            let is_bare = is_bare_state(&word);
            let excludes = match Keyword::of(&word) {
                Some(Keyword::Field(Field::State)) => false,
                Some(Keyword::Exclude) => true,
                None if is_bare => false,
                Some(_) | None => break,
            };
            self.lexer.take(&word);
            let (named, negated) = match is_bare {
                true => self.operand_states(&bare(word))?,
                false => self.states(word)?,
            };
            let adds = excludes == negated;
            let start = if adds { StateSet::NONE } else { EVERY_STATE };
            let (start, passing) = run.unwrap_or((start, start));
            adds_bound |= adds && named.contains(State::Bound);
            let passing = if adds {
                passing.union(named)
            } else {
                named.iter().fold(passing, StateSet::without)
            };
            run = Some((start, passing));
        }
        // One that starts from all states is expressed by those that it excludes, because it requests
        // no state by name.
        Ok(run.map(|(start, passing)| {
            if start == StateSet::NONE || adds_bound {
                return nodes::states(passing);
            }
            let excluded = passing.iter().fold(EVERY_STATE, StateSet::without);
            nodes::negated_if(true, nodes::states(excluded))
        }))
    }

    /// What the word names, if this filter can test it.
    fn keyword(&mut self, word: &Token<'_>) -> Result<Keyword, FilterError> {
        match Keyword::of(word) {
            Some(keyword) if keyword.has_use(self.text.used_as) => Ok(keyword),
            Some(_) => Err(self.unknown(word, "trace does not record it", &[])),
            None => {
                let states: Vec<String> = StateSet::words().collect();
                Err(self.unknown(word, "no such word", &states))
            }
        }
    }

    /// Reads the test that begins with `word`.
    pub(super) fn predicate(&mut self, word: Token<'a>) -> Nodes {
        if Keyword::of(&word).is_none()
            && let Some(kind) = BareValue::of(&word.meant())
        {
            self.lexer.take(&word);
            return self.bare_value(&bare(word), kind);
        }
        self.named(word)
    }

    /// Reads the test whose word names something.
    fn named(&mut self, word: Token<'a>) -> Nodes {
        let keyword = self.keyword(&word)?;
        self.lexer.take(&word);
        match keyword {
            Keyword::Change(edge) => self.state(word, false, |states| Test::Change(edge, states)),
            Keyword::Exclude => self.state(word, true, Test::State),
            Keyword::Host(side) => self.host(word, side),
            Keyword::Port(side) => self.port(word, side),
            Keyword::Autobound => self.autobound(&word),
            Keyword::Field(Field::State) => self.state(word, false, Test::State),
            Keyword::Field(Field::Family) => self.same(word, |_, name| {
                nodes::family(name).ok_or_else(|| {
                    format!("no such family; {}", hint(name, &nodes::FAMILIES, PAGE))
                })
            }),
            Keyword::Field(Field::Interface) => self.same_test(word, |lookup, name| {
                parse_interface(name, lookup).map(Test::Interface)
            }),
            Keyword::Field(Field::V6Only) => {
                self.same_test(word, |_, value| parse_yes_or_no(value).map(Test::V6Only))
            }
            Keyword::Field(Field::Cgroup) => self.same_test(word, |lookup, path| {
                let number = path.strip_prefix("id:").and_then(parse_number);
                Ok(Test::Cgroup(
                    number.map_or_else(|| lookup.cgroup(path), Ok)?,
                ))
            }),
            Keyword::Field(Field::Netns) => self.netns(word),
            Keyword::Field(Field::Name) => self.name(word),
            Keyword::Field(Field::Peer) => self.peer(word),
            Keyword::Field(Field::Kind) => self.kind(word),
            Keyword::Field(Field::Protocol) => self.protocol(word),
            Keyword::Field(Field::Mark) => self.same_test(word, |_, mark| {
                let (value, mask) = parse_mark(mark)?;
                Ok(Test::Mark { value, mask })
            }),
            Keyword::Field(Field::CongestionControl) => self.same_test(word, |_, name| {
                CongestionControl::new(name)
                    .map(Test::CongestionControl)
                    .ok_or_else(|| "not an algorithm; names have 1 to 16 bytes".to_owned())
            }),
            Keyword::Field(Field::Process) => self.process(word, Side::Local),
            Keyword::Field(Field::PeerProcess) => self.process(word, Side::Remote),
            Keyword::Field(Field::Shutdown) => self.shutdown(word),
            Keyword::Field(Field::SocketType) => self.socket_type(word),
            Keyword::Field(Field::Pid) => self.same_test(word, |_, number| {
                let number = parse_number(number).filter(|number| *number > 0);
                let number = number.ok_or("not a pid; allowed are whole numbers from 1")?;
                Ok(Test::holder(Side::Local, ProcessQuery::Pid(number)))
            }),
            Keyword::Field(Field::User) => self.same_test(word, |lookup, name| {
                let number = parse_number(name);
                let uid = number.map_or_else(|| lookup.user(name).map(u64::from), Ok)?;
                Ok(Test::Number(Field::Uid, Compare::Equal, uid))
            }),
            Keyword::Field(number) => self.number(word, number),
        }
    }

    /// Held by a process of this name at this end.
    fn process(&mut self, word: Token<'a>, side: Side) -> Nodes {
        self.same_test(word, |_, name| {
            if name.contains('\0') {
                return Err("not a process name: it contains a NUL byte".to_owned());
            }
            let name = ProcessName::new(name.as_bytes());
            Ok(Test::holder(side, ProcessQuery::Name(name)))
        })
    }

    /// In one of these namespaces.
    fn netns(&mut self, word: Token<'a>) -> Nodes {
        self.same(word, |lookup, words| {
            let found = words.split(',').map(|word| lookup.netns(word));
            let found: Vec<Netns> = found.collect::<Result<_, _>>()?;
            let tests = found.into_iter().map(Test::Netns);
            let tests = tests.map(|test| vec![Node::Test(test)]);
            Ok(nodes::joined(tests, &Node::Or))
        })
    }

    /// The test whose value is typed without its word.
    fn bare_value(&mut self, operand: &Operand<'a>, kind: BareValue) -> Nodes {
        match kind {
            BareValue::Address => {
                let word = operand.value.meant();
                let host = match word.contains(',') && !word.contains(':') {
                    true => Err(format!("write {}", word.replace(',', " or "))),
                    false => parse_host(&word, self.lookup),
                };
                Ok(nodes::host(&self.value(operand, host)?, None))
            }
            BareValue::Ports if operand.value.typed == ":" => {
                self.value(operand, Err("a port is missing after the colon".to_owned()))
            }
            BareValue::Ports => self.operand_port(operand, None),
            BareValue::States => {
                let (states, _) = self.operand_states(operand)?;
                Ok(vec![Node::Test(Test::State(states))])
            }
        }
    }

    fn port(&mut self, word: Token<'a>, side: Option<Side>) -> Nodes {
        let operand = self.operand(word)?;
        self.operand_port(&operand, side)
    }

    fn operand_port(&mut self, operand: &Operand<'a>, side: Option<Side>) -> Nodes {
        let meant = operand.value.meant();
        let (family, ports) = self.value(operand, split_family(&meant))?;
        let ports = parse_ports(ports, self.lookup);
        let ports = self.value(operand, ports)?;
        let nodes = match (operand.compare, &ports) {
            (Compare::Equal, ports) => Ok(nodes::ports(ports, side)),
            (_, Ports::Any) => Err("any port is neither more nor less than another"),
            (compare, Ports::In(ranges)) => match &**ranges {
                [range] if range.start() == range.end() => {
                    Ok(nodes::compared_port(compare, *range.start(), side))
                }
                _ => Err("lists and ranges of ports have no order; allowed are = and !="),
            },
        };
        let nodes = self.value(operand, nodes.map_err(str::to_owned))?;
        let nodes = nodes::of_family(family, nodes);
        Ok(nodes::negated_if(operand.is_negated, nodes))
    }

    fn number(&mut self, word: Token<'a>, field: Field) -> Nodes {
        let operand = self.operand(word)?;
        let number = parse_quantity(&operand.value.meant(), field.unit());
        let number = self.value(&operand, number)?;
        let test = Node::Test(Test::Number(field, operand.compare, number));
        Ok(nodes::negated_if(operand.is_negated, vec![test]))
    }

    /// The kernel's test and that of ss(8): the kernel's alone is true for every incoming connection
    /// too, although its port is the listener's.
    fn autobound(&mut self, word: &Token<'a>) -> Nodes {
        let range = self.lookup.local_port_range();
        let range = range.map_err(|reason| self.text.error(word.at, word.typed, reason))?;
        Ok(vec![
            Node::Test(Test::Autobound),
            nodes::port_test(Side::Local, Compare::AtLeast, *range.start()),
            Node::And,
            nodes::port_test(Side::Local, Compare::AtMost, *range.end()),
            Node::And,
        ])
    }

    fn state(
        &mut self,
        word: Token<'a>,
        excludes: bool,
        test: impl FnOnce(StateSet) -> Test,
    ) -> Nodes {
        let (states, negated) = self.states(word)?;
        let test = Node::Test(test(states));
        Ok(nodes::negated_if(excludes != negated, vec![test]))
    }

    /// The states named after `word`, and whether `!=` precedes them.
    fn states(&mut self, word: Token<'a>) -> Result<(StateSet, bool), FilterError> {
        let operand = self.equality(word)?;
        self.operand_states(&operand)
    }

    fn operand_states(&self, operand: &Operand<'a>) -> Result<(StateSet, bool), FilterError> {
        let mut states = StateSet::NONE;
        for name in operand.value.meant().split(',') {
            let named = StateSet::parse_word(name).ok_or_else(|| {
                let words: Vec<String> = StateSet::words().collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                format!("no such state; {}", hint(name, &words, PAGE))
            });
            states = states.union(self.value(operand, named)?);
        }
        Ok((states, operand.is_negated))
    }

    /// One test for equality.
    pub(super) fn same_test(
        &mut self,
        word: Token<'a>,
        parse: impl FnOnce(&mut L, &str) -> Result<Test, String>,
    ) -> Nodes {
        self.same(word, |lookup, value| {
            Ok(vec![Node::Test(parse(lookup, value)?)])
        })
    }

    /// Tests for equality.
    pub(super) fn same(
        &mut self,
        word: Token<'a>,
        parse: impl FnOnce(&mut L, &str) -> Result<Vec<Node>, String>,
    ) -> Nodes {
        let operand = self.equality(word)?;
        let parsed = parse(self.lookup, &operand.value.meant());
        let parsed = self.value(&operand, parsed)?;
        Ok(nodes::negated_if(operand.is_negated, parsed))
    }

    /// An operand behind `=`, `!=` or nothing.
    pub(super) fn equality(&mut self, word: Token<'a>) -> Result<Operand<'a>, FilterError> {
        let operand = self.operand(word)?;
        if operand.compare != Compare::Equal {
            let reason = "it has no order; allowed are = and !=".to_owned();
            let Token { at, typed, .. } = operand.word;
            return Err(self.text.error(at, typed, reason));
        }
        Ok(operand)
    }

    /// Reads the operator, which is `=` where there is none, and the value.
    fn operand(&mut self, word: Token<'a>) -> Result<Operand<'a>, FilterError> {
        let (mut compare, mut is_negated) = (Compare::Equal, false);
        if let Some(token) = self.lexer.peek()
            && let TokenKind::Compare(typed, opposite) = token.kind
        {
            self.lexer.take(&token);
            (compare, is_negated) = (typed, opposite);
        }
        match self.lexer.value() {
            Some(value) => Ok(Operand {
                word,
                compare,
                is_negated,
                value,
            }),
            None => Err(self.no_value(&word)),
        }
    }

    fn no_value(&mut self, word: &Token<'a>) -> FilterError {
        let follows_not = self
            .lexer
            .peek()
            .is_some_and(|token| token.kind == TokenKind::Not);
        let reason = if follows_not {
            format!(
                "its value is missing; write not {0} …, or {0} != …",
                word.typed
            )
        } else if Keyword::of(word).is_some_and(Keyword::has_order) {
            "its value is missing; if it was < or > and a value, the shell took them: \
             quote the filter, or write lt, le, gt, ge"
                .to_owned()
        } else {
            "its value is missing".to_owned()
        };
        self.text.error(word.at, word.typed, reason)
    }

    /// A parsed value, or the error at its word.
    pub(super) fn value<T>(
        &self,
        operand: &Operand<'a>,
        parsed: Result<T, String>,
    ) -> Result<T, FilterError> {
        let Token { at, typed, .. } = operand.value;
        parsed.map_err(|reason| self.text.error(at, typed, reason))
    }

    fn unknown(&mut self, word: &Token<'_>, reason: &str, states: &[String]) -> FilterError {
        let typed = word.typed;
        let reason = bare_reason(typed, self.lookup).unwrap_or_else(|| {
            let mut words: Vec<&str> = Keyword::words(self.text.used_as).collect();
            words.extend(states.iter().map(String::as_str));
            format!("{reason}; {}", hint(typed, &words, PAGE))
        });
        let mut error = self.text.error(word.at, typed, reason);
        error.is_unknown_word = true;
        error
    }
}

/// A value typed without its word.
fn bare(value: Token<'_>) -> Operand<'_> {
    Operand {
        word: value.clone(),
        compare: Compare::Equal,
        is_negated: false,
        value,
    }
}

fn is_bare_state(word: &Token<'_>) -> bool {
    word.kind == TokenKind::Word
        && Keyword::of(word).is_none()
        && BareValue::of(word.typed) == Some(BareValue::States)
}
