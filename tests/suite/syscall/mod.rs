//! The system calls that need `unsafe`: interface ioctls, socket options, io_uring, and what a child
//! does between fork and exec.
//!
//! The only folder of the suite with `unsafe`. Must not decide anything: each function wraps one
//! operation and returns the errno. netdevice(7), socket(7), unshare(2), user_namespaces(7); struct
//! layouts from `linux/if.h`, `linux/ipv6.h` and `linux/if_tun.h`.

#![allow(
    unsafe_code,
    reason = "rustix has no safe call for interface ioctls and pre_exec"
)]

pub(crate) mod seccomp;

use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Opcode, Updater, opcode};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;
use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
const SIOCGIFFLAGS: Opcode = 0x8913;
const SIOCSIFFLAGS: Opcode = 0x8914;
const SIOCSIFADDR: Opcode = 0x8916;
const SIOCSIFNETMASK: Opcode = 0x891c;
const SIOCGIFINDEX: Opcode = 0x8933;

const IFF_TUN: u16 = 0x0001;
const IFF_NO_PI: u16 = 0x1000;
const IFF_UP: u16 = 0x1;

/// `struct ifreq`: a name, then a union whose largest member takes 24 bytes on 64-bit machines
/// (16 on 32-bit ones, which read the first 16).
#[repr(C, align(8))]
struct InterfaceRequest {
    name: [u8; 16],
    value: [u8; 24],
}

/// `struct in6_ifreq`.
#[repr(C)]
struct AddressRequest {
    address: [u8; 16],
    prefix_length: u32,
    index: i32,
}

impl InterfaceRequest {
    fn new(name: &str, start: &[u8]) -> Self {
        let mut request = Self {
            name: [0; 16],
            value: [0; 24],
        };
        // The last byte stays 0: the kernel expects a C string.
        request.name[..15][..name.len()].copy_from_slice(name.as_bytes());
        request.value[..start.len()].copy_from_slice(start);
        request
    }

    fn submit<const OPCODE: Opcode>(&mut self, fd: impl AsFd) -> io::Result<()> {
        // SAFETY: every OPCODE used in this file takes a pointer to `struct ifreq`, and at most
        // writes within the 40 bytes of it that `InterfaceRequest` has.
        let call = unsafe { Updater::<OPCODE, Self>::new(self) };
        // SAFETY: as above; the call borrows `self` until it returns.
        Ok(unsafe { rustix::ioctl::ioctl(fd, call) }?)
    }
}

/// Opens a new TUN device called `name`; it lives as long as the file, which passes bare IP
/// packets, one per read or write.
pub(crate) fn open_tun(name: &str) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    InterfaceRequest::new(name, &(IFF_TUN | IFF_NO_PI).to_ne_bytes()).submit::<TUNSETIFF>(&file)?;
    Ok(file)
}

/// Brings an interface up.
pub(crate) fn raise_interface(name: &str) -> io::Result<()> {
    let control = control_socket(AddressFamily::INET)?;
    let mut request = InterfaceRequest::new(name, &[]);
    request.submit::<SIOCGIFFLAGS>(&control)?;
    let flags = u16::from_ne_bytes([request.value[0], request.value[1]]) | IFF_UP;
    InterfaceRequest::new(name, &flags.to_ne_bytes()).submit::<SIOCSIFFLAGS>(&control)
}

/// Gives an interface an address; the kernel adds the route to its /24 or /64.
pub(crate) fn add_address(name: &str, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(address) => add_v4_address(name, address),
        IpAddr::V6(address) => add_v6_address(name, address),
    }
}

fn add_v4_address(name: &str, address: Ipv4Addr) -> io::Result<()> {
    let control = control_socket(AddressFamily::INET)?;
    InterfaceRequest::new(name, &socket_address(address)).submit::<SIOCSIFADDR>(&control)?;
    let mask = socket_address(Ipv4Addr::new(255, 255, 255, 0));
    InterfaceRequest::new(name, &mask).submit::<SIOCSIFNETMASK>(&control)
}

