#!/usr/bin/env python3
"""Create docs/screen.svg and docs/list.svg: pictures of the live view, and of a list with processes
on a terminal of 80 columns, with real sockets in a network namespace.

    unshare -n docs/make-screen.py target/release/tcpstates

Needs tmux as the terminal. Takes about 80 seconds.
"""

import html, os, pathlib, random, re, shutil, socket, subprocess, sys, tempfile, time

SAMPLES = 70
# Size of a cell, in pixels.
WIDTH, HEIGHT = 8.4, 18
COLORS = {"31": "#e06c75", "33": "#e5c07b", "36": "#56b6c2"}
INK, PAPER = "#d7dae0", "#1e2127"


class Scene:
    """A gateway on :443, and a billing program that does not close what its upstream has closed."""

    def __init__(self):
        os.system("ip link set lo up")
        self.listeners = {port: self.listen(port) for port in (443, 5432, 9000)}
        self.held = [self.pair(443) for _ in range(180)] + [self.pair(5432) for _ in range(24)]
        self.leaked = []
        # An accept queue with more callers than its limit.
        self.busy = self.listen(8080, backlog=2)
        self.callers = [self.call(8080) for _ in range(3)]

    def listen(self, port, backlog=512):
        listener = socket.socket()
        listener.bind(("0.0.0.0", port))
        listener.listen(backlog)
        return listener

    def call(self, port, host="127.0.0.1"):
        caller = socket.socket()
        caller.bind((f"127.0.{random.randint(1, 3)}.{random.randint(1, 9)}", 0))
        caller.connect((host, port))
        return caller

    def pair(self, port, host="127.0.0.1"):
        caller = self.call(port, host)
        return caller, self.listeners[port].accept()[0]

    def step(self):
        for _ in range(random.randint(1, 4)):
            caller, served = self.pair(443)
            caller.close()
            served.close()
        if random.random() < 0.6:
            upstream = random.choice([7, 7, 7, 7, 8, 8, 9])
            caller, served = self.pair(9000, f"127.9.0.{upstream}")
            served.close()
            self.leaked.append(caller)
        for _ in range(random.randint(0, 3)):
            self.held.append(self.pair(443))
        for _ in range(random.randint(0, 3)):
            for end in self.held.pop(random.randrange(150)):
                end.close()


def tmux(directory, *words):
    command = ["tmux", "-f", "/dev/null", "-S", f"{directory}/tmux", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def start(directory, command, columns, rows):
    # The caller's NO_COLOR must not affect the picture.
    command = f"env -u NO_COLOR LC_ALL=C.UTF-8 PATH={directory}:$PATH sh -c '{command}'"
    size = ["-x", str(columns), "-y", str(rows)]
    tmux(directory, "new-session", "-d", "-s", "screen", *size, command)


def capture_list(directory, command):
    """Return what a command prints on a terminal of 80 columns, with its escape sequences."""
    start(directory, f"{command}; sleep 60", 80, 24)
    try:
        time.sleep(2)
        screen = tmux(directory, "capture-pane", "-e", "-p", "-t", "screen")
        return f"$ {command}\n{screen.rstrip()}\n"
    finally:
        tmux(directory, "kill-server")


def capture_view(directory, scene):
    """Return the live view after SAMPLES seconds, with its escape sequences."""
    start(directory, "tcpstates --watch 1", 104, 26)
    try:
        end = time.monotonic() + SAMPLES
        while time.monotonic() < end:
            scene.step()
            time.sleep(0.35)
            if end - SAMPLES + 3 < time.monotonic() < end - SAMPLES + 3.4:
                # Up from the total to CLOSE_WAIT.
                tmux(directory, "send-keys", "-t", "screen", "kkkkk")
        return tmux(directory, "capture-pane", "-e", "-p", "-t", "screen")
    finally:
        tmux(directory, "kill-server")


def runs(line, style):
    """Yield each piece of a line's text with its style; `style` is kept from line to line."""
    for codes, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if text:
            yield text, frozenset(style)
            continue
        for code in re.sub(r"38;5;(\d)(?!\d)", r"3\1", codes).split(";"):
            if code in ("", "0"):
                style.clear()
            elif code == "39":
                style -= COLORS.keys()
            else:
                style.add(code)


def svg(screen, columns, label):
    lines = screen.rstrip("\n").split("\n")
    width, height = columns * WIDTH + 24, len(lines) * HEIGHT + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img" '
        f'aria-label="{label}">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace"'
        ' font-size="14" xml:space="preserve">',
    ]
    in_force = set()
    for row, line in enumerate(lines):
        column = 0
        for text, style in runs(line, in_force):
            x, y = 12 + column * WIDTH, 12 + row * HEIGHT
            ink = next((COLORS[code] for code in style if code in COLORS), INK)
            if "7" in style:
                size = f'width="{len(text) * WIDTH:.1f}" height="{HEIGHT}"'
                out.append(f'<rect x="{x:.1f}" y="{y}" {size} fill="{ink}"/>')
                ink = PAPER
            weight = ' font-weight="bold"' if "1" in style else ""
            dim = ' opacity="0.6"' if "2" in style else ""
            if text.strip():
                length = f'textLength="{len(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
                out.append(f'<text x="{x:.1f}" y="{y + 14}" fill="{ink}"{weight}{dim} {length}>'
                           f"{html.escape(text)}</text>")
            column += len(text)
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    folder = pathlib.Path(__file__).resolve().parent
    directory = tempfile.mkdtemp()
    os.symlink(os.path.realpath(sys.argv[1]), f"{directory}/tcpstates")
    pathlib.Path("/proc/self/comm").write_text("gateway")
    try:
        scene = Scene()
        view = capture_view(directory, scene)
        # The last server of tmux may still be ending.
        time.sleep(1)
        listed = capture_list(directory, "tcpstates list -p --limit 12 --sort accept-queue:desc")
    finally:
        shutil.rmtree(directory)
    (folder / "screen.svg").write_text(svg(view, 104, "The live view of tcpstates"))
    (folder / "list.svg").write_text(svg(listed, 80, "A list of sockets with their processes"))


if __name__ == "__main__":
    main()
