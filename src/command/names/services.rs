//! TCP services by name, from /etc/services, services(5). Read directly, as users are.

use std::fs;

const SERVICES: &str = "/etc/services";

/// The port of a service.
///
/// # Errors
/// Why there is none.
pub(in crate::command) fn service_port(name: &str) -> Result<u16, String> {
    let bytes = fs::read(SERVICES)
        .map_err(|error| format!("a service is not found without {SERVICES}: {error}"))?;
    find(&bytes, name).ok_or_else(|| format!("no port, and no TCP service in {SERVICES}"))
}

/// The first TCP service that is called so, by its name or an alias.
fn find(bytes: &[u8], name: &str) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let (first, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?;
        let is_called_so = first == name || words.any(|alias| alias == name);
        is_called_so.then(|| port.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_by_name_and_alias_and_only_for_tcp() {
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
