#!/usr/bin/env python3
"""Measures `record` and answers from a record over many sockets, beside `list -p` into a file.

    unshare -n benches/record/evidence.py PROGRAM [SOCKETS [RUNS]]

Makes SOCKETS (400,000) connected sockets in the network namespace that it is started in, held by as many
processes as the limit of open files requires, but 20 at least. Runs each command RUNS (3) times, in turn.
Prints the medians of the time by the clock, of the CPU time and of the largest resident set, and the size
of what was written. The two moments of the record follow each other at once. Exits 1 where the list from the record has other rows than that of the host.

Needs root and util-linux.
"""

import os, statistics, subprocess, sys, tempfile, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_all


def run(command, to):
    """Seconds by the clock, seconds of CPU, and MiB."""
    begin = time.monotonic()
    with open(to, "w") as rows:
        child = subprocess.Popen(command, stdout=rows, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        took = time.monotonic() - begin
        child.returncode = status
    if os.waitstatus_to_exitcode(status) not in (0, 3, 4, 5):
        sys.exit(f"{command}: status {status}")
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    program, sockets, runs, *_ = sys.argv[1:] + ["400000", "3"][len(sys.argv[2:4]):]
    members = hold_all(int(sockets))
    with tempfile.TemporaryDirectory() as folder:
        record, rows = os.path.join(folder, "a.rec"), os.path.join(folder, "rows")
        commands = {
            "list -p": ["list", "-p", "-H"],
            "record -t": ["record", "-t", "--force", "--window", "0.05", record],
            "--from": ["--from", record],
            "--from --by process": ["--from", record, "--by", "process"],
            "list -p --from": ["list", "-p", "-H", "--from", record],
            "doctor --from": ["doctor", "--from", record],
        }
        measured = {name: [] for name in commands}
        lists = {}
        for _ in range(int(runs)):
            for name, words in commands.items():
                measured[name].append(run([program, *words], rows))
                if name == "list -p":
                    listed = os.stat(rows).st_size
                if name.startswith("list"):
                    # Not into this process: the largest resident set of a child is never less than its own.
                    digest = subprocess.run(f"sort {rows} | sha256sum", shell=True, stdout=subprocess.PIPE, check=True)
                    lists[name] = digest.stdout
        sizes = {"record -t": os.stat(record).st_size}
    end(members)
    print(f"{sockets} sockets, {len(members)} processes, load {os.getloadavg()[0]:.1f}")
    sizes["list -p"] = listed
    base = statistics.median(took for took, *_ in measured["list -p"])
    for name, values in measured.items():
        took, cpu, memory = (statistics.median(value[part] for value in values) for part in range(3))
        size = f"  file {sizes[name] / 2**20:5.1f} MiB" if name in sizes else ""
        print(f"{name:20} {took:6.2f} s  {took / base:5.2f}  CPU {cpu:6.2f} s  {memory:6.1f} MiB{size}")
    if len(set(lists.values())) > 1:
        sys.exit("the list from the record has other rows")


if __name__ == "__main__":
    main()
