"""A brute-force exchange side: it owns the true books and numbers its frames as the exchange does.

Anything with these methods can stand in for it, a real server's session too.
"""

import json
import random
from dataclasses import dataclass, field
from typing import Any, Protocol

Sides = tuple[dict[int, int], dict[int, int]]

STREAM_CHANNELS = {"trade", "ticker", "fill", "user_orders", "orderbook_delta"}
START_MS = 1_786_400_000_000


class ServerSide(Protocol):
    """The server's end of one line after another."""

    def receive(self, command: bytes) -> list[bytes]:
        """Take a command; return the frames that answer it."""

    def advance(self) -> list[bytes]:
        """Let something happen; return the frames that tell of it."""

    def reconnect(self) -> None:
        """Forget the line: a new one has no subscriptions."""

    def true_book(self, ticker: str) -> Sides:
        """Return bids and asks, YES prices in micros, counts in centicontracts."""


@dataclass
class Sub:
    sid: int
    channel: str
    tickers: list[str]
    seq: int = 0


@dataclass
class SimulatedExchange:
    rng: random.Random
    tickers: list[str]
    terminal_rate: float = 0.0
    ms: int = START_MS
    books: dict[str, Sides] = field(default_factory=dict)
    subs: dict[str, Sub] = field(default_factory=dict)
    last_sid: int = 0
    trades_sent: dict[str, int] = field(default_factory=dict)
    history: dict[str, list[Sides]] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for ticker in self.tickers:
            bids = {c: self.rng.randint(1, 5000) for c in self.rng.sample(range(20, 48), 5)}
            asks = {c: self.rng.randint(1, 5000) for c in self.rng.sample(range(52, 80), 5)}
            self.books[ticker] = (bids, asks)
            self.history[ticker] = [self.true_book(ticker)]

    def true_book(self, ticker: str) -> Sides:
        bids, asks = self.books[ticker]
        return ({c * 10_000: n for c, n in bids.items()}, {c * 10_000: n for c, n in asks.items()})

    def reconnect(self) -> None:
        self.subs, self.last_sid = {}, 0

    def receive(self, command: bytes) -> list[bytes]:
        parsed = json.loads(command)
        self.commands.append(parsed)
        answer = getattr(self, f"_{parsed['cmd']}")
        return [frame(**body) for body in answer(parsed["id"], parsed.get("params", {}))]

    def advance(self) -> list[bytes]:
        self.ms += self.rng.randint(1, 40)
        happened: list[bytes] = []
        for channel in list(self.subs):
            if self.rng.random() < self.terminal_rate:
                happened.append(self._terminal(self.subs.pop(channel)))
        for _ in range(self.rng.randint(0, 4)):
            happened += self._delta(self.rng.choice(self.tickers))
        if self.rng.random() < 0.3:
            happened += self._trade(self.rng.choice(self.tickers))
        return happened

    def _numbered(self, sub: Sub, **body: Any) -> dict[str, Any]:
        sub.seq += 1
        return {"sid": sub.sid, "seq": sub.seq, **body}

    def _terminal(self, sub: Sub) -> bytes:
        code = self.rng.choice([10, 25])
        return frame(**self._numbered(sub, type="error", msg={"code": code, "msg": "over"}))

    def _subscribe(self, command_id: int, params: dict[str, Any]) -> list[dict[str, Any]]:
        (channel,) = params["channels"]
        assert channel in STREAM_CHANNELS
        assert params.get("use_yes_price", False) is (channel == "orderbook_delta")
        wanted = params.get("market_tickers", [])
        sub = self.subs.get(channel)
        if sub is None:
            self.last_sid += 1
            sub = self.subs[channel] = Sub(self.last_sid, channel, [])
        new = [ticker for ticker in wanted if ticker not in sub.tickers]
        sub.tickers += new
        msg = {"channel": channel, "sid": sub.sid}
        acked = {"type": "subscribed", "id": command_id, "msg": msg}
        return [acked, *self._snapshots(sub, new)]

    def _update_subscription(self, command_id: int, params: dict[str, Any]) -> list[dict[str, Any]]:
        (sid,) = params["sids"]
        sub = next((s for s in self.subs.values() if s.sid == sid), None)
        if sub is None:
            return [unknown_sid(command_id)]
        named = params["market_tickers"]
        if params["action"] == "get_snapshot":
            held = [ticker for ticker in named if ticker in sub.tickers]
            return self._snapshots(sub, held, id=command_id)
        new = []
        if params["action"] == "add_markets":
            new = [ticker for ticker in named if ticker not in sub.tickers]
            sub.tickers += new
        else:
            sub.tickers = [ticker for ticker in sub.tickers if ticker not in named]
        msg = {"market_tickers": list(sub.tickers)}
        if self.rng.random() < 0.5:
            ok = self._numbered(sub, type="ok", id=command_id, msg=msg)
            return [ok, *self._snapshots(sub, new)]
        snapshots = self._snapshots(sub, new)
        return [*snapshots, self._numbered(sub, type="ok", id=command_id, msg=msg)]

    def _unsubscribe(self, command_id: int, params: dict[str, Any]) -> list[dict[str, Any]]:
        answers = []
        for sid in params["sids"]:
            sub = next((s for s in self.subs.values() if s.sid == sid), None)
            if sub is None:
                answers.append(unknown_sid(command_id))
                continue
            del self.subs[sub.channel]
            answers.append(self._numbered(sub, type="unsubscribed", id=command_id))
        return answers

    def _list_subscriptions(self, command_id: int, params: object) -> list[dict[str, Any]]:
        rows = [{"channel": s.channel, "sid": s.sid} for s in self.subs.values()]
        return [{"type": "ok", "id": command_id, "msg": rows}]

    def _snapshots(self, sub: Sub, tickers: list[str], **extra: int) -> list[dict[str, Any]]:
        if sub.channel != "orderbook_delta":
            return []
        return [
            self._numbered(sub, type="orderbook_snapshot", msg=self._levels(ticker), **extra)
            for ticker in tickers
        ]

    def _levels(self, ticker: str) -> dict[str, Any]:
        msg: dict[str, Any] = {"market_ticker": ticker, "market_id": "m"}
        for key, side in zip(("yes_dollars_fp", "no_dollars_fp"), self.books[ticker], strict=True):
            if side:
                msg[key] = [[price_of(cents), count_of(n)] for cents, n in sorted(side.items())]
        return msg

    def _delta(self, ticker: str) -> list[bytes]:
        side = self.rng.choice([0, 1])
        levels = self.books[ticker][side]
        cents = self.rng.randint(20, 48) if side == 0 else self.rng.randint(52, 80)
        had = levels.get(cents, 0)
        change = -had if had and self.rng.random() < 0.5 else self.rng.randint(1, 3000)
        levels[cents] = had + change
        if not levels[cents]:
            del levels[cents]
        self.history[ticker].append(self.true_book(ticker))
        sub = self.subs.get("orderbook_delta")
        if sub is None or ticker not in sub.tickers:
            return []
        msg = {
            "market_ticker": ticker,
            "market_id": "m",
            "price_dollars": price_of(cents),
            "delta_fp": count_of(change),
            "side": ("yes", "no")[side],
            "ts_ms": self.ms,
        }
        return [frame(**self._numbered(sub, type="orderbook_delta", msg=msg))]

    def _trade(self, ticker: str) -> list[bytes]:
        sub = self.subs.get("trade")
        if sub is None:
            return []
        trade_id = f"t{len(self.trades_sent)}"
        self.trades_sent[trade_id] = self.ms
        body = self._numbered(sub, type="trade", msg=trade_msg(trade_id, ticker, self.ms))
        return [frame(**body)]


def trade_msg(trade_id: str, ticker: str, ms: int) -> dict[str, Any]:
    return {
        "trade_id": trade_id,
        "market_ticker": ticker,
        "yes_price_dollars": "0.5000",
        "no_price_dollars": "0.5000",
        "count_fp": "1.00",
        "taker_side": "yes",
        "taker_outcome_side": "yes",
        "taker_book_side": "bid",
        "is_block_trade": False,
        "ts": ms // 1000,
        "ts_ms": ms,
    }


def unknown_sid(command_id: int) -> dict[str, Any]:
    return {"type": "error", "id": command_id, "msg": {"code": 7, "msg": "Unknown subscription"}}


def frame(**body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def price_of(cents: int) -> str:
    return f"{cents / 100:.4f}"


def count_of(centicontracts: int) -> str:
    return f"{centicontracts / 100:.2f}"
