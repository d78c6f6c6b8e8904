"""Runs the exchange on a loopback port: blocking for a process, in a thread for tests."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from kalshi_assets.local_exchange.app import create_app
from kalshi_assets.local_exchange.exchange import Exchange, Terms, open_exchange
from kalshi_assets.local_exchange.faults import TRANSPORT
from kalshi_assets.local_exchange.gate import PREFIX, Interceptor
from kalshi_assets.local_exchange.inputs import Input
from kalshi_assets.local_exchange.steering import clock_view
from kalshi_assets.local_exchange.stream import (
    HEARTBEAT_SECONDS,
    HeartbeatProtocol,
    Hub,
    stream_url,
)
from kalshi_assets.local_exchange.units import iso

HOST = "127.0.0.1"
_PARENT_POLL_SECONDS = 0.25
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to run the exchange as a process.

    Attributes:
        source: what it plays.
        keys: PEM of each public key by key id.
        state_dir: where the state lives; None keeps it in memory.
        port: 0 takes a free one.
        speed: venue seconds a wall second.
        terms: cash and rate limits.
        ready_file: written, atomically, once requests are answered.
        parent_pid: stop when this process is no longer the parent.
        fault_file: rules of faults, see `faults`.
        on_ready: told where the exchange and its clock stand, once requests are answered.
    """

    source: Input
    keys: Mapping[str, str]
    state_dir: Path | None = None
    port: int = 0
    speed: float = 1.0
    terms: Terms = field(default_factory=Terms)
    ready_file: Path | None = None
    parent_pid: int | None = None
    fault_file: Path | None = None
    on_ready: Callable[[Mapping[str, object]], None] | None = None


@dataclass(frozen=True, slots=True)
class Handle:
    """A running exchange.

    Attributes:
        url: the API's base, with `/trade-api/v2`.
        local_url: the base of `/local/…`.
        exchange: the object behind it; do not call it while requests are under way.
    """

    url: str
    local_url: str
    exchange: Exchange

    @property
    def websocket_url(self) -> str:
        """Where the WebSocket is: `ws://…/trade-api/ws/v2`."""
        return stream_url(self.url)


def serve(config: ServerConfig) -> None:
    """Serve until SIGTERM, SIGINT or the parent's death, then stop cleanly.

    Raises:
        LocalExchangeError: if it cannot start.
        OSError: if the port is taken.
    """
    exchange = open_exchange(
        config.source,
        keys=dict(config.keys),
        state_dir=config.state_dir,
        speed=config.speed,
        terms=config.terms,
    )
    try:
        app = create_app(exchange, fault_file=config.fault_file)
        with socket.create_server((HOST, config.port)) as listener:
            url = _url(listener)

            def announce() -> None:
                if config.ready_file is not None:
                    _write_ready(config.ready_file, exchange, url)
                if config.on_ready is not None:
                    config.on_ready(_announcement(exchange, url))

            server = _Server(app, on_ready=announce)
            if config.parent_pid is not None:
                _watch_parent(config.parent_pid, server)
            server.run(sockets=[listener])
    finally:
        exchange.close()


@contextmanager
def running_exchange(
    exchange: Exchange,
    *,
    port: int = 0,
    interceptor: Interceptor | None = None,
    hub: Hub | None = None,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> Iterator[Handle]:
    """Serve an exchange in a thread; it is closed on leaving.

    Args:
        exchange: from `open_exchange`, or put together by hand.
        port: 0 takes a free one.
        interceptor: where faults are put in.
        hub: its WebSocket connections; None makes one with the exchange's own terms.
        heartbeat_seconds: of real time between two Pings on a WebSocket.
    """
    ready = threading.Event()
    with contextlib.closing(exchange), socket.create_server((HOST, port)) as listener:
        app = create_app(exchange, interceptor=interceptor, hub=hub)
        server = _Server(app, on_ready=ready.set, heartbeat_seconds=heartbeat_seconds)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            if not ready.wait(_START_SECONDS):
                raise TimeoutError(f"the exchange did not start within {_START_SECONDS} s")
            url = _url(listener)
            yield Handle(url, _control_url(url), exchange)
        finally:
            server.should_exit = True
            thread.join()


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen when imported
    """A connection that faults can reach: its transport is in the state of its requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.app_state: dict[str, object] = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """Uvicorn that tells when it is ready and treats a signal as a wish to stop, not to die."""

    def __init__(
        self,
        app: object,
        *,
        on_ready: Callable[[], None],
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]  # uvicorn's own type of an application is narrower
                ws=HeartbeatProtocol,
                ws_ping_interval=heartbeat_seconds,
                log_level="warning",
                date_header=False,
                access_log=False,
                http=_Protocol,
                timeout_graceful_shutdown=2,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}{PREFIX}"


def _control_url(url: str) -> str:
    return url.removesuffix(PREFIX) + "/local"


def _announcement(exchange: Exchange, url: str) -> dict[str, object]:
    return {
        "rest_url": url,
        "control_url": _control_url(url),
        "pid": os.getpid(),
        **clock_view(exchange),
        "input_started_at": iso(exchange.tape.started_ms),
        "websocket_url": stream_url(url),
    }


def _write_ready(path: Path, exchange: Exchange, url: str) -> None:
    """Write the ready file beside its place, then move it there."""
    content = {"url": url, **_announcement(exchange, url)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(path)


def _watch_parent(parent_pid: int, server: uvicorn.Server) -> None:
    """Stop the server when the parent is gone.

    Polls: PR_SET_PDEATHSIG would also fire when only the parent's starting thread ends.
    """

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(_PARENT_POLL_SECONDS)
        server.should_exit = True

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
