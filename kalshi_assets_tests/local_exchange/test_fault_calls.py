"""Faults of calls, set by the control address: what a client sees, and what was carried out."""

import json
from typing import Any

import httpx
import pytest

from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, Floor, floor

MARKET = f"/markets/{TICKER}"
ORDERS = "/portfolio/events/orders"
CREATE = "CreateOrderV2"


def put(venue: Floor, *rules: dict[str, Any]) -> list[int]:
    """Set rules by the control address."""
    answer = httpx.post(f"{venue.local_url}/faults", json=list(rules), trust_env=False)
    assert answer.status_code == 201, answer.text
    ids: list[int] = answer.json()["ids"]
    return ids


def shown(venue: Floor) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = httpx.get(f"{venue.local_url}/faults", trust_env=False).json()[
        "faults"
    ]
    return faults


def struck(venue: Floor) -> list[int]:
    return [fault["struck"] for fault in shown(venue)]


def status_of_order(venue: Floor, **changes: Any) -> int:
    return venue.me.order("bid", "0.20", "1", **changes).status_code


def orders_known(venue: Floor) -> list[str]:
    """The client order ids that the exchange itself has, read on a way without faults."""
    log = httpx.get(f"{venue.local_url}/requests", trust_env=False).json()["order_writes"]
    return [json.loads(write["body"])["client_order_id"] for write in log]


def test_an_error_burst_strikes_as_often_as_it_says_and_then_all_is_well(venue: Floor) -> None:
    put(venue, {"fault": "error-burst", "operation": CREATE, "status": 502, "times": 2})
    statuses = [status_of_order(venue, client_order_id=f"o{n}") for n in range(3)]
    assert statuses == [502, 502, 201]
    assert orders_known(venue) == ["o2"]
    assert venue.me.get(MARKET)["market"]["ticker"] == TICKER
    assert struck(venue) == [2]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_has_the_shape_the_exchange_gives_it(venue: Floor, status: int) -> None:
    put(venue, {"fault": "error-burst", "status": status})
    answer = venue.me.call("GET", MARKET)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error == "too many requests" if status == 429 else error["code"]


def test_an_error_after_execution_hides_an_order_that_stands(venue: Floor) -> None:
    put(venue, {"fault": "error-burst", "operation": CREATE, "status": 504, "when": "after"})
    assert status_of_order(venue, client_order_id="hidden") == 504
    assert orders_known(venue) == ["hidden"]


@pytest.mark.parametrize(("when", "known"), [("before", []), ("after", ["lost"])])
def test_a_time_out_swallows_the_order_or_loses_its_answer(
    venue: Floor, when: str, known: list[str]
) -> None:
    put(venue, {"fault": "time-out", "operation": CREATE, "when": when})
    venue.me.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        venue.me.order("bid", "0.20", "1", client_order_id="lost")
    assert orders_known(venue) == known
    assert struck(venue) == [1]


