from collections.abc import Iterator

import httpx
import pytest

from kalshi_assets.errors import (
    ConfigurationError,
    ExchangeError,
    PayloadError,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.connection import MOST_PAGES, TIMEOUT, Connection
from kalshi_assets.kalshi.rate_limit import RateLimits, TokenBucket
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets_tests.kalshi.payloads import BASE, FakeExchange, answer, client_of, raw_answer

TROUBLE = [
    httpx.ReadTimeout("x"),
    httpx.ConnectError("x"),
    raw_answer("", 502),
    raw_answer("", 429),
]
RAISED = [TransportError, TransportError, ServerError, RateLimited]


def connection_of(exchange: FakeExchange, **options: object) -> Connection:
    chosen: dict[str, object] = {"retry": RetryPolicy(sleep=lambda _: None)} | options
    return Connection(BASE, transport=httpx.MockTransport(exchange), **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(("trouble", "kind"), list(zip(TROUBLE, RAISED, strict=True)))
def test_a_read_in_trouble_is_sent_four_times(trouble, kind):
    exchange, pauses = FakeExchange(trouble), list[float]()
    with pytest.raises(kind):
        client_of(exchange, pauses=pauses, random=lambda: 1.0).balance()
    assert len(exchange.requests) == 4
    assert pauses == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_read_goes_on_when_the_trouble_passes(trouble):
    exchange = FakeExchange(trouble, answer(exchange_active=True, trading_active=False))
    status = client_of(exchange).exchange_status()
    assert (status.is_exchange_active, status.is_trading_active) == (True, False)
    assert len(exchange.requests) == 2


def test_a_refused_read_is_sent_once():
    exchange = FakeExchange(raw_answer('{"msg":"no"}', 400))
    with pytest.raises(Rejected):
        client_of(exchange).markets(tickers=["A"])
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status):
    elsewhere = httpx.Response(status, headers={"location": "http://evil.example/trade-api/v2/"})
    exchange = FakeExchange(elsewhere)
    with pytest.raises(ExchangeError, match="redirects are not followed") as caught:
        client_of(exchange).balance()
    assert type(caught.value) is ExchangeError
    assert [request.url.host for request in exchange.requests] == ["127.0.0.1"]


@pytest.mark.parametrize("status", [500, 503, 504])
def test_the_exchange_status_is_read_from_a_failure_that_states_it(status):
    exchange = FakeExchange(answer(status, exchange_active=False, trading_active=False))
    assert not client_of(exchange).exchange_status().is_exchange_active
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("body", ["", "<html>", '{"exchange_active": false}', "[]"])
def test_a_failure_that_states_no_status_stays_a_failure(body):
    with pytest.raises(ServerError):
        client_of(FakeExchange(raw_answer(body, 503))).exchange_status()


def test_a_status_without_its_fields_is_no_status():
    with pytest.raises(PayloadError):
        client_of(FakeExchange(raw_answer('{"exchange_active": true}'))).exchange_status()


def test_pages_follow_the_cursor_to_its_end():
    exchange = FakeExchange(answer(cursor="b"), answer(cursor="c"), answer(cursor=""))
    pages = list(connection_of(exchange).pages("/x", {"limit": 1000, "status": None}))
    assert len(pages) == 3
    sent = [dict(request.url.params) for request in exchange.requests]
    assert sent == [
        {"limit": "1000"},
        {"limit": "1000", "cursor": "b"},
        {"limit": "1000", "cursor": "c"},
    ]


@pytest.mark.parametrize("body", ["{}", '{"cursor": null}', '{"cursor": 7}', "[]"])
def test_a_missing_cursor_is_not_the_last_page(body):
    with pytest.raises(PayloadError, match="cursor"):
        list(connection_of(FakeExchange(raw_answer(body))).pages("/x", {}))


def test_a_cursor_that_is_optional_may_be_missing():
    pages = connection_of(FakeExchange(raw_answer("{}"))).pages("/x", {}, cursor_is_optional=True)
    assert len(list(pages)) == 1


def test_a_cursor_that_leads_in_a_circle_ends():
    exchange = FakeExchange(answer(cursor="a"), answer(cursor="b"), answer(cursor="a"))
    with pytest.raises(PayloadError, match="repeats"):
        list(connection_of(exchange).pages("/x", {}))
    assert len(exchange.requests) == 3


def test_ever_new_cursors_end_too():
    numbers = iter(range(MOST_PAGES + 5))
    exchange = FakeExchange(by=lambda _: answer(cursor=str(next(numbers))))
    plenty = RateLimits(TokenBucket(1e9), TokenBucket(1e9))
    with pytest.raises(PayloadError, match="pages"):
        list(connection_of(exchange, limits=plenty).pages("/x", {}))


class Dripping(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b" "


def test_an_answer_that_drips_for_ever_is_given_up():
    seconds = iter(range(1000))
    drip = FakeExchange(by=lambda _: httpx.Response(200, stream=Dripping()))
    connection = connection_of(drip, monotonic=lambda: float(next(seconds)))
    with pytest.raises(TransportError, match="does not end"):
        connection.write_once("POST", "/x")
    assert len(drip.requests) == 1


def test_broken_compression_is_no_usable_answer():
    gzip = {"content-encoding": "gzip"}
    broken = FakeExchange(
        by=lambda _: httpx.Response(200, headers=gzip, stream=httpx.ByteStream(b"no gzip"))
    )
    with pytest.raises(TransportError, match="compression"):
        connection_of(broken).write_once("POST", "/x")


def test_reads_and_writes_take_their_tokens():
    waits: dict[str, list[float]] = {"read": [], "write": []}
    limits = RateLimits(
        TokenBucket(10, 0, monotonic=lambda: 0.0, sleep=waits["read"].append),
        TokenBucket(10, 0, monotonic=lambda: 0.0, sleep=waits["write"].append),
    )
    connection = connection_of(FakeExchange(answer(cursor="")), limits=limits)
    connection.get("/x")
    connection.get("/x")
    connection.write_once("DELETE", "/x", cost=2)
    assert waits == {"read": [1.0, 2.0], "write": [0.2]}


def test_time_outs_are_explicit():
    assert httpx.Timeout(connect=3, read=10, write=5, pool=3) == TIMEOUT


@pytest.mark.parametrize(
    "url",
    [
        "",
        "external-api.kalshi.com/trade-api/v2",
        "ftp://external-api.kalshi.com/trade-api/v2",
        "https://external-api.kalshi.com",
        "https://external-api.kalshi.com/trade-api/v1",
        "https://external-api.kalshi.com/trade-api/v2?x=1",
        "https:///trade-api/v2",
        "https://user:s3cret@external-api.kalshi.com/trade-api/v2",
        "http://[::1/trade-api/v2",
    ],
)
def test_a_wrong_address_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match="KALSHI_API_URL") as caught:
        Connection(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "uses_proxy"),
    [
        ("http://127.0.0.1:8/trade-api/v2", False),
        ("http://localhost:8/trade-api/v2/", False),
        ("http://[::1]:8/trade-api/v2", False),
        ("https://external-api.kalshi.com/trade-api/v2", True),
    ],
)
def test_the_environments_proxy_is_for_real_venues_only(monkeypatch, base_url, uses_proxy):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    connection = Connection(base_url)
    assert connection._client.trust_env is uses_proxy
    assert bool(connection._client._mounts) is uses_proxy
    connection.close()


def test_a_broken_proxy_setting_is_a_configuration_error(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://x")
    with pytest.raises(ConfigurationError, match="proxy"):
        Connection("https://external-api.kalshi.com/trade-api/v2")
