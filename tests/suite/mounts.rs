//! Files of the machine covered by others, for a test in a mount namespace of its own.

use std::path::Path;

use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};

use crate::skip::skip_or_fail;

/// Puts a file in the place of another, for this namespace alone.
pub(crate) fn cover(place: &str, with: &Path) {
    // Not in the mounts of the rest of the machine.
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private)
        .and_then(|()| mount_bind(with, place))
        .unwrap_or_else(|error| skip_or_fail(&format!("cannot mount over {place}"), &error.into()));
}
