//! A host of our own for tests of the parser: names that are always there.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::lookup::Lookup;
use super::{Expression, FilterError, FilterText, parse};
use crate::model::Netns;

pub(crate) struct Hosts;

impl Lookup for Hosts {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        match name {
            "both" => Ok(vec![
                "192.0.2.1".parse().unwrap(),
                "2001:db8::1".parse().unwrap(),
            ]),
            _ => Err("no such host".to_owned()),
        }
    }

    fn service(&mut self, name: &str) -> Result<u16, String> {
        match name {
            "https" => Ok(443),
            _ => Err("no such service".to_owned()),
        }
    }

    fn interface(&mut self, name: &str) -> Result<u32, String> {
        match name {
            "lo" => Ok(1),
            _ => Err("no such interface".to_owned()),
        }
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        match name {
            "www-data" => Ok(33),
            _ => Err("no such user".to_owned()),
        }
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        match path {
            "/web (1)" => Ok(77),
            _ => Err("no such control group".to_owned()),
        }
    }

    fn netns(&mut self, word: &str) -> Result<Netns, String> {
        match word {
            "blue" => Ok(Netns(7)),
            "red" => Ok(Netns(8)),
            _ => Err("no such network namespace".to_owned()),
        }
    }

    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String> {
        Ok(32_768..=60_999)
    }
}

/// Parses words of a command line.
pub(crate) fn parsed(words: &[&str]) -> Result<Expression, FilterError> {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    parse(&FilterText::of_words(&words), &mut Hosts)
}
