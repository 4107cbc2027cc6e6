//! What each state means, what many sockets in it usually are, and the next command: `help STATE`.
//!
//! States by RFC 9293 sections 3.3.2 and 3.6; limits and timeouts by tcp(7) and the kernel's
//! Documentation/networking/ip-sysctl.rst. Must suggest only commands that run as written.

use crate::model::State;

/// The text about one state, from its second line: each command is indented by two blanks.
pub(super) fn explanation(state: State) -> Option<&'static str> {
    Some(match state {
        State::Listen => LISTEN,
        State::SynSent => SYN_SENT,
        State::SynRecv => SYN_RECV,
        State::Established => ESTABLISHED,
        State::FinWait1 => FIN_WAIT1,
        State::FinWait2 => FIN_WAIT2,
        State::CloseWait => CLOSE_WAIT,
        State::Closing => CLOSING,
        State::LastAck => LAST_ACK,
        State::TimeWait => TIME_WAIT,
        State::Close | State::Unconnected => CLOSE,
        State::Bound => BOUND,
        State::Unknown(_) => return None,
    })
}

const LISTEN: &str = "\
The socket waits for connections: its program called listen(2).

Many of them are usual: one for each address and port that is served, or one for each
worker (SO_REUSEPORT). Look at their accept queues instead: where one is full, the
program accepts too slowly, and the kernel drops new connections.

Next:
  tcpstates list --listening --process
  tcpstates doctor
";

const SYN_SENT: &str = "\
This host is connecting: it sent a SYN, and no SYN-ACK has arrived.

Many of them mean that peers do not answer: a host is down, or a firewall drops the
segments. The kernel repeats the SYN net.ipv4.tcp_syn_retries times (6, about two
minutes), then connect(2) fails with ETIMEDOUT.

Next:
  tcpstates --state syn-sent --by remote-addr,remote-port
  tcpstates list --state syn-sent --process
";

const SYN_RECV: &str = "\
A client is connecting: this host answered its SYN, and the last ACK has not arrived.

Many of them are a SYN flood, or clients to which the answer has no way back. Where the
listener's accept queue is full, they also wait for the program to accept. The kernel
repeats the SYN-ACK net.ipv4.tcp_synack_retries times (5, about a minute).

Next:
  tcpstates --state syn-recv --by local-port,remote-addr/24
  tcpstates doctor
";

const ESTABLISHED: &str = "\
The connection is open, and data can flow in both directions.

Many of them are usual for servers, proxies and connection pools. If their number only
grows, a program does not close its connections, or peers disappeared without closing:
without keepalive or data to send, the kernel never notices that.

Next:
  tcpstates --state established --by process
  tcpstates --state established --by local-port,remote-addr
";

const FIN_WAIT1: &str = "\
This host closed first, and its FIN is not acknowledged yet.

Many of them mean that peers are unreachable, or that they do not read: the FIN waits
behind the data in the send queue. Those without a process are orphans: the kernel gives
up after net.ipv4.tcp_orphan_retries, or when there are more than tcp_max_orphans.

Next:
  tcpstates list --state fin-wait1 --sort send-queue:desc --limit 20
  tcpstates --state fin-wait1 --by remote-addr
";

const FIN_WAIT2: &str = "\
This host closed first, the peer acknowledged that and has not closed its end.

Many of them mean that peers do not close: at their end it is CLOSE_WAIT. Once the local
program has closed the socket, the kernel keeps it for net.ipv4.tcp_fin_timeout (60
seconds). If the program only called shutdown(2), there is no limit.

Next:
  tcpstates --state fin-wait2 --by remote-addr,remote-port
  tcpstates list --state fin-wait2 --process
";

const CLOSE_WAIT: &str = "\
The peer closed, and the program on this host has not closed its socket.

Many of them are a fault of that program: it does not close after end of file, or it is
stuck and does not read. No timeout of the kernel ends this state; each holds a file
descriptor until the program closes it or exits.

Next:
  tcpstates --state close-wait --by process
  tcpstates doctor
";

const CLOSING: &str = "\
Both ends closed at the same time, and this host's FIN is not acknowledged yet.

It is rare and short. Many of them mean that acknowledgments do not arrive: segments are
lost, or peers became unreachable at the end.

Next:
  tcpstates --state closing --by remote-addr
  tcpstates list --state closing
";

const LAST_ACK: &str = "\
The peer closed first, then this host; its FIN is not acknowledged yet.

Many of them mean that peers disappeared after closing, or that a firewall forgot the
connection and drops the last segments. The FIN also waits behind data in the send queue.
These are orphans: the kernel gives up after net.ipv4.tcp_orphan_retries.

Next:
  tcpstates --state last-ack --by remote-addr
  tcpstates list --state last-ack --sort send-queue:desc --limit 20
";

const TIME_WAIT: &str = "\
The connection is closed. The end that closed first waits for 60 seconds, so that late
segments do not disturb a new connection between the same addresses and ports.

Many of them are usual where this host closes many short connections, and cost little.
They matter where it connects to one destination so often that its local ports run out,
or above net.ipv4.tcp_max_tw_buckets. The remedy is to reuse connections.

Next:
  tcpstates --state time-wait --by remote-addr,remote-port
  tcpstates doctor
";

const CLOSE: &str = "\
The socket is not connected.

The kernel lists none of them: such sockets are in none of its tables. Only a socket that
closes while it is read can be reported in this state. Sockets that have a port and are
not connected are in state BOUND; of UDP they are UNCONNECTED, as in ss, and are counted
with -u.

Next:
  tcpstates --state close --zeros
  tcpstates help bound
";

const BOUND: &str = "\
The socket has a local port by bind(2), and neither listens nor connects.

Many of them are programs that call bind(2) and then neither listen nor connect; each
occupies its port.
Linux reports them since version 6.8, only if they are requested by name, so that no other
count has them.

Next:
  tcpstates list --state bound --process
  tcpstates --state bound --by local-port
";
