//! A program of bytecode as readable lines, decoded from the bytes that are sent.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{AF_INET, AF_INET6, OPERATION_LEN, code};

/// One line for each operation: where it begins, what it tests, and where its answers lead: to the
/// place of an operation, or to `accept` or `reject`.
pub(in crate::source) fn list(program: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some([code, yes, low, high]) = program.get(at..).and_then(<[u8]>::first_chunk) {
        let yes = usize::from(*yes).max(OPERATION_LEN);
        let operand = program.get(at + OPERATION_LEN..at + yes);
        let lead = |to: usize| match to {
            to if to == program.len() => "accept".to_owned(),
            to if to > program.len() => "reject".to_owned(),
            to => to.to_string(),
        };
        let no = lead(at + usize::from(u16::from_ne_bytes([*low, *high])));
        lines.push(match (*code, operand.unwrap_or_default()) {
            (code::JMP, _) => format!("{at:>5}  JMP {no}"),
            (code, operand) => format!(
                "{at:>5}  {}  yes {} no {no}",
                operation(code, operand),
                lead(at + yes)
            ),
        });
        at += yes;
    }
    lines
}

fn operation(code: u8, operand: &[u8]) -> String {
    let u32_at = |at: usize| {
        operand
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    };
    match code {
        code::S_COND => format!("S_COND {}", condition(operand).unwrap_or_default()),
        code::D_COND => format!("D_COND {}", condition(operand).unwrap_or_default()),
        code::S_GE => format!("S_GE {}", port(operand)),
        code::S_LE => format!("S_LE {}", port(operand)),
        code::D_GE => format!("D_GE {}", port(operand)),
        code::D_LE => format!("D_LE {}", port(operand)),
        code::AUTO => "AUTO".to_owned(),
        code::DEV_COND => format!("DEV_COND {}", u32_at(0)),
        code::MARK_COND => format!("MARK_COND {:#x}/{:#x}", u32_at(0), u32_at(4)),
        code::CGROUP_COND => {
            let id = operand
                .first_chunk()
                .map_or(0, |id| u64::from_ne_bytes(*id));
            format!("CGROUP_COND {id}")
        }
        unknown => format!("unknown({unknown})"),
    }
}

/// The port in the place of an operation's distance on no.
fn port(operand: &[u8]) -> u16 {
    let port = operand.get(2..).and_then(<[u8]>::first_chunk);
    port.map_or(0, |port| u16::from_ne_bytes(*port))
}

/// A condition on an address and a port; `None` for bytes that are too short.
fn condition(operand: &[u8]) -> Option<String> {
    let ([family, prefix_len, _, _], rest) = operand.split_first_chunk()?;
    let (port, address) = rest.split_first_chunk()?;
    let port = match i32::from_ne_bytes(*port) {
        -1 => "*".to_owned(),
        port => port.to_string(),
    };
    Some(match *family {
        AF_INET => {
            let address = Ipv4Addr::from(*address.first_chunk::<4>()?);
            format!("inet {address}/{prefix_len}:{port}")
        }
        AF_INET6 => {
            let address = Ipv6Addr::from(*address.first_chunk::<16>()?);
            format!("inet6 [{address}]/{prefix_len}:{port}")
        }
        _ => format!("*:{port}"),
    })
}
