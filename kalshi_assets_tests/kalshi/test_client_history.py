"""Whole stretches of the past, while the exchange moves records between its tiers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import FakeExchange, client_of
from kalshi_assets_tests.kalshi.payloads_exchange import settled_market, trade

DAY = timedelta(days=1)
START = datetime(2026, 8, 1, tzinfo=UTC)
PAGE = 2
CUTOFFS = ("market_settled_ts", "trades_created_ts", "orders_updated_ts")
MOST_DAYS = 20
Row = dict[str, Any]


def on_day(day: float) -> str:
    return (START + day * DAY).isoformat()


class TieredExchange:
    """Keeps dated records in two tiers; before each request its cutoff may move on.

    Args:
        records: what it keeps, by the day each counts as.
        cutoffs: the day of the cutoff at each request; the last one stays.
        kept_days: for so long a moved record is still told in the live tier too.
        own_cutoff: the name of the cutoff that counts; the others lie far back. All by default.
    """

    def __init__(
        self,
        records: list[tuple[float, Row]],
        cutoffs: list[float],
        *,
        kept_days: float = 0,
        own_cutoff: str = "",
    ) -> None:
        self.paths: list[str] = []
        self._own_cutoff = own_cutoff
        self._records, self._cutoffs, self._kept_days = records, cutoffs, kept_days

    def __call__(self, request: httpx.Request) -> httpx.Response:
        cutoff = self._cutoffs[min(len(self.paths), len(self._cutoffs) - 1)]
        path = request.url.path.removeprefix("/trade-api/v2")
        self.paths.append(path)
        if path == "/historical/cutoff":
            told_days = {n: cutoff if self._own_cutoff in n else -MOST_DAYS for n in CUTOFFS}
            return httpx.Response(200, json={n: on_day(day) for n, day in told_days.items()})
        told = [row for day, row in self._records if self._tells(path, day, cutoff)]
        return self._page(path.rsplit("/", 1)[-1], self._in_bounds(told, request), request)

    def _tells(self, path: str, day: float, cutoff: float) -> bool:
        if path.startswith("/historical"):
            return day < cutoff
        return day >= cutoff - self._kept_days

    def _in_bounds(self, rows: list[Row], request: httpx.Request) -> list[Row]:
        params = request.url.params
        after, before = int(params.get("min_ts", 0)), int(params.get("max_ts", 10**11))
        return [row for row in rows if after < seconds_of(row) < before]

    def _page(self, name: str, rows: list[Row], request: httpx.Request) -> httpx.Response:
        """Return a page; the cursor names the record it ended with, as a moving list needs."""
        cursor = request.url.params.get("cursor", "")
        rest = [row for row in rows if name_of(row) > cursor]
        more = name_of(rest[PAGE - 1]) if len(rest) > PAGE else ""
        listed = "market_positions" if name == "positions" else name
        body: Row = {listed: rest[:PAGE], "event_positions": [], "cursor": more}
        return httpx.Response(200, json=body)


def name_of(row: Row) -> str:
    return str(row.get("trade_id") or row.get("fill_id") or row.get("order_id") or row["ticker"])


def seconds_of(row: Row) -> float:
    return datetime.fromisoformat(row.get("settlement_ts") or row["created_time"]).timestamp()


def dated_trade(name: str, day: float) -> Row:
    return trade(name, created_time=on_day(day))


def dated_fill(name: str, day: float) -> Row:
    return payloads.fill(name, trade_id=name, created_time=on_day(day))


def dated_order(name: str, day: float) -> Row:
    return payloads.order(name, status="executed", created_time=on_day(day))


def dated_market(name: str, day: float) -> Row:
    return settled_market(name, on_day(day))


Reader = Callable[[KalshiClient, datetime, datetime], list[str]]
KINDS: dict[str, tuple[Callable[[str, float], Row], Reader]] = {
    "trades": (
        dated_trade,
        lambda c, start, end: [t.trade_id for t in c.trade_history(start=start, end=end).rows],
    ),
    "fills": (
        dated_fill,
        lambda c, start, end: [f.fill_id for f in c.fill_history(start=start, end=end)],
    ),
    "orders": (
        dated_order,
        lambda c, start, end: [o.order_id for o in c.order_history(start=start, end=end)],
    ),
    "markets": (
        dated_market,
        lambda c, start, end: [
            s.market.ticker for s in c.settled_markets("KXCPI", start=start, end=end).snapshots
        ],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@given(
    days=st.lists(st.integers(0, MOST_DAYS * 4).map(lambda quarter: quarter / 4), max_size=9),
    moves=st.lists(st.integers(0, MOST_DAYS), min_size=1, max_size=8),
    kept_days=st.sampled_from([0.0, 0.5, 3.0]),
    span=st.tuples(st.integers(-1, MOST_DAYS), st.integers(0, MOST_DAYS)),
)
def test_a_stretch_comes_whole_and_once_however_the_cutoff_moves(
    kind, days, moves, kept_days, span
):
    make, read = KINDS[kind]
    records = [(day, make(f"r-{number}", day)) for number, day in enumerate(days)]
    exchange = TieredExchange(records, sorted(map(float, moves)), kept_days=kept_days)
    first, last = span[0], span[0] + span[1]
    found = read(client_of(exchange), START + first * DAY, START + last * DAY)
    assert sorted(found) == sorted(name_of(row) for day, row in records if first <= day < last)
    live = [at for at, path in enumerate(exchange.paths) if not path.startswith("/historical")]
    assert max(live) < exchange.paths.index("/historical/cutoff")


@pytest.mark.parametrize(
    ("kind", "own_cutoff"),
    [("trades", "trades"), ("fills", "trades"), ("orders", "orders"), ("markets", "market")],
)
@pytest.mark.parametrize("start", [0, 4.25])
def test_each_kind_goes_by_its_own_cutoff(kind, own_cutoff, start):
    make, read = KINDS[kind]
    exchange = TieredExchange([(4.5, make("r-0", 4.5))], [5.0], own_cutoff=own_cutoff)
    assert read(client_of(exchange), START + start * DAY, START + 9 * DAY) == ["r-0"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "markets"])
def test_records_come_oldest_first(kind):
    make, read = KINDS[kind]
    records = [(day, make(f"r-{9 - day}", day)) for day in (1, 2, 3, 4)]
    exchange = TieredExchange([(float(day), row) for day, row in records], [2.5])
    found = read(client_of(exchange), START, START + 9 * DAY)
    assert found == ["r-8", "r-7", "r-6", "r-5"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretch_beyond_the_cutoff_asks_nothing_of_the_historical_tier(kind):
    make, read = KINDS[kind]
    exchange = TieredExchange([(9.0, make("r-0", 9.0))], [5.0])
    assert read(client_of(exchange), START + 8 * DAY, START + 10 * DAY) == ["r-0"]
    assert exchange.paths[1:] == ["/historical/cutoff"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretch_that_ends_before_it_starts_is_refused_unsent(kind):
    exchange = TieredExchange([], [0.0])
    with pytest.raises(ValueError, match="before"):
        KINDS[kind][1](client_of(exchange), START, START - DAY)
    assert exchange.paths == []


def test_an_order_told_by_both_tiers_counts_as_the_historical_one_has_it():
    def by_tier(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/cutoff"):
            return TieredExchange([], [9.0])(request)
        is_old = "/historical/" in request.url.path
        row = payloads.order("o-1", status="canceled" if is_old else "resting")
        return httpx.Response(200, json={"orders": [row], "cursor": ""})

    start = datetime(2026, 8, 1, tzinfo=UTC)
    (order,) = client_of(FakeExchange(by=by_tier)).order_history(start=start, end=start + 365 * DAY)
    assert order.status == "canceled"


def test_an_order_counts_by_its_creation_though_it_moves_by_its_last_change():
    order = dated_order("o-1", 1) | {"last_update_time": on_day(6)}

    class ByLastChange(TieredExchange):
        def _in_bounds(self, rows: list[Row], request: httpx.Request) -> list[Row]:
            changed = [row | {"created_time": row["last_update_time"]} for row in rows]
            return rows if super()._in_bounds(changed, request) else []

    exchange = ByLastChange([(6.0, order)], [8.0])
    client = client_of(exchange)
    (found,) = client.order_history(start=START, end=START + 2 * DAY)
    assert found.updated_at == START + 6 * DAY
    assert client.order_history(start=START + 2 * DAY, end=START + 9 * DAY) == []


def test_positions_that_move_while_they_are_read_come_whole_and_once():
    records = [(float(day), payloads.position(f"M{day}")) for day in range(9)]
    for row in records:
        row[1]["created_time"] = on_day(row[0])
    exchange = TieredExchange(records, [1.0, 3.0, 6.0, 7.0], kept_days=1.5)
    found = client_of(exchange).position_history()
    assert sorted(position.market_ticker for position in found) == [f"M{n}" for n in range(9)]
    assert not exchange.paths[0].startswith("/historical")


def test_a_market_that_does_not_say_when_it_settled_counts_by_its_closing_time():
    undated = settled_market("U", on_day(1)) | {"settlement_ts": None, "close_time": on_day(2)}
    undated["created_time"] = on_day(0)
    exchange = TieredExchange([(1.0, undated)], [5.0])
    client = client_of(exchange)
    whole = client.settled_markets("KXCPI", start=START + DAY, end=START + 3 * DAY)
    assert [snapshot.market.ticker for snapshot in whole.snapshots] == ["U"]
    later = client.settled_markets("KXCPI", start=START + 2.5 * DAY, end=START + 3 * DAY)
    assert later.snapshots == ()
