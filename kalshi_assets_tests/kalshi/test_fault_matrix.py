"""Every call of the client against every fault of an exchange: the error, the attempts, the state.

The table in docs/exchange.md is made here: `REWRITE_DOCS=1 pytest <this file>` writes it anew.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kalshi_assets.domain.account import OrderAmendment, OrderRequest
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.batches import Batch
from kalshi_assets.kalshi.breaker import Breaker, OwnStore
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.kalshi.wire import Wire
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Floor,
    floor,
    private_key,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "exchange.md"
BEGIN, END = "<!-- made by a test: begin -->\n", "<!-- made by a test: end -->\n"
ATTEMPTS = 3
# Where an answer is to come, a loaded machine gets time for it; where none is, none is spent.
PATIENCE_SECONDS, IMPATIENCE_SECONDS = 5.0, 0.05
NOW = datetime.fromtimestamp(NOON_MS / 1000, UTC)
CENT, CONTRACT = 10_000, 100
SERIES = TICKER.split("-", 1)[0]

Rule = dict[str, Any]


@dataclass(frozen=True)
class Resting:
    """The order that a cell's write is about, as the exchange gave it."""

    order_id: str
    client_order_id: str


Call = Callable[[KalshiClient, Resting], object]


@dataclass(frozen=True)
class Row:
    """A call of the client: what it sends, the call, and a field its answer must have."""

    sends: str
    call: Call
    field: str


def _order(client_order_id: str) -> OrderRequest:
    return OrderRequest(
        client_order_id=client_order_id,
        market_ticker=TICKER,
        side="yes",
        count=2 * CONTRACT,
        limit_price=20 * CENT,
        expires_at=NOW + timedelta(hours=1),
    )


def _new_id(resting: Resting) -> str:
    return f"new-beside-{resting.client_order_id}"


def _amendment(order: Resting) -> OrderAmendment:
    return OrderAmendment(
        order_id=order.order_id,
        market_ticker=TICKER,
        side="yes",
        limit_price=21 * CENT,
        fill_count=0,
        remaining_count=2 * CONTRACT,
    )


ORDERS = "/portfolio/events/orders"
ONE = ORDERS + "/{order_id}"

READS = {
    "exchange_status": Row(
        "GET /exchange/status", lambda client, _: client.exchange_status(), "exchange_active"
    ),
    "exchange_schedule": Row(
        "GET /exchange/schedule", lambda client, _: client.exchange_schedule(), "standard_hours"
    ),
    "user_data_timestamp": Row(
        "GET /exchange/user_data_timestamp",
        lambda client, _: client.user_data_timestamp(),
        "as_of_time",
    ),
    "series": Row(
        "GET /series/{series_ticker}", lambda client, _: client.series(SERIES), "fee_type"
    ),
    "markets": Row("GET /markets", lambda client, _: client.markets(tickers=[TICKER]), "volume_fp"),
    "market": Row("GET /markets/{ticker}", lambda client, _: client.market(TICKER), "volume_fp"),
    "orderbook": Row(
        "GET /markets/{ticker}/orderbook", lambda client, _: client.orderbook(TICKER), "yes_dollars"
    ),
    "historical_cutoff": Row(
        "GET /historical/cutoff", lambda client, _: client.historical_cutoff(), "trades_created_ts"
    ),
    "balance": Row("GET /portfolio/balance", lambda client, _: client.balance(), "balance_dollars"),
    "order": Row(
        "GET /portfolio/orders/{order_id}",
        lambda client, resting: client.order(resting.order_id),
        "fill_count_fp",
    ),
    "orders": Row("GET /portfolio/orders", lambda client, _: client.orders(), "fill_count_fp"),
    "positions": Row(
        "GET /portfolio/positions", lambda client, _: client.positions(), "market_positions"
    ),
    "fills": Row("GET /portfolio/fills", lambda client, _: client.fills(), "fills"),
    "settlements": Row(
        "GET /portfolio/settlements", lambda client, _: client.settlements(), "settlements"
    ),
    "account_limits": Row(
        "GET /account/limits", lambda client, _: client.account_limits(), "usage_tier"
    ),
}
WRITES = {
    "create_order": Row(
        f"POST {ORDERS}",
        lambda client, resting: client.create_order(_order(_new_id(resting))),
        "order_id",
    ),
    "amend_order": Row(
        f"POST {ONE}/amend",
        lambda client, resting: client.amend_order(_amendment(resting)),
        "order_id",
    ),
    "decrease_order": Row(
        f"POST {ONE}/decrease",
        lambda client, resting: client.decrease_order(
            resting.order_id, market_ticker=TICKER, reduce_by=CONTRACT
        ),
        "order_id",
    ),
    "cancel_order": Row(
        f"DELETE {ONE}",
        lambda client, resting: client.cancel_order(resting.order_id, market_ticker=TICKER),
        "order_id",
    ),
    "cancel_all_orders": Row(f"DELETE {ORDERS}", lambda client, _: client.cancel_all_orders(), ""),
}
CALLS = READS | WRITES


