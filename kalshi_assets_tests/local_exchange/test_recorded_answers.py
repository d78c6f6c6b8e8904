"""The same request as was once recorded gets the same answer: status, error, names of fields."""

from typing import Any

import httpx
import pytest

from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.kalshi.shared_files import RECORDED, circumstances, names, needs_recordings
from kalshi_assets_tests.kalshi.shared_files import recorded as recorded_bytes
from kalshi_assets_tests.local_exchange.bench import NOON_MS, ScriptedTape, floor, headers, listing

pytestmark = needs_recordings

TRADED = "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
UNTOUCHED = "KXTEST-26NOV-T1"
CASES = [
    *(name for family in ("auth", "markets", "orderbook") for name in names(f"{family}__")),
    *("exchange__status", "series__fee_changes", "account__limits", "account__endpoint_costs"),
]
SKEWS_MS = {"minus5s": -5_000, "plus5s": 5_000, "minus30s": -30_000, "minus5min": -300_000}
REMOVED = {"fractional_trading_enabled", "liquidity_dollars", "response_price_units"}
ADDED = {
    "exchange_index",
    "settlement_bounds_type",
    "exchange_index_statuses",
    "intra_exchange_transfers_active",
    "description",
}
TERMS = {
    "custom_strike",
    "early_close_condition",
    "floor_strike",
    "is_provisional",
    "mve_collection_ticker",
    "mve_selected_legs",
    "occurrence_datetime",
    "primary_participant_key",
    "strike_type",
}
"""What a market has or has not, by the event it is about."""
OUTCOME = {"settlement_ts", "settlement_value_dollars"}
_SIDES = ("yes_bid", "yes_ask", "no_bid", "no_ask")


@pytest.fixture(scope="module")
def venue():
    listings = {
        TRADED: listing(TRADED),
        "KXTEST-26OCT-T1": listing(
            "KXTEST-26OCT-T1",
            close_ms=NOON_MS - 3 * HOUR_MS,
            determined_ms=NOON_MS - 2 * HOUR_MS,
            settled_ms=NOON_MS - HOUR_MS,
        ),
        "KXTEST-26OCT-T2": listing(
            "KXTEST-26OCT-T2", close_ms=NOON_MS - 3 * HOUR_MS, determined_ms=NOON_MS - HOUR_MS
        ),
        UNTOUCHED: listing(UNTOUCHED, open_ms=NOON_MS + HOUR_MS),
    }
    with floor(ScriptedTape(listings)) as running:
        yield running


def request(venue, name):
    """Make a recorded request anew, signed as it was then."""
    meta = circumstances(name)
    method, target = meta["method"], meta["path"]
    path = target.split("?", 1)[0]
    skew = next((ms for word, ms in SKEWS_MS.items() if name.endswith(word)), 0)
    signed_path = f"{PREFIX}/elsewhere" if meta["auth"] == "bad-signature" else path
    signed = headers("rsa", method, signed_path, skew_ms=skew)
    if meta["auth"] == "missing-signature-header":
        del signed["KALSHI-ACCESS-SIGNATURE"]
    sent = {} if meta["auth"] == "unauthenticated" else signed
    host = venue.url.removesuffix(PREFIX)
    return httpx.request(method, host + target, headers=sent, trust_env=False)


def field_names(value: Any) -> set[str]:
    """Return the names of all fields at any depth; what is in a market's terms is its own."""
    if isinstance(value, list):
        return set().union(*(field_names(item) for item in value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(field_names(v) for name, v in value.items() if name not in TERMS))


def recorded(name):
    return httpx.Response(200, content=recorded_bytes(name)).json()


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_request_is_answered_as_recorded(venue, name):
    answer = request(venue, name)
    assert answer.status_code == circumstances(name)["status"]
    then, now = recorded(name), answer.json()
    if answer.status_code >= 400:
        assert now == then
        return
    loose = TERMS | ADDED | (set() if "__status_" in name else OUTCOME)
    assert field_names(then) - REMOVED - loose == field_names(now) - loose
    assert field_names(then) & ADDED <= field_names(now)


def test_the_recorded_book_is_shown_level_by_level(venue):
    assert request(venue, "orderbook__base").json() == recorded("orderbook__base")


def test_empty_sides_are_shown_as_recorded(venue):
    def sides(market):
        prices = (market[f"{side}_dollars"] for side in _SIDES)
        return (*prices, market["yes_bid_size_fp"], market["yes_ask_size_fp"])

    seen = {sides(m) for name in names("markets__status_") for m in recorded(name)["markets"]}
    untouched = {sides(m) for m in recorded("markets__page1")["markets"]}
    markets = httpx.get(f"{venue.url}/markets", trust_env=False).json()["markets"]
    shown = {market["ticker"]: sides(market) for market in markets}
    assert shown[UNTOUCHED] in untouched
    assert shown["KXTEST-26OCT-T1"] in seen
    assert shown["KXTEST-26OCT-T1"] != shown[UNTOUCHED]


def test_every_recording_of_market_data_is_reproduced():
    families = {path.name.split("__")[0] for path in RECORDED.glob("*.json")}
    account = {"orders", "portfolio", "fills", "settlements", "ws"}
    assert {name.split("__")[0] for name in CASES} == {f for f in families if f not in account}
