#!/usr/bin/env python3
"""Measures the counts of many network namespaces beside the loop of `ss -N` that they replace.

    unshare -mn benches/netns/measure.py PROGRAM [NAMESPACES [SOCKETS [ROUNDS]]]

Makes NAMESPACES (200) network namespaces with names of ip netns, in a mount namespace of its own,
each with two listeners and three connections, beside SOCKETS (30,000) connected sockets in the one
it is started in. Runs each command ROUNDS (5) times, in turn, the first round not counted. Prints the
CPU time and the time by the clock of each, start included, as medians, and their ratios to the loop.
Exits 1 where two of them count different numbers of sockets in the namespaces.

Needs root. The counts in the kernel need Linux 6.1.
"""

import ctypes, json, os, resource, socket, statistics, subprocess, sys, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_connections, start_connections

CLONE_NEWNET = 0x4000_0000
LISTENERS, CONNECTIONS = 2, 3
LOOP = "for name in $(ip netns list | cut -d' ' -f1); do ss -N $name -tanH; done | awk '{s[$1]++} END{for (i in s) print i, s[i]}'"


def enter(file):
    """Moves this process into the network namespace of a file."""
    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), file.name)


def fill():
    """The sockets of one namespace."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(LISTENERS)]
    for _ in range(CONNECTIONS):
        held.append(socket.create_connection(held[0].getsockname()))
        held.append(held[0].accept()[0])
    return held


def make(number):
    """Makes the namespaces; returns what keeps their sockets."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    held = []
    with open("/proc/self/ns/net") as own:
        for one in range(number):
            subprocess.run(["ip", "netns", "add", f"n{one}"], check=True)
            with open(f"/run/netns/n{one}") as file:
                enter(file)
            held.extend(fill())
            enter(own)
    return held


def measure(command):
    """CPU seconds, seconds by the clock, and the output of a command."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    clock, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, clock, output


def main():
    program = os.path.abspath(sys.argv[1])
    number, sockets, rounds = (*map(int, sys.argv[2:]), *(200, 30_000, 5)[len(sys.argv) - 2 :])
    members = start_connections(sockets, hold_connections)
    held = make(number)
    names = ",".join(f"n{one}" for one in range(number))
    commands = {"ss -N in a loop": ["sh", "-c", LOOP]}
    for options in ("", "--source bpf", "--by netns", "--by netns --source bpf"):
        words = [program, "-q", "--json", "-N", names, *options.split()]
        commands[f"tcpstates -N … {options}".rstrip()] = words
    times = {name: [] for name in commands}
    for one in range(rounds + 1):
        for name, command in commands.items():
            cpu, clock, output = measure(command)
            if name.startswith("ss"):
                total = sum(int(line.split()[1]) for line in output.splitlines())
            else:
                total = json.loads(output)["total"]
            if total != number * (LISTENERS + 2 * CONNECTIONS):
                sys.exit(f"{name}: {total} sockets")
            if one > 0:
                times[name].append((cpu, clock))
    loop = None
    print(f"{number} namespaces beside {sockets} sockets, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    for name, taken in times.items():
        cpu, clock = (statistics.median(column) for column in zip(*taken))
        loop = loop or cpu
        print(f"{name:40} CPU {cpu * 1e3:8.1f} ms  clock {clock * 1e3:8.1f} ms  1/{loop / cpu:.1f}")
    held.clear()
    end(members)


if __name__ == "__main__":
    main()