@dataclass(frozen=True)
class Cell:
    """What became of one call.

    Attributes:
        outcome: the error's name, or `answer`.
        attempts: how often it was sent.
        is_done: whether a write took effect; None of a read.
        breaker: the breaker's state after it.
    """

    outcome: str
    attempts: int
    is_done: bool | None
    breaker: str


def read(outcome: str, attempts: int, breaker: str = "closed") -> Cell:
    return Cell(outcome, attempts, None, breaker)


def write(outcome: str, *, is_done: bool) -> Cell:
    return Cell(outcome, 1, is_done, "closed")


@dataclass(frozen=True)
class Fault:
    """A fault: its rule, what it makes of reads and of writes, and where it is different."""

    rule: Rule
    reads: Cell
    writes: Cell
    but: dict[str, Cell] | None = None
    patience_seconds: float = PATIENCE_SECONDS


NO_BODY = {"cancel_all_orders": write("answer", is_done=True)}
DRIFT = NO_BODY | {"markets": read("rows set apart", 1)}
LOST = write("UnknownOutcome", is_done=True)
NOT_DONE = write("UnknownOutcome", is_done=False)
ALL_WELL = write("answer", is_done=True)
TROUBLE = read("ServerError", ATTEMPTS)
SILENCE = read("TransportError", ATTEMPTS, "open")
ANSWER = read("answer", 1)


def _errors(status: int, when: str) -> Fault:
    rule = {"fault": "error-burst", "status": status, "when": when}
    return Fault(rule, TROUBLE, LOST if when == "after" else NOT_DONE)


