"""How launcher and server speak: one JSON line there, one back, over a Unix socket of one user."""

import json
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

LONGEST_LINE = 1_000_000
# A server answers at once: it does nothing but fork.
ANSWER_SECONDS = 5.0
# A process that has imported everything too, and of which a warm process can be forked at once: it
# may listen in the launcher's folder, and need not.
TRUNK = "trunk.sock"
SERVING_SECONDS = 5.0


class NoServer(Exception):
    """Nobody listens: what was asked has not been done."""


class NoAnswer(Exception):
    """Somebody listened, and did not answer: what was asked may have been done."""


def ask(path: Path, **message: Any) -> dict[str, Any]:
    """Ask the server at a socket, and return its answer.

    Raises:
        NoServer: nobody listens.
        NoAnswer: it may or may not have been done.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(path))
        except OSError as exc:
            raise NoServer(f"nobody listens at {path}") from exc
        try:
            send(connection, message)
            return receive(connection)
        except (OSError, ValueError) as exc:
            raise NoAnswer(f"the server at {path} did not answer: {exc}") from exc


def is_forked(trunk: Path, *, words: Sequence[str], program: str, instance_ref: str) -> bool:
    """Have a warm process forked of a trunk; tell whether there is one that does it."""
    asked = {"words": list(words), "program": program, "instance_ref": instance_ref}
    try:
        return "pid" in ask(trunk, what="warm", **asked)
    except (NoServer, NoAnswer):
        return False


def serves_soon(path: Path) -> bool:
    """Wait a little for a server that was forked; tell whether it answers."""
    deadline = monotonic() + SERVING_SECONDS
    while monotonic() < deadline:
        with suppress(NoServer, NoAnswer):
            return bool(ask(path, what="tell"))
        sleep(0.02)
    return False


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send a message."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket) -> dict[str, Any]:
    """Return the next message.

    Raises:
        OSError: the other end has gone, or takes too long.
        ValueError: what it says is no message.
    """
    told = b""
    while not told.endswith(b"\n"):
        part = connection.recv(65_536)
        if not part:
            raise ConnectionResetError("the other end has gone")
        told += part
        if len(told) > LONGEST_LINE:
            raise ValueError(f"a message is longer than {LONGEST_LINE} bytes")
    message = json.loads(told)
    if not isinstance(message, dict):
        raise ValueError(f"{message!r} is no message")
    return message


def is_own_user(connection: socket.socket) -> bool:
    """Tell whether the other end belongs to the user of this process."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", told)
    return bool(uid == os.geteuid())
