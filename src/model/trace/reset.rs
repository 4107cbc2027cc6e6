//! Why the kernel sent a reset.

/// A reason, as `enum sk_rst_reason` has it (include/net/rstreason.h, 6.10). Its numbers differ
/// between versions, so they are distinguished by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResetReason {
    /// Nobody listens there: NO_SOCKET.
    NoSocket,
    /// Data came after the socket was closed: TCP_ABORT_ON_DATA.
    DataAfterClose,
    /// The socket was closed with data unread: TCP_ABORT_ON_CLOSE.
    UnreadData,
    /// The socket was closed with a negative TCP_LINGER2: TCP_ABORT_ON_LINGER.
    Linger,
    /// There were too many orphans, or they had too much memory: TCP_ABORT_ON_MEMORY.
    Memory,
    /// The program aborted the connection, as with SO_LINGER 0: TCP_STATE.
    Aborted,
    /// Keepalive probes were not answered: TCP_KEEPALIVE_TIMEOUT.
    Keepalive,
    /// The socket was disconnected with data unsent: TCP_DISCONNECT_WITH_DATA.
    UnsentData,
    /// Another one, by its number on this kernel.
    Other(u32),
}

impl ResetReason {
    const NAMED: [(&str, ResetReason, &str, &str); 8] = [
        (
            "NO_SOCKET",
            ResetReason::NoSocket,
            "no_socket",
            "no socket there",
        ),
        (
            "TCP_ABORT_ON_DATA",
            ResetReason::DataAfterClose,
            "data_after_close",
            "data came after close",
        ),
        (
            "TCP_ABORT_ON_CLOSE",
            ResetReason::UnreadData,
            "unread_data",
            "closed with unread data",
        ),
        (
            "TCP_ABORT_ON_LINGER",
            ResetReason::Linger,
            "linger",
            "closed with TCP_LINGER2 below 0",
        ),
        (
            "TCP_ABORT_ON_MEMORY",
            ResetReason::Memory,
            "memory",
            "too many orphans",
        ),
        (
            "TCP_STATE",
            ResetReason::Aborted,
            "aborted",
            "aborted by the program",
        ),
        (
            "TCP_KEEPALIVE_TIMEOUT",
            ResetReason::Keepalive,
            "keepalive_timeout",
            "keepalive probes were not answered",
        ),
        (
            "TCP_DISCONNECT_WITH_DATA",
            ResetReason::UnsentData,
            "unsent_data",
            "disconnected with unsent data",
        ),
    ];

    /// The reason of this name, without the prefix `SK_RST_REASON_`, and number; `None` for none.
    pub fn new(name: &str, number: u32) -> Option<ResetReason> {
        if name == "NOT_SPECIFIED" {
            return None;
        }
        let known = ResetReason::NAMED.iter().find(|entry| entry.0 == name);
        Some(known.map_or(ResetReason::Other(number), |entry| entry.1))
    }

    /// Whether a call of a process aborts the connection for this reason, as opposed to a segment or
    /// a timer.
    pub fn is_a_call(self) -> bool {
        matches!(
            self,
            ResetReason::UnreadData
                | ResetReason::Linger
                | ResetReason::Aborted
                | ResetReason::UnsentData
        )
    }

    /// The word in JSON.
    pub fn key(self) -> String {
        match (self, self.entry()) {
            (ResetReason::Other(number), _) => format!("other({number})"),
            (_, entry) => entry.map_or("", |entry| entry.2).to_owned(),
        }
    }

    /// The words for people.
    pub fn text(self) -> String {
        match (self, self.entry()) {
            (ResetReason::Other(number), _) => format!("the kernel's reason {number}"),
            (_, entry) => entry.map_or("", |entry| entry.3).to_owned(),
        }
    }

    fn entry(self) -> Option<&'static (&'static str, ResetReason, &'static str, &'static str)> {
        ResetReason::NAMED.iter().find(|entry| entry.1 == self)
    }
}
