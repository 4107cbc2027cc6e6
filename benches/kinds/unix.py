#!/usr/bin/env python3
"""Measures how long UNIX sockets take to count and to list, beside ss.

    unshare -n benches/kinds/unix.py PROGRAM [SOCKETS [RUNS]]

Makes SOCKETS connected stream sockets (20,000) in the network namespace that it is started in, each
second one with the name of a listener, runs each command RUNS times (15), one after the other, and
prints the median and the least CPU time of each, user and system, its children included, in ms.
"""

import os, resource, signal, socket, statistics, subprocess, sys

AWK = "{ n[$2]++ } END { for (s in n) print s, n[s] }"


def make_sockets(number, name):
    """Connections to a listener with this abstract name, of which both ends are kept open."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(16)
    sockets = [listener]
    for _ in range(number // 2):
        client = socket.socket(socket.AF_UNIX)
        client.connect(name)
        sockets += [client, listener.accept()[0]]
    return sockets


def start_holders(number):
    """Starts processes that hold so many sockets together, and returns their ids."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    each, holders = min(hard - 100, 10_000), []
    for at in range(0, number, each):
        reader, writer = os.pipe()
        holder = os.fork()
        if holder == 0:
            sockets = make_sockets(min(each, number - at), b"\0tcpstates-bench-%d" % at)
            os.write(writer, b"%d" % len(sockets))
            while True:
                signal.pause()
        os.close(writer)
        if not os.read(reader, 16):
            sys.exit("a process could not make its sockets")
        holders.append(holder)
    return holders


def cpu_ms(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return (user + system) * 1e3


def main():
    program = os.path.abspath(sys.argv[1])
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    holders = start_holders(number)
    commands = {
        "count, tcpstates -x": f"exec {program} -x",
        "count, ss | awk": f"ss -xanH | awk '{AWK}'",
        "count, cat /proc/net/unix": "exec cat /proc/net/unix",
        "list, tcpstates list -x": f"exec {program} list -x",
        "list, ss -xan": "exec ss -xanH",
        "list, tcpstates list -xp": f"exec {program} list -x --columns process,peer-process",
        "list, ss -xanp": "exec ss -xanpH",
        "groups, tcpstates -x --by name": f"exec {program} -x --by name",
        "shell alone": ":",
    }
    times = {name: [] for name in commands}
    try:
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(cpu_ms(command))
    finally:
        for holder in holders:
            os.kill(holder, signal.SIGTERM)
            os.waitpid(holder, 0)
    print(f"{number} sockets in {len(holders)} processes, {runs} runs, CPU in ms: median, least")
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values):8.1f} {min(values):8.1f}")


main()
