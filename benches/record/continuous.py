#!/usr/bin/env python3
"""Measures `record --every`: its part of a core, the size of a day's record, and how long `--at` takes.

    unshare -n benches/record/continuous.py PROGRAM [SOCKETS [INTERVAL [SAMPLES]]]

Makes SOCKETS (1,000) connected sockets in the network namespace that it is started in, and records SAMPLES
(30) samples of TCP sockets every INTERVAL (10) seconds, while ten connections a second are opened and closed.
Prints the CPU time of the recorder by the time that passed, without its start, which a run of one sample
takes; the bytes of a sample, and of 8,640, the number in a day at 10 s. Then joins copies of the record to one
with as many samples as a day's and asks it ten times for a time: the median.

Needs root.
"""

import os, socket, statistics, subprocess, sys, tempfile, threading, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_all

A_DAY = 8_640


def churn(stop):
    """Opens and closes ten connections a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    while not stop.wait(0.1):
        client = socket.create_connection(listener.getsockname())
        listener.accept()[0].close()
        client.close()


def record(program, file, interval, samples):
    """Seconds of CPU, seconds that passed, and MiB of memory."""
    begin = time.monotonic()
    words = ["record", "-t", "-q", "--force", "--every", interval, "--samples", samples, file]
    child = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"{words}: status {status}")
    return used.ru_utime + used.ru_stime, time.monotonic() - begin, used.ru_maxrss / 1024


def main():
    defaults = ["1000", "10", "30"]
    program, sockets, interval, samples, *_ = sys.argv[1:] + defaults[len(sys.argv[2:5]):]
    members = hold_all(int(sockets))
    stop = threading.Event()
    threading.Thread(target=churn, args=[stop], daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        file, day = os.path.join(folder, "a.rec"), os.path.join(folder, "day.rec")
        start, _, _ = record(program, file, interval, "1")
        one = os.stat(file).st_size
        cpu, took, memory = record(program, file, interval, samples)
        size = os.stat(file).st_size
        stop.set()
        end(members)
        part = (cpu - start) / took
        print(f"{sockets} sockets, {samples} samples every {interval} s, load {os.getloadavg()[0]:.1f}")
        print(f"CPU {cpu:.2f} s in {took:.0f} s, {start:.2f} s of it for the first: {part:.2%} of a core, {memory:.1f} MiB")
        each = (size - one) / (int(samples) - 1)
        print(f"{each:.0f} bytes for each sample: {each * A_DAY / 2**20:.1f} MiB for a day")
        with open(file, "rb") as recorded, open(day, "wb") as joined:
            joined.write(recorded.read() * (A_DAY // int(samples)))
        stamp = subprocess.run(
            f"zcat {file} | grep '\"type\":\"sample\"' | tail -n 3 | head -n 1 | cut -d '\"' -f 8",
            shell=True, stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.strip()
        asked = [program, "--from", day, "--at", stamp, "--json", "-q"]
        times = []
        for _ in range(10):
            begin = time.monotonic()
            answer = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
            times.append(time.monotonic() - begin)
            assert stamp in answer, answer
        print(f"--at in {os.stat(day).st_size / 2**20:.1f} MiB: {statistics.median(times) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
