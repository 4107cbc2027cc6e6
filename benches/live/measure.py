#!/usr/bin/env python3
"""What the live view takes, over a crowd of real connections.

    unshare -n benches/live/measure.py PROGRAM SOCKETS SECONDS [OPTION...]

Makes SOCKETS connected sockets on loopback in the network namespace it is started in, runs
PROGRAM --watch 1 OPTION... on a pseudo-terminal beside them for SECONDS, and prints the CPU time
it took of one core, its largest resident set, and how long it took to answer a key. Ends by
itself. A namespace whose socket table is its own (tcp_child_ehash_entries) is not needed, but
other crowds of the host make dumps slower.
"""

import fcntl, os, pty, select, signal, socket, struct, sys, termios, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import crowd


def hold(pairs, member, writer):
    address = f"127.0.{member}.1"
    listener = socket.socket()
    listener.bind((address, 443))
    listener.listen(4096)
    held = []
    for _ in range(pairs):
        caller = socket.create_connection((address, 443))
        held.append((caller, listener.accept()[0]))
    os.write(writer, b"x")
    time.sleep(3600)
    os._exit(0)


def start(command):
    """The program on a terminal of 120 columns and 40 rows: its number and the other end."""
    process, master = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return process, master


def read_for(master, seconds, text=None):
    """Reads what is drawn; returns how long it took until a text was, if it was."""
    begin, seen = time.monotonic(), b""
    while (left := begin + seconds - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            seen += os.read(master, 65536)
            if text and text in seen:
                return time.monotonic() - begin
    return None


def cpu_seconds(process):
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mebibytes(process):
    with open(f"/proc/{process}/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    program, sockets, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    os.system("ip link set lo up")
    members = crowd(sockets, hold)
    process = None
    try:
        process, master = start([program, "--watch", "1", *sys.argv[4:]])
        read_for(master, 5)
        before, begin = cpu_seconds(process), time.monotonic()
        read_for(master, seconds)
        share = (cpu_seconds(process) - before) / (time.monotonic() - begin)
        print(f"{sockets} sockets: {share:.2%} of a core over {seconds:.0f} s, "
              f"{peak_mebibytes(process):.1f} MiB at most")
        answers = []
        for _ in range(20):
            read_for(master, 0.17)
            # Drawn over blanks, so that it is written in one piece.
            os.write(master, b" ")
            answers.append(read_for(master, 5, b"PAUSED"))
            os.write(master, b" ")
        if None in answers:
            sys.exit("a key was not answered")
        print(f"a key is answered within {max(answers) * 1e3:.1f} ms (of 20)")
        os.write(master, b"q")
        read_for(master, 0.5)
    finally:
        for child in [*members, *([process] if process else [])]:
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        # The end of the program's terminal.
        if error.errno != 5:
            raise
