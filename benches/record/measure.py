#!/usr/bin/env python3
"""Measures `record` and answers from a record over many sockets, beside `list -p` into a file.

    unshare -n benches/record/measure.py PROGRAM [SOCKETS [RUNS]]

Makes SOCKETS (400,000) connected sockets in the network namespace that it is started in, held by as many
processes as the limit of open files requires, but 20 at least. Runs each command RUNS (3) times, in turn.
Prints the medians of the CPU time and the largest resident set, and the size of the record. Exits 1 where
the list from the record has other rows than that of the host.

Needs root and util-linux.
"""

import os, statistics, subprocess, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_all


def run(command, to):
    """Seconds of CPU, and MiB."""
    with open(to, "w") as rows:
        child = subprocess.Popen(command, stdout=rows, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = status
    if os.waitstatus_to_exitcode(status) not in (0, 3, 4, 5):
        sys.exit(f"{command}: status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    program, sockets, runs, *_ = sys.argv[1:] + ["400000", "3"][len(sys.argv[2:4]):]
    members = hold_all(int(sockets))
    with tempfile.TemporaryDirectory() as folder:
        record, rows = os.path.join(folder, "a.rec"), os.path.join(folder, "rows")
        commands = {
            "list -p": ["list", "-p", "-H"],
            "record -t": ["record", "-t", "--force", "--window", "5", record],
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
                if name.startswith("list"):
                    lists[name] = subprocess.run(["sort", rows], stdout=subprocess.PIPE, check=True).stdout
        size = os.stat(record).st_size
    end(members)
    print(f"{sockets} sockets, {len(members)} processes, load {os.getloadavg()[0]:.1f}, record {size / 2**20:.1f} MiB")
    base = statistics.median(cpu for cpu, _ in measured["list -p"])
    for name, values in measured.items():
        cpu, memory = (statistics.median(value[part] for value in values) for part in range(2))
        print(f"{name:20} CPU {cpu:6.2f} s  {cpu / base:5.2f}  {memory:6.1f} MiB")
    if len(set(lists.values())) > 1:
        sys.exit("the list from the record has other rows")


if __name__ == "__main__":
    main()