fn add_v6_address(name: &str, address: Ipv6Addr) -> io::Result<()> {
    let control = control_socket(AddressFamily::INET6)?;
    let mut request = InterfaceRequest::new(name, &[]);
    request.submit::<SIOCGIFINDEX>(&control)?;
    let [a, b, c, d, ..] = request.value;
    let mut request = AddressRequest {
        address: address.octets(),
        prefix_length: 64,
        index: i32::from_ne_bytes([a, b, c, d]),
    };
    // SAFETY: on an AF_INET6 socket SIOCSIFADDR takes a pointer to `struct in6_ifreq`.
    let call = unsafe { Updater::<SIOCSIFADDR, AddressRequest>::new(&mut request) };
    // SAFETY: as above; the call borrows `request` until it returns.
    Ok(unsafe { rustix::ioctl::ioctl(&control, call) }?)
}

/// The first eight bytes of `struct sockaddr_in`; the port is 0.
fn socket_address(address: Ipv4Addr) -> [u8; 8] {
    let [family, more] = AddressFamily::INET.as_raw().to_ne_bytes();
    let [a, b, c, d] = address.octets();
    [family, more, 0, 0, a, b, c, d]
}

fn control_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socket_with(family, SocketType::DGRAM, flags, None)?)
}

/// Binds a socket to an interface, SO_BINDTODEVICE of socket(7).
pub(crate) fn bind_to_device(socket: impl AsFd, name: &str) -> io::Result<()> {
    set_option(
        socket,
        libc::SOL_SOCKET,
        libc::SO_BINDTODEVICE,
        name.as_bytes(),
    )
}

/// Sets the firewall mark of a socket, SO_MARK of socket(7).
pub(crate) fn set_mark(socket: impl AsFd, mark: u32) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_MARK, &mark.to_ne_bytes())
}

/// Makes a listener accept a connection only when data has arrived, TCP_DEFER_ACCEPT of tcp(7).
pub(crate) fn set_defer_accept(socket: impl AsFd, seconds: u32) -> io::Result<()> {
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
    set_option(socket, level, option, &seconds.to_ne_bytes())
}

/// Makes a connection of TCP Fast Open wait for data before its SYN is sent, without a cookie of the peer
/// (`TCP_FASTOPEN_CONNECT` and `TCP_FASTOPEN_NO_COOKIE` of linux/tcp.h).
pub(crate) fn set_fastopen_connect(socket: impl AsFd) -> io::Result<()> {
    let on = 1_u32.to_ne_bytes();
    set_option(
        &socket,
        libc::IPPROTO_TCP,
        libc::TCP_FASTOPEN_NO_COOKIE,
        &on,
    )?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, &on)
}

fn set_option(socket: impl AsFd, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len()).unwrap();
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `length` bytes at `value`, which live until the call returns.
    let outcome = unsafe { libc::setsockopt(socket, level, option, value.as_ptr().cast(), length) };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Moves the calling thread into a new network namespace.
pub(crate) fn enter_new_network() -> io::Result<()> {
    Ok(leave_namespaces(UnshareFlags::NEWNET)?)
}

