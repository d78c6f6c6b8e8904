import base64
import time
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kalshi_assets.local_exchange.auth import Doorkeeper, Key
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import LocalExchangeError, Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    UNLIMITED,
    Caller,
    ScriptedTape,
    error_of,
    headers,
    private_key,
    public_pem,
    sign,
)

BALANCE = f"{PREFIX}/portfolio/balance"
STALE = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


def balance(venue, signed, path="/portfolio/balance"):
    return httpx.get(venue.url + path, headers=signed, trust_env=False)


def authentication_error(details: str):
    code = "authentication_error"
    return {"error": {"code": code, "message": code, "details": details}}


@pytest.mark.parametrize("name", ["me", "rsa"])
def test_both_kinds_of_key_are_let_in(venue, name):
    assert balance(venue, headers(name, "GET", BALANCE)).status_code == 200


def test_missing_signature_is_named(venue):
    signed = headers("me", "GET", BALANCE)
    del signed["KALSHI-ACCESS-SIGNATURE"]
    code = "signature_is_missing_from_headers"
    response = balance(venue, signed)
    assert response.status_code == 401
    assert response.json() == {"error": {"code": code, "message": code.replace("_", " ")}}


def test_signature_over_another_path_is_refused(venue):
    response = balance(venue, headers("rsa", "GET", f"{PREFIX}/portfolio/fills"))
    assert response.status_code == 401
    assert response.json() == authentication_error("INCORRECT_API_KEY_SIGNATURE")


def test_path_without_the_api_prefix_is_refused(venue):
    assert balance(venue, headers("me", "GET", "/portfolio/balance")).status_code == 401


def test_query_is_not_part_of_what_is_signed(venue):
    signed = headers("me", "GET", f"{PREFIX}/portfolio/fills")
    assert balance(venue, signed, "/portfolio/fills?limit=5").status_code == 200


def test_unknown_key_is_not_found(venue):
    signed = headers("me", "GET", BALANCE) | {"KALSHI-ACCESS-KEY": "nobody"}
    assert balance(venue, signed).json() == authentication_error("NOT_FOUND")


def test_salt_of_another_length_is_refused(venue):
    key = private_key("rsa")
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = headers("rsa", "GET", BALANCE)
    text = f"{signed['KALSHI-ACCESS-TIMESTAMP']}GET{BALANCE}".encode()
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    raw = key.sign(text, pss, hashes.SHA256())
    signed["KALSHI-ACCESS-SIGNATURE"] = base64.b64encode(raw).decode()
    assert balance(venue, signed).status_code == 401


@pytest.mark.parametrize("skew_ms", [-5_000, 5_000, 29_000])
def test_small_skew_is_forgiven(venue, skew_ms):
    assert balance(venue, headers("me", "GET", BALANCE, skew_ms=skew_ms)).status_code == 200


@pytest.mark.parametrize("skew_ms", [-30_000, -300_000, 300_000])
def test_large_skew_is_expired(venue, skew_ms):
    response = balance(venue, headers("me", "GET", BALANCE, skew_ms=skew_ms))
    assert response.status_code == 401
    assert response.json() == STALE


def test_the_window_is_ten_seconds_back_and_thirty_ahead():
    wall = [1_000_000]
    door = Doorkeeper({"me": public_pem(private_key("me"))}, wall_clock_ms=lambda: wall[0])

    def admit(stamp):
        text = f"{stamp}GET{BALANCE}"
        signed = {
            "kalshi-access-key": "me",
            "kalshi-access-timestamp": str(stamp),
            "kalshi-access-signature": sign(private_key("me"), text),
        }
        return door.admit(signed, method="GET", path=BALANCE)

    assert admit(990_000) == admit(1_030_000) == "me"
    for stamp in (989_999, 1_030_001):
        with pytest.raises(Refusal) as refused:
            admit(stamp)
        assert refused.value.body == STALE


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1e12", "9" * 40])
def test_a_timestamp_that_is_no_number_is_expired(venue, stamp):
    signed = headers("me", "GET", BALANCE) | {"KALSHI-ACCESS-TIMESTAMP": stamp}
    assert balance(venue, signed).status_code == 401


def test_market_data_needs_no_signature_but_refuses_a_bad_one(venue):
    assert balance(venue, {}, "/markets").status_code == 200
    assert balance(venue, headers("me", "GET", BALANCE), "/markets").status_code == 401
    assert balance(venue, {"KALSHI-ACCESS-KEY": "me"}, "/markets").status_code == 401


