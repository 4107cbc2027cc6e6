//! INET_DIAG_REQ_BYTECODE: a filter as the kernel runs it for each socket, before it builds a
//! message (`inet_diag_bc_run`, net/ipv4/inet_diag.c; linux/inet_diag.h).
//!
//! An operation is four bytes (its code, the distance to go on yes, and that on no) and its operand.
//! Yes leads to the next operation: the kernel's audit follows yes only, and no may only lead to an
//! operation on that path (`inet_diag_bc_audit`). Where yes must lead elsewhere, a jump follows the
//! operation. A program that reaches its end accepts; one that leads four bytes beyond its end
//! rejects.

mod listing;

pub(in crate::source) use listing::list;

use ipnet::IpNet;

use crate::filter::{Compare, FamilyTest, JumpTarget, MAPPED, Program, Side, Test};
use crate::model::Field;

/// `INET_DIAG_BC_*`.
mod code {
    pub(crate) const JMP: u8 = 1;
    pub(crate) const S_GE: u8 = 2;
    pub(crate) const S_LE: u8 = 3;
    pub(crate) const D_GE: u8 = 4;
    pub(crate) const D_LE: u8 = 5;
    pub(crate) const AUTO: u8 = 6;
    pub(crate) const S_COND: u8 = 7;
    pub(crate) const D_COND: u8 = 8;
    /// Since 4.7.
    pub(crate) const DEV_COND: u8 = 9;
    /// Since 4.9; requires CAP_NET_ADMIN.
    pub(crate) const MARK_COND: u8 = 10;
    /// Since 5.9.
    pub(crate) const CGROUP_COND: u8 = 13;
}

/// `sizeof(struct inet_diag_bc_op)`.
const OPERATION_LEN: usize = 4;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = netlink_packet_sock_diag::constants::AF_INET;
const AF_INET6: u8 = netlink_packet_sock_diag::constants::AF_INET6;

/// The maximum length of a program. The 16 bits of jumps and attributes allow 64 KiB; but the
/// kernel's audit is quadratic in the length (25 ms for 64 KiB), and the program runs for every
/// socket with a bucket of its table locked. A longer list of tests is evaluated by tcpstates.
pub(in crate::source) const MOST_BYTES: usize = 16 * 1024;

/// Which operations a kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Operations {
    /// All those encoded here.
    All,
    /// Those of every kernel that supports filters.
    Oldest,
    /// None.
    None,
}

/// A test in the kernel's terms: the operation without its jumps, and whether its answer is the
/// opposite.
struct Operation {
    code: u8,
    operand: Vec<u8>,
    opposite: bool,
}

impl Operations {
    /// Whether the kernel can evaluate a test.
    pub(in crate::source) fn answer(self, test: &Test) -> bool {
        operation(test).is_some_and(|operation| match self {
            Operations::All => true,
            Operations::Oldest => operation.code < code::DEV_COND,
            Operations::None => false,
        })
    }
}

/// The maximum length of these tests as a program, in bytes.
pub(in crate::source) fn most_bytes<'a>(tests: impl Iterator<Item = &'a Test>) -> usize {
    tests
        .filter_map(operation)
        .map(|operation| OPERATION_LEN + operation.operand.len() + OPERATION_LEN)
        .sum()
}

/// Encodes a program; `None` if it is too long or has a test that the kernel cannot evaluate.
pub(in crate::source) fn encode(program: &Program) -> Option<Vec<u8>> {
    // Backwards, because every jump leads to a later operation.
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut length = 0;
    // By the number of steps that follow a step: the bytes from its start to the end.
    let mut begins: Vec<usize> = Vec::new();
    for step in program.steps().iter().rev() {
        let operation = operation(&step.test)?;
        let to_end = |target: JumpTarget| match target {
            JumpTarget::Step { following } => begins.get(following).copied(),
            JumpTarget::Accept => Some(0),
            // Four bytes beyond the end.
            JumpTarget::Reject => None,
        };
        let (yes, no) = if operation.opposite {
            (step.no, step.yes)
        } else {
            (step.yes, step.no)
        };
        let (yes, no) = (to_end(yes), to_end(no));
        if yes != Some(length) {
            let jump_begins = length + OPERATION_LEN;
            let way = distance(jump_begins, yes)?;
            pieces.push(head(code::JMP, OPERATION_LEN, way)?);
            length = jump_begins;
        }
        let size = OPERATION_LEN + operation.operand.len();
        length += size;
        let mut piece = head(operation.code, size, distance(length, no)?)?;
        piece.extend(operation.operand);
        pieces.push(piece);
        begins.push(length);
    }
    (length <= MOST_BYTES).then(|| pieces.into_iter().rev().flatten().collect())
}

