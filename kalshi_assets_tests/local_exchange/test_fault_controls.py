"""Rules of faults: refused with a reason, on and off with venue time, counted, taken back."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from kalshi_assets.local_exchange.app import endpoints
from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import BadFaultRule
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.faults import (
    VOCABULARY,
    Controls,
    known_faults,
    read_fault_file,
)
from kalshi_assets.local_exchange.interventions import Interventions, LineFaults
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import TICKER, Floor, ScriptedTape, floor, listing

OTHER = "KXOTHER-26OCT-T2"
MARKET = f"/markets/{TICKER}"


class Desk:
    """Controls of an exchange that nobody serves; the clock is the test's."""

    def __init__(self) -> None:
        tape = ScriptedTape(listings={name: listing(name) for name in (TICKER, OTHER)})
        self.clock = ManualClock(tape.started_ms)
        self.exchange = Exchange(
            tape, Store(None), doorkeeper=Doorkeeper({}), clock=self.clock, terms=Terms()
        )
        self.switches = self.exchange.interventions
        self.cuts = 0
        self.controls = Controls(
            tape,
            self.switches,
            operations=endpoints(self.exchange),
            now_ms=self.clock.now_ms,
            disconnect_all=self.cut,
        )

    def cut(self) -> None:
        self.cuts += 1

    def put(self, *rules: object) -> list[int]:
        return self.controls.add(rules, place="test")

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.controls.apply()


def shown_by(desk: Desk) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(json.dumps(desk.controls.view()))["faults"]
    return told


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("time-out", "test rule 2: 'time-out' is no object"),
        ({}, "test rule 2: fault None is unknown: it is none of error-burst, time-out"),
        ({"fault": "moon-dust"}, "fault 'moon-dust' is unknown"),
        ({"fault": ["time-out"]}, "fault ['time-out'] is unknown"),
        ({"fault": "time-out", "second": 5}, "time-out has no 'second'; it has from, method"),
        ({"fault": "frozen-feed", "times": 1}, "frozen-feed has no 'times'; it has from, market"),
        ({"fault": "time-out", "from_": 5}, "time-out has no 'from_'"),
        ({"fault": "error-burst", "status": 404}, "status 404: "),
        ({"fault": "error-burst", "times": 0}, "times 0: Expected `int` >= 1"),
        ({"fault": "error-burst", "times": True}, "times True: "),
        ({"fault": "error-burst", "share": 1.5}, "share 1.5: Expected `float` <= 1.0"),
        ({"fault": "error-burst", "share": 0}, "share 0: Expected `float` > 0.0"),
        ({"fault": "error-burst", "operation": "CreateOrder"}, "operation 'CreateOrder': path is"),
        ({"fault": "error-burst", "path": MARKET}, f"no operation has path {MARKET!r}: path is"),
        ({"fault": "error-burst", "method": "PUT"}, "no operation has method 'PUT'"),
        ({"fault": "slow-answer"}, "missing required field `seconds`"),
        ({"fault": "slow-answer", "seconds": -1}, "seconds -1: "),
        ({"fault": "slow-answer", "seconds": "5"}, "seconds '5': "),
        ({"fault": "time-out", "when": "later"}, "when 'later': "),
        ({"fault": "time-out", "from": "noon"}, "from 'noon': "),
        ({"fault": "time-out", "from": "2026-10-13T13:30:00"}, "from '2026-10-13T13:30:00': "),
        ({"fault": "time-out", "from": 9, "until": 9}, "until 9.0 is not after from 9.0"),
        ({"fault": "time-out", "from": 9, "until": "2026-10-13T13:30:01Z"}, "is not after from"),
        ({"fault": "stale-feed", "market": "KXMOON"}, "market 'KXMOON' is not on the tape: it has"),
        ({"fault": "paused-market", "market": "KXMOON"}, "market 'KXMOON' is not on the tape"),
        ({"fault": "wrong-clock", "milliseconds": 0.5}, "milliseconds 0.5: "),
        ({"fault": "bad-line", "drop": 2}, "drop 2: "),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_and_none_is_set(
    desk: Desk, rule: object, words: str
) -> None:
    with pytest.raises(BadFaultRule) as caught:
        desk.put({"fault": "trading-pause"}, rule)
    assert words in str(caught.value)
    assert desk.controls.view() == {"faults": []}
    assert desk.switches == Interventions()


def test_the_vocabulary_has_every_fault_of_the_feed(desk: Desk) -> None:
    assert set(known_faults()) < VOCABULARY.keys()
    for name in known_faults():
        desk.put({"fault": name, "market": TICKER}, {"fault": name, "market": None})


@pytest.mark.parametrize(
    ("rule", "turned"),
    [
        ({"fault": "stale-reads", "milliseconds": 5000}, {"read_lag_ms": 5000}),
        ({"fault": "wrong-clock", "milliseconds": -30000}, {"wall_offset_ms": -30000}),
        ({"fault": "trading-pause"}, {"is_trading_paused": True}),
        ({"fault": "exchange-pause"}, {"is_exchange_paused": True}),
        ({"fault": "paused-market", "market": OTHER}, {"paused_markets": {OTHER}}),
        ({"fault": "paused-market"}, {"paused_markets": {TICKER, OTHER}}),
        (
            {"fault": "bad-line", "drop": 0.1, "duplicate": 0.2, "reorder": 0.3, "skip": 0.4}
            | {"rename": 0.5, "mistype": 0.6, "seed": 9},
            {"line": LineFaults(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 9)},
        ),
    ],
)
def test_a_switch_is_turned_while_its_rule_holds(
    desk: Desk, rule: dict[str, Any], turned: dict[str, Any]
) -> None:
    desk.put(rule | {"from": 10, "until": 20})
    assert desk.switches == Interventions()
    desk.wait(10)
    assert desk.switches == Interventions(**turned)
    desk.wait(9.999)
    assert desk.switches == Interventions(**turned)
    desk.wait(0.001)
    assert desk.switches == Interventions()
    rule_id = {"id": 1, "rule": rule | {"from": 10, "until": 20}}
    assert desk.controls.view() == {"faults": [rule_id | {"is_on": False, "struck": 1}]}


