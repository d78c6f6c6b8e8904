"""`status` from another shell: can it trade now, why not, what does it hold?"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from kalshi_assets.domain.account import VenueOrder
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.local_exchange.gate import Interceptor
from kalshi_assets.storage.books import add_foreign_orders
from kalshi_assets.storage.schema import breaker_transitions
from kalshi_assets.storage.trading_state import change_state
from kalshi_assets_tests.execution.faults import OnOperation, altering, answering
from kalshi_assets_tests.execution.trading_floor import order_by_hand
from kalshi_assets_tests.runtime.commands import Shell, installed
from kalshi_assets_tests.stand import OVERREACTING, Stand

STATUS, BALANCE = "GetExchangeStatus", "GetBalance"
PAUSED = altering(lambda told: {**told, "trading_active": False})
OPEN, NOT_RUNNING, SETTINGS, CLOSED = 0, 1, 2, 3
CLOSES_SOON = "KXPAYROLLS-26SEP-T75000"
NO_ACCOUNT = ["portfolio_known", "daily_loss"]


@pytest.fixture
def ready(loaded_stand: Stand) -> Iterator[Stand]:
    """An installation that polled, judged, and bought the overreacting contract."""
    loaded_stand.judge_and_place()
    with installed(loaded_stand):
        yield loaded_stand


def gate(told: Any, name: str) -> dict[str, Any]:
    [found] = [g for g in [*told["gates"], *told["checks"]] if g["gate"] == name]
    return dict(found)


def test_with_everything_good_the_gate_is_open(ready: Stand, shell: Shell) -> None:
    code, told = shell.run_json("status")
    assert (code, told["is_open"], told["closed_by"]) == (OPEN, True, [])
    assert (told["venue"], told["input"]) == ("local", "cpi-week")
    assert told["venue_at"] == ready.now.isoformat()
    assert told["ui_url"] == "http://127.0.0.1:3000"
    assert told["quote_age_seconds"] < 300
    assert told["poll_age_seconds"] < 90
    assert gate(told, "sound_markets")["value"] == "4 of 5", "the frozen one is not"
    assert list(gate(told, "feed_is_not_frozen")["markets_failed"]) == ["KXFED-26OCT-T3.75"]
    assert all(0 <= check["age_seconds"] <= 180 for check in told["checks"])


def test_it_tells_what_is_held_and_what_it_is_worth_as_the_venue_states_it(
    ready: Stand, shell: Shell
) -> None:
    _, told = shell.run_json("status")
    [bought] = ready.rows("SELECT sum(count) / 100.0 AS contracts FROM kalshi.fills")
    [position] = told["positions"]
    assert (position["market"], position["side"]) == (OVERREACTING, "no")
    assert position["contracts"] == float(bought["contracts"])
    assert told["account"]["source"] == "venue"
    held = position["contracts"] * position["sell_price_usd"]
    assert told["account"]["value_usd"] == pytest.approx(told["account"]["cash_usd"] + held)


def test_what_waits_for_its_result_counts_what_it_did_before_and_halts_nothing(
    loaded_stand: Stand, shell: Shell
) -> None:
    value = "SELECT value_micros FROM kalshi.portfolio ORDER BY as_of DESC LIMIT 1"
    loaded_stand.change(max_daily_loss_pct=Decimal("0.001"))
    order_by_hand(loaded_stand, ticker=CLOSES_SOON, cents=99)
    with loaded_stand.desk() as desk:
        [snapshot] = desk.venue.markets(tickers=[CLOSES_SOON]).snapshots
    loaded_stand.at(snapshot.market.close_at - timedelta(seconds=1))
    loaded_stand.run("reconcile_job")
    before = loaded_stand.rows(value)
    loaded_stand.later(2)

    with installed(loaded_stand):
        _, told = shell.run_json("status")
        [position] = told["positions"]
        assert (position["market"], position["is_waiting"]) == (CLOSES_SOON, True)
        assert position["sell_price_usd"] > 0
        assert [{"value_micros": round(told["account"]["value_usd"] * 1e6)}] == before
        assert f"counts {position['sell_price_usd']:.2f} USD, not trading" in shell.run("status")[1]

    loaded_stand.run("reconcile_job")
    assert loaded_stand.rows("SELECT count(DISTINCT as_of) FROM kalshi.portfolio") == [{"count": 2}]
    assert loaded_stand.rows(value) == before
    assert loaded_stand.rows("SELECT cause FROM kalshi.trading_state WHERE state = 'halted'") == []


def test_it_tells_of_every_open_signal_why_it_was_not_traded(ready: Stand, shell: Shell) -> None:
    _, told = shell.run_json("status")
    answers = {s["market"]: (s["outcome"], s["why_not"]) for s in told["signals"]}
    assert answers[OVERREACTING] == ("approved", "")
    assert answers["KXGDP-26Q3-T2.5"][0] == "refused"
    assert "volume is 147 contracts" in answers["KXGDP-26Q3-T2.5"][1]


def test_the_screen_says_it_for_people(ready: Stand, shell: Shell) -> None:
    code, out, err = shell.run("status")
    assert (code, err) == (OPEN, "")
    assert "GATE OPEN: an order could pass now" in out
    assert f"{OVERREACTING}  298 NO  bid" in out
    assert "volume is 147 contracts, needed: > 500 contracts" in out
    assert max(len(line) for line in out.splitlines()) < 160
    marks = {line[11:17].strip() for line in out.splitlines() if line.startswith((" ", "Checks"))}
    assert "ok" in marks


def test_looking_writes_nothing_and_sends_no_order(ready: Stand, shell: Shell) -> None:
    tables = ("orders", "decisions", "portfolio", "positions", "verdicts", "trading_state")
    before = [ready.contents(table) for table in tables], ready.order_requests()
    shell.run("status")
    assert ([ready.contents(table) for table in tables], ready.order_requests()) == before


def halt(stand: Stand) -> None:
    with stand.database.transaction() as connection:
        change_state(connection, "halted", cause="command", why="a test", at=stand.now)


def fail_for_the_feed(stand: Stand) -> None:
    stand.execute(
        "UPDATE kalshi.verdicts SET is_passed = false, observed = '5 of 5 markets bad' "
        "WHERE check_name = 'ticks_are_fresh'"
    )


def forget_a_check(stand: Stand) -> None:
    stand.execute("DELETE FROM kalshi.verdicts WHERE check_name = 'ticks_are_complete'")


def fail_every_market_somewhere(stand: Stand) -> None:
    stand.execute(
        "UPDATE kalshi.verdicts SET markets_failed = (SELECT jsonb_object_agg(t, 'bad') "
        "FROM unnest(markets_checked) t) WHERE check_name = 'prices_are_in_range'"
    )


def lose_the_history(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.history_loads SET completed_at = NULL")


def lose_a_tenth(stand: Stand) -> None:
    stand.execute(
        "INSERT INTO kalshi.portfolio SELECT as_of - interval '1 day', cash_micros, 0, "
        "value_micros * 10 / 9, 0 FROM kalshi.portfolio"
    )


def order_all_day(stand: Stand) -> None:
    stand.execute(
        "INSERT INTO kalshi.orders SELECT (o).* FROM (SELECT jsonb_populate_record(o, "
        "jsonb_build_object('client_order_id', 'order ' || n, 'attempt', n + 1)) AS o "
        "FROM kalshi.orders o, generate_series(1, 50) n) x"
    )


@pytest.mark.parametrize(
    ("spoil", "closed", "why"),
    [
        (lose_a_tenth, "daily_loss", "needed: <= 5 % of the day's opening value"),
        (order_all_day, "orders_per_day", "orders per day is 51, needed: < 50"),
        (order_all_day, "orders_per_minute", "orders per minute is 51, needed: < 5"),
        (halt, "trading_state", "halted"),
        (fail_for_the_feed, "ticks_are_fresh", "5 of 5 markets bad"),
        (forget_a_check, "ticks_are_complete", "no verdict"),
        (fail_every_market_somewhere, "sound_markets", "0 of 5"),
        (lose_the_history, "warmed_up", "warming up: 9 days of history missing"),
    ],
)
def test_a_closed_gate_is_named_with_its_reason(
    spoil: Any, closed: str, why: str, ready: Stand, shell: Shell
) -> None:
    spoil(ready)
    code, told = shell.run_json("status")
    assert code == CLOSED
    assert closed in told["closed_by"]
    assert why in gate(told, closed)["reason"]
    code, out, _ = shell.run("status")
    assert code == CLOSED
    assert "GATE CLOSED by" in out
    [line] = [line for line in out.splitlines() if f"CLOSED {closed} " in line]
    assert why in line


def test_a_halt_is_shown_with_what_it_was_for(ready: Stand, shell: Shell) -> None:
    halt(ready)
    _, told = shell.run_json("status")
    assert told["halted_because"] == ["command: a test"]
    _, out, _ = shell.run("status")
    assert "\n  halted by command: a test\n" in out


def meet_orders_of_another_host(stand: Stand, count: int) -> list[str]:
    """Let the account list orders of our scheme, each second one at rest; return how they read."""
    told = []
    with stand.desk() as desk, stand.database.transaction() as connection:
        for number in range(count):
            status = "resting" if number % 2 else "executed"
            client_id = client_order_id(f"signal-{number}", leg="entry", attempt=1)
            order = VenueOrder(
                order_id=f"venue-{number}",
                client_order_id=client_id,
                market_ticker=OVERREACTING,
                side="no",
                status=status,
                yes_price=600_000,
                initial_count=100,
                fill_count=0,
                remaining_count=100,
                fees_micros=0,
                created_at=stand.now,
                expires_at=None,
            )
            add_foreign_orders(connection, [(order, "unknown")], at=desk.clock.now())
            named = f"{order.order_id} ({client_id}) in {OVERREACTING}"
            told.append(f"{named}, {status} when first seen")
    return told


def test_every_order_of_another_host_is_named_and_whether_it_rests(
    ready: Stand, shell: Shell
) -> None:
    meet_orders_of_another_host(ready, 1)
    assert shell.run_json("status")[1]["unknown_orders"] == [], "nothing is halted for it"
    ready.later(1)
    halt(ready)
    ready.execute("DELETE FROM kalshi.foreign_orders")
    orders = meet_orders_of_another_host(ready, 6)

    _, told = shell.run_json("status")
    _, out, _ = shell.run("status")

    assert told["unknown_orders"] == orders
    shown = [line for line in out.splitlines() if "not sent by this ledger" in line]
    assert shown == [f"  not sent by this ledger: order {order}" for order in orders[:4]]
    assert "\n  and 2 more orders, see --json\n" in out
    assert max(len(line) for line in out.splitlines()) < 160


def test_outside_the_trading_hours_the_gate_is_closed(loaded_stand: Stand, shell: Shell) -> None:
    loaded_stand.later(9 * 3600)
    with installed(loaded_stand):
        code, told = shell.run_json("status")
    assert code == CLOSED
    assert "outside 08:00-18:00 ET" in gate(told, "trading_hours")["reason"]


@pytest.mark.parametrize(
    ("fault", "closed", "value"),
    [
        (OnOperation(STATUS, PAUSED), ["exchange_open"], "paused"),
        (OnOperation(STATUS, answering(429)), ["exchange_open", *NO_ACCOUNT], "unknown"),
        (OnOperation(BALANCE, answering(500)), NO_ACCOUNT, "unknown"),
        (OnOperation(BALANCE, altering(lambda told: {})), NO_ACCOUNT, "unknown"),
    ],
)
def test_what_the_exchange_does_not_say_is_unknown_and_closes_the_gate(
    fault: Interceptor, closed: list[str], value: str, ready: Stand, shell: Shell
) -> None:
    ready.faults.fault = fault
    code, told = shell.run_json("status")
    assert (code, told["closed_by"]) == (CLOSED, closed)
    assert gate(told, closed[0])["value"] == value


def test_while_the_venue_is_silent_the_recorded_account_is_shown_as_such(
    loaded_stand: Stand, shell: Shell
) -> None:
    loaded_stand.judge_and_place()
    loaded_stand.later(300)
    loaded_stand.faults.fault = OnOperation(BALANCE, answering(500))
    with installed(loaded_stand):
        _, told = shell.run_json("status")
    assert (told["account"]["source"], told["account"]["age_seconds"]) == ("recorded", 300.0)
    assert [p["market"] for p in told["positions"]] == [OVERREACTING]


def test_verdicts_grow_old(loaded_stand: Stand, shell: Shell) -> None:
    loaded_stand.later(181)
    with installed(loaded_stand):
        code, told = shell.run_json("status")
    assert code == CLOSED
    assert gate(told, "ticks_are_fresh")["reason"] == (
        "ticks are fresh is verdict 181 s old, needed: a verdict of the past 180 s"
    )
    assert "markets_are_known" not in told["closed_by"], "the order job asks it anew"


def test_the_hourly_check_of_the_markets_closes_the_gate_once_it_is_not_run_any_more(
    loaded_stand: Stand, shell: Shell
) -> None:
    loaded_stand.later(7_201)
    with installed(loaded_stand):
        _, told = shell.run_json("status")
    assert "markets_are_known" in told["closed_by"]


def test_before_the_first_poll_it_is_warming_up(stand: Stand, shell: Shell) -> None:
    with installed(stand):
        code, told = shell.run_json("status")
        assert code == CLOSED
        assert "warmed_up" in told["closed_by"]
        assert told["quote_age_seconds"] is None
        assert "no quote polled yet" in shell.run("status")[1]


def test_a_live_order_is_shown_with_its_end(ready: Stand, shell: Shell) -> None:
    ready.execute("UPDATE kalshi.orders SET status = 'resting', fill_count = 100")
    _, told = shell.run_json("status")
    [order] = told["orders"]
    assert (order["market"], order["side"], order["status"]) == (OVERREACTING, "no", "resting")
    assert (order["filled_contracts"], order["contracts"]) == (1.0, 298.0)
    assert 0 < order["expires_in_seconds"] <= 180


def test_on_paper_the_account_is_read_and_nothing_booked(loaded_stand: Stand, shell: Shell) -> None:
    loaded_stand.change(venue="paper", api_key_id=None, private_key_path=None)
    for name in ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH"):
        loaded_stand.patch.delenv(name)
    loaded_stand.execute("UPDATE kalshi.installation SET identity = 'paper/cpi-week'")
    loaded_stand.judge_and_place()
    tables = ("paper_orders", "paper_fills", "paper_taken", "paper_settlements")
    before = [loaded_stand.contents(table) for table in tables]
    with installed(loaded_stand):
        code, told = shell.run_json("status")
    assert (code, told["closed_by"]) == (OPEN, [])
    assert told["account"]["source"] == "venue"
    assert 4_890 < told["account"]["cash_usd"] < 4_910
    assert [p["market"] for p in told["positions"]] == [OVERREACTING]
    assert [loaded_stand.contents(table) for table in tables] == before


def test_where_nothing_runs_it_says_so_and_how_to_start(stand: Stand, shell: Shell) -> None:
    code, out, err = shell.run("status")
    assert (code, out) == (NOT_RUNNING, "")
    assert "nothing runs on" in err
    assert "`up` starts it" in err
    code, told = shell.run_json("status")
    assert (code, told["is_open"]) == (NOT_RUNNING, False)
    assert "nothing runs on" in told["error"]
    assert not stand.settings.home.exists(), "looking made nothing"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("", "set KALSHI_DATABASE_URL as it was set there"),
        ("postgresql://kalshi@127.0.0.1:1/other", "leads to 'other'"),
        ("postgresql://kalshi@127.0.0.1:1/{name}", "does not answer"),
    ],
)
def test_a_database_without_an_answer_is_told_from_nothing_running(
    url: str, named: str, stand: Stand, shell: Shell
) -> None:
    with installed(stand):
        stand.patch.setenv("KALSHI_DATABASE_URL", url.format(name=stand.database.dbname))
        code, told = shell.run_json("status")
    assert code == NOT_RUNNING
    assert named in told["error"]


def test_a_database_of_another_venue_is_not_taken_for_this_one(stand: Stand, shell: Shell) -> None:
    stand.execute("UPDATE kalshi.installation SET identity = 'live'")
    with installed(stand):
        code, told = shell.run_json("status")
    assert code == NOT_RUNNING
    assert "holds the data of 'live'" in told["error"]


def test_settings_that_cannot_be_read_are_exit_code_2(stand: Stand, shell: Shell) -> None:
    stand.patch.setenv("KALSHI_WINDOW_DAY", "7")
    code, out, err = shell.run("status")
    assert (code, out) == (SETTINGS, "")
    assert "KALSHI_WINDOW_DAY is not a setting" in err
    code, told = shell.run_json("status")
    assert code == SETTINGS
    assert "KALSHI_WINDOW_DAY is not a setting" in told["error"]


def test_an_open_breaker_is_shown_with_what_opened_it(ready: Stand, shell: Shell) -> None:
    assert shell.run_json("status")[1]["breaker"] is None
    with ready.database.transaction() as connection:
        connection.execute(
            insert(breaker_transitions).values(
                at=ready.now,
                host=ready.settings.api_host,
                from_state="closed",
                to_state="open",
                reason="3 failures in a row: GET /markets: 502",
                openings=1,
                until=ready.now,
            )
        )
    code, told = shell.run_json("status")
    assert (code, told["closed_by"]) == (CLOSED, ["breaker"])
    told = told["breaker"]
    assert (told["to_state"], told["at"]) == ("open", ready.now.isoformat())
    [line] = [line for line in shell.run("status")[1].splitlines() if "Breaker" in line]
    assert "OPEN, only cancels are sent, since 2026-10-13 14:30:00 UTC" in line
    assert "GET /markets: 502" in line
