//! A host on which some names stand for something.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use tcpstates::filter::Lookup;
use tcpstates::model::Netns;

pub(crate) struct Fake;

impl Lookup for Fake {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        Ok(match name {
            "one" => vec![[127, 0, 0, 1].into()],
            "both" => vec![[127, 0, 0, 1].into(), [0, 0, 0, 0, 0, 0, 0, 1].into()],
            _ => return Err("no such host".to_owned()),
        })
    }

    fn service(&mut self, name: &str) -> Result<u16, String> {
        (name == "https").then_some(443).ok_or_else(refusal)
    }

    fn interface(&mut self, name: &str) -> Result<u32, String> {
        (name == "lo").then_some(1).ok_or_else(refusal)
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        (name == "root").then_some(0).ok_or_else(refusal)
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        (path == "/").then_some(1).ok_or_else(refusal)
    }

    fn netns(&mut self, word: &str) -> Result<Netns, String> {
        (word == "blue").then_some(Netns(7)).ok_or_else(refusal)
    }

    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String> {
        Ok(32_768..=60_999)
    }
}

fn refusal() -> String {
    "no such name".to_owned()
}