def test_switches_add_up_and_what_nobody_turned_stays_as_it_was(desk: Desk) -> None:
    desk.switches.read_lag_ms = 0
    first, _, _ = desk.put(
        {"fault": "paused-market", "market": TICKER},
        {"fault": "paused-market", "market": OTHER},
        {"fault": "trading-pause"},
    )
    assert desk.switches.paused_markets == {TICKER, OTHER}
    desk.controls.remove(first)
    assert desk.switches.paused_markets == {OTHER}
    desk.controls.remove(None)
    assert desk.switches == Interventions(read_lag_ms=0)


def test_a_disconnect_strikes_once_or_again_and_again(desk: Desk) -> None:
    desk.put({"fault": "disconnect"})
    assert desk.cuts == 1
    desk.wait(100)
    assert desk.cuts == 1
    desk.controls.remove(None)
    desk.put({"fault": "disconnect", "from": 110, "until": 130, "every": 8})
    for _ in range(40):
        desk.wait(1)
    assert desk.cuts == 1 + 3, "at 110, 118 and 126"


def test_what_should_have_begun_before_it_was_set_begins_then(desk: Desk) -> None:
    desk.clock.advance(seconds=100)
    desk.put({"fault": "disconnect", "from": 1, "every": 10})
    desk.wait(9.9)
    (shown,) = [entry["struck"] for entry in shown_by(desk)]
    assert (desk.cuts, shown) == (1, 1)


def test_a_feed_fault_holds_in_its_span_only(venue: Floor) -> None:
    def bid() -> str:
        return str(venue.me.get(MARKET)["market"]["yes_bid_dollars"])

    rule = {"fault": "zero-coded", "market": TICKER, "from": 5, "until": 10}
    httpx.post(f"{venue.local_url}/faults", json=rule, trust_env=False)
    bids = []
    for _ in range(3):
        bids.append(bid())
        venue.clock.advance(seconds=5)
    assert bids == ["0.4700", "0.0000", "0.4700"]


def test_a_feed_fault_counts_what_it_broke_and_nothing_else() -> None:
    tape = ScriptedTape(listings={name: listing(name) for name in (TICKER, OTHER)})
    with floor(tape) as venue, httpx.Client(trust_env=False) as http:
        page = f"{venue.local_url}/faults"
        http.post(page, json=[{"fault": "off-grid", "market": OTHER}, {"fault": "off-grid"}])
        venue.me.get(MARKET)
        venue.me.get("/markets", tickers=f"{TICKER},{OTHER}")
        assert [fault["struck"] for fault in http.get(page).json()["faults"]] == [1, 3]


def test_the_control_address_sets_shows_and_takes_back(venue: Floor) -> None:
    page = f"{venue.local_url}/faults"
    with httpx.Client(trust_env=False) as http:
        rule = {"fault": "error-burst", "times": 3}
        assert http.post(page, json=rule).json() == {"ids": [1]}
        assert http.post(page, json=[rule, rule]).json() == {"ids": [2, 3]}
        venue.me.call("GET", MARKET)
        shown = {"id": 1, "rule": rule, "is_on": True, "struck": 1}
        assert http.get(page).json()["faults"][0] == shown
        assert http.delete(f"{page}/1").json() == {"removed": [shown]}
        assert http.delete(f"{page}/1").status_code == 404
        assert [fault["id"] for fault in http.get(page).json()["faults"]] == [2, 3]
        assert len(http.delete(page).json()["removed"]) == 2
        assert http.get(page).json() == {"faults": []}
        assert http.delete(page).json() == {"removed": []}
        assert venue.me.call("GET", MARKET).status_code == 200
        assert http.post(f"{venue.local_url}/disconnect").status_code == 204


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[", "the body is not JSON"),
        ("5", "POST /local/faults rule 1: 5 is no object"),
        ('[{"fault": "time-out"}, {"fault": "x"}]', "rule 2: fault 'x' is unknown"),
    ],
)
def test_the_control_address_says_what_is_wrong(venue: Floor, body: str, words: str) -> None:
    page = f"{venue.local_url}/faults"
    answer = httpx.post(page, content=body, trust_env=False)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert httpx.get(page, trust_env=False).json() == {"faults": []}


def test_a_fault_file_is_a_list_of_rules(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"fault": "time-out"}]))
    assert read_fault_file(file) == [{"fault": "time-out"}]
    for text, words in (("{}", "put its rules into [ ]"), ("[", "cannot be read as JSON")):
        file.write_text(text)
        with pytest.raises(BadFaultRule, match=str(file)) as caught:
            read_fault_file(file)
        assert words in str(caught.value)
    with pytest.raises(BadFaultRule, match="cannot be read"):
        read_fault_file(tmp_path / "none.json")
