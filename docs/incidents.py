#!/usr/bin/env python3
"""Plays the incidents of docs/incidents.md and prints that page.

    docs/incidents.py target/release/tcpstates > docs/incidents.md
    docs/incidents.py target/release/tcpstates NAME...

Each incident is made of real sockets between two network namespaces joined by a veth pair, `here`
(10.9.0.1) and `there` (10.9.0.2), in which `tcpstates doctor` runs. No traffic leaves this machine,
and everything ends with the incident. Needs root, iproute2, nftables and util-linux.
"""

import os, re, signal, subprocess, sys, tempfile, textwrap, time

HEAD = "import os, resource, socket, sys, threading, time\nopen('/proc/self/comm', 'w').write(sys.argv[1])\n"
PAGE = """\
# Incidents

What `tcpstates doctor` reports of incidents that are common in production. Each was made with real
sockets in two network namespaces by `docs/incidents.py`, which prints this page: the output is that
of one run on Linux 6.18. What a rule examines, and its thresholds, are in tcpstates-rules(7) and
tcpstates-rules-kinds(7). The notes on what could not be examined are left out here; they are the same
in each namespace.
"""


class Host:
    """A network namespace; what is started in it ends with it."""

    def __init__(self, number):
        self.processes = []
        self.keeper = self.start(["unshare", "-n", "sleep", "300"])
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.keeper.pid}/ns/net") == own:
            time.sleep(0.01)
        self.number = number

    def start(self, command, **options):
        process = subprocess.Popen(command, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def enter(self):
        return ["nsenter", "-n", "-t", str(self.keeper.pid)]

    def run(self, command):
        return subprocess.run([*self.enter(), *command], capture_output=True, text=True)

    def shell(self, command):
        subprocess.run([*self.enter(), "sh", "-ec", command], check=True)

    def python(self, name, code):
        """Runs a program under this process name."""
        code = HEAD + textwrap.dedent(code)
        self.start([*self.enter(), sys.executable, "-c", code, name], stderr=subprocess.DEVNULL)
        time.sleep(0.4)

    def drop(self, rule):
        """Drops received packets that match an nftables rule."""
        table = "table inet incident {\n chain input {\n  type filter hook input priority 0;\n  %s drop\n }\n}\n"
        subprocess.run([*self.enter(), "nft", "-f", "-"], input=table % rule, text=True, check=True)

    def restart(self):
        """Ends all programs; the namespace stays."""
        for process in self.processes[1:]:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        del self.processes[1:]

    def end(self):
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def pair():
    here, there = Host(1), Host(2)
    here.shell(f"ip link add eth0 type veth peer name eth0 netns {there.keeper.pid}")
    for host in (here, there):
        host.shell(f"ip link set lo up; ip addr add 10.9.0.{host.number}/24 dev eth0; ip link set eth0 up")
    return here, there


SERVER = """
resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
listener = socket.create_server(("0.0.0.0", {port}), backlog=4096)
kept = []
while True:
    kept.append(listener.accept())
"""


def unconfirmed(here, there):
    here.python("nginx", SERVER.format(port=443))
    there.drop("tcp sport 443")
    there.python("browsers", """
        kept = []
        for _ in range(60):
            client = socket.socket(); client.setblocking(False)
            client.connect_ex(("10.9.0.1", 443)); kept.append(client)
        time.sleep(60)
        """)
    time.sleep(7)


def firewall(here, there):
    there.drop("tcp dport 5432")
    here.python("billing", """
        def attempts():
            while True:
                client = socket.socket(); client.settimeout(1.5)
                try: client.connect(("10.9.0.2", 5432))
                except OSError: pass
                client.close(); time.sleep(0.5)
        for _ in range(20): threading.Thread(target=attempts, daemon=True).start(); time.sleep(0.1)
        time.sleep(60)
        """)
    time.sleep(5)


def refused(here, there):
    here.python("nginx", """
        while True:
            client = socket.socket()
            try: client.connect(("10.9.0.2", 8080))
            except OSError: pass
            client.close(); time.sleep(0.02)
        """)
    time.sleep(1)


def lost_syns(here, there):
    there.drop("tcp flags & (syn|ack) == syn numgen random mod 100 < 20")
    there.python("mysqld", """
        listener = socket.create_server(("0.0.0.0", 3306), backlog=4096)
        def serve(client):
            client.recv(10); client.send(b"x"); client.close()
        while True: threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
        """)
    here.python("php", """
        def run():
            while True:
                client = socket.create_connection(("10.9.0.2", 3306))
                client.send(b"q"); client.recv(1); client.close(); time.sleep(0.05)
        for _ in range(20): threading.Thread(target=run, daemon=True).start()
        time.sleep(60)
        """)
    time.sleep(4)


def aborted(here, there):
    here.python("app", """
        listener = socket.create_server(("0.0.0.0", 80), backlog=400)
        while True:
            client, _ = listener.accept()
            client.recv(1); client.send(b"HTTP/1.1 413 Content Too Large\\r\\n\\r\\n"); client.close()
        """)
    there.python("uploads", """
        def run():
            while True:
                try:
                    client = socket.create_connection(("10.9.0.1", 80))
                    client.send(b"x" * 3000); client.recv(99)
                except OSError: pass
                client.close(); time.sleep(0.1)
        for _ in range(10): threading.Thread(target=run, daemon=True).start()
        time.sleep(60)
        """)
    time.sleep(2)


def keepalive(here, there):
    here.python("redis", """
        listener = socket.create_server(("0.0.0.0", 6379), backlog=400)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((4, 3), (5, 3), (6, 20)):
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
        kept = []
        while True: kept.append(listener.accept())
        """)
    there.python("apps", """
        kept = [socket.create_connection(("10.9.0.1", 6379)) for _ in range(50)]
        time.sleep(90)
        """)
    time.sleep(1)
    there.drop("tcp sport 6379")
    time.sleep(17)


def dead_pool(here, there):
    there.python("postgres", SERVER.format(port=5432))
    here.python("web", SERVER.format(port=80))
    there.python("browsers", """
        resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
        kept = [socket.create_connection(("10.9.0.1", 80)) for _ in range(400)]
        time.sleep(90)
        """)
    here.python("api", """
        kept = [socket.create_connection(("10.9.0.2", 5432)) for _ in range(3)]
        time.sleep(3)
        for client in kept: client.send(b"SELECT 1;")
        time.sleep(90)
        """)
    time.sleep(1)
    there.drop("tcp dport 5432")
    time.sleep(10)


def black_hole(here, there):
    here.python("nginx", """
        listener = socket.create_server(("0.0.0.0", 80), backlog=100)
        def serve(client):
            try: client.recv(999); client.send(b"x" * 20000); client.recv(9)
            except OSError: pass
            client.close()
        while True: threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
        """)
    there.drop("tcp sport 80 meta length > 1400")
    there.python("vpn", """
        def run():
            while True:
                client = socket.create_connection(("10.9.0.1", 80)); client.settimeout(30)
                client.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
                try: client.recv(100000)
                except OSError: pass
                client.close()
        for _ in range(20): threading.Thread(target=run, daemon=True).start()
        time.sleep(60)
        """)
    time.sleep(8)


def slow_handlers(here, there):
    here.python("tomcat", """
        listener = socket.create_server(("0.0.0.0", 8080), backlog=400)
        def serve(client):
            client.recv(99); time.sleep(8)
            try: client.send(b"answer")
            except OSError: pass
            client.close()
        while True: threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
        """)
    there.python("elb", """
        def run():
            while True:
                client = socket.create_connection(("10.9.0.1", 8080)); client.settimeout(2)
                client.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
                try: client.recv(99)
                except OSError: pass
                client.close()
        for _ in range(40): threading.Thread(target=run, daemon=True).start(); time.sleep(0.05)
        time.sleep(60)
        """)
    time.sleep(11)


def descriptors(here, there):
    there.python("web", """
        listener = socket.create_server(("0.0.0.0", 443), backlog=4096)
        while True:
            client, _ = listener.accept()
            client.recv(100); client.send(b"x"); client.close()
        """)
    here.python("crawler", """
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        kept = []
        while True:
            try: client = socket.socket()
            except OSError: time.sleep(1); continue
            client.connect(("10.9.0.2", 443)); client.send(b"q"); kept.append(client)
        """)
    time.sleep(3)


def full_unix_queue(here, there):
    here.python("php-fpm", """
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("/run/php-fpm-incident.sock"); listener.listen(16)
        for _ in range(5):
            if os.fork() == 0:
                while True: client, _ = listener.accept(); time.sleep(60)
        time.sleep(60)
        """)
    here.python("nginx", """
        kept = []
        for _ in range(40):
            client = socket.socket(socket.AF_UNIX); client.setblocking(False)
            # EAGAIN once the queue is full: nginx answers 502.
            if client.connect_ex("/run/php-fpm-incident.sock") == 0: kept.append(client)
            time.sleep(0.005)
        time.sleep(60)
        """)
    os.unlink("/run/php-fpm-incident.sock")


def mptcp_leak(here, there):
    here.python("gateway", """
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
        listener.bind(("0.0.0.0", 8443)); listener.listen(400)
        kept = []
        while True: kept.append(listener.accept())
        """)
    there.python("clients", """
        for _ in range(150):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
            client.connect(("10.9.0.1", 8443)); client.send(b"q"); client.close()
        time.sleep(60)
        """)
    time.sleep(1)


def one_lossy_peer(here, there):
    there.shell("for last in 11 12 13; do ip addr add 10.9.0.$last/24 dev eth0; done")
    here.shell("tc qdisc add dev eth0 root tbf rate 200mbit burst 100k latency 50ms")
    there.drop("ip daddr 10.9.0.13 numgen random mod 100 < 8")
    there.python("brokers", """
        def serve(client):
            while client.recv(65536): pass
        def listen(last):
            listener = socket.create_server(("10.9.0.%d" % last, 9092), backlog=50)
            while True: threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
        for last in (11, 12, 13): threading.Thread(target=listen, args=(last,), daemon=True).start()
        time.sleep(60)
        """)
    here.python("producer", """
        def run(last):
            client = socket.create_connection(("10.9.0.%d" % last, 9092))
            while True: client.send(b"x" * 20000); time.sleep(0.05)
        for last in (11, 12, 13) * 4: threading.Thread(target=run, args=(last,), daemon=True).start()
        time.sleep(60)
        """)
    time.sleep(5)


UNEXAMINED = ("orphans: net.", "memory: TCP's memory is", "udp-memory: UDP's", "conntrack: the host's table")


def is_unexamined(line):
    """The notes that every namespace on this machine has."""
    words = line.split(None, 1)
    if len(words) < 2 or words[0] != "unexamined":
        return False
    return words[1].startswith(UNEXAMINED) or re.match(r"(at least )?\d+ other network namespaces? ", words[1])


def call(host, program, *arguments, **options):
    """A command line and what it printed."""
    ran = subprocess.run([*host.enter(), program, *arguments], capture_output=True, text=True, **options)
    lines = [line for line in ran.stdout.splitlines() if not is_unexamined(line)]
    return "\n".join([f"$ tcpstates {' '.join(arguments)}", *lines]).rstrip()


def doctor(program, here, _):
    return [call(here, program, "doctor")]


def told_later(program, here, there):
    """Records, ends the programs as a restart does, and asks in the other namespace."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = call(here, program, "record", "incident.rec", cwd=folder)
        here.restart()
        return [
            recorded,
            call(here, program, "doctor", "--brief"),
            call(there, program, "doctor", "--from", "incident.rec", cwd=folder),
        ]


# What makes it, title, what happened, how it was made, and which commands show it where `doctor` alone does not.
INCIDENTS = [
    (unconfirmed, "Handshakes that never complete", "SYNs arrive, but the SYN-ACKs do not reach the clients: an asymmetric route, a security group without the return path, or direct server return.", "the clients' host drops the SYN-ACKs"),
    (firewall, "A destination that does not answer", "A firewall drops the connections of an application that gives up after 1.5 s, before the kernel does.", "the other host drops what arrives at port 5432"),
    (refused, "Connections refused", "The upstream is down; its host answers each SYN with a reset.", "nothing listens on port 8080"),
    (lost_syns, "Lost SYNs", "Some connects take 1 s or 3 s, and nothing else is wrong: connection tracking or an overloaded device loses SYNs.", "the other host drops one SYN in five"),
    (aborted, "Resets by the server", "A server answers before it has read the whole upload, and closes: the unread data makes the kernel send a reset, and clients report “connection reset by peer”.", "the server reads one byte of 3,000"),
    (keepalive, "Clients that are gone", "The hosts of 50 idle clients have vanished. Keepalive probes find out, long before the connections end.", "the other host drops what arrives from port 6379"),
    (dead_pool, "A connection pool that is dead as a whole", "A NAT has forgotten three idle connections to the database; 400 other connections of the host are healthy.", "the other host drops what arrives at port 5432"),
    (black_hole, "A path MTU black hole", "Small answers arrive, large segments vanish without an ICMP message: a VPN, or a filter that drops ICMP.", "the other host drops packets of more than 1,400 bytes"),
    (slow_handlers, "Handlers slower than the patience of their clients", "Each handler takes 8 s and each client gives up after 2 s. CLOSE_WAIT fills, but no socket leaks.", "40 clients"),
    (descriptors, "Out of file descriptors", "A client never closes the connections that its peers have closed, until it has no descriptor left.", "128 descriptors"),
    (full_unix_queue, "A full accept queue of a UNIX socket", "Every worker of php-fpm waits for a slow database, and nginx answers half of the requests with 502. No counter of the kernel shows that.", "5 workers, a backlog of 16 and 40 requests"),
    (mptcp_leak, "A leak over MPTCP", "A server that listens with MPTCP, as programs in Go do by default since 1.24, forgets the connections that its clients have closed. In the tables of TCP they are ESTABLISHED.", "150 connections"),
    (one_lossy_peer, "One lossy peer among three", "Retransmissions of a host come from the path to one of its peers.", "one packet in twelve from 10.9.0.13 is dropped"),
    (descriptors, "Told after the restart", "The program without descriptors was restarted before anybody looked. What was recorded before is asked on another host.", "as above, with a record", told_later),
]


def play(program, incident):
    make, title, story, how, *ask = incident
    here, there = pair()
    try:
        make(here, there)
        shown = (ask or [doctor])[0](program, here, there)
    finally:
        here.end()
        there.end()
    print(f"\n## {title}\n\n{textwrap.fill(story, 100)}\n({how})\n")
    print("```console\n" + "\n\n".join(shown) + "\n```", flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, names = os.path.realpath(sys.argv[1]), sys.argv[2:]
    if not names:
        print(PAGE, end="")
    for incident in INCIDENTS:
        if not names or incident[0].__name__ in names:
            play(program, incident)


if __name__ == "__main__":
    main()
