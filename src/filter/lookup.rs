//! Resolves names in a filter on this host. Called while the filter is parsed, so that the error for
//! an unknown name shows its word.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::model::Netns;

/// Looks names up. Errors are one line each, without the name: "no such user".
pub trait Lookup {
    /// Every address of a host; none is an error.
    ///
    /// # Errors
    /// Where it does not resolve.
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String>;

    /// The port of a TCP service.
    ///
    /// # Errors
    /// Where there is none of this name.
    fn service(&mut self, name: &str) -> Result<u16, String>;

    /// The index of an interface; never 0.
    ///
    /// # Errors
    /// Where there is none of this name.
    fn interface(&mut self, name: &str) -> Result<u32, String>;

    /// The uid of a user.
    ///
    /// # Errors
    /// Where there is none of this name.
    fn user(&mut self, name: &str) -> Result<u32, String>;

    /// The id of a control group (v2), by its path.
    ///
    /// # Errors
    /// Where there is none at this path.
    fn cgroup(&mut self, path: &str) -> Result<u64, String>;

    /// The network namespace that a word of `--netns` selects.
    ///
    /// # Errors
    /// Where there is none, or the word selects several.
    fn netns(&mut self, word: &str) -> Result<Netns, String>;

    /// The ports that the kernel chooses from, ip(7) `ip_local_port_range`.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn local_port_range(&mut self) -> Result<RangeInclusive<u16>, String>;
}