/// Makes `command` start in a new network namespace and in the other new namespaces of `also`.
///
/// Without the privilege to do so, in a new user namespace as well, in which its user is root.
pub(crate) fn isolate(command: &mut Command, also: UnshareFlags) {
    let flags = also | UnshareFlags::NEWNET;
    let user_map = format!("0 {} 1", rustix::process::geteuid().as_raw());
    let group_map = format!("0 {} 1", rustix::process::getegid().as_raw());
    let enter = move || {
        match leave_namespaces(flags) {
            Err(rustix::io::Errno::PERM) => leave_namespaces(flags | UnshareFlags::NEWUSER)
                .and_then(|()| map_ids(&user_map, &group_map))?,
            Ok(()) if flags.contains(UnshareFlags::NEWUSER) => map_ids(&user_map, &group_map)?,
            outcome => outcome?,
        }
        // Again: the kernel clears it when a process gains capabilities by a user namespace.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec `enter` makes plain system calls only: it does not allocate
    // (its strings were made before) and takes no lock.
    unsafe { command.pre_exec(enter) };
}

/// Makes `command` start with every signal at its default action and none blocked, without other
/// descriptors than the standard ones, and end when the thread that starts it ends.
pub(crate) fn reset_signals_and_descriptors(command: &mut Command) {
    /// The highest signal number, `_NSIG` of signal(7).
    const SIGNALS: i32 = 64;
    // Where it is ignored, the kernel reaps children by itself, and waiting for one fails.
    // SAFETY: the default action of SIGCHLD runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let reset = || {
        for signal in 1..=SIGNALS {
            // Refused for SIGKILL, SIGSTOP and the two that libc keeps: they need no reset.
            // SAFETY: default actions run no code.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        // SAFETY: the set lives until the calls return, and the first initializes it.
        unsafe {
            let mut none = std::mem::zeroed::<libc::sigset_t>();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        }
        // Unknown before Linux 5.11; most descriptors are closed by exec(2) anyway.
        // SAFETY: exec(2) closes the descriptors, when this process no longer uses them.
        unsafe {
            libc::syscall(
                libc::SYS_close_range,
                3,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            )
        };
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec `reset` makes plain system calls only.
    unsafe { command.pre_exec(reset) };
}

/// Makes `command` start in a new session whose terminal is its standard input.
pub(crate) fn own_terminal(command: &mut Command) {
    let lead = || {
        rustix::process::setsid()?;
        // SAFETY: standard input is open: `Command` has just put it there.
        let input = unsafe { BorrowedFd::borrow_raw(0) };
        rustix::process::ioctl_tiocsctty(input)?;
        Ok(())
    };
    // SAFETY: between fork and exec `lead` makes plain system calls only.
    unsafe { command.pre_exec(lead) };
}

/// Gives the calling thread its own descriptor table, a copy of the shared one.
pub(crate) fn leave_shared_descriptors() -> io::Result<()> {
    // SAFETY: the copy keeps every descriptor of this thread open; the caller must not pass later
    // ones to other threads.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FILES) }?)
}

fn leave_namespaces(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: none of the flags used here is FILES, the one that can break I/O safety.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

fn map_ids(user_map: &str, group_map: &str) -> rustix::io::Result<()> {
    write_file(c"/proc/self/uid_map", user_map)?;
    // Without this an ordinary user may not write the group map.
    write_file(c"/proc/self/setgroups", "deny")?;
    write_file(c"/proc/self/gid_map", group_map)
}

fn write_file(path: &CStr, content: &str) -> rustix::io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, content.as_bytes())?;
    Ok(())
}

/// A new io_uring instance that holds `file`, io_uring_register(2).
pub(crate) fn register_with_io_uring(file: impl AsFd) -> io::Result<OwnedFd> {
    const REGISTER_FILES: libc::c_int = 2;
    // `struct io_uring_params`, linux/io_uring.h, all zero.
    let mut parameters = [0_u32; 30];
    let file = file.as_fd().as_raw_fd();
    // SAFETY: the kernel writes a `struct io_uring_params` of 120 bytes to `parameters`.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    let ring = i32::try_from(ring).ok().filter(|ring| *ring >= 0);
    let ring = ring.ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just opened it, and nothing else knows of it.
    let ring = unsafe { OwnedFd::from_raw_fd(ring) };
    let number = ring.as_raw_fd();
    // SAFETY: the kernel reads one descriptor at `file`, which lives until the call returns.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            number,
            REGISTER_FILES,
            &raw const file,
            1,
        )
    };
    if outcome == 0 {
        Ok(ring)
    } else {
        Err(io::Error::last_os_error())
    }
}
