#!/usr/bin/env python3
"""Plays the commands of README.md on one host full of real sockets, and puts what they print there.

    docs/readme.py target/release/tcpstates
    docs/readme.py target/release/tcpstates --check

With --check nothing is written: the exit status is 1 if an output in README.md is another than that
of today. Counts are compared as they are; of process ids, ports and measured values, only that they
are there. The host is a network namespace of its own, or with --here the one of the caller. Needs
nftables, iproute2 and jq; an ordinary user needs user namespaces. The outputs of `doctor` and `trace`
come from docs/nginx-story.sh and docs/closing-story.sh.
"""

import os, pathlib, re, shutil, signal, socket, struct, subprocess, sys, tempfile, time

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```\n", re.S)
# Commands whose output has process ids, ports or measured values.
VARIES = re.compile(r"tcpstates (list|check) ")
NOT_FOUND = 127
TCPI_TOTAL_RETRANS = 100  # The offset in struct tcp_info, linux/tcp.h.


class Host:
    """Programs with sockets; all of them end with it."""

    def __init__(self):
        self.kept, self.children = [], []
        for command in (
            "ip link set lo up",
            *(f"ip addr add 10.1.0.{last}/32 dev lo" for last in (1, 7, 9, 12)),
            "nft add table ip host",
            "nft add chain ip host input '{ type filter hook input priority 0; }'",
            # One in six segments with data from the database is lost.
            "nft add rule ip host input tcp sport 5432 meta length gt 500 numgen inc mod 6 0 drop",
        ):
            subprocess.run(command, shell=True, check=True)
        self.program("gate", self.gate)
        self.program("web", self.web)
        self.program("billing", self.billing)
        for address, connections in (("127.0.0.11", 420), ("127.0.0.12", 96), ("127.0.0.13", 31)):
            self.close_first(address, 9000, [f"127.0.4.{1 + n % 9}" for n in range(connections)])
        self.program("postgres", self.database)

    def program(self, name, main):
        """Starts a process of this name, and waits until it says that its sockets are there."""
        ready, said = os.pipe()
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            pathlib.Path("/proc/self/comm").write_text(name)
            main(lambda: os.write(said, b"."))
            signal.pause()
        os.close(said)
        self.children.append(child)
        assert os.read(ready, 1) == b".", f"{name} has failed"

    def connect(self, source, destination):
        caller = socket.socket()
        caller.bind((source, 0))
        caller.connect(destination)
        self.kept.append(caller)
        return caller

    def close_first(self, address, port, sources):
        """Connections that their clients close, and then the server: TIME_WAIT."""
        with socket.create_server((address, port)) as listener:
            for source in sources:
                caller = self.connect(source, (address, port))
                accepted, _ = listener.accept()
                self.kept.pop().close()
                accepted.recv(1)
                accepted.close()

    def gate(self, ready):
        """Clients in two networks; two of them do not read what is sent."""
        listener = socket.create_server(("0.0.0.0", 443), backlog=128)
        sources = [f"127.0.7.{1 + n % 90}" for n in range(54)] + ["127.0.8.8"] * 2
        for source in sources:
            self.connect(source, ("127.0.0.1", 443))
            self.kept.append(listener.accept()[0])
        for stuck, megabytes in ((self.kept[-1], 1), (self.kept[-3], 2)):
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_000_000)
            stuck.setblocking(False)
            try:
                while stuck.send(b"." * megabytes * 500_000):
                    pass
            except BlockingIOError:
                pass
        for n in range(7):
            caller = self.connect(f"127.0.8.{1 + n}", ("127.0.0.1", 443))
            accepted, _ = listener.accept()
            self.kept.pop().close()
            accepted.recv(1)
            accepted.close()
        self.kept.append(listener)
        ready()

    def web(self, ready):
        """Two processes that do not accept, and more connections than may wait for them."""
        listener = socket.create_server(("0.0.0.0", 8080), backlog=2)
        self.kept.append(listener)
        if os.fork():
            for n in range(3):
                self.connect(f"127.0.5.{1 + n}", ("127.0.0.1", 8080))
            ready()

    def billing(self, ready):
        """Two programs at one listener, which do not close what their clients have closed."""
        listener = socket.create_server(("127.0.3.7", 9000), backlog=128)
        callers = [self.connect("127.0.6.1", ("127.0.3.7", 9000)) for _ in range(37)]
        accepted = [listener.accept()[0] for _ in callers]
        for caller in callers:
            caller.shutdown(socket.SHUT_WR)
        own, others = accepted[:33], accepted[33:]
        self.kept += [listener, *accepted]
        if os.fork():
            for connection in others:
                connection.close()
            ready()
        else:
            pathlib.Path("/proc/self/comm").write_text("search")
            for connection in [*own, *callers]:
                connection.close()

    def database(self, ready):
        """Three clients; segments are sent until a number of them was retransmitted to each."""
        listener = socket.create_server(("10.1.0.1", 5432))
        for last, wanted in ((9, 18), (7, 5), (12, 3)):
            caller = self.connect(f"10.1.0.{last}", ("10.1.0.1", 5432))
            accepted, _ = listener.accept()
            self.kept.append(accepted)
            retransmitted = 0
            while retransmitted < wanted:
                accepted.sendall(b"." * 600)
                caller.recv(600, socket.MSG_WAITALL)
                info = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
                (retransmitted,) = struct.unpack_from("I", info, TCPI_TOTAL_RETRANS)
        self.kept.append(listener)
        ready()

    def end(self):
        os.killpg(0, signal.SIGTERM)
        for child in self.children:
            os.waitpid(child, 0)


def is_played(command):
    return not command.startswith(("sudo ", "tcpstates doctor"))


def play(block):
    """A block with the output of today."""
    commands = re.findall(r"^\$ (.*)$", block, re.M)
    if not all(map(is_played, commands)):
        return block
    lines = []
    for command in commands:
        ran = subprocess.run(command, shell=True, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        lines += [f"$ {command}\n", ran.stdout]
    return "".join(lines)


def comparable(block):
    """What is the same each time. The kernel lists sockets in an order of its own."""
    if not VARIES.search(block):
        return block
    return sorted(re.sub(r" +", " ", re.sub(r"\d+", "0", block)).splitlines())


def wait_until_quiet(program):
    """Waits until the counts stay the same."""
    counts = None
    while counts != (counts := subprocess.check_output([program])):
        time.sleep(0.3)


def run_mentioned(readme):
    """Every command that the text and the tables mention is understood."""
    for command in re.findall(r"`(tcpstates [^`A-Z]+)`", readme):
        command = command.replace("/host/proc", "/proc").replace("\\|", "|")
        ran = subprocess.run(f"timeout 2 {command}", shell=True, stdin=subprocess.DEVNULL, capture_output=True)
        if ran.returncode == 2:
            sys.exit(f"README.md mentions `{command}`: {ran.stderr.decode()}")


def main():
    program, arguments = os.path.realpath(sys.argv[1]), sys.argv[2:]
    if missing := [tool for tool in ("ip", "nft", "jq") if not shutil.which(tool)]:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        sys.exit(NOT_FOUND)
    if "--here" not in arguments:
        arguments = [sys.executable, __file__, program, *arguments, "--here"]
        sys.exit(subprocess.run(["unshare", "-rn", *arguments]).returncode)
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, lambda *_: None)
    folder = tempfile.TemporaryDirectory()
    os.symlink(program, f"{folder.name}/tcpstates")
    os.chdir(folder.name)
    os.environ.update(PATH=f"{folder.name}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
    host = Host()
    wait_until_quiet(program)
    before = README.read_text()
    after = BLOCK.sub(lambda block: f"```console\n{play(block[1])}```\n", before)
    run_mentioned(after)
    host.end()
    if "--check" not in arguments:
        README.write_text(after)
    for documented, played in zip(BLOCK.findall(before), BLOCK.findall(after)):
        if "--check" in arguments and comparable(documented) != comparable(played):
            sys.exit(f"README.md has\n{documented}\nbut this is printed:\n{played}")


main()