@pytest.mark.parametrize("path", ["/portfolio/balance", "/portfolio/orders", "/account/limits"])
def test_account_data_needs_a_signature(venue, path):
    assert balance(venue, {}, path).status_code == 401


def test_a_private_matter_registered_as_key_is_named():
    with pytest.raises(LocalExchangeError, match="key k7"):
        Doorkeeper({"k7": "no pem"})


@contextmanager
def guarded(**scopes):
    """An exchange whose keys have the given scopes and all belong to one account."""
    keys = {
        name: Key(public_pem(private_key(name)), scopes=frozenset(granted), account="desk")
        for name, granted in scopes.items()
    }
    exchange = Exchange(
        ScriptedTape(),
        Store(None),
        doorkeeper=Doorkeeper(keys),
        clock=ManualClock(NOON_MS),
        terms=UNLIMITED,
    )
    with running_exchange(exchange) as handle, ExitStack() as stack:
        callers = {name: Caller(handle.url, name) for name in keys}
        for caller in callers.values():
            stack.enter_context(caller.http)
        yield callers, handle


def test_a_key_may_do_what_its_scopes_say():
    calls = {
        "balance": lambda caller: caller.call("GET", "/portfolio/balance").status_code,
        "orders": lambda caller: caller.call("GET", "/portfolio/orders").status_code,
        "place": lambda caller: caller.order("bid", "0.10", "1").status_code,
        "cancel": lambda caller: caller.call("DELETE", "/portfolio/events/orders").status_code,
        "markets": lambda caller: caller.call("GET", "/markets").status_code,
    }
    granted = {
        "full": {"read", "write"},
        "reader": {"read"},
        "auditor": {"read::portfolio_balance"},
        "trader": {"write::trade"},
        "treasurer": {"write::transfer"},
    }
    may = {
        "full": set(calls),
        "reader": {"balance", "orders", "markets"},
        "auditor": {"balance", "markets"},
        "trader": {"place", "cancel", "markets"},
        "treasurer": {"markets"},
    }
    with guarded(**granted) as (callers, _):
        for name, caller in callers.items():
            answers = {word: call(caller) for word, call in calls.items()}
            assert {word for word, status in answers.items() if status < 300} == may[name]
            assert {status for status in answers.values() if status >= 300} <= {403}


def test_a_read_only_key_is_told_which_scope_an_order_needs():
    with guarded(reader={"read"}) as (callers, _):
        refused = callers["reader"].order("bid", "0.10", "1")
    assert error_of(refused) == (403, "forbidden")
    assert "write::trade" in refused.json()["error"]["details"]


def test_several_keys_act_for_one_account():
    with guarded(reader={"read"}, trader={"write::trade"}) as (callers, _):
        placed = callers["trader"].order("bid", "0.10", "1").json()
        (seen,) = callers["reader"].get("/portfolio/orders")["orders"]
        assert seen["order_id"] == placed["order_id"]
        assert callers["reader"].cash() == "5000.0000"


def test_an_unknown_scope_is_named_with_the_known_ones():
    key = Key(public_pem(private_key("me")), scopes=frozenset({"trade"}))  # type: ignore[arg-type]  # the wrong word on purpose
    with pytest.raises(LocalExchangeError, match=r"key k7: scope 'trade' .*write::trade"):
        Doorkeeper({"k7": key})


@pytest.mark.parametrize("path", ["/exchange/status", "/nothing", "/portfolio/balance"])
def test_every_answer_is_dated_by_the_exchanges_own_clock(path):
    with guarded(full={"read", "write"}) as (callers, handle):
        for offset_ms in (0, 3_600_000, -7_200_000):
            handle.exchange.interventions.wall_offset_ms = offset_ms
            answer = callers["full"].http.get(handle.url + path)
            dates = answer.headers.get_list("date")
            assert len(dates) == 1
            ahead = parsedate_to_datetime(dates[0]).timestamp() - time.time()
            assert abs(ahead - offset_ms / 1000) < 5


def test_a_clock_that_is_off_moves_the_window_of_signatures():
    with guarded(full={"read", "write"}) as (_, handle):
        handle.exchange.interventions.wall_offset_ms = 3_600_000
        assert balance(handle, headers("full", "GET", BALANCE)).json() == STALE
        signed = headers("full", "GET", BALANCE, skew_ms=3_600_000)
        assert balance(handle, signed).status_code == 200
        handle.exchange.interventions.wall_offset_ms = 0
        assert balance(handle, headers("full", "GET", BALANCE)).status_code == 200
