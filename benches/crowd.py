"""Processes that hold very many connections, for what is measured beside them."""

import os, sys

# A process may open 20,000 files where nobody has allowed more.
MOST_DESCRIPTORS = 19_000


def crowd(sockets, hold):
    """Forks processes that together hold `sockets` sockets, two a connection: each calls
    hold(pairs, member, writer), `member` counting from 1, which writes b"x" when its connections
    stand and never returns. Gives the processes' numbers, when all of them stand."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
        file.write("1024 65000")
    members = []
    left = sockets // 2
    while left > 0:
        pairs = min(left, MOST_DESCRIPTORS // 2)
        left -= pairs
        reader, writer = os.pipe()
        member = os.fork()
        if member == 0:
            hold(pairs, len(members) + 1, writer)
        os.close(writer)
        members.append((member, reader))
    for _, reader in members:
        if os.read(reader, 1) != b"x":
            sys.exit("a member of the crowd gave up")
    return [member for member, _ in members]
