//! A tree as text: for the program in one of many spellings, for ss in the one it accepts, with every
//! group in parentheses.
//!
//! Must not simplify.

use std::net::IpAddr;

use super::random::Rng;
use super::tree::{Compare, Ends, Host, Inet, Number, Port, Test, Tree};

/// The tree as a filter of the program, each word in one of its spellings. A single test is bare;
/// anything else is in parentheses, because states at the start of a filter have a special
/// meaning.
pub(super) fn to_filter(tree: &Tree, rng: &mut Rng) -> String {
    let text = without_parentheses(tree, rng);
    if matches!(tree, Tree::Test(_)) {
        text
    } else {
        format!("({text})")
    }
}

/// The precedence of operators, from the manual.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Test,
}

/// An operand; parentheses may be omitted where they change nothing.
fn operand(tree: &Tree, of: Binding, rng: &mut Rng) -> String {
    let own = match tree {
        Tree::Test(_) => Binding::Test,
        Tree::Not(_) => Binding::Not,
        Tree::And(..) => Binding::And,
        Tree::Or(..) => Binding::Or,
    };
    let text = without_parentheses(tree, rng);
    if own >= of && !rng.once_in(3) {
        return text;
    }
    rng.pick(&["(TEXT)", "( TEXT )"]).replace("TEXT", &text)
}

fn without_parentheses(tree: &Tree, rng: &mut Rng) -> String {
    match tree {
        Tree::Test(test) => one_test(test, rng),
        Tree::Not(inner) => {
            let not = rng.pick(&["not ", "! ", "!", "NOT "]);
            format!("{not}{}", operand(inner, Binding::Not, rng))
        }
        Tree::And(left, right) => {
            let left = operand(left, Binding::And, rng);
            let and = *rng.pick(&[" and ", " & ", "&&", " ", "\n"]);
            format!("{left}{and}{}", operand(right, Binding::And, rng))
        }
        Tree::Or(left, right) => {
            let left = operand(left, Binding::Or, rng);
            let or = *rng.pick(&[" or ", " | ", "||", " OR "]);
            format!("{left}{or}{}", operand(right, Binding::Or, rng))
        }
    }
}

/// The tree as a filter of ss, words separated by blanks; `None` where ss cannot express it.
pub(super) fn to_ss_filter(tree: &Tree) -> Option<String> {
    Some(match tree {
        Tree::Test(test) => format!("( {} )", one_test_of_ss(test)?),
        Tree::Not(inner) => format!("not {}", to_ss_filter(inner)?),
        Tree::And(left, right) => {
            format!("( {} and {} )", to_ss_filter(left)?, to_ss_filter(right)?)
        }
        Tree::Or(left, right) => format!("( {} or {} )", to_ss_filter(left)?, to_ss_filter(right)?),
    })
}

fn one_test(test: &Test, rng: &mut Rng) -> String {
    match test {
        Test::State { states, differs } => one_state(states, *differs, rng),
        Test::Host(host) => {
            let word = match host.ends {
                Ends::Local => rng.pick(&["src", "local-addr"]),
                Ends::Remote => rng.pick(&["dst", "remote-addr"]),
                Ends::Either => &"host",
            };
            let value = address_and_port(host, rng.once_in(2));
            let is_bare = host.ends == Ends::Either && !host.differs && host.net.is_some();
            if is_bare && host.family.is_none() && rng.once_in(2) {
                return value;
            }
            let value = format!("{}{value}", prefix(host.family));
            same(word, host.differs, &value, rng)
        }
        Test::Port(port) => one_port(port, rng),
        Test::Family { name, differs } => same("family", *differs, name, rng),
        Test::Device { name, differs } => {
            let word = rng.pick(&["dev", "interface"]);
            same(word, *differs, name.as_deref().unwrap_or("0"), rng)
        }
        Test::V6Only { only, differs } => {
            let word = rng.pick(&["v6only", "ipv6-only"]);
            let values = if *only {
                ["yes", "true"]
            } else {
                ["no", "FALSE"]
            };
            let value = *rng.pick(&values);
            same(word, *differs, value, rng)
        }
        Test::Mark {
            value,
            mask,
            differs,
        } => {
            let word = rng.pick(&["fwmark", "mark"]);
            same(word, *differs, &mark(*value, *mask), rng)
        }
        Test::Cgroup { path, differs } => same("cgroup", *differs, &path.replace(' ', "\\ "), rng),
        Test::Number {
            field,
            compare,
            value,
        } => compared(name_of(*field), *compare, &value.to_string(), rng),
        Test::User { name, differs } => same("user", *differs, name, rng),
        Test::Autobound => "autobound".to_owned(),
    }
}

fn one_state(states: &[String], differs: bool, rng: &mut Rng) -> String {
    let spelt = states.iter().map(|state| {
        let dashed = state.to_lowercase().replace('_', "-");
        rng.pick(&[state.clone(), dashed]).clone()
    });
    let states = spelt.collect::<Vec<_>>().join(",");
    match (differs, rng.below(4)) {
        (false, 0) => format!("state {states}"),
        (false, 1) => format!("exclude != {states}"),
        (false, 2) => states,
        (false, _) => format!("state = {states}"),
        (true, 0) => format!("exclude {states}"),
        (true, _) => format!("state != {states}"),
    }
}