FAULTS: dict[str, Fault] = {
    "none": Fault({}, ANSWER, ALL_WELL),
    "500 before": _errors(500, "before"),
    "500 after": _errors(500, "after"),
    "502": _errors(502, "before"),
    "503": _errors(503, "before"),
    "504 after": _errors(504, "after"),
    "500 once": Fault(
        {"fault": "error-burst", "status": 500, "times": 1}, read("answer", 2), NOT_DONE
    ),
    "429": Fault(
        {"fault": "error-burst", "status": 429},
        read("RateLimited", ATTEMPTS),
        write("RateLimited", is_done=False),
    ),
    "time-out before": Fault(
        {"fault": "time-out", "when": "before"}, SILENCE, NOT_DONE, None, IMPATIENCE_SECONDS
    ),
    "time-out after": Fault(
        {"fault": "time-out", "when": "after"}, SILENCE, LOST, None, IMPATIENCE_SECONDS
    ),
    "reset before": Fault({"fault": "connection-reset", "when": "before"}, SILENCE, NOT_DONE),
    "reset after": Fault({"fault": "connection-reset", "when": "after"}, SILENCE, LOST),
    "slow answer": Fault({"fault": "slow-answer", "seconds": 0.05}, ANSWER, ALL_WELL),
    "dripping body": Fault(
        {"fault": "dripping-body", "seconds": 3}, SILENCE, LOST, NO_BODY, IMPATIENCE_SECONDS
    ),
    "truncated body": Fault({"fault": "truncated-body"}, SILENCE, LOST, NO_BODY),
    "no JSON": Fault({"fault": "not-json"}, read("PayloadError", 1), LOST, NO_BODY),
    "error in a 2xx": Fault({"fault": "error-body"}, TROUBLE, LOST, NO_BODY),
    "field renamed": Fault({"fault": "renamed-field"}, read("PayloadError", 1), LOST, DRIFT),
    "field mistyped": Fault({"fault": "mistyped-field"}, read("PayloadError", 1), LOST, DRIFT),
    "clock a minute off": Fault(
        {"fault": "wrong-clock", "milliseconds": 60_000},
        read("NotAuthorized", 1),
        write("NotAuthorized", is_done=False),
    ),
    "trading paused": Fault(
        {"fault": "trading-pause"},
        ANSWER,
        write("Rejected", is_done=False),
        dict.fromkeys(("cancel_order", "cancel_all_orders"), ALL_WELL),
    ),
    "exchange paused": Fault({"fault": "exchange-pause"}, ANSWER, write("Rejected", is_done=False)),
    "reads ten minutes old": Fault(
        {"fault": "stale-reads", "milliseconds": 600_000},
        ANSWER,
        ALL_WELL,
        {"order": read("NotFound", 1)},
    ),
}


class Bench:
    """A running exchange with one resting order of ours, and clients of our own to it."""

    def __init__(self, venue: Floor, key: Path) -> None:
        self._venue = venue
        self._signer = RequestSigner("me", key)
        self._placed = 0
        self._controls = httpx.Client(base_url=venue.local_url, trust_env=False)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._controls.close()

    def try_out(self, row: Row, rule: Rule, patience_seconds: float) -> Cell:
        """Make one call with one fault set."""
        resting = self._fresh_order()
        store = OwnStore()
        client = KalshiClient(
            self._venue.url,
            auth=self._signer,
            retry=RetryPolicy(attempts=ATTEMPTS, sleep=lambda seconds: None),
            breaker=Breaker("exchange", store),
            wire=Wire(httpx.Timeout(patience_seconds), patience_seconds),
        )
        before = self._sent(row)
        with client, self._set(rule):
            outcome = _outcome(lambda: row.call(client, resting))
        state = store.transitions[-1].to_state if store.transitions else "closed"
        is_done = self._is_done(row, resting) if row in WRITES.values() else None
        return Cell(outcome, self._sent(row) - before, is_done, state)

    def _fresh_order(self) -> Resting:
        self._venue.me.call("DELETE", ORDERS)
        self._placed += 1
        client_order_id = f"resting-{self._placed}"
        created = self._venue.me.order("bid", "0.2000", "2.00", client_order_id=client_order_id)
        assert created.status_code == 201, created.text
        return Resting(created.json()["order_id"], client_order_id)

    @contextmanager
    def _set(self, rule: Rule) -> Iterator[None]:
        """Have one fault hold meanwhile."""
        if rule:
            answer = self._controls.post("/faults", json=rule)
            assert answer.status_code == 201, answer.text
        try:
            yield
        finally:
            self._controls.delete("/faults")
            self._venue.clock.advance(seconds=1)  # reads lag behind writes
            self._controls.get("/clock")

    def _sent(self, row: Row) -> int:
        """Return how often the exchange was asked this."""
        counts = self._controls.get("/requests").json()["counts"]
        method, path = row.sends.split(" ")
        sent: int = counts.get(f"{method} {PREFIX}{path}", 0)
        return sent

    def _is_done(self, row: Row, resting: Resting) -> bool:
        """Tell whether a write took effect, as the exchange itself says."""
        orders = {
            o["client_order_id"]: o for o in self._venue.me.get("/portfolio/orders")["orders"]
        }
        mine = orders[resting.client_order_id]
        if row is WRITES["create_order"]:
            return _new_id(resting) in orders
        if row is WRITES["amend_order"]:
            return bool(mine["yes_price_dollars"] == "0.2100")
        if row is WRITES["decrease_order"]:
            return bool(mine["remaining_count_fp"] == "1.00")
        return bool(mine["status"] == "canceled")


