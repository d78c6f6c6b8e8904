import httpx
import pytest

from kalshi_assets.errors import (
    DuplicateOrder,
    ExchangeError,
    NotAuthorized,
    NotFound,
    NotSent,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.failures import (
    from_httpx,
    from_response,
    leaves_outcome_open,
    read_error_body,
    states_error,
)
from kalshi_assets_tests.kalshi.payloads import FakeExchange, client_of, raw_answer

NESTED = b'{"error":{"code":"order_already_exists","message":"order already exists"}}'
FLAT = (
    b'{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal number '
    b'into Go struct field CreateOrderV2Request.count of type string"}'
)
BARE = b'{"msg":"Parameter validation failed for GetMarkets: Limit failed on the lte tag"}'
TEXT = b'{"error":"too many requests"}'


def failure(status: int, content: bytes = b"", headers: dict[str, str] | None = None):
    request = httpx.Request(
        "POST",
        "http://127.0.0.1:8/trade-api/v2/x",
        headers={"KALSHI-ACCESS-TIMESTAMP": "1795359600000", "KALSHI-ACCESS-SIGNATURE": "s3cret"},
    )
    answer = httpx.Response(status, headers=headers, content=content, request=request)
    return from_response("POST", "/x", answer)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (NESTED, "order_already_exists", "order already exists"),
        (FLAT, "bad_request", "bad request"),
        (BARE, "", "Parameter validation failed"),
        (TEXT, "", "too many requests"),
        (b"<html>\n502", "", "<html> 502"),
        (b"", "", ""),
        (b"[1]", "", "[1]"),
        (b'{"error": 7}', "", "7"),
        (b'{"error": {"code": 7, "message": null}}', "7", ""),
        (b"\xff\x00", "", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_every_shape_of_error_body_is_read(content, code, message):
    body = read_error_body(content)
    assert body.code == code
    assert message in body.message


def test_a_long_body_is_cut():
    assert len(read_error_body(b"x" * 100_000).message) < 300


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (400, BARE, Rejected),
        (400, FLAT, Rejected),
        (401, b"", NotAuthorized),
        (403, b"<html>", NotAuthorized),
        (404, b'{"error":{"code":"not_found","message":"not found"}}', NotFound),
        (408, b"", TransportError),
        (409, NESTED, DuplicateOrder),
        (409, b'{"error":{"code":"trading_is_paused","message":"m"}}', Rejected),
        (410, b'{"error":{"code":"deprecated_v1_order_endpoint"}}', Rejected),
        (429, TEXT, RateLimited),
        (500, b"", ServerError),
        (503, b"{}", ServerError),
        (504, b"<html>", ServerError),
        (302, b"", ExchangeError),
    ],
)
def test_every_status_has_its_error(status, content, kind):
    error = failure(status, content)
    assert leaves_outcome_open(error) is (kind in (TransportError, ServerError, ExchangeError))
    assert type(error) is kind
    assert error.status == status
    assert str(error).startswith(f"POST /x: {status}")


def test_a_message_carries_the_code_the_details_and_the_way_out():
    error = failure(409, NESTED)
    assert error.code == "order_already_exists"
    assert "look it up by its client order id" in str(error)
    assert "Go struct field" in str(failure(400, FLAT))


@pytest.mark.parametrize(
    ("content", "way_out"),
    [
        (b'{"error":{"code":"signature_is_missing_from_headers"}}', "KALSHI_PRIVATE_KEY_PATH"),
        (
            b'{"error":{"code":"authentication_error","details":"INCORRECT_API_KEY_SIGNATURE"}}',
            "do not belong together",
        ),
        (
            b'{"error":{"code":"authentication_error","details":"NOT_FOUND"}}',
            "demo or production",
        ),
        (b"{}", "scopes"),
    ],
)
def test_a_refused_key_is_told_what_to_mend(content, way_out):
    assert way_out in str(failure(401, content))


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Sun, 22 Nov 2026 15:00:31 GMT", "31 s behind"),
        ("Sun, 22 Nov 2026 14:55:00 GMT", "300 s ahead of"),
        ("yesterday", "too far"),
        (None, "too far"),
    ],
)
def test_an_expired_timestamp_tells_the_clock_offset(date, words):
    expired = b'{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}'
    error = failure(401, expired, {} if date is None else {"date": date})
    assert words in str(error)
    assert "NTP" in str(error)


def test_no_message_carries_a_header():
    for status in (302, 400, 401, 409, 429, 500):
        assert "s3cret" not in str(failure(status, NESTED))


def test_the_exchanges_own_words_stand_beside_ours():
    error = failure(400, FLAT)
    assert (error.status, error.code, error.message) == (400, "bad_request", "bad request")
    assert error.details.startswith("json: cannot unmarshal number")
    assert failure(400, BARE).message.startswith("Parameter validation failed")
    assert failure(429, TEXT).message == "too many requests"
    empty = failure(500)
    assert (empty.code, empty.message, empty.details) == ("", "", "")


@pytest.mark.parametrize("content", [NESTED, FLAT, BARE, TEXT, b'{"error":{"code":7}}',
    b'{"markets":[],"error":"x"}', b'{"markets":[],"error":"x","cursor":"' + b"y" * 9_999 + b'"}',
])  # fmt: skip
def test_a_success_with_an_error_body_is_an_error(content):
    assert states_error(content)
    exchange = FakeExchange(raw_answer(content.decode()))
    with pytest.raises((ServerError, DuplicateOrder), match="200"):
        client_of(exchange).markets(series_ticker="KXCPI")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"7", b"<html>", b"[" * 100_000, b'{"error":null,"order_id":"o"}',
     b'{"error":"","order_id":"o"}', b'{"code":"C","series":{}}', b'{"a":"' + b"x" * 9_999 + b'"}',
     b'{"markets":[{"error":"x"}],"cursor":"' + b"y" * 9_999 + b'"}'],
)  # fmt: skip
def test_a_body_without_an_error_of_its_own_states_none(content):
    assert not states_error(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"error":{"code":"deprecated_v1_order_endpoint"}}', Rejected),
        (b'{"code":"deprecated_v1_order_endpoint","message":"m"}', Rejected),
        (NESTED, DuplicateOrder),
        (TEXT, ServerError),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_success_that_carries_an_error_is_what_its_code_says(content, kind, status):
    assert type(failure(status, content)) is kind


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (httpx.ConnectTimeout("x"), "no connection in time"),
        (httpx.ReadTimeout("x"), "no answer in time"),
        (httpx.ConnectError("refused"), "no connection;"),
        (httpx.RemoteProtocolError("x"), "broke off"),
        (httpx.ReadError("x"), "broke off"),
        (httpx.ProxyError("x"), "HTTPS_PROXY"),
        (httpx.DecodingError("x"), "compression"),
        (httpx.UnsupportedProtocol("x"), "failed"),
        (httpx.PoolTimeout("x"), "busy"),
        (httpx.WriteTimeout("x"), "could not be sent in time"),
        (httpx.WriteError("x"), "broke off"),
        (httpx.TooManyRedirects("x"), "failed"),
    ],
)
def test_every_httpx_exception_means_no_usable_answer(exc, words):
    error = from_httpx("GET", "/markets", exc)
    is_before_anything_is_sent = isinstance(
        exc,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol,
    )
    assert error.was_sent is not is_before_anything_is_sent
    assert isinstance(error, NotSent) is is_before_anything_is_sent
    assert leaves_outcome_open(error) is error.was_sent
    assert words in str(error)
    assert str(error).startswith("GET /markets: ")
    assert error.status is None
