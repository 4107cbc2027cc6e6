#!/usr/bin/env python3
"""Measures answers about many network namespaces beside the loop of `ss -N` and the `lsns` that they
replace.

    unshare -mn benches/netns/measure.py PROGRAM [NAMESPACES [SOCKETS [ROUNDS]]]

Makes NAMESPACES (200) network namespaces with names of ip netns, in a mount namespace of its own, and
measures five scenes: these without sockets; each with two listeners that nobody has connected to; each
with two listeners, three connections and a process; the same beside SOCKETS (30,000) connected sockets in the namespace it is started in; and five times as
many namespaces, with two processes each. Runs the commands of a scene ROUNDS (5) times, in turn, the
first round not counted. Prints a table of the CPU times, start included, as medians, beside those of
the command that they are compared with, and the limits. Exits 1 where two of them count different
numbers of sockets, and 2 where a limit is not met.

Needs root. The counts in the kernel need Linux 6.1.
"""

import ctypes, json, os, resource, shutil, socket, statistics, subprocess, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from crowd import end, hold_connections, start as start_members, start_connections

CLONE_NEWNET = 0x4000_0000
LISTENERS, CONNECTIONS = 2, 3
LOOP = "for name in $(ip netns list | cut -d' ' -f1); do ss -N $name -tanH; done | awk '{s[$1]++} END{for (i in s) print i, s[i]}'"
LISTENING_LOOP = LOOP.replace("-tanH", "-tlnH")
LSNS = "lsns -t net"
# Searches every namespace for this name, and fails because none has it.
FINDS = "-N unit:none"
ORDINARY = "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all"


def enter(file):
    """Moves this process into the network namespace of a file."""
    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), file.name)


def fill(connections):
    """The sockets of one namespace."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(LISTENERS)]
    for _ in range(connections):
        held.append(socket.create_connection(held[0].getsockname()))
        held.append(held[0].accept()[0])
    return held


def make(numbers):
    """Makes namespaces without sockets."""
    for one in numbers:
        subprocess.run(["ip", "netns", "add", f"n{one}"], check=True)


def fill_all(numbers, connections):
    """Makes the sockets of these namespaces; returns what keeps them."""
    held = []
    with open("/proc/self/ns/net") as own:
        for one in numbers:
            with open(f"/run/netns/n{one}") as file:
                enter(file)
            held.extend(fill(connections))
            enter(own)
    return held


def start_processes(numbers):
    """Starts a process in each of these namespaces."""
    with open("/proc/self/ns/net") as own:
        for one in numbers:
            with open(f"/run/netns/n{one}") as file:
                enter(file)
            yield subprocess.Popen(["sleep", "3600"])
            enter(own)


def measure(command):
    """CPU seconds and output of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in (0, 2, 3):
        sys.exit(f"{command}: exit status {ran.returncode}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ran.stdout


def total(output):
    """The sockets that a count of a program shows, or one of the loop."""
    if output.startswith("{"):
        return json.loads(output)["total"]
    return sum(int(line.split()[1]) for line in output.splitlines())


class Scenes:
    """The results of all scenes."""

    def __init__(self, program, rounds):
        self.program, self.rounds, self.met = program, rounds, True

    def run(self, scene, peer, rows, expected=None):
        """Measures `peer`, and each row: its name, the words before the program and its arguments,
        and the limit as a part of the peer's time or in milliseconds."""
        commands = {"peer": ["sh", "-c", peer]}
        for name, before, words, *_ in rows:
            commands[name] = [*before.split(), self.program, *words.split()]
        times = {name: [] for name in commands}
        for one in range(self.rounds + 1):
            for name, command in commands.items():
                cpu, output = measure(command)
                if expected is not None and "list" not in command and total(output) != expected:
                    sys.exit(f"{scene}: {name}: {total(output)} sockets, not {expected}")
                if one > 0:
                    times[name].append(cpu * 1e3)
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        for name, _, _, part, most in rows:
            cpu, loop = medians[name], medians["peer"]
            limits = [text for text, limit in ((f"≤ 1/{part}", part), (f"≤ {most} ms", most)) if limit]
            is_met = (not part or cpu <= loop / part) and (not most or cpu <= most)
            self.met &= is_met
            verdict = ("met" if is_met else "**not met**") if limits else ""
            print(f"| {scene} | `{name}` | {cpu:.1f} | {loop:.1f} | 1/{loop / cpu:.1f} | {', '.join(limits)} | {verdict} |", flush=True)


def main():
    program = os.path.abspath(sys.argv[1])
    number, sockets, rounds = (*map(int, sys.argv[2:]), *(200, 30_000, 5)[len(sys.argv) - 2 :])
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    directory = tempfile.mkdtemp()
    os.chmod(directory, 0o755)
    readable = shutil.copy(program, directory)
    scenes, numbers = Scenes(readable, rounds), range(number)
    names = ",".join(f"n{one}" for one in numbers)
    count, by = f"-q --json -N {names}", f"-q --json --by netns -N {names}"
    print(f"{number} namespaces, {rounds} rounds, load {os.getloadavg()[0]:.1f}\n")
    print("| scene | command | CPU, ms | peer, ms | part | limit | |\n|---|---|--:|--:|--:|---|---|")
    make(numbers)
    scenes.run("empty", LOOP, [("-N …", "", count, 30, None), ("--by netns -N …", "", by, None, None)], 0)
    holders = start_members([lambda: fill_all(numbers, 0)])
    unused = number * LISTENERS
    scenes.run("listeners", LOOP, [("-N …", "", count, 6, None), ("--by netns -N …", "", by, None, None)], unused)
    end(holders)
    holders = start_members([lambda: fill_all(numbers, CONNECTIONS)])
    processes = list(start_processes(numbers))
    filled = number * (LISTENERS + 2 * CONNECTIONS)
    connected = "listeners, connections"
    scenes.run(connected, LOOP, [("-N …", "", count, None, None), ("--by netns -N …", "", by, None, None)], filled)
    listed = ("list -l -N all", "", "list -l -N all", None, 30)
    ordinary = ("list -l -N all, as nobody", ORDINARY, "list -l -N all", None, None)
    scenes.run(connected, LISTENING_LOOP, [listed, ordinary])
    scenes.run(connected, LSNS, [(FINDS, "", FINDS, 1, None)])
    members = start_connections(sockets, hold_connections)
    crowd = f"beside {sockets:,} sockets"
    bpf = [("-N … --source bpf", "", f"{count} --source bpf", 20, None)]
    bpf.append(("--by netns -N … --source bpf", "", f"{by} --source bpf", 20, None))
    scenes.run(crowd, LOOP, [("-N …", "", count, 2, None), *bpf], filled)
    end(members)
    more = range(number, 5 * number)
    make(more)
    processes += [*start_processes([*numbers, *more, *more])]
    scenes.run(f"{5 * number:,} namespaces", LSNS, [(FINDS, "", FINDS, 1, 40)])
    for one in processes:
        one.kill()
    end(holders)
    shutil.rmtree(directory)
    sys.exit(0 if scenes.met else 2)


if __name__ == "__main__":
    main()