fn one_port(port: &Port, rng: &mut Rng) -> String {
    let word = match port.ends {
        Ends::Local => rng.pick(&["sport", "local-port"]),
        Ends::Remote => rng.pick(&["dport", "remote-port"]),
        Ends::Either => &"port",
    };
    let number = port.port;
    let value = match rng.below(4) {
        0 => format!(":{number:#x}"),
        1 if port.family.is_none() => number.to_string(),
        _ => format!(":{number}"),
    };
    let value = value + &further(&port.further);
    let is_bare = port.ends == Ends::Either && port.compare == Compare::Equal;
    if is_bare && port.family.is_none() && value.starts_with(':') && rng.once_in(2) {
        return value;
    }
    let value = format!("{}{value}", prefix(port.family));
    compared(word, port.compare, &value, rng)
}

/// Further ports and ranges of a list.
fn further(ranges: &[(u16, u16)]) -> String {
    let ranges = ranges.iter().map(|(first, last)| match first == last {
        true => format!(",{first}"),
        false => format!(",{first}-{last}"),
    });
    ranges.collect()
}

fn one_test_of_ss(test: &Test) -> Option<String> {
    let word = |ends, local, remote| match ends {
        Ends::Local => Some(local),
        Ends::Remote => Some(remote),
        Ends::Either => None,
    };
    let equal = |differs| if differs { "!=" } else { "=" };
    if let Test::Host(host) = test {
        let is_expressible = !host.differs
            && host.family.is_none()
            && host.interface.is_none()
            && (host.port.is_none() || host.further.is_none());
        let word = word(host.ends, "src", "dst").filter(|_| is_expressible)?;
        Some(format!("{word} = {}", address_and_port(host, true)))
    } else if let Test::Port(port) = test {
        let word = word(port.ends, "sport", "dport")
            .filter(|_| port.family.is_none() && port.further.is_empty())?;
        Some(format!(
            "{word} {} :{}",
            symbols(port.compare)[0],
            port.port
        ))
    } else if let Test::Device { name, differs } = test {
        Some(format!("dev {} {}", equal(*differs), name.as_ref()?))
    } else if let Test::Mark {
        value,
        mask: its,
        differs,
    } = test
    {
        Some(format!("fwmark {} {}", equal(*differs), mark(*value, *its)))
    } else {
        None
    }
}

/// ss accepts the prefix length of an IPv6 address only inside the brackets.
fn address_and_port(host: &Host, is_inside: bool) -> String {
    let interface = host.interface.as_ref().map(|name| format!("%{name}"));
    let interface = interface.unwrap_or_default();
    let address = match host.net {
        None => "*".to_owned(),
        Some((IpAddr::V4(address), 32)) => format!("{address}{interface}"),
        Some((IpAddr::V4(address), length)) => format!("{address}{interface}/{length}"),
        Some((IpAddr::V6(address), length)) => {
            let length = if length == 128 {
                String::new()
            } else {
                format!("/{length}")
            };
            // ss prints the interface after the brackets, and everybody else within them.
            match (is_inside, length.is_empty()) {
                (true, _) => format!("[{address}{interface}{length}]"),
                (false, true) => format!("[{address}]{interface}"),
                (false, false) => format!("[{address}{interface}]{length}"),
            }
        }
    };
    match host.port {
        Some(port) => format!("{address}:{port}{}", further(host.further.as_slice())),
        None => address,
    }
}

fn prefix(family: Option<Inet>) -> &'static str {
    match family {
        None => "",
        Some(Inet::Inet) => "inet:",
        Some(Inet::Inet6) => "inet6:",
    }
}

fn mark(value: u32, mask: Option<u32>) -> String {
    match mask {
        Some(mask) => format!("{value:#x}/{mask:#x}"),
        None => format!("{value:#x}"),
    }
}

fn same(word: &str, differs: bool, value: &str, rng: &mut Rng) -> String {
    let compare = if differs {
        Compare::Differs
    } else {
        Compare::Equal
    };
    compared(word, compare, value, rng)
}

fn compared(word: &str, compare: Compare, value: &str, rng: &mut Rng) -> String {
    let spelt = symbols(compare);
    let operator = match rng.below(4) {
        0 if compare == Compare::Equal => " ".to_owned(),
        // Symbols need no blanks around them.
        1 => spelt[0].to_owned(),
        _ => format!(" {} ", rng.pick(spelt)),
    };
    format!("{word}{operator}{value}")
}

fn symbols(compare: Compare) -> &'static [&'static str] {
    match compare {
        Compare::Equal => &["=", "==", "eq", "EQ"],
        Compare::Differs => &["!=", "ne", "neq"],
        Compare::Less => &["<", "lt"],
        Compare::AtMost => &["<=", "le", "leq"],
        Compare::Greater => &[">", "gt"],
        Compare::AtLeast => &[">=", "ge", "geq"],
    }
}

fn name_of(field: Number) -> &'static str {
    match field {
        Number::Uid => "uid",
        Number::ReceiveQueue => "receive-queue",
        Number::SendQueue => "send-queue",
        Number::AcceptQueue => "accept-queue",
        Number::AcceptLimit => "accept-limit",
        Number::Retransmits => "retransmits",
        Number::Inode => "inode",
        Number::Cookie => "cookie",
    }
}