/// The distance from an operation to a target, both given by their distance from the end; `None`
/// is the target beyond the end.
fn distance(from: usize, target: Option<usize>) -> Option<u16> {
    let way = match target {
        Some(target) => from.checked_sub(target)?,
        None => from + OPERATION_LEN,
    };
    u16::try_from(way).ok()
}

fn head(code: u8, yes: usize, no: u16) -> Option<Vec<u8>> {
    let [low, high] = no.to_ne_bytes();
    Some(vec![code, u8::try_from(yes).ok()?, low, high])
}

/// A test in the kernel's terms; `None` for one it does not know.
fn operation(test: &Test) -> Option<Operation> {
    let plain = |code, operand| {
        Some(Operation {
            code,
            operand,
            opposite: false,
        })
    };
    match *test {
        Test::Any
        | Test::State(_)
        | Test::Change(..)
        | Test::V6Only(_)
        | Test::CongestionControl(_)
        | Test::Kind(_)
        | Test::Protocol(_)
        | Test::Name(_)
        | Test::Peer(_)
        | Test::PeerName { .. }
        | Test::Shutdown(_)
        | Test::SocketType(_)
        | Test::Holder { .. } => None,
        // An IPv4 condition also matches v4-mapped sockets, so this is the opposite of IPv6.
        Test::Family(FamilyTest::Inet) => Some(Operation {
            opposite: true,
            ..operation(&Test::Family(FamilyTest::Inet6))?
        }),
        Test::Family(FamilyTest::Inet6) => {
            plain(code::S_COND, condition(AF_INET6, 0, None, &[0; 16]))
        }
        Test::Family(FamilyTest::V4Mapped) => operation(&Test::Addr(Side::Local, MAPPED.into())),
        Test::Addr(side, IpNet::V4(net)) => plain(
            condition_of(side),
            condition(AF_INET, net.prefix_len(), None, &net.addr().octets()),
        ),
        Test::Addr(side, IpNet::V6(net)) => plain(
            condition_of(side),
            condition(AF_INET6, net.prefix_len(), None, &net.addr().octets()),
        ),
        Test::Number(Field::LocalPort, compare, port) => port_operation(Side::Local, compare, port),
        Test::Number(Field::RemotePort, compare, port) => {
            port_operation(Side::Remote, compare, port)
        }
        Test::Number(..) | Test::Netns(_) => None,
        Test::Interface(index) => plain(code::DEV_COND, index.to_ne_bytes().to_vec()),
        Test::Mark { value, mask } => plain(
            code::MARK_COND,
            [value.to_ne_bytes(), mask.to_ne_bytes()].concat(),
        ),
        Test::Cgroup(id) => plain(code::CGROUP_COND, id.to_ne_bytes().to_vec()),
        Test::Autobound => plain(code::AUTO, Vec::new()),
    }
}

fn condition_of(side: Side) -> u8 {
    match side {
        Side::Local => code::S_COND,
        Side::Remote => code::D_COND,
    }
}

fn port_operation(side: Side, compare: Compare, port: u64) -> Option<Operation> {
    let port = u16::try_from(port).ok()?;
    let (at_least, at_most) = match side {
        Side::Local => (code::S_GE, code::S_LE),
        Side::Remote => (code::D_GE, code::D_LE),
    };
    let (code, opposite) = match compare {
        Compare::Equal => (condition_of(side), false),
        Compare::AtLeast => (at_least, false),
        Compare::Less => (at_least, true),
        Compare::AtMost => (at_most, false),
        Compare::Greater => (at_most, true),
    };
    let operand = if compare == Compare::Equal {
        condition(AF_UNSPEC, 0, Some(port), &[])
    } else {
        // The port is in the place of the distance on no of a following operation.
        let [low, high] = port.to_ne_bytes();
        vec![0, 0, low, high]
    };
    Some(Operation {
        code,
        operand,
        opposite,
    })
}

/// `struct inet_diag_hostcond`: family, prefix length, padding, port (-1 for any), address.
fn condition(family: u8, prefix_len: u8, port: Option<u16>, address: &[u8]) -> Vec<u8> {
    let port = port.map_or(-1, i32::from).to_ne_bytes();
    [&[family, prefix_len, 0, 0], &port[..], address].concat()
}

#[cfg(test)]
mod tests;
