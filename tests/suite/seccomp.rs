//! Filters that refuse system calls to a child, seccomp(2).
//!
//! Builds the filters; `syscall` applies them.

use std::process::Command;

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::syscall;

/// What a filter refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Denied {
    /// `socket` with AF_NETLINK.
    NetlinkSocket,
    /// `sendto`, whatever the socket.
    SendTo,
    /// `recvfrom`, whatever the socket.
    RecvFrom,
    /// `bpf`.
    Bpf,
    /// `clone3` and `clone`, which start threads.
    Clone,
    /// What contrib/systemd/tcpstates.service does not allow: other address families, and the calls of
    /// systemd's groups `@resources`, `@debug`, `@module`, `@raw-io`, `@reboot` and `@swap`, and a part of
    /// `@privileged` without what a shell needs to mount and to change its user before.
    OutsideUnit,
}

/// Makes `command` start under a filter that fails one call with `errno` and allows the others.
pub(crate) fn deny(command: &mut Command, denied: Denied, errno: Errno) {
    let errno = errno.raw_os_error().cast_unsigned();
    respond(command, denied, SeccompAction::Errno(errno));
}

/// Makes `command` start under a filter that ends the process at one call.
pub(crate) fn end_at(command: &mut Command, denied: Denied) {
    respond(command, denied, SeccompAction::KillProcess);
}

fn respond(command: &mut Command, denied: Denied, action: SeccompAction) {
    let rules = match denied {
        Denied::NetlinkSocket => vec![(libc::SYS_socket, vec![first_argument(libc::AF_NETLINK)])],
        Denied::SendTo => vec![(libc::SYS_sendto, vec![])],
        Denied::RecvFrom => vec![(libc::SYS_recvfrom, vec![])],
        Denied::Bpf => vec![(libc::SYS_bpf, vec![])],
        Denied::Clone => vec![(libc::SYS_clone3, vec![]), (libc::SYS_clone, vec![])],
        Denied::OutsideUnit => outside_unit(),
    };
    let filter = SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::Allow,
        action,
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    syscall::seccomp::filter(command, program);
}

fn outside_unit() -> Vec<(i64, Vec<SeccompRule>)> {
    let is_other = |family: i32| {
        let family = u64::from(family.cast_unsigned());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family).unwrap()
    };
    let allowed = [libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6];
    let others = SeccompRule::new(allowed.map(is_other).into()).unwrap();
    let denied = [
        libc::SYS_mbind,
        libc::SYS_migrate_pages,
        libc::SYS_move_pages,
        libc::SYS_set_mempolicy,
        libc::SYS_ioprio_set,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
        libc::SYS_setpriority,
        libc::SYS_setrlimit,
        libc::SYS_prlimit64,
        libc::SYS_perf_event_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_bpf,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_reboot,
        libc::SYS_kexec_load,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_setdomainname,
        libc::SYS_sethostname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_adjtimex,
        libc::SYS_clock_adjtime,
        libc::SYS_fanotify_init,
        libc::SYS_open_by_handle_at,
        libc::SYS_pivot_root,
        libc::SYS_vhangup,
        libc::SYS_setns,
        libc::SYS_userfaultfd,
    ];
    let denied = denied.into_iter().map(|call| (call, vec![]));
    denied.chain([(libc::SYS_socket, vec![others])]).collect()
}

fn first_argument(value: i32) -> SeccompRule {
    let value = u64::from(value.cast_unsigned());
    let is_value = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    SeccompRule::new(vec![is_value.unwrap()]).unwrap()
}

/// Makes `command` start under a filter that passes one call to a supervisor: the call blocks
/// until that replies, and without one until the process is killed.
pub(crate) fn supervise(command: &mut Command, number: i64) {
    /// `SECCOMP_RET_USER_NOTIF`, which seccompiler does not know, and the action it replaces.
    const USER_NOTIF: u32 = 0x7fc0_0000;
    const LOG: u32 = 0x7ffc_0000;
    /// `BPF_RET | BPF_K`.
    const RETURN: u16 = 0x06;
    let filter = SeccompFilter::new(
        [(number, vec![])].into(),
        SeccompAction::Allow,
        SeccompAction::Log,
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let mut program: BpfProgram = filter.unwrap().try_into().unwrap();
    let mut replaced = 0;
    for instruction in &mut program {
        if instruction.code == RETURN && instruction.k == LOG {
            instruction.k = USER_NOTIF;
            replaced += 1;
        }
    }
    assert!(replaced > 0, "seccompiler encodes LOG differently");
    syscall::seccomp::filter_with_listener(command, program);
}
