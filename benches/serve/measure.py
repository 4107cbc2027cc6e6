#!/usr/bin/env python3
"""Measures the cost of a scrape of `tcpstates serve` on a host with real connections, and of
node_exporter with only its tcpstat collector in the same rounds.

    unshare -n benches/serve/measure.py PROGRAM KIND SOCKETS ROUNDS [OPTION...]

Makes SOCKETS sockets of a KIND of benches/crowd.py (established, time-wait, mixed) in the network
namespace that it is started in, runs PROGRAM serve OPTION... and prometheus-node-exporter there, scrapes
one after the other ROUNDS times, and prints medians of CPU time and of wall time, and the largest resident
sets. Sockets in TIME_WAIT are there for a minute: it stops early for them. Then it opens 300
connections that send half a request, 50 that send one byte and 50 that pipeline 100 requests and read no
answer, and prints the slowest of ten scrapes before that and meanwhile; last, the CPU time of 10 s without a scrape.
"""

import json, os, signal, socket, statistics, subprocess, sys, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import peak_mebibytes

SERVED, NODE = 900, 901
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
# The seconds for which all sockets in TIME_WAIT are there, less some for the first scrapes.
TIME_WAIT = 55
# A sample is shared for nine times of what it took, five seconds at most.
SHARED = 9
LONGEST_SHARED = 5.2


def start(command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_crowd(kind, sockets):
    """Starts a crowd, and waits until all its sockets are there; it ends with its standard input."""
    crowd = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "crowd.py")
    command = [sys.executable, crowd, kind, str(sockets), "0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.time_wait_age = json.loads(process.stdout.readline())["time_wait_age"]
    return process


def connect(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def scrape(port):
    """Reads a page; returns its size and the seconds it took."""
    begin = time.monotonic()
    with connect(port) as stream:
        stream.sendall(HALF + b"Connection: close\r\n\r\n")
        size = 0
        while part := stream.recv(1 << 16):
            size += len(part)
    return size, time.monotonic() - begin


def cpu_seconds(process):
    """Of all threads, in nanoseconds by the scheduler, in seconds."""
    total = 0
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def measure_rounds(servers, rounds, until):
    """The medians of CPU time and wall time of each, in milliseconds, and the number of rounds until
    then."""
    cpu = {name: [] for name in servers}
    wall = {name: [] for name in servers}
    taken = 0
    while taken < rounds and time.monotonic() < until:
        taken += 1
        for name, (process, port) in servers.items():
            before = cpu_seconds(process)
            _, took = scrape(port)
            cpu[name].append((cpu_seconds(process) - before) * 1e3)
            wall[name].append(took * 1e3)
            if port == SERVED:
                time.sleep(0.1 + SHARED * took)
    medians = {name: (statistics.median(cpu[name]), statistics.median(wall[name])) for name in servers}
    return medians, taken


def scrape_among_others(port):
    """The slowest of ten scrapes alone, and while others send half a request, one byte, or requests whose answers
    they do not read; in milliseconds."""
    def slowest():
        return max(scrape(port)[1] for _ in range(10)) * 1e3

    alone = slowest()
    # Until the last sample is not shared any more.
    time.sleep(LONGEST_SHARED)
    others = []
    for number in range(400):
        stream = connect(port)
        stream.sendall(HALF if number < 300 else b"G" if number < 350 else (HALF + b"\r\n") * 100)
        others.append(stream)
    among = slowest()
    for stream in others:
        stream.close()
    return alone, among


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    program, kind, sockets, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    crowd = start_crowd(kind, sockets)
    age = crowd.time_wait_age
    until = float("inf") if age is None else time.monotonic() + TIME_WAIT - age
    processes = []
    try:
        served = start([program, "serve", f"--listen=127.0.0.1:{SERVED}", *sys.argv[5:]])
        processes.append(served)
        node = start([
            "prometheus-node-exporter", "--collector.disable-defaults", "--collector.tcpstat",
            "--web.disable-exporter-metrics", f"--web.listen-address=127.0.0.1:{NODE}",
        ])
        processes.append(node)
        servers = {"tcpstates serve": (served, SERVED), "node_exporter": (node, NODE)}
        medians, taken = measure_rounds(servers, rounds, until)
        for name, (process, _) in servers.items():
            cpu, wall = medians[name]
            peak = peak_mebibytes(process.pid)
            print(f"{name}: {cpu:.1f} ms of CPU and {wall:.1f} ms a scrape, at most {peak:.1f} MiB")
        ratio = medians["tcpstates serve"][0] / medians["node_exporter"][0]
        print(f"{sockets} sockets, {kind}, {taken} rounds: {ratio:.3f} of the CPU time")
        alone, among = scrape_among_others(SERVED)
        print(f"the slowest of ten scrapes: {alone:.1f} ms; with 300 half requests, 50 of one byte and 50 "
              f"clients that do not read: {among:.1f} ms")
        time.sleep(6)
        before = cpu_seconds(served)
        time.sleep(10)
        print(f"10 s without a scrape: {(cpu_seconds(served) - before) * 1e3:.1f} ms of CPU")
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
        crowd.stdin.close()
        crowd.wait()


if __name__ == "__main__":
    main()
