//! The kernel's part: how it checks a program before it takes it, and how it runs one.
//!
//! After `inet_diag_bc_audit` and `inet_diag_bc_run`, net/ipv4/inet_diag.c. Must not use anything
//! of the program's own encoder.

use std::net::{IpAddr, SocketAddr};

use tcpstates::model::Family;

use crate::specimen::Specimen;

/// An operation: its code, where its answers lead, and what follows it.
struct Operation<'a> {
    code: u8,
    yes: usize,
    no: usize,
    operand: &'a [u8],
}

fn operation(bytes: &[u8]) -> Operation<'_> {
    Operation {
        code: bytes[0],
        yes: usize::from(bytes[1]),
        no: usize::from(u16::from_ne_bytes([bytes[2], bytes[3]])),
        operand: &bytes[4..],
    }
}

/// Asserts that the kernel would take the program.
pub(crate) fn audit(program: &[u8]) {
    let mut at = 0;
    while at < program.len() {
        let left = program.len() - at;
        let Operation {
            code,
            yes,
            no,
            operand,
            ..
        } = operation(&program[at..]);
        let least = 4 + match code {
            1 | 6 => 0,
            2..=5 | 9 => 4,
            7 | 8 => {
                let (most, length) = match operand[0] {
                    0 => (0, 0),
                    2 => (32, 4),
                    10 => (128, 16),
                    family => panic!("no such family: {family}"),
                };
                assert!(operand[1] <= most, "a prefix longer than its address");
                8 + length
            }
            10 | 13 => 8,
            code => panic!("no such operation: {code}"),
        };
        assert!(left >= least, "an operation cut off");
        for way in [yes, no] {
            assert!(
                way >= least && way <= left + 4 && way % 4 == 0,
                "a way to nowhere"
            );
        }
        assert!(
            no >= left || begins_at(program, at + no),
            "a way into the middle"
        );
        at += yes;
    }
    assert_eq!(at, program.len(), "a program that ends beyond its end");
}

/// Whether an operation begins there, as far as one is reached by yes alone.
fn begins_at(program: &[u8], wanted: usize) -> bool {
    let mut at = 0;
    while at < wanted {
        at += operation(&program[at..]).yes;
    }
    at == wanted
}

/// Whether the specimen passes.
pub(crate) fn run(program: &[u8], specimen: &Specimen) -> bool {
    let mut at = 0;
    while at < program.len() {
        let operation = operation(&program[at..]);
        at += if answer(&operation, specimen) {
            operation.yes
        } else {
            operation.no
        };
    }
    at == program.len()
}

fn answer(operation: &Operation<'_>, specimen: &Specimen) -> bool {
    let socket = &specimen.socket;
    let ends = socket.internet().unwrap();
    let operand = operation.operand;
    let u32_at = |at: usize| u32::from_ne_bytes(operand[at..at + 4].try_into().unwrap());
    let port = || u16::from_ne_bytes([operand[2], operand[3]]);
    match operation.code {
        2 => ends.local.port() >= port(),
        3 => ends.local.port() <= port(),
        4 => ends.remote.port() >= port(),
        5 => ends.remote.port() <= port(),
        6 => specimen.autobound,
        7 => holds(operand, ends.local, ends.family),
        8 => holds(operand, ends.remote, ends.family),
        9 => socket.interface.unwrap() == u32_at(0),
        10 => socket.mark.unwrap() & u32_at(4) == u32_at(0),
        13 => {
            let id = u64::from_ne_bytes(operand[..8].try_into().unwrap());
            socket.cgroup.unwrap_or(0) == id
        }
        _ => false,
    }
}

/// `struct inet_diag_hostcond`.
fn holds(condition: &[u8], end: SocketAddr, family: Family) -> bool {
    let (wanted, length) = (condition[0], usize::from(condition[1]));
    let port = i32::from_ne_bytes(condition[4..8].try_into().unwrap());
    if port != -1 && port != i32::from(end.port()) {
        return false;
    }
    let octets = match end.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits = |octets: &[u8]| begin_alike(octets, &condition[8..], length);
    match (wanted, family) {
        (0, _) => true,
        (2, Family::V4) | (10, Family::V6) => bits(&octets),
        (2, Family::V6) => {
            octets[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] && bits(&octets[12..])
        }
        _ => false,
    }
}

fn begin_alike(left: &[u8], right: &[u8], length: usize) -> bool {
    (0..length).all(|bit| {
        let mask = 0x80 >> (bit % 8);
        left[bit / 8] & mask == right[bit / 8] & mask
    })
}
