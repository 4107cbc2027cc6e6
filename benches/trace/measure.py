#!/usr/bin/env python3
"""Measures the cost of `trace`, side by side with libbpf-tools' tcpstates where that is installed.

    unshare -n benches/trace/measure.py PROGRAM [RATE [SECONDS [ROUNDS]]]

Opens and closes RATE (10,000) connections a second for SECONDS (5) on loopback in the network
namespace that it is started in, ROUNDS (6) times with each tracer and without one, in turn. Each
connection has ten transitions, the listener two. Prints the connections a second that were reached,
the events written and lost, the CPU time of the load for each connection and that of the tracer for
each row; then the time an event takes in the kernel (`bpf_stats_enabled`), the time until the
tracer is attached, and its largest resident set beside 60,000 connections.

Needs root. Other network namespaces should be quiet: their events cost libbpf-tools' tcpstates rows.
It needs tracefs, which is mounted for it alone; it is given two seconds to attach.
"""

import json, os, resource, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_connections, peak_mebibytes, start_connections

PORT = 18_713
LIBBPF = "/usr/sbin/tcpstates"
MOUNTED = 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$0" "$@"'
STATS = "/proc/sys/kernel/bpf_stats_enabled"
LIVE = 60_000


class Tracer:
    """A tracer that writes rows into a file until it is ended."""

    def __init__(self, name, command, attached):
        self.name, self.command, self.attached = name, command, attached

    def start(self, path):
        self.path, begin = path, time.monotonic()
        with open(path, "w") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=subprocess.PIPE, text=True
            )
        if self.attached:
            line = self.process.stderr.readline()
            if self.attached not in line:
                sys.exit(f"{self.name}: {line}{self.process.stderr.read()}")
        else:
            time.sleep(2)
        return time.monotonic() - begin

    def stop(self):
        """Ends it; returns its CPU seconds and what it wrote on standard error."""
        # What was recorded last may wait in the ring.
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        text = self.process.stderr.read()
        _, _, usage = os.wait4(self.process.pid, 0)
        return usage.ru_utime + usage.ru_stime, text

    def programs(self):
        """Runs and nanoseconds of its programs in the kernel."""
        runs = nanoseconds = 0
        folder = f"/proc/{self.process.pid}/fdinfo"
        for name in os.listdir(folder):
            with open(f"{folder}/{name}") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
            if "prog_id" in fields and "run_cnt" in fields:
                runs += int(fields["run_cnt"])
                nanoseconds += int(fields["run_time_ns"])
        return runs, nanoseconds


class Ours(Tracer):
    def __init__(self, program, show):
        command = [program, "trace", "--show", show, "--json", "--source", "bpf"]
        super().__init__(f"tcpstates trace --show {show}", command, "tracing")

    def read(self, _):
        """Rows and losses."""
        rows = -1
        with open(self.path) as file:
            for line in file:
                rows += 1
        summary = json.loads(line)
        return rows, sum(count or 0 for count in summary["lost"].values())


class Libbpf(Tracer):
    def __init__(self):
        command = ["unshare", "-m", "sh", "-c", MOUNTED, LIBBPF]
        super().__init__("libbpf-tools' tcpstates", command, None)

    def read(self, text):
        """Rows of the load, without those of other namespaces, and losses, of whichever."""
        with open(self.path, errors="replace") as file:
            rows = sum(str(PORT) in line.split() for line in file)
        lost = (line.split() for line in text.splitlines() if line.startswith("lost "))
        return rows, sum(int(words[1]) for words in lost)


