#!/usr/bin/env python3
"""Processes that hold very many sockets, for measurements beside them. As a program, a crowd for
the race, in the network namespace that it is started in:

    benches/crowd.py KIND SOCKETS CHURN_RATE

makes SOCKETS sockets, half v4 and half v6, and prints one JSON object when all of them exist: the
sockets of each family by state, and the seconds since the first TIME_WAIT socket was made. Then
each byte on standard input starts two processes, which together open and close CHURN_RATE
connections a second. Everything ends when standard input ends. Exits 1 when a process ends early.
"""

import collections, ctypes, functools, json, os, resource, signal, socket, struct, subprocess
import sys, time, traceback

PR_SET_PDEATHSIG = 1
# A process of the race's crowd ends after so many seconds, whatever happens to the race.
LIFETIME = 420
# Holding processes listen from here to the ports that connections start from.
CHURNING_PORT, FIRST_LISTENING_PORT, FIRST_CLIENT_PORT = 1_099, 1_100, 10_000
# Listeners of an ordinary host.
LISTENERS = 20
# TIME_WAIT sockets live 60 seconds; more of them could not be made and raced within that.
MOST_TIME_WAIT = 130_000
# The kernel looks for a free client port from a random start: with more than a quarter of the
# range in use for one listening port, the search takes long.
MOST_FOR_ONE_PORT = 12_000
# Churning connections are opened and closed this many at a time, so that the counters change
# during a walk instead of staying at an average.
BURST = 50
# Churning connections that stay open between bursts.
WINDOW = 100
# One churning connection in so many is closed without a reset and leaves a TIME_WAIT socket. If
# all did, 4,000 a second would be a crowd of 240,000 within a minute.
CLEAN_CLOSE = 8


