"""A recorded session of orders, made anew: same requests, same answers, to the last $0.000001."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.limits import RateLimits
from kalshi_assets_tests.kalshi.shared_files import circumstances, names, needs_recordings
from kalshi_assets_tests.kalshi.shared_files import recorded as recorded_bytes
from kalshi_assets_tests.local_exchange.bench import ScriptedTape, listing
from kalshi_assets_tests.local_exchange.quiet import quiet_floor

pytestmark = needs_recordings

TRADED = "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
IOC = {"time_in_force": "immediate_or_cancel", "ticker": TRADED}
GONE = {"orders__legacy_create", "orders__legacy_cancel"}
"""Recorded before the first version's writes were switched off."""
SESSION = [
    "auth__balance_ok",
    "orders__create_v2_maker",
    "orders__duplicate_client_order_id",
    "orders__get_after_create",
    "orders__cancel_v2",
    "orders__cancel_already_canceled",
    "orders__reuse_canceled_client_id",
    "orders__cancel_unknown_id",
    "orders__create_v2_taker_ioc",
    "fills__after_taker",
    "portfolio__positions",
    "portfolio__orders_list",
    "orders__invalid_price_structure",
    "orders__settlement_seed",
    "settlements__end_of_session",
    *sorted(GONE),
]
ADDED = {"exchange_index", "cancel_order_on_pause", "last_updated_ts"}
REMOVED = {"resting_orders_count"}
CHANCE = {
    "order_id",
    "user_id",
    "trade_id",
    "fill_id",
    "client_order_id",
    "created_time",
    "last_update_time",
    "ts",
    "ts_ms",
    "updated_ts",
}
"""Numbers and moments of their own."""


@pytest.fixture(scope="module")
def answers():
    """The recorded requests' answers by name, from an exchange with the same history."""
    tape = ScriptedTape(listings={TRADED: listing(TRADED)})
    tape.quote(TRADED, bids=[("0.01", "3")], asks=[("0.99", "9")], at=-1)
    tape.quote(TRADED, bids=[("0.47", "3")], asks=[("0.52", "3")], at=1)
    terms = Terms(cash=Decimal(100), rate_limits=RateLimits(is_enforced=False), read_lag_ms=0)
    with quiet_floor(tape, terms=terms) as venue:
        for _ in range(2):
            venue.me.order("bid", "0.99", "1", **IOC)
        venue.wait(2)
        ids: dict[str, str] = {}
        yield {name: replay(venue.me, name, ids) for name in SESSION}


def replay(caller, name: str, ids: dict[str, str]) -> httpx.Response:
    """Send a recorded request, with our order's id in place of the recorded one's."""
    meta = circumstances(name)
    path, _, query = meta["path"].removeprefix(PREFIX).partition("?")
    for theirs, ours in ids.items():
        path = path.replace(theirs, ours)
    answer: httpx.Response = caller.call(
        meta["method"],
        path,
        json=meta["request_body"],
        **dict(part.split("=") for part in query.split("&") if part),
    )
    then = recorded(name)
    if "order_id" in then and answer.is_success:
        ids[then["order_id"]] = answer.json()["order_id"]
    return answer


def recorded(name: str) -> Any:
    return json.loads(recorded_bytes(name))


def without(value: Any, names_left_out: set[str]) -> Any:
    if isinstance(value, list):
        return [without(item, names_left_out) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without(item, names_left_out)
        for name, item in value.items()
        if name not in names_left_out
    }


@pytest.mark.parametrize("name", [name for name in SESSION if name not in GONE])
def test_a_recorded_request_is_answered_as_recorded(answers, name):
    answer, then = answers[name], recorded(name)
    assert answer.status_code == circumstances(name)["status"]
    now = answer.json()
    if answer.status_code >= 400:
        assert now == without(then, {"service"})
        return
    if name == "portfolio__orders_list":  # made up of what an earlier session left, too
        now["orders"], then["orders"] = now["orders"][:2], then["orders"][:2]
    assert without(now, CHANCE | ADDED) == without(then, CHANCE | ADDED | REMOVED)
    assert _names(then) - REMOVED == _names(now) - (ADDED - _names(then))


@pytest.mark.parametrize("name", sorted(GONE))
def test_the_first_versions_writes_are_gone_since(answers, name):
    assert answers[name].status_code == 410
    assert answers[name].json()["error"]["code"] == "deprecated_v1_order_endpoint"


def test_every_recording_of_orders_and_accounts_is_made_anew():
    families = ("orders", "fills", "portfolio", "settlements", "auth__balance_ok")
    assert sorted(SESSION) == sorted(name for family in families for name in names(family))


def _names(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*(_names(item) for item in value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(_names(item) for item in value.values()))
