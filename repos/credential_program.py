"""The program that git asks for a password (gitcredentials(7)): it passes the question on to a private socket.

It holds nothing and keeps nothing. Started as a file, without the site directories, so that it costs little.
"""

from __future__ import annotations

import sys
from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket  # `socket` itself takes as long to import as Python to start

_LONGEST = 65536


def main(path: str, operation: str) -> int:
    """Ask what listens at `path`, print its answer, and return the exit code."""
    question = f"{operation}\n".encode() + sys.stdin.buffer.read(_LONGEST)
    desk = socket(AF_UNIX, SOCK_STREAM)
    try:
        desk.connect(path)
        desk.sendall(question)
        desk.shutdown(SHUT_WR)
        while part := desk.recv(_LONGEST):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except OSError as failure:
        print(f"gitferry no longer answers for this command: {failure}", file=sys.stderr)
        return 1
    finally:
        desk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
