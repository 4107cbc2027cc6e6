#!/usr/bin/env python3
"""Measures `list -p` over many sockets: on all processors, on one, and by another program.

    unshare -n benches/owners/measure.py PROGRAM [SOCKETS [RUNS [OTHER]]]

Makes SOCKETS (400,000) connected sockets in the network namespace that it is started in, held by as
many processes as the limit of open files requires, but 20 at least. Runs each command RUNS (5) times,
in turn: PROGRAM, PROGRAM on one processor (taskset), OTHER and `ss -tanp`. Prints the medians of the
time by the clock and of the CPU time, and the largest resident set. Exits 1 where two of the lists
differ in their rows.

Needs root, and util-linux and iproute2.
"""

import os, statistics, subprocess, sys, tempfile, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_all

def run(command):
    """Seconds by the clock, seconds of CPU, MiB, and a digest of the sorted rows. The rows go to a
    file: the largest resident set of a child is never less than that of this process."""
    with tempfile.NamedTemporaryFile() as rows:
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=rows)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        child.returncode = status
        if status:
            sys.exit(f"{command}: status {status}")
        digest = subprocess.run(f"sort {rows.name} | sha256sum", shell=True, stdout=subprocess.PIPE, check=True)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, digest.stdout


def main():
    program, sockets, runs, *other = sys.argv[1:] + ["400000", "5"][len(sys.argv[2:4]):]
    listing = ["list", "-p", "-H"]
    commands = {"all processors": [program, *listing], "one processor": ["taskset", "-c", "0", program, *listing]}
    if other:
        commands["other"] = [other[0], *listing]
    commands["ss -tanp"] = ["ss", "-tanpH"]
    members = hold_all(int(sockets))
    measured = {name: [] for name in commands}
    for _ in range(int(runs)):
        for name, command in commands.items():
            measured[name].append(run(command))
    end(members)
    print(f"{len(members)} processes, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    base = None
    for name, values in measured.items():
        wall, cpu, memory = (statistics.median(value[part] for value in values) for part in range(3))
        base = base or wall
        print(f"{name:16} {wall:7.2f} s {cpu:7.2f} s of CPU {memory:7.1f} MiB   {wall / base:5.2f}")
    if len({value[3] for name in measured if name != "ss -tanp" for value in measured[name]}) > 1:
        sys.exit("the lists differ")


main()
