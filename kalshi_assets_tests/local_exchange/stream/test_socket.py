"""The socket itself: the signed upgrade, the heartbeat, several clients, and slow ones."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.server import Handle, running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.stream import STREAM_PATH, Hub, StreamTerms
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    UNLIMITED,
    Caller,
    ScriptedTape,
    headers,
    listing,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.test_process import process


@dataclass
class Running:
    handle: Handle
    hub: Hub
    clock: ManualClock
    me: Caller

    def open(self, account: str = "me", **options: Any) -> ClientConnection:
        signed = headers(account, "GET", STREAM_PATH)
        url = self.handle.websocket_url
        socket: ClientConnection = connect(url, additional_headers=signed, proxy=None, **options)
        return socket


@contextmanager
def running(
    tape: ScriptedTape | None = None,
    *,
    terms: StreamTerms | None = None,
    heartbeat_seconds: float = 10.0,
) -> Iterator[Running]:
    tape = tape or ScriptedTape()
    keys = {name: public_pem(private_key(name)) for name in ("me", "you")}
    clock = ManualClock(tape.started_ms)
    exchange = Exchange(
        tape, Store(None), doorkeeper=Doorkeeper(keys), clock=clock, terms=UNLIMITED
    )
    hub = Hub(exchange, terms)
    with running_exchange(exchange, hub=hub, heartbeat_seconds=heartbeat_seconds) as handle:
        me = Caller(handle.url, "me")
        with me.http:
            yield Running(handle, hub, clock, me)


def say(socket: ClientConnection, cmd: str, **params: Any) -> None:
    socket.send(json.dumps({"id": 1, "cmd": cmd, "params": params}))


def hear(socket: ClientConnection) -> dict[str, Any]:
    frame = json.loads(socket.recv(timeout=10))
    assert isinstance(frame, dict)
    return frame


def test_the_address_is_on_the_port_of_the_api() -> None:
    with running() as exchange:
        url = exchange.handle.url.replace("http://", "ws://").replace("/trade-api/v2", STREAM_PATH)
        assert exchange.handle.websocket_url == url


def test_an_upgrade_without_a_good_signature_is_refused_as_rest_does() -> None:
    with running() as exchange:
        attempts: list[tuple[dict[str, str], str]] = [
            ({}, "signature_is_missing_from_headers"),
            (headers("me", "GET", "/trade-api/v2"), "authentication_error"),
            (headers("stranger", "GET", STREAM_PATH), "authentication_error"),
            (headers("me", "GET", STREAM_PATH, skew_ms=-60_000), "header_timestamp_expired"),
        ]
        for sent, code in attempts:
            with pytest.raises(InvalidStatus) as refused:
                connect(exchange.handle.websocket_url, additional_headers=sent, proxy=None)
            response = refused.value.response
            assert response.status_code == 401
            rest = httpx.get(
                f"{exchange.handle.url}/portfolio/balance", headers=sent, trust_env=False
            )
            if code != "authentication_error":
                assert json.loads(response.body) == rest.json()
            assert json.loads(response.body)["error"]["code"] == code


def test_a_plain_request_for_the_address_finds_nothing() -> None:
    with running() as exchange:
        url = exchange.handle.url.removesuffix("/trade-api/v2") + STREAM_PATH
        assert httpx.get(url, trust_env=False).status_code == 404


def test_two_clients_follow_an_order_over_the_wire() -> None:
    with running() as exchange, exchange.open() as mine, exchange.open("you") as yours:
        for socket in (mine, yours):
            say(socket, "subscribe", channels=["orderbook_delta", "fill"], market_ticker=TICKER)
            kinds = [hear(socket)["type"] for _ in range(3)]
            assert kinds == ["subscribed", "subscribed", "orderbook_snapshot"]
        placed = exchange.me.order("bid", "0.53", "5", client_order_id="c")
        assert placed.status_code == 201
        told = [hear(mine) for _ in range(3)]
        assert {frame["type"] for frame in told} == {"orderbook_delta", "fill"}
        assert [f["msg"]["client_order_id"] for f in told] == ["c"] * 3
        others = [hear(yours) for _ in range(2)]
        assert [f["seq"] for f in others] == [2, 3]
        assert not any("client_order_id" in f["msg"] for f in others)


def test_what_the_tape_did_before_an_order_is_told_apart_from_what_the_order_did() -> None:
    tape = ScriptedTape()
    tape.quote(bids=[("0.47", "3")], asks=[("0.52", "5")], at=1)
    with running(tape) as exchange, exchange.open() as socket:
        say(socket, "subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
        hear(socket)
        hear(socket)
        exchange.clock.advance(seconds=5)
        exchange.me.order("bid", "0.52", "1", client_order_id="c")
        told = [hear(socket)["msg"] for _ in range(2)]
        assert [m["delta_fp"] for m in told] == ["2.00", "-1.00"]
        assert [m.get("client_order_id") for m in told] == [None, "c"]


def test_what_the_tape_does_comes_with_the_beat() -> None:
    with running() as exchange, exchange.open() as socket:
        say(socket, "subscribe", channels=["orderbook_delta"], market_ticker=TICKER)
        hear(socket)
        hear(socket)
        exchange.clock.advance(seconds=5 * 3600)
        assert {hear(socket)["msg"]["delta_fp"] for _ in range(2)} == {"-3.00"}


@pytest.mark.parametrize("compression", ["deflate", None])
def test_bad_text_and_bytes_are_answered_not_fatal(compression: str | None) -> None:
    with running() as exchange, exchange.open(compression=compression) as socket:
        socket.send("{")
        assert hear(socket)["msg"]["code"] == 1
        socket.send(b"\x00\xff")
        assert hear(socket)["msg"]["code"] == 1
        say(socket, "list_subscriptions")
        assert hear(socket)["type"] == "ok"
        assert socket.ping().wait(10)


def test_the_ready_file_names_the_address_and_a_stop_closes_connections(tmp_path: Path) -> None:
    with process(tmp_path) as (running_process, facts):
        signed = headers("me", "GET", STREAM_PATH)
        url = facts["websocket_url"]
        with connect(url, additional_headers=signed, proxy=None) as socket:
            say(socket, "subscribe", channels=["ticker"], send_initial_snapshot=True)
            assert hear(socket)["type"] == "subscribed"
            assert hear(socket)["type"] == "ticker"
            running_process.terminate()
            with pytest.raises(ConnectionClosed) as stopped:
                list(iter(lambda: socket.recv(timeout=10), None))
            assert stopped.value.rcvd is not None
        assert running_process.wait(10) == 0


def test_the_heartbeat_is_a_ping_and_says_so() -> None:
    with running(heartbeat_seconds=0.05) as exchange, exchange.open() as socket:
        pings: list[bytes] = []
        receive = socket.protocol.recv_frame

        def note(frame: Any) -> None:
            if frame.opcode == 0x9:
                pings.append(bytes(frame.data))
            receive(frame)

        socket.protocol.recv_frame = note  # type: ignore[method-assign]  # to see control frames
        deadline = time.monotonic() + 10
        while len(pings) < 3 and time.monotonic() < deadline:
            socket.ping().wait(0.05)
        assert set(pings) == {b"heartbeat"}
        assert len(pings) >= 3


def test_a_client_that_does_not_read_loses_its_subscription_not_its_connection() -> None:
    tickers = [f"KXDEEP-26OCT-T{number}" for number in range(20)]
    tape = ScriptedTape(listings={ticker: listing(ticker) for ticker in tickers})
    for ticker in tickers:
        bids = [(f"0.{cents:02d}", "3") for cents in range(49, 0, -1)]
        tape.quote(ticker, bids=bids, asks=[(f"0.{cents}", "3") for cents in range(51, 100)])
    options: dict[str, Any] = {"compression": None, "max_queue": 1}
    with running(tape, terms=StreamTerms(buffer=60)) as exchange, exchange.open(**options) as slow:
        say(slow, "subscribe", channels=["orderbook_delta"], market_tickers=tickers)
        assert hear(slow)["type"] == "subscribed"
        (session,) = exchange.hub.sessions
        asked = 0
        while asked < 1000 and session.subscriptions:
            say(slow, "update_subscription", sid=1, action="get_snapshot", market_tickers=tickers)
            asked += 1
        frames = iter(lambda: hear(slow), None)
        terminal = next(frame for frame in frames if frame["type"] == "error")
        assert (terminal["msg"]["code"], terminal["sid"]) == (25, 1)
        say(slow, "list_subscriptions")
        listed = next(frame for frame in frames if frame["type"] == "ok")
        assert listed["msg"] == []


def test_a_dropped_connection_ends_without_a_word_and_can_be_opened_again() -> None:
    with running() as exchange:
        with exchange.open() as socket:
            say(socket, "list_subscriptions")
            hear(socket)
            exchange.hub.disconnect_all()
            with pytest.raises(ConnectionClosed) as dropped:
                socket.recv(timeout=10)
            assert dropped.value.rcvd is None
        with exchange.open() as socket:
            say(socket, "list_subscriptions")
            assert hear(socket)["msg"] == []


def test_a_client_that_leaves_is_forgotten() -> None:
    with running() as exchange:
        with exchange.open() as socket:
            say(socket, "subscribe", channels=["trade"])
            hear(socket)
            assert len(exchange.hub.sessions) == 1
        deadline = time.monotonic() + 10
        while exchange.hub.sessions and time.monotonic() < deadline:
            exchange.me.get("/exchange/status")
        assert not exchange.hub.sessions
