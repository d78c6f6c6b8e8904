"""Which markets are asked for: lists of tickers in few calls, and filters that go together."""

from datetime import UTC, datetime

import httpx
import pytest

from kalshi_assets.errors import ExchangeError
from kalshi_assets.kalshi.requests import TimeFilter
from kalshi_assets_tests.kalshi.payloads import FakeExchange, answer, client_of, market

START = datetime(2026, 11, 15, 0, 0, 0, 500_000, UTC)
END = datetime(2026, 11, 16, tzinfo=UTC)


class ListedMarkets:
    """Lists markets by ticker, and refuses lists longer than it takes."""

    def __init__(self, tickers: list[str], *, most: int = 1_000, refusal: int = 414) -> None:
        self.asked: list[list[str]] = []
        self.longest_url = ""
        self._listed, self._most, self._refusal = set(tickers), most, refusal

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["limit"] == "1000"
        asked = request.url.params["tickers"].split(",")
        self.asked.append(asked)
        self.longest_url = max(self.longest_url, str(request.url), key=len)
        if len(asked) > self._most:
            return httpx.Response(self._refusal)
        # A full page may come with a cursor that leads nowhere.
        cursor = "more" if len(asked) == 1_000 else ""
        rows = [market(ticker) for ticker in asked if ticker in self._listed]
        return httpx.Response(200, json={"markets": rows, "cursor": cursor})


@pytest.mark.parametrize("count", [22, 1_000])
def test_a_poll_of_many_markets_is_one_call(count):
    tickers = [f"KXCPI-26DEC-T{n}" for n in range(count)]
    exchange = ListedMarkets(tickers)
    batch = client_of(exchange).markets(tickers=[*tickers, *tickers])
    assert [snapshot.market.ticker for snapshot in batch.snapshots] == tickers
    assert exchange.asked == [tickers]
    assert len(str(exchange.longest_url)) < 30_000


def test_a_list_is_cut_where_page_or_address_would_grow_too_long():
    short, long = [f"K{n}" for n in range(1_500)], [f"KX{n:0198}" for n in range(300)]
    exchange = ListedMarkets([*short, *long])
    batch = client_of(exchange).markets(tickers=[*short, *long])
    assert len(batch.snapshots) == 1_800
    assert [ticker for asked in exchange.asked for ticker in asked] == [*short, *long]
    assert max(len(asked) for asked in exchange.asked) == 1_000
    assert len(exchange.longest_url) < 30_000


@pytest.mark.parametrize(
    ("status", "most"), [(400, 290), (413, 290), (414, 40), (414, 999), (431, 290), (494, 290)]
)
def test_where_the_exchange_takes_shorter_lists_the_client_follows(status, most):
    tickers = [f"KX{n}" for n in range(1_000)]
    exchange = ListedMarkets(tickers, most=most, refusal=status)
    batch = client_of(exchange).markets(tickers=tickers)
    assert [snapshot.market.ticker for snapshot in batch.snapshots] == tickers
    assert batch.duplicates == ()
    refused = [asked for asked in exchange.asked if len(asked) > most]
    assert len(refused) <= 5


@pytest.mark.parametrize(("status", "calls"), [(400, 5), (414, 10), (401, 1), (404, 1)])
def test_a_refusal_that_is_not_for_the_length_is_told_after_few_calls(status, calls):
    tickers = [f"KX{n}" for n in range(1_000)]
    exchange = ListedMarkets(tickers, most=0, refusal=status)
    with pytest.raises(ExchangeError) as caught:
        client_of(exchange).markets(tickers=tickers)
    assert caught.value.status == status
    assert len(exchange.asked) == calls


@pytest.mark.parametrize("ticker", ["", "A,B", " A"])
def test_what_is_no_ticker_is_not_asked_for(ticker):
    exchange = FakeExchange(answer(markets=[], cursor=""))
    with pytest.raises(ValueError, match="no ticker"):
        client_of(exchange).markets(tickers=["KX", ticker])
    assert exchange.requests == []


@pytest.mark.parametrize(
    ("time", "sent"),
    [
        (
            TimeFilter("created", START, END),
            {"min_created_ts": 1794700799, "max_created_ts": 1794787201},
        ),
        (TimeFilter("close", START), {"min_close_ts": 1794700799}),
        (TimeFilter("settled", end=END), {"max_settled_ts": 1794787201}),
        (TimeFilter("updated"), {}),
    ],
)
def test_a_stretch_of_time_goes_by_the_time_it_is_of(time, sent):
    exchange = FakeExchange(answer(markets=[], cursor=""))
    client_of(exchange).markets(time=time)
    params = dict(exchange.requests[0].url.params)
    assert params == {"limit": "1000"} | {name: str(value) for name, value in sent.items()}


@pytest.mark.parametrize(
    "filters",
    [
        {"time": TimeFilter("created"), "status": "closed"},
        {"time": TimeFilter("created"), "status": "paused"},
        {"time": TimeFilter("close"), "status": "open"},
        {"time": TimeFilter("settled"), "status": "closed"},
        {"time": TimeFilter("updated"), "status": "open"},
        {"time": TimeFilter("updated"), "tickers": ["A"]},
        {"time": TimeFilter("updated"), "event_ticker": "E"},
        {"time": TimeFilter("updated"), "series_ticker": "S"},
        {"time": TimeFilter("updated"), "combos": "only"},
        {"status": "active"},
    ],
)
def test_filters_that_the_exchange_does_not_take_together_are_refused_unsent(filters):
    exchange = FakeExchange(answer(markets=[], cursor=""))
    with pytest.raises(ValueError, match=r"time of|is none of"):
        client_of(exchange).markets(**filters)
    assert exchange.requests == []
