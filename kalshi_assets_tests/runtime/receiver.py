"""A real HTTP server on loopback that stands for a chat service, a broken one, or a hanging one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

TOKEN = "s3cr3t-t0k3n"  # noqa: S105  what must never be seen again


@dataclass
class Receiver:
    """What arrived. `/hang/…` is never answered, `/broken/…` with 500, all else with 200."""

    port: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    released: Event = field(default_factory=Event)

    def address(self, kind: str = "ok") -> str:
        """Return the Apprise address of a channel that behaves so."""
        return f"json://127.0.0.1:{self.port}/{kind}/{TOKEN}?rto=60"

    @property
    def heartbeat(self) -> str:
        """The address that expects pings."""
        return f"http://127.0.0.1:{self.port}/ping/{TOKEN}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.pings.append(self.path)
            self._answer(200)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.path.split("/")[1]
            receiver.tries.append(kind)
            if kind == "hang":
                receiver.released.wait(60)
            if kind == "ok":
                receiver.messages.append(json.loads(body))
            self._answer(500 if kind == "broken" else 200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