@pytest.mark.parametrize(("when", "known"), [("before", []), ("after", ["lost"])])
def test_a_patient_client_finds_the_connection_closed(
    venue: Floor, when: str, known: list[str]
) -> None:
    put(venue, {"fault": "time-out", "operation": CREATE, "when": when, "seconds": 0.1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        venue.me.order("bid", "0.20", "1", client_order_id="lost")
    assert orders_known(venue) == known


@pytest.mark.parametrize(("when", "known"), [("before", []), ("after", ["reset"])])
def test_a_reset_is_a_broken_connection(venue: Floor, when: str, known: list[str]) -> None:
    put(venue, {"fault": "connection-reset", "operation": CREATE, "when": when})
    with pytest.raises(httpx.ReadError):
        venue.me.order("bid", "0.20", "1", client_order_id="reset")
    assert orders_known(venue) == known


def test_a_slow_answer_is_carried_out_at_once(venue: Floor) -> None:
    put(venue, {"fault": "slow-answer", "operation": CREATE, "seconds": 0.4})
    venue.me.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        venue.me.order("bid", "0.20", "1", client_order_id="slow")
    assert orders_known(venue) == ["slow"]
    venue.me.http.timeout = httpx.Timeout(5)
    assert status_of_order(venue) == 201


def test_a_dripping_body_arrives_whole_but_late(venue: Floor) -> None:
    true = venue.me.get(MARKET)
    put(venue, {"fault": "dripping-body", "path": "/markets/{ticker}", "seconds": 0.3})
    answer = venue.me.call("GET", MARKET)
    assert answer.json() == true
    assert answer.elapsed.total_seconds() > 0.25


def test_a_truncated_body_ends_with_the_connection(venue: Floor) -> None:
    put(venue, {"fault": "truncated-body", "method": "GET", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without"):
        venue.me.call("GET", MARKET)
    assert venue.me.get(MARKET)["market"]["ticker"] == TICKER


def test_an_answer_may_be_no_json(venue: Floor) -> None:
    put(venue, {"fault": "not-json", "path": "/markets/{ticker}"})
    answer = venue.me.call("GET", MARKET)
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")


def test_success_may_carry_the_body_of_an_error(venue: Floor) -> None:
    put(venue, {"fault": "error-body", "operation": CREATE, "code": "unavailable"})
    answer = venue.me.order("bid", "0.20", "1", client_order_id="done")
    assert answer.status_code == 201
    assert answer.json()["error"]["code"] == "unavailable"
    assert orders_known(venue) == ["done"]


def test_fields_drift_wherever_they_stand(venue: Floor) -> None:
    true = venue.me.get("/markets")["markets"][0]
    put(
        venue,
        {"fault": "renamed-field", "field": "yes_bid_dollars", "to": "bid"},
        {"fault": "renamed-field", "field": "title"},
        {"fault": "mistyped-field", "field": "volume_fp"},
        {"fault": "mistyped-field", "field": "floor_strike"},
        {"fault": "mistyped-field", "field": "status"},
    )
    drifted = venue.me.get("/markets")["markets"][0]
    assert drifted["bid"] == true["yes_bid_dollars"]
    assert drifted["title_v2"] == true["title"]
    assert not {"yes_bid_dollars", "title"} & drifted.keys()
    assert drifted["volume_fp"] == float(true["volume_fp"])
    assert drifted["floor_strike"] == "1.0"
    assert drifted["status"] == len("active")


def test_rules_compose_the_first_one_meets_the_call_first(venue: Floor) -> None:
    put(
        venue,
        {"fault": "error-burst", "times": 1},
        {"fault": "renamed-field", "field": "market", "times": 1},
        {"fault": "zero-coded"},
    )
    assert venue.me.call("GET", MARKET).status_code == 503
    assert struck(venue) == [1, 0, 0], "what is answered in front never gets further"
    assert venue.me.get(MARKET)["market_v2"]["yes_bid_dollars"] == "0.0000"
    assert venue.me.get(MARKET)["market"]["yes_bid_dollars"] == "0.0000"
    assert struck(venue) == [1, 1, 2]


def test_faults_of_the_body_meet_in_one_answer(venue: Floor) -> None:
    renamed: dict[str, Any] = {"fault": "renamed-field", "field": "market", "to": "m"}
    slow: dict[str, Any] = {"fault": "dripping-body", "seconds": 0.3}
    for rules in ([renamed, slow], [slow, renamed]):
        put(venue, *rules)
        answer = venue.me.call("GET", MARKET)
        assert answer.json()["m"]["ticker"] == TICKER
        assert answer.elapsed.total_seconds() > 0.25
        httpx.delete(f"{venue.local_url}/faults", trust_env=False)
    put(venue, {"fault": "not-json"}, {"fault": "truncated-body"})
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without"):
        venue.me.call("GET", MARKET)


def test_a_share_strikes_by_chance_and_the_same_seed_strikes_the_same_calls() -> None:
    def run(seed: int) -> list[int]:
        with floor() as venue:
            put(venue, {"fault": "error-burst", "share": 0.5, "seed": seed})
            return [venue.me.call("GET", MARKET).status_code for _ in range(40)]

    first, again, other = run(7), run(7), run(8)
    assert first == again
    assert first != other
    assert 8 < first.count(503) < 32


def test_a_rule_holds_in_its_span_of_venue_time(venue: Floor) -> None:
    put(
        venue,
        {"fault": "error-burst", "from": 60, "until": "2026-10-13T13:32:00Z"},
        {"fault": "not-json", "from": 120},
    )

    def seen() -> tuple[int, str]:
        answer = venue.me.call("GET", MARKET)
        return answer.status_code, answer.text[:6]

    assert seen()[0] == 200
    venue.clock.advance(seconds=59.999)
    assert seen()[0] == 200
    venue.clock.advance(seconds=0.001)
    assert seen()[0] == 503
    assert [fault["is_on"] for fault in shown(venue)] == [True, False]
    venue.clock.advance(seconds=60)
    assert seen() == (200, "<html>")
    assert venue.tape.started_ms == NOON_MS


def test_calls_that_are_struck_are_counted_as_calls(venue: Floor) -> None:
    put(venue, {"fault": "error-burst", "operation": "GetMarket"})
    venue.me.call("GET", MARKET)
    counts = httpx.get(f"{venue.local_url}/requests", trust_env=False).json()["counts"]
    assert counts["GET /trade-api/v2/markets/{ticker}"] == 1
