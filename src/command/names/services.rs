//! TCP services by name, from /etc/services, services(5). Read directly, like users.

use std::fs;

const SERVICES: &str = "/etc/services";

/// The port of a service.
///
/// # Errors
/// Why there is none.
pub(in crate::command) fn service_port(name: &str) -> Result<u16, String> {
    let bytes = fs::read(SERVICES).map_err(|error| format!("cannot read {SERVICES}: {error}"))?;
    find(&bytes, name)
        .ok_or_else(|| format!("not a port number, and not a TCP service in {SERVICES}"))
}

/// The first TCP service with this name or alias.
fn find(bytes: &[u8], name: &str) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let (first, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?;
        let matches = first == name || words.any(|alias| alias == name);
        matches.then(|| port.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_services_are_found_by_name_or_alias() {
        let bytes = b"# services\nhttp\t80/tcp www # WorldWideWeb\nhttps 443/tcp\nhttps 443/udp\n\
            domain 53/udp\nbroken\nbig 70000/tcp\n\xff 1/tcp\n";
        assert_eq!(find(bytes, "www"), Some(80));
        assert_eq!(find(bytes, "http"), Some(80));
        assert_eq!(find(bytes, "https"), Some(443));
        for absent in ["domain", "broken", "big", "WorldWideWeb", "#", ""] {
            assert_eq!(find(bytes, absent), None, "{absent}");
        }
    }
}
