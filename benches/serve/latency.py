#!/usr/bin/env python3
"""Measures how much the latency of a loopback echo server grows on a host with very many connections while
these are counted once a second.

    unshare -n benches/serve/latency.py PROGRAM [SOCKETS [ROUNDS [SECONDS]]]

Makes SOCKETS (400,000) connected sockets in the network namespace that it is started in. In each of ROUNDS
(10), and for SECONDS (3) each, once a second: nothing is done, PROGRAM serve is scraped, `ss -tan` is run,
and prometheus-node-exporter with only its tcpstat collector is scraped; the order rotates. Meanwhile two
clients each send 64 bytes a thousand times a second to an echo server of their own and wait for them.
Prints a table with the medians of the rounds.
"""

import json, os, signal, socket, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, os.pardir)]
from crowd import end, start as start_members
from measure import NODE, SERVED, connect, scrape, start, start_crowd

ECHO = 902
CLIENTS = 2
PAUSE = 1e-3
BYTES = b"x" * 64


def serve_echo(number):
    """An echo server for one connection after the other."""
    listener = socket.create_server(("127.0.0.1", ECHO + number))
    return listener


def echo(listener):
    while True:
        stream, _ = listener.accept()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with stream:
            while received := stream.recv(len(BYTES)):
                stream.sendall(received)


def ask(number, seconds, result):
    """Writes the time that each answer took, in microseconds, to a pipe."""
    took = []
    with connect(ECHO + number) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = time.monotonic() + seconds
        while (begin := time.monotonic()) < ends:
            stream.sendall(BYTES)
            left = len(BYTES)
            while left:
                left -= len(stream.recv(left))
            now = time.monotonic()
            took.append(round((now - begin) * 1e6))
            time.sleep(max(begin + PAUSE - now, 0))
    with os.fdopen(result, "w") as file:
        json.dump(took, file)


def measure(disturb, seconds):
    """The times of all answers while `disturb` is called once a second."""
    readers = []
    for number in range(CLIENTS):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            ask(number, seconds, writer)
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    begin = time.monotonic()
    for second in range(int(seconds)):
        time.sleep(max(begin + second + 0.5 - time.monotonic(), 0))
        disturb()
    times = []
    for reader in readers:
        with os.fdopen(reader) as file:
            times += json.load(file)
    for _ in range(CLIENTS):
        os.wait()
    return sorted(times)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = sys.argv[1]
    sockets, rounds, seconds = (*map(int, sys.argv[2:]), *(400_000, 10, 3)[len(sys.argv) - 2 :])
    crowd = start_crowd("established", sockets)
    processes = []
    servers = [
        member
        for number in range(CLIENTS)
        for member in start_members([lambda: serve_echo(number)], echo)
    ]
    try:
        processes.append(start([program, "serve", f"--listen=127.0.0.1:{SERVED}"]))
        processes.append(start([
            "prometheus-node-exporter", "--collector.disable-defaults", "--collector.tcpstat",
            "--web.disable-exporter-metrics", f"--web.listen-address=127.0.0.1:{NODE}",
        ]))
        ways = {
            "nothing": lambda: None,
            "a scrape of `tcpstates serve`": lambda: scrape(SERVED),
            "`ss -tan`": lambda: subprocess.run(["ss", "-tan"], stdout=subprocess.DEVNULL),
            "a scrape of node_exporter": lambda: scrape(NODE),
        }
        scrape(SERVED), scrape(NODE)
        names = list(ways)
        results = {name: [] for name in names}
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                times = measure(ways[name], seconds)
                part = lambda share: times[min(int(len(times) * share), len(times) - 1)]
                results[name].append((part(0.5), part(0.99), part(0.999)))
                time.sleep(0.2)
        if crowd.poll() is not None:
            sys.exit("the crowd has ended: fewer rounds")
        load = os.getloadavg()[0]
        print(f"{sockets:,} sockets, {rounds} rounds of {seconds} s, load {load:.1f}; microseconds\n")
        print("| once a second | p50 | p99 | p99.9 | added to p99 |\n|---|--:|--:|--:|--:|")
        medians = {}
        for name in names:
            medians[name] = [statistics.median(values) for values in zip(*results[name])]
            added = medians[name][1] - medians["nothing"][1]
            cells = " | ".join(f"{value:,.0f}" for value in (*medians[name], added))
            print(f"| {name} | {cells} |")
        added = {name: medians[name][1] - medians["nothing"][1] for name in names}
        part = added["a scrape of `tcpstates serve`"] / max(added["`ss -tan`"], 1)
        print(f"\n`tcpstates serve` adds {part:.2f} of what `ss -tan` adds.")
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
        end(servers)
        crowd.stdin.close()
        crowd.wait()


if __name__ == "__main__":
    main()
