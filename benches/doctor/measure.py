#!/usr/bin/env python3
"""Measures the cost of `doctor` beside a crowd of real connections.

    unshare -n benches/doctor/measure.py PROGRAM SOCKETS SCENE [OPTION...]

Makes SOCKETS connected sockets on loopback in the network namespace that it is started in, runs
PROGRAM doctor OPTION... beside them, and prints elapsed time, CPU time, the largest resident set,
the titles of the findings, and from a second run under strace the requests to the kernel and the
descriptor directories read. Needs GNU time and strace. Scenes:

    quiet         connections to few addresses, without traffic
    destinations  every connection has a remote address of its own
    close-wait    the same, and every client has shut down its direction: one end of each
                  connection is in CLOSE_WAIT, the other in FIN_WAIT2 and held by a process
    stuck         destinations, and on one connection in eight the peer has stopped reading
"""

import functools, json, os, re, socket, subprocess, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, start_connections

SCENES = ("quiet", "destinations", "close-wait", "stuck")


def hold(scene, pairs, member):
    port = 443 if scene == "quiet" else 65_000 + member
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if scene == "stuck":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_304)
    listener.bind((f"127.0.{member}.1" if scene == "quiet" else "0.0.0.0", port))
    listener.listen(4096)
    held = [listener]
    for number in range(pairs):
        address = f"127.{member}.{number >> 8}.{number & 255}"
        if scene == "quiet":
            address = f"127.0.{member}.1"
        client = socket.create_connection((address, port))
        server = listener.accept()[0]
        if scene == "close-wait":
            client.shutdown(socket.SHUT_WR)
        if scene == "stuck" and number % 8 == 0:
            fill(client)
        held.append((client, server))
    return held


def fill(client):
    """Writes slightly more than the peer has room for."""
    client.setblocking(False)
    try:
        for _ in range(8):
            client.send(bytes(1_024))
    except BlockingIOError:
        pass


def measure(command):
    with tempfile.NamedTemporaryFile("r") as file:
        # A child of this process would have at least the resident set of Python.
        timed = ["time", "--quiet", "--format=%e %U %S %M %x", f"--output={file.name}"]
        text = subprocess.run([*timed, *command], stdout=subprocess.PIPE).stdout
        elapsed, user, system, peak, status = file.read().split()
    print(
        f"{elapsed} s, user {user} s, system {system} s, "
        f"{int(peak) / 1024:.1f} MiB, exit status {status}"
    )
    diagnosis = json.loads(text)
    print(f"{diagnosis['total']:,} sockets")
    for finding in diagnosis["findings"]:
        held = sum(process["sockets"] for process in finding["processes"])
        print(f"  {finding['severity']} {finding['title']} (owners of {held:,} sockets)")


def trace(command):
    with tempfile.NamedTemporaryFile("r") as file:
        calls = "trace=sendto,recvfrom,recvmsg,openat,readlink,readlinkat"
        command = ["strace", "-f", "-e", calls, "-o", file.name, *command]
        subprocess.run(command, stdout=subprocess.DEVNULL)
        text = file.read()
    for what, pattern in (
        ("requests to the kernel", r"sendto\("),
        ("answers received", r"recv(?:from|msg)\("),
        ("descriptor directories read", r'openat\([^\n]*fd"'),
        ("descriptors read", r"readlink(?:at)?\("),
    ):
        print(f"  {len(re.findall(pattern, text)):,} {what}")


def main():
    if len(sys.argv) < 4 or not sys.argv[2].isdigit() or sys.argv[3] not in SCENES:
        sys.exit(__doc__)
    program, sockets, scene = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    members = start_connections(sockets, functools.partial(hold, scene))
    try:
        command = [program, "doctor", "--json", "--quiet", *sys.argv[4:]]
        measure(command)
        trace(command)
    finally:
        end(members)


if __name__ == "__main__":
    main()
