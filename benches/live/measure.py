#!/usr/bin/env python3
"""Measures the cost of the live view beside a crowd of real connections.

    unshare -n benches/live/measure.py PROGRAM SOCKETS SECONDS [OPTION...]

Makes SOCKETS connected sockets on loopback in the network namespace that it is started in, runs
PROGRAM --watch=1 OPTION... beside them on a pseudo-terminal for SECONDS, and prints its CPU time
as a share of one core, also that of each thread, its largest resident set, and the slowest response to
a key. SIZE=80x24 in the environment is the size of the terminal, else 120x40. The namespace
may share the host's socket table (without tcp_child_ehash_entries), but other sockets of the host
then make dumps slower.
"""

import fcntl, os, pty, select, signal, socket, struct, sys, termios, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_connections, peak_mebibytes, start_connections


def start(command):
    """Runs `command` on a terminal; returns its process id and the other end of the terminal."""
    columns, rows = map(int, os.environ.get("SIZE", "120x40").split("x"))
    process, master = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return process, master


def read_for(master, seconds, text=None):
    """Reads the screen for `seconds`, or until `text` appears. Returns the time to `text`, None
    without it."""
    begin, seen = time.monotonic(), b""
    while (left := begin + seconds - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            seen += os.read(master, 65536)
            if text and text in seen:
                return time.monotonic() - begin
    return None


def cpu_seconds(process):
    """The CPU time of each thread by its name."""
    seconds = {}
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/stat") as file:
            before, after = file.read().rsplit(")", 1)
        fields = after.split()
        ticks = int(fields[11]) + int(fields[12])
        seconds[before.split("(", 1)[1]] = ticks / os.sysconf("SC_CLK_TCK")
    return seconds


def measure(master, process, sockets, seconds):
    read_for(master, 5)
    before, begin = cpu_seconds(process), time.monotonic()
    read_for(master, seconds)
    took = time.monotonic() - begin
    after = cpu_seconds(process)
    shares = {name: (after[name] - before.get(name, 0)) / took for name in after}
    threads = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
    print(
        f"{sockets} sockets: {sum(shares.values()):.2%} of a core over {seconds:.0f} s ({threads}), "
        f"at most {peak_mebibytes(process):.1f} MiB"
    )
    responses = []
    for _ in range(20):
        read_for(master, 0.17)
        # PAUSED appears where the row was blank, so that it is written in one piece.
        os.write(master, b" ")
        responses.append(read_for(master, 5, b"PAUSED"))
        os.write(master, b" ")
    if None in responses:
        sys.exit("no response to a key within 5 s")
    print(f"slowest response to a key: {max(responses) * 1e3:.1f} ms (of 20)")
    os.write(master, b"q")
    read_for(master, 0.5)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    program, sockets, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    members = start_connections(sockets, hold_connections)
    process = None
    try:
        process, master = start([program, "--watch=1", *sys.argv[4:]])
        measure(master, process, sockets, seconds)
    except OSError as error:
        # EIO: the program has closed its end of the terminal.
        if error.errno != 5:
            raise
    finally:
        if process:
            os.kill(process, signal.SIGKILL)
        end(members)


if __name__ == "__main__":
    main()