def load(rate, seconds):
    """Opens and closes connections; returns how many, in how many seconds, with how much CPU."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", PORT))
    listener.listen(64)
    address = listener.getsockname()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    begin = now = time.monotonic()
    count = 0
    while now < begin + seconds:
        client = socket.socket()
        client.connect(address)
        server = listener.accept()[0]
        client.close()
        server.recv(1)
        server.close()
        count += 1
        now = time.monotonic()
        if count > rate * (now - begin):
            time.sleep(0.001)
    used = resource.getrusage(resource.RUSAGE_SELF)
    listener.close()
    cpu = used.ru_utime + used.ru_stime - usage.ru_utime - usage.ru_stime
    return count, now - begin, cpu


def race(tracers, rate, seconds, rounds, folder):
    results = {tracer: [] for tracer in tracers}
    for _ in range(rounds):
        for tracer in tracers:
            cpu, rows, lost = 0, 0, 0
            if tracer:
                tracer.start(f"{folder}/rows")
            count, took, used = load(rate, seconds)
            if tracer:
                cpu, text = tracer.stop()
                rows, lost = tracer.read(text)
            results[tracer].append((count, count / took, used / count * 1e6, rows, lost, cpu))
    print("| tracer | connections/s | rows | lost | µs of load per connection, min / median | tracer's CPU µs per row, min / median |")
    print("|---|--:|--:|--:|--:|--:|")
    for tracer, runs in results.items():
        speeds = [run[1] for run in runs]
        costs = [run[2] for run in runs]
        rows = lost = own = "-"
        if tracer:
            expected = 10 if not isinstance(tracer, Ours) or "transitions" in tracer.name else 1
            total = sum(expected * run[0] + (2 if expected == 10 else 0) for run in runs)
            rows = f"{sum(run[3] for run in runs):,} of {total:,}"
            lost = f"{sum(run[4] for run in runs):,} in {sum(run[4] > 0 for run in runs)} of {len(runs)} runs"
            shares = [run[5] / max(run[3], 1) * 1e6 for run in runs]
            own = f"{min(shares):.2f} / {statistics.median(shares):.2f}"
        name = f"`{tracer.name}`" if tracer else "none"
        print(
            f"| {name} | {min(speeds):,.0f} to {max(speeds):,.0f} | {rows} | {lost} "
            f"| {min(costs):.1f} / {statistics.median(costs):.1f} | {own} |"
        )


def in_kernel(tracers, rate, seconds, folder):
    """The time that an event takes in the kernel."""
    with open(STATS) as file:
        before = file.read()
    # A sysctl takes what is written at its beginning only.
    with open(STATS, "w") as file:
        file.write("1")
    try:
        for tracer in filter(None, tracers):
            tracer.start(f"{folder}/rows")
            load(rate, seconds)
            runs, nanoseconds = tracer.programs()
            tracer.stop()
            print(f"- `{tracer.name}`: {nanoseconds / runs:,.0f} ns an event in the kernel ({runs:,} events)")
    finally:
        with open(STATS, "w") as file:
            file.write(before)


def live(tracer, folder):
    """The largest resident set while 60,000 connections open, of which both ends are traced."""
    tracer.start(f"{folder}/rows")
    members = start_connections(2 * LIVE, hold_connections)
    try:
        time.sleep(0.5)
        print(f"- {LIVE:,} connections, both ends: {peak_mebibytes(tracer.process.pid):.1f} MiB where they open while it traces")
        tracer.stop()
        attached = tracer.start(f"{folder}/rows")
        time.sleep(0.5)
        print(
            f"- the same, open before: {peak_mebibytes(tracer.process.pid):.1f} MiB; "
            f"attached, and all sockets listed, after {attached * 1e3:.0f} ms"
        )
        tracer.stop()
    finally:
        end(members)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = sys.argv[1]
    rate, seconds, rounds = (
        int(sys.argv[at]) if len(sys.argv) > at else usual
        for at, usual in ((2, 10_000), (3, 5), (4, 6))
    )
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tracers = [None, Ours(program, "transitions"), Ours(program, "closes")]
    if shutil.which(LIBBPF):
        tracers.append(Libbpf())
    else:
        print("libbpf-tools' tcpstates is not installed", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        race(tracers, rate, seconds, rounds, folder)
        print()
        in_kernel(tracers, rate, seconds, folder)
        idle = Ours(program, "transitions")
        times = []
        for _ in range(9):
            times.append(idle.start(f"{folder}/rows"))
            idle.stop()
        print(f"- attached after {statistics.median(times) * 1e3:.0f} ms (median of {len(times)}, from its start)")
        live(Ours(program, "closes"), folder)


if __name__ == "__main__":
    main()
