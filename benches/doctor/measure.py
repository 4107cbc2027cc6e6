#!/usr/bin/env python3
"""What doctor takes, over a crowd of real connections.

    unshare -n benches/doctor/measure.py PROGRAM SOCKETS SCENE [OPTION...]

Makes SOCKETS connected sockets on loopback in the network namespace it is started in, as SCENE
says, runs PROGRAM doctor OPTION... beside them, and prints how long that took, the CPU time, the
largest resident set, the requests to the kernel and the directories of descriptors that were read
(strace), and the titles of what was found. Needs GNU time and strace, ends by itself. Scenes:

    quiet         connections to few addresses, on which nothing happens
    destinations  every connection goes to an address of its own
    close-wait    so, and every client has closed its direction: CLOSE_WAIT at one end of each,
                  FIN_WAIT2 that a process holds at the other
    stuck         so, and of one connection in eight the peer has stopped reading
"""

import functools, json, os, re, resource, signal, socket, subprocess, sys, tempfile, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import crowd
SCENES = ("quiet", "destinations", "close-wait", "stuck")


def hold(scene, pairs, member, writer):
    resource.setrlimit(resource.RLIMIT_NOFILE, (20_000, 20_000))
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
        caller = socket.create_connection((address, port))
        accepted = listener.accept()[0]
        if scene == "close-wait":
            caller.shutdown(socket.SHUT_WR)
        if scene == "stuck" and number % 8 == 0:
            fill(caller)
        held.append((caller, accepted))
    os.write(writer, b"x")
    time.sleep(3600)
    os._exit(0)


def fill(caller):
    """Writes what the peer has room for, and a little more."""
    caller.setblocking(False)
    try:
        for _ in range(8):
            caller.send(bytes(1_024))
    except BlockingIOError:
        pass


def measure(command):
    """Runs it; prints what it took."""
    with tempfile.NamedTemporaryFile("r") as file:
        # The resident set of a child of this process would be at least that of Python.
        timed = ["time", "--quiet", "--format=%e %U %S %M %x", f"--output={file.name}"]
        text = subprocess.run([*timed, *command], stdout=subprocess.PIPE).stdout
        took, user, system, peak, status = file.read().split()
    print(
        f"{took} s, user {user} s, system {system} s, "
        f"{int(peak) / 1024:.1f} MiB, exit status {status}"
    )
    diagnosis = json.loads(text)
    print(f"{diagnosis['total']:,} sockets")
    for finding in diagnosis["findings"]:
        held = sum(process["sockets"] for process in finding["processes"])
        print(f"  {finding['severity']} {finding['title']} (holders of {held:,})")


def trace(command):
    """Runs it under strace; prints how often it asked, and how many processes it looked into."""
    with tempfile.NamedTemporaryFile("r") as file:
        calls = "trace=sendto,recvfrom,recvmsg,openat,readlink,readlinkat"
        command = ["strace", "-f", "-e", calls, "-o", file.name, *command]
        subprocess.run(command, stdout=subprocess.DEVNULL)
        text = file.read()
    for what, pattern in (
        ("requests to the kernel", r"sendto\("),
        ("answers read", r"recv(?:from|msg)\("),
        ("processes looked into", r'openat\([^\n]*fd"'),
        ("descriptors looked at", r"readlink(?:at)?\("),
    ):
        print(f"  {len(re.findall(pattern, text)):,} {what}")


def main():
    if len(sys.argv) < 4 or not sys.argv[2].isdigit() or sys.argv[3] not in SCENES:
        sys.exit(__doc__)
    program, sockets, scene = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    members = crowd(sockets, functools.partial(hold, scene))
    try:
        command = [program, "doctor", "--json", "--quiet", *sys.argv[4:]]
        measure(command)
        trace(command)
    finally:
        for member in members:
            os.kill(member, signal.SIGKILL)
            os.waitpid(member, 0)


if __name__ == "__main__":
    main()
