//! Where the members of this kernel's structures begin that the walk reads. Pure.
//!
//! `struct net` (include/net/net_namespace.h), `struct inet_hashinfo` (include/net/inet_hashtables.h),
//! `struct sock_common` (include/net/sock.h), `struct inet_timewait_sock`
//! (include/net/inet_timewait_sock.h), as they are since Linux 6.1: the death row is a member of
//! `struct net`, and listeners are in one table, by nulls lists.

use crate::source::bpf::{Btf, BtfError};

/// Members by their offsets in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) task_namespaces: i16,
    pub(super) namespaces_net: i16,
    pub(super) net_list: i16,
    pub(super) net_inode: i16,
    pub(super) net_references: i16,
    pub(super) net_cookie: i16,
    pub(super) net_loopback: i16,
    pub(super) device_net: i16,
    pub(super) net_tables: i16,
    pub(super) connections: Table,
    pub(super) listeners: Table,
    pub(super) socket: Socket,
    pub(super) timewait_state: i16,
}

/// A hash table of `struct inet_hashinfo`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    /// The pointer to its first bucket, and its number of buckets less one.
    pub(super) buckets: i16,
    pub(super) mask: i16,
    /// The size of a bucket, and where in it the head of the list is.
    pub(super) bucket_len: i16,
    pub(super) head: i16,
}

/// Members of `struct sock_common`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    pub(super) hash: i16,
    pub(super) family: i16,
    pub(super) state: i16,
    pub(super) local_v6: i16,
    pub(super) net: i16,
    pub(super) node: i16,
}

impl Layout {
    /// That of the kernel with these types.
    ///
    /// # Errors
    /// The member that this kernel does not have.
    pub(super) fn of(btf: &Btf<'_>) -> Result<Layout, BtfError> {
        let net = |path: &str| btf.offset("net", path);
        let tables = |path: &str| btf.offset("inet_hashinfo", path);
        let socket = |path: &str| btf.offset("sock_common", path);
        let size = |structure: &str| {
            let size = i16::try_from(btf.size(structure)?);
            size.map_err(|_| BtfError::Missing(format!("struct {structure}")))
        };
        Ok(Layout {
            task_namespaces: btf.offset("task_struct", "nsproxy")?,
            namespaces_net: btf.offset("nsproxy", "net_ns")?,
            net_list: net("list")?,
            net_inode: net("ns.inum")?,
            // Renamed in 6.18.
            net_references: net("ns.__ns_ref").or_else(|_| net("ns.count"))?,
            net_cookie: net("net_cookie")?,
            net_loopback: net("loopback_dev")?,
            device_net: btf.offset("net_device", "nd_net.net")?,
            net_tables: net("ipv4.tcp_death_row.hashinfo")?,
            connections: Table {
                buckets: tables("ehash")?,
                mask: tables("ehash_mask")?,
                bucket_len: size("inet_ehash_bucket")?,
                head: btf.offset("inet_ehash_bucket", "chain")?,
            },
            listeners: Table {
                buckets: tables("lhash2")?,
                mask: tables("lhash2_mask")?,
                bucket_len: size("inet_listen_hashbucket")?,
                head: btf.offset("inet_listen_hashbucket", "nulls_head")?,
            },
            socket: Socket {
                hash: socket("skc_hash")?,
                family: socket("skc_family")?,
                state: socket("skc_state")?,
                local_v6: socket("skc_v6_rcv_saddr")?,
                net: socket("skc_net.net")?,
                node: socket("skc_nulls_node")?,
            },
            timewait_state: btf.offset("inet_timewait_sock", "tw_substate")?,
        })
    }
}
