#!/usr/bin/env python3
"""Measures the file of `record` where every socket changes between its two moments.

    unshare -n benches/record/changing.py PROGRAM [SOCKETS]

Makes SOCKETS (400,000) connected sockets in the network namespace that it is started in, both ends in one of 25
processes. Over each connection a random number of bytes is sent and read before the first moment, and again between
the two. Prints the size of the record, and how many sockets of its second moment have a line.

Needs root and zcat.
"""

import os, random, resource, signal, socket, subprocess, sys, tempfile, time

MEMBERS = 25


def pairs_of(number, count):
    """Connections to a listener of this process, from as many addresses as the ports require."""
    listener = socket.create_server((f"127.0.{number + 1}.1", 443), backlog=64)
    pairs = []
    for _ in range(count):
        client = socket.create_connection(listener.getsockname())
        pairs.append((client, listener.accept()[0]))
    return pairs


def talk(pairs):
    """Sends and reads over each connection, in both directions."""
    for client, server in pairs:
        for one, other in ((client, server), (server, client)):
            left = random.randrange(1, 3000)
            one.sendall(bytes(left))
            while left:
                left -= len(other.recv(left))


def member(number, count, ready):
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    pairs = pairs_of(number, count)
    for _ in range(2):
        talk(pairs)
        os.write(ready, b".")
        signal.sigwait([signal.SIGUSR1])


def wait_for(ready):
    left = MEMBERS
    while left:
        found = len(os.read(ready, left))
        if not found:
            sys.exit("a member ended early")
        left -= found


def main():
    program, sockets, *_ = sys.argv[1:] + ["400000"]
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as ports:
        ports.write("1024 65000")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    ready, end = os.pipe()
    members = []
    for number in range(MEMBERS):
        child = os.fork()
        if not child:
            os.close(ready)
            try:
                member(number, int(sockets) // 2 // MEMBERS, end)
            except OSError as error:
                print(error, file=sys.stderr)
            finally:
                os._exit(0)
        members.append(child)
    os.close(end)
    signal_all = lambda: [os.kill(child, signal.SIGUSR1) for child in members]
    try:
        wait_for(ready)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.rec")
            words = [program, "record", "-t", "--window", "40", path]
            recording = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            size, before = 0, -1
            while size <= 152 or size != before:
                time.sleep(3)
                size, before = os.path.exists(path) and os.stat(path).st_size, size
            signal_all()
            wait_for(ready)
            print(recording.communicate()[0].strip())
            print(f"first moment {size / 2**20:.1f} MiB, the file {os.stat(path).st_size / 2**20:.1f} MiB")
            script = f"zcat {path} | awk '/\"type\":\"moment\"/ {{ of++ }} /^.\"type\":\"socket\"/ {{ lines[of]++ }} END {{ print lines[1], lines[2] }}'"
            print("lines of sockets:", subprocess.check_output(script, shell=True, text=True).strip())
    finally:
        for child in members:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


main()
