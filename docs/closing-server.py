#!/usr/bin/env python3
"""A web server of a few lines that answers one request and closes: how it closes is the point.

usage: closing-server.py MODE PORT

MODE `close` sets TCP_QUICKACK right after accept(), answers, and closes at once. The option is not
permanent (tcp(7)), and has no effect on the close.
MODE `quickack` answers, reads to the end of the stream, so that the client closes first, sets
TCP_QUICKACK on the accepted socket, and closes 300 ms later.
"""

import socket
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n"


def main():
    mode, port = sys.argv[1], int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", port))
    accepted, _ = listener.accept()
    if mode == "close":
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    accepted.recv(4096)
    accepted.sendall(ANSWER)
    if mode == "quickack":
        while accepted.recv(4096):
            pass
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        time.sleep(0.3)
    accepted.close()


if __name__ == "__main__":
    main()
