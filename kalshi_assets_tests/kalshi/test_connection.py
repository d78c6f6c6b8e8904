import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.errors import (
    BreakerOpen,
    ConfigurationError,
    ExchangeError,
    PayloadError,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.breaker import Breaker, OwnStore
from kalshi_assets.kalshi.connection import MOST_PAGES, Connection
from kalshi_assets.kalshi.rate_limit import BASIC, BucketSize, OwnBook, RateLimits, Tier
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.kalshi.shared_limits import FileBook
from kalshi_assets.kalshi.wire import TIMEOUT, Wire, http_client
from kalshi_assets_tests.kalshi.payloads import BASE, FakeExchange, answer, client_of, raw_answer
from kalshi_assets_tests.kalshi.test_rate_limit import Time

START = datetime(2026, 11, 22, tzinfo=UTC)
TROUBLE = [
    httpx.ReadTimeout("x"),
    httpx.ConnectError("x"),
    raw_answer("", 502),
    raw_answer("", 429),
]
RAISED = [TransportError, TransportError, ServerError, RateLimited]


def endless() -> RateLimits:
    return RateLimits(OwnBook(Tier(BucketSize(1e9, 1e9), BucketSize(1e9, 1e9))))


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
    with pytest.raises(PayloadError, match="pages"):
        list(connection_of(exchange, limits=endless()).pages("/x", {}))


class Dripping(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b" "


def test_an_answer_that_drips_for_ever_is_given_up():
    seconds = iter(range(1000))
    drip = FakeExchange(by=lambda _: httpx.Response(200, stream=Dripping()))
    connection = connection_of(drip, wire=Wire(monotonic=lambda: float(next(seconds))))
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
    waits: list[float] = []
    no_burst = Tier(BucketSize(10, 10), BucketSize(10, 10), costs=BASIC.costs)
    limits = RateLimits(OwnBook(no_burst, monotonic=lambda: 0.0), sleep=waits.append)
    connection = connection_of(FakeExchange(answer(cursor="")), limits=limits)
    connection.get("/x")
    connection.get("/x")
    assert waits == [0.5, 1.5]
    connection.write_once("POST", "/portfolio/events/orders")
    connection.write_once("DELETE", "/portfolio/events/orders/o-1")
    assert waits[2:] == pytest.approx([0.5, 0.7])


def test_a_refusal_for_calling_too_often_empties_the_bucket():
    waits: list[float] = []
    limits = RateLimits(OwnBook(monotonic=lambda: 0.0), sleep=waits.append)
    exchange = FakeExchange(raw_answer("", 429), answer(balance="1"))
    connection_of(exchange, limits=limits).get("/x")
    assert waits == pytest.approx([0.05])


TIER = answer(
    usage_tier="prime",
    read={"refill_rate": 4800, "bucket_capacity": 4800},
    write={"refill_rate": 4800, "bucket_capacity": 14400},
    grants=[],
)
PRICES = answer(
    default_cost=5,
    endpoint_costs=[{"method": "GET", "path": "/trade-api/v2/x/:id", "cost": 33}],
)


def account_exchange(limits: httpx.Response, costs: httpx.Response) -> FakeExchange:
    answers = {
        "/trade-api/v2/account/limits": limits,
        "/trade-api/v2/account/endpoint_costs": costs,
    }

    def by(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path, answer(cursor=""))
        return httpx.Response(found.status_code, content=found.content)

    return FakeExchange(by=by)


def test_a_signed_connection_asks_once_what_the_account_may_spend(tmp_path):
    exchange = account_exchange(TIER, PRICES)
    limits = RateLimits(FileBook(tmp_path / "limits"))
    for _ in range(2):
        connection_of(exchange, limits=limits, auth=httpx.Auth()).get("/x")
    paths = [request.url.path.removeprefix("/trade-api/v2") for request in exchange.requests]
    assert paths == ["/account/limits", "/account/endpoint_costs", "/x", "/x"]
    assert (limits.cost("GET", "/x/7"), limits.cost("GET", "/x")) == (33, 5)
    with FileBook(tmp_path / "limits").opened() as account:
        assert account.tier.write == BucketSize(4800, 14400)


def test_without_a_key_there_is_no_account_to_ask_about(tmp_path):
    exchange = account_exchange(TIER, PRICES)
    connection_of(exchange, limits=RateLimits(FileBook(tmp_path / "limits"))).get("/x")
    assert [request.url.path for request in exchange.requests] == ["/trade-api/v2/x"]


@pytest.mark.parametrize(
    ("limits", "costs"),
    [
        (raw_answer("", 503), PRICES),
        (TIER, raw_answer("{}", 404)),
        (answer(usage_tier="x"), PRICES),
        (TIER, raw_answer("no json")),
        (answer(read={"refill_rate": 0, "bucket_capacity": 1}, write={}), PRICES),
    ],
)
def test_without_a_readable_statement_the_account_counts_as_basic(limits, costs, tmp_path, caplog):
    exchange = account_exchange(limits, costs)
    shared = RateLimits(FileBook(tmp_path / "limits"))
    connection_of(exchange, limits=shared, auth=httpx.Auth()).get("/x")
    assert "rate limits are as known before" in caplog.text
    assert exchange.requests[-1].url.path == "/trade-api/v2/x"
    with FileBook(tmp_path / "limits").opened() as account:
        assert account.tier == BASIC


def open_breaker() -> Breaker:
    breaker = Breaker("127.0.0.1:8", OwnStore())
    for _ in range(3):
        breaker.failed("x", is_probe=False)
    return breaker


def test_after_three_failures_in_a_row_nothing_is_sent_but_cancels():
    exchange = FakeExchange(httpx.ConnectError("x"))
    connection = connection_of(exchange, breaker=Breaker("127.0.0.1:8"))
    with pytest.raises(TransportError):
        connection.get("/x")
    assert len(exchange.requests) == 3
    with pytest.raises(BreakerOpen):
        connection.get("/x")
    with pytest.raises(BreakerOpen):
        connection.write_once("POST", "/portfolio/events/orders")
    assert len(exchange.requests) == 3
    with pytest.raises(TransportError):
        connection.write_once("DELETE", "/portfolio/events/orders/o-1")
    assert [request.method for request in exchange.requests] == ["GET"] * 3 + ["DELETE"]


def test_an_endpoint_in_trouble_is_no_outage():
    """Its calls are tried four times each, and every other call is answered."""

    def by(request: httpx.Request) -> httpx.Response:
        is_sound = request.url.path.endswith("/sound")
        return answer(cursor="") if is_sound else raw_answer("", 500)

    connection = connection_of(FakeExchange(by=by), breaker=Breaker("x"), limits=endless())
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(ServerError):
                connection.get("/broken")
        connection.get("/sound")
    for _ in range(3):
        with pytest.raises(ServerError):
            connection.get("/broken")
    with pytest.raises(BreakerOpen):
        connection.get("/sound")


def test_a_cancel_that_gets_through_lets_everything_through():
    exchange = FakeExchange(answer(order_id="o-1"))
    connection = connection_of(exchange, breaker=open_breaker())
    with pytest.raises(BreakerOpen):
        connection.get("/x")
    connection.write_once("DELETE", "/portfolio/events/orders/o-1")
    connection.get("/x")
    connection.write_once("POST", "/portfolio/events/orders")


@pytest.mark.parametrize("refusal", [400, 401, 404, 409])
def test_an_answer_that_refuses_shows_that_the_exchange_is_there(refusal):
    trouble, answers = httpx.ReadTimeout("x"), raw_answer("{}", refusal)
    exchange = FakeExchange(trouble, trouble, answers, trouble, trouble, answer(cursor=""))
    connection = connection_of(
        exchange, breaker=Breaker("x"), retry=RetryPolicy(sleep=lambda _: None)
    )
    with pytest.raises(ExchangeError):
        connection.get("/x")
    connection.get("/x")
    assert len(exchange.requests) == 6


def test_a_429_is_neither_a_failure_nor_a_sign_of_life():
    trouble, often = raw_answer("", 502), raw_answer("", 429)
    exchange = FakeExchange(often, often, often, often, trouble, often, trouble, often, trouble)
    connection = connection_of(
        exchange, breaker=Breaker("x"), retry=RetryPolicy(attempts=1), limits=endless()
    )
    for _ in range(9):
        with pytest.raises((RateLimited, ServerError)):
            connection.get("/x")
    with pytest.raises(BreakerOpen):
        connection.get("/x")


@pytest.mark.parametrize("answered", [raw_answer("", 429), answer(503, exchange_active=False)])
def test_a_probe_that_is_answered_without_help_was_in_vain(answered):
    store, later = OwnStore(), [START]
    breaker = Breaker("x", store, now=lambda: later[0], random=lambda: 1.0)
    for _ in range(3):
        breaker.failed("x", is_probe=False)
    later[0] += timedelta(seconds=5)
    connection = connection_of(
        FakeExchange(answered), breaker=breaker, retry=RetryPolicy(attempts=1)
    )
    if answered.status_code == 429:
        with pytest.raises(RateLimited):
            connection.get("/x")
    else:
        connection.get("/x", is_answer=lambda _: True)
    assert [row.to_state for row in store.transitions] == ["open", "half_open", "open"]
    assert store.transitions[-1].openings == 2


class Kept:
    """A call sink."""

    def __init__(self) -> None:
        self.calls: list[ApiCall] = []

    def note(self, call: ApiCall) -> None:
        self.calls.append(call)


def test_every_call_that_was_sent_is_told_without_its_secrets():
    exchange = FakeExchange(raw_answer("", 502), httpx.ReadTimeout("x"), answer(cursor=""))
    kept = Kept()
    connection = connection_of(exchange, calls=kept)
    connection.get("/x", {"who": "s3cret"})
    connection.write_once("DELETE", "/portfolio/events/orders/o-1", params={"who": "s3cret"})
    told = [(c.method, c.path, c.status, c.error, c.cost, c.attempt) for c in kept.calls]
    assert told == [
        ("GET", "/x", 502, "ServerError", 10, 1),
        ("GET", "/x", None, "TransportError", 10, 2),
        ("GET", "/x", 200, "", 10, 3),
        ("DELETE", "/portfolio/events/orders/o-1", 200, "", 2, 1),
    ]
    assert {c.host for c in kept.calls} == {"127.0.0.1:8"}
    assert "s3cret" not in repr(kept.calls)


def test_a_read_gets_no_more_time_than_its_deadline_leaves():
    exchange = FakeExchange(answer(cursor=""))
    connection_of(exchange, retry=RetryPolicy(deadline_seconds=2)).get("/x")
    connection_of(exchange).get("/x")
    connection_of(exchange).write_once("POST", "/x")
    briefly, fully, write = (request.extensions["timeout"] for request in exchange.requests)
    assert (briefly["read"], briefly["pool"]) == (pytest.approx(2, abs=0.1),) * 2
    assert fully == write == TIMEOUT.as_dict()


def test_what_a_write_waited_in_line_is_not_taken_from_its_answer():
    time = Time()
    size = BucketSize(1, 100)
    book = OwnBook(Tier(size, size, costs={"POST /x": 58}), monotonic=time)
    limits = RateLimits(book, sleep=time.sleep)
    exchange = FakeExchange(answer(order_id="o-1"))
    connection = connection_of(exchange, limits=limits, wire=Wire(monotonic=time))
    limits.take("write", 100)
    connection.write_once("POST", "/x")
    assert time.now == pytest.approx(1_058.5)
    assert exchange.requests[0].extensions["timeout"] == TIMEOUT.as_dict()


def test_a_read_that_would_stand_in_line_past_its_deadline_is_not_sent():
    size = BucketSize(1, 100)
    limits = RateLimits(OwnBook(Tier(size, size)), sleep=lambda _: None)
    limits.take("read", 95)
    exchange = FakeExchange(answer(cursor=""))
    with pytest.raises(RateLimited, match="not sent"):
        connection_of(exchange, limits=limits, retry=RetryPolicy(deadline_seconds=5)).get("/x")
    assert exchange.requests == []


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


def test_certificates_are_checked_wherever_there_are_any() -> None:
    with http_client("https://exchange.test/trade-api/v2", None, None, wire=Wire()) as client:
        context = client._transport._pool._ssl_context  # type: ignore[attr-defined]  # no public way
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