def prepare(first_port=1_024):
    """Sets up the network namespace of this process: connections start from `first_port` to
    65,000. Returns how many descriptors one process of the crowd may hold."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in (
        ("ip_local_port_range", f"{first_port} 65000"),
        ("tcp_max_tw_buckets", "1000000"),
        # Otherwise loopback connections reuse ports in TIME_WAIT.
        ("tcp_tw_reuse", "0"),
    ):
        with open(f"/proc/sys/net/ipv4/{name}", "w") as file:
            file.write(value)
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    # Some unprivileged users may open 20,000 files; others have no limit (-1).
    return min(limit - 50, 19_000) if limit > 0 else 19_000


def wait(_):
    """Does nothing until the process is killed."""
    while True:
        signal.pause()


def start(works, then=wait, lifetime=3_600):
    """Forks one process per function in `works`. Each calls its function and passes the result to
    `then`, which never returns. Returns the process ids once all functions have returned. The
    processes end with their parent, after `lifetime` seconds, or in `end`."""
    members = []
    for work in works:
        reader, writer = os.pipe()
        member = os.fork()
        if member == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.alarm(lifetime)
            try:
                kept = work()
                os.write(writer, b"x")
                then(kept)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        os.close(writer)
        members.append((member, reader))
    for _, reader in members:
        if os.read(reader, 1) != b"x":
            sys.exit("a process of the crowd failed")
        os.close(reader)
    return [member for member, _ in members]


def start_connections(sockets, hold):
    """Starts processes that together hold `sockets` connected sockets. Each calls hold(pairs,
    member), with members counted from 1, and keeps open what that returns."""
    most = prepare() // 2
    pairs = sockets // 2
    shares = [min(most, pairs - begin) for begin in range(0, pairs, most)]
    return start(functools.partial(hold, share, member) for member, share in enumerate(shares, 1))


def hold_connections(pairs, member):
    """Connections on loopback to one listener of this member, for `start_connections`."""
    address = (f"127.0.{member}.1", 443)
    listener = socket.socket()
    listener.bind(address)
    listener.listen(4096)
    held = [listener]
    for _ in range(pairs):
        held.append((socket.create_connection(address), listener.accept()[0]))
    return held


def hold_all(sockets, holders=20):
    """Connected sockets, held by as many processes as the limit of open files requires, but `holders` at
    least."""
    pairs = min(prepare() // 2, -(-sockets // 2 // holders))
    shares = [min(pairs, sockets // 2 - begin) for begin in range(0, sockets // 2, pairs)]
    return start(functools.partial(hold_connections, share, member) for member, share in enumerate(shares, 1))


def peak_mebibytes(process):
    """The largest resident set of a process so far."""
    with open(f"/proc/{process}/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def end(members):
    for member in members:
        os.kill(member, signal.SIGKILL)
    for member in members:
        os.waitpid(member, 0)


def listen(family, port):
    address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    return socket.create_server((address, port), family=family)


def connect(listener):
    client = socket.socket(listener.family)
    client.connect(listener.getsockname())
    return client, listener.accept()[0]


def reset_on_close(ends):
    """Closing then leaves no TIME_WAIT: 400,000 sockets are gone in seconds."""
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(ends):
    """The end that closes first is the one in TIME_WAIT."""
    for end in ends:
        end.close()


def hold(family, port, pairs, half_closed, listeners):
    held = [listen(family, port + 1 + number) for number in range(listeners)]
    with listen(family, port) as listener:
        for number in range(pairs + half_closed):
            ends = connect(listener)
            reset_on_close(ends)
            if number >= pairs:
                ends[0].shutdown(socket.SHUT_WR)
            held.append(ends)
    return held


def leave_time_wait(family, port, sockets):
    with listen(family, port) as listener:
        for _ in range(sockets):
            close(connect(listener))


def churn(rate, listener):
    window = collections.deque()
    opened = 0
    due = time.monotonic()
    while True:
        for _ in range(BURST):
            ends = connect(listener)
            opened += 1
            if opened % CLEAN_CLOSE:
                reset_on_close(ends[:1])
            window.append(ends)
        due = sleep_until(due + BURST / rate / 2)
        while len(window) > WINDOW:
            close(window.popleft())
        due = sleep_until(due + BURST / rate / 2)


def sleep_until(due):
    """Returns the time from which the next pause counts: lost time is not made up for."""
    now = time.monotonic()
    time.sleep(max(due - now, 0))
    return max(due, now)


def composition(kind, sockets):
    """Connections, half-closed connections, listeners and TIME_WAIT sockets."""
    if kind.startswith("time-wait"):
        return 0, 0, 0, sockets
    if kind == "served":
        listeners = min(LISTENERS, sockets)
        return (sockets - listeners) // 2, 0, listeners, 0
    if kind == "mixed":
        time_wait = min(sockets // 5, MOST_TIME_WAIT)
        half_closed = sockets * 3 // 20
        rest = sockets - time_wait - 2 * half_closed
        pairs = (rest - min(max(sockets // 100, 1), rest)) // 2
        return pairs, half_closed, rest - 2 * pairs, time_wait
    return sockets // 2, 0, 0, 0


def cut(numbers, index, parts):
    """The `index`th of `parts` nearly equal parts of each number."""
    return [number * (index + 1) // parts - number * index // parts for number in numbers]


def divide(kind, sockets, descriptors):
    """What the processes of the crowd do: those that hold sockets, those that leave TIME_WAIT
    behind; and the sockets of each family by state."""
    holding, leaving, counts = [], [], {}
    port = FIRST_LISTENING_PORT
    for index, family in enumerate((socket.AF_INET, socket.AF_INET6)):
        *held, time_wait = cut(composition(kind, sockets), index, 2)
        pairs, half_closed, listeners = held
        parts = -(-(2 * (pairs + half_closed) + listeners) // descriptors)
        for part in range(parts):
            share = cut(held, part, parts)
            holding.append(functools.partial(hold, family, port, *share))
            port += 1 + share[2]
        parts = -(-time_wait // MOST_FOR_ONE_PORT)
        for part in range(parts):
            share = cut([time_wait], part, parts)
            leaving.append(functools.partial(leave_time_wait, family, port, *share))
            port += 1
        counts["v6" if index else "v4"] = {
            "ESTABLISHED": 2 * pairs,
            "FIN_WAIT2": half_closed,
            "CLOSE_WAIT": half_closed,
            "TIME_WAIT": time_wait,
            "LISTEN": listeners,
        }
    if port > FIRST_CLIENT_PORT:
        sys.exit("the crowd is too large for its listening ports")
    return holding, leaving, counts


def fail(*_):
    sys.exit("a process of the crowd ended early")


def main():
    kind, sockets, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    holding, leaving, counts = divide(kind, sockets, prepare(FIRST_CLIENT_PORT))
    members = start(holding, lifetime=LIFETIME)
    begun = time.monotonic()
    members += start(leaving, lifetime=LIFETIME)
    counts["time_wait_age"] = time.monotonic() - begun if leaving else None
    print(json.dumps(counts), flush=True)
    signal.signal(signal.SIGCHLD, fail)
    try:
        while os.read(0, 1):
            families = (socket.AF_INET, socket.AF_INET6)
            works = [functools.partial(listen, family, CHURNING_PORT) for family in families]
            members += start(works, functools.partial(churn, rate / 2), LIFETIME)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end(members)


if __name__ == "__main__":
    main()