def _outcome(call: Callable[[], object]) -> str:
    try:
        answer = call()
    except KalshiAssetsError as exc:
        return type(exc).__name__
    return "rows set apart" if isinstance(answer, Batch) and answer.rejected else "answer"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    path = tmp_path_factory.mktemp("keys") / "me.pem"
    path.touch(mode=0o600)
    pem = private_key("me").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem)
    with floor(terms=UNLIMITED) as venue, Bench(venue, path) as found:
        yield found


def _expected(name: str, fault: Fault) -> Cell:
    ordinary = fault.writes if name in WRITES else fault.reads
    return (fault.but or {}).get(name, ordinary)


@pytest.mark.parametrize("name", FAULTS)
def test_every_call_meets_the_fault_as_it_must(bench: Bench, name: str) -> None:
    fault = FAULTS[name]
    for call, row in CALLS.items():
        needs_field = fault.rule.get("fault") in ("renamed-field", "mistyped-field")
        rule = fault.rule | ({"field": row.field or "none"} if needs_field else {})
        assert bench.try_out(row, rule, fault.patience_seconds) == _expected(call, fault), call


def test_no_write_is_ever_sent_twice() -> None:
    written = [f.writes for f in FAULTS.values()]
    written += [cell for f in FAULTS.values() for n, cell in (f.but or {}).items() if n in WRITES]
    assert {cell.attempts for cell in written} == {1}


def test_what_never_left_says_so_and_is_not_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = KalshiClient(
        f"http://127.0.0.1:{port}/trade-api/v2",
        retry=RetryPolicy(attempts=ATTEMPTS, sleep=lambda seconds: None),
    )
    with client:
        outcomes = {_outcome(partial(r.call, client, Resting("1", "a"))) for r in CALLS.values()}
    assert outcomes == {"NotSent"}


def table() -> str:
    """Return what was found as a table: one line a fault."""
    lines = [
        "| fault | reads raise | sent | breaker | order writes raise | sent | took effect | but |",
        "|---|---|---:|---|---|---:|---|---|",
    ]
    for name, fault in FAULTS.items():
        but = "; ".join(f"`{call}`: {_told(cell)}" for call, cell in (fault.but or {}).items())
        reads, writes = fault.reads, fault.writes
        lines.append(
            f"| {name} | {_named(reads)} | {reads.attempts} | {reads.breaker} "
            f"| {_named(writes)} | {writes.attempts} | {_yes(writes)} | {but} |"
        )
    return "\n".join(lines) + "\n"


def _named(cell: Cell) -> str:
    return "answered" if cell.outcome == "answer" else f"`{cell.outcome}`"


def _yes(cell: Cell) -> str:
    return "yes" if cell.is_done else "no"


def _told(cell: Cell) -> str:
    effect = "" if cell.is_done is None else f", {'done' if cell.is_done else 'not done'}"
    is_error = cell.outcome.isidentifier() and cell.outcome != "answer"
    return (_named(cell) if is_error else cell.outcome) + effect


def test_the_table_in_the_documents_is_what_was_found_here() -> None:
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    written, _, after = rest.partition(END)
    if os.environ.get("REWRITE_DOCS"):
        DOCUMENT.write_text(before + BEGIN + table() + END + after)
        return
    assert written == table(), "REWRITE_DOCS=1 writes it anew"
