#!/usr/bin/env python3
"""Measures how long UDP or UNIX sockets take to count and to list, beside ss and netstat.

    unshare -n benches/kinds/measure.py PROGRAM udp|unix [SOCKETS [RUNS]]

Makes SOCKETS sockets (20,000) in the network namespace that it is started in: of UNIX, connected streams,
each second one with the name of a listener; of UDP, bound to addresses and ports of the loopback
interface. Runs each command RUNS times (15), one after the other, and prints the median and the least CPU
time of each, user and system, its children included, in ms.
"""

import os, resource, signal, socket, statistics, subprocess, sys



def awk(column):
    return f"awk '{{ n[${column}]++ }} END {{ for (s in n) print s, n[s] }}'"


def make_udp(number, at):
    """Sockets of different addresses and ports for each `at`."""
    sockets = []
    for one in range(at, at + number):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((f"127.1.{one // 250 % 250}.{one % 250 + 1}", 1024 + one % 40_000))
        sockets.append(made)
    return sockets


def make_unix(number, at):
    """Connections to a listener with an abstract name, of which both ends are kept open."""
    name = b"\0tcpstates-bench-%d" % at
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(16)
    sockets = [listener]
    for _ in range(number // 2):
        client = socket.socket(socket.AF_UNIX)
        client.connect(name)
        sockets += [client, listener.accept()[0]]
    return sockets


def start_holders(make, number):
    """Starts processes that hold so many sockets together, and returns their ids."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    each, holders = min(hard - 100, 10_000), []
    for at in range(0, number, each):
        reader, writer = os.pipe()
        holder = os.fork()
        if holder == 0:
            sockets = make(min(each, number - at), at)
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


def commands_of(kind, program):
    if kind == "udp":
        return {
            "count, tcpstates -u": f"exec {program} -u",
            "count, ss | awk": f"ss -uanH | {awk(1)}",
            "count, netstat | awk": f"netstat -uan | {awk(6)}",
            "list, tcpstates list -u": f"exec {program} list -u",
            "list, ss -uan": "exec ss -uanH",
        }
    return {
        "count, tcpstates -x": f"exec {program} -x",
        "count, ss | awk": f"ss -xanH | {awk(2)}",
        "count, cat /proc/net/unix": "exec cat /proc/net/unix",
        "list, tcpstates list -x": f"exec {program} list -x",
        "list, ss -xan": "exec ss -xanH",
        "list, tcpstates list -xp": f"exec {program} list -x --columns process,peer-process",
        "list, ss -xanp": "exec ss -xanpH",
        "groups, tcpstates -x --by name": f"exec {program} -x --by name",
    }


def main():
    program, kind = os.path.abspath(sys.argv[1]), sys.argv[2]
    number = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else 15
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    holders = start_holders({"udp": make_udp, "unix": make_unix}[kind], number)
    commands = commands_of(kind, program) | {"shell alone": ":"}
    times = {name: [] for name in commands}
    try:
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(cpu_ms(command))
    finally:
        for holder in holders:
            os.kill(holder, signal.SIGTERM)
            os.waitpid(holder, 0)
    print(f"{number} {kind} sockets in {len(holders)} processes, {runs} runs, CPU in ms: median, least")
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values):8.1f} {min(values):8.1f}")


main()
