#!/usr/bin/env python3
"""Measures one call beside ten sockets, from its start to its end, against `ss -tan`.

    unshare -n benches/start/measure.py PROGRAM [PROGRAM...]

Makes ten connected sockets in the network namespace that it is started in, and has hyperfine run each
PROGRAM without arguments and `ss -tan`, without a shell. Prints the medians and the ratios to ss, and the
instructions of a call by callgrind, which do not depend on the load of the machine.

Needs hyperfine, valgrind, and iproute2.
"""

import json, os, re, subprocess, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_connections, start_connections

SOCKETS, RUNS = 10, 500


def medians(commands):
    """Milliseconds by the clock."""
    with tempfile.NamedTemporaryFile() as results:
        quiet = ["--style=none", "--shell=none", "--warmup=20", f"--runs={RUNS}"]
        subprocess.run(
            ["hyperfine", *quiet, f"--export-json={results.name}", *commands],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        return [result["median"] * 1e3 for result in json.load(results)["results"]]


def instructions(command):
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    ran = subprocess.run([*callgrind, *command.split()], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", ran.stderr)[1])


def main():
    commands = [*sys.argv[1:], "ss -tan"]
    members = start_connections(SOCKETS, hold_connections)
    times = medians(commands)
    for command, time in zip(commands, times):
        print(f"{time:6.2f} ms {time / times[-1]:6.2f} {instructions(command):10,} instructions   {command}")
    end(members)
    print(f"load {os.getloadavg()[0]:.1f}")


main()
