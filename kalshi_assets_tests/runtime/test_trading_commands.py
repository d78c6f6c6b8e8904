"""The commands that change whether it trades, as another shell gives them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from kalshi_assets.defs import sensors
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution import upkeep
from kalshi_assets.runtime import arming, trading, up
from kalshi_assets.storage.engine import ORDER_LOCK, Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts
from kalshi_assets_tests.defs.test_sensors import ask, requests
from kalshi_assets_tests.execution.faults import OnOperation, answering
from kalshi_assets_tests.execution.trading_floor import (
    at_exchange,
    judge_and_place,
    make_resting,
    order_by_hand,
    orders,
    position,
    states,
)
from kalshi_assets_tests.runtime.commands import FAILED, OK, SETTINGS, Shell, installed
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker, Stand

NOT_CONFIRMED = 3


@pytest.mark.parametrize(
    "words", ["halt", "reduce", "flatten", "resume", "book-transfer 5 --note x", "arm", "disarm"]
)
def test_where_nothing_runs_nothing_can_be_commanded_and_the_way_out_is_said(
    stand: Stand, shell: Shell, words: str
) -> None:
    stand.patch.delenv("KALSHI_DATABASE_URL")
    code, _, said = shell.run(words)
    assert code == SETTINGS
    assert "nothing runs on" in said
    assert "`kalshi-assets up` starts it" in said


def test_the_database_of_another_venue_is_not_commanded(stand: Stand, shell: Shell) -> None:
    stand.execute("UPDATE kalshi.installation SET identity = 'paper'")
    code, _, said = shell.run("halt")
    assert code == FAILED
    assert "holds the data of 'paper'" in said
    assert states(stand) == []


def test_halt_cancels_ours_and_leaves_those_of_others(loaded_stand: Stand, shell: Shell) -> None:
    ours = make_resting(loaded_stand)["venue_order_id"]
    by_hand = order_by_hand(loaded_stand)

    with installed(loaded_stand):
        code, said, _ = shell.run("halt --why 'the news'")
        again, said_again, _ = shell.run("halt")

    listed = at_exchange(loaded_stand)
    assert (code, again) == (OK, OK)
    assert said == "Trading is halted. None of our orders is live, the venue confirms.\n"
    assert said_again.startswith("Trading was halted before.")
    assert (listed[ours].status, listed[by_hand].status) == ("canceled", "resting")
    [row] = loaded_stand.rows("SELECT reason, cause, changed_by FROM kalshi.trading_state")
    assert (row["reason"], row["cause"]) == ("the news", "command")
    assert row["changed_by"] == trading.operator()


def test_halt_all_cancels_what_others_ordered_too_and_one_that_fails_does_not_keep_the_rest(
    loaded_stand: Stand, shell: Shell
) -> None:
    make_resting(loaded_stand)
    for cents in (2, 3):
        order_by_hand(loaded_stand, cents=cents)
    loaded_stand.faults.fault = OnOperation("CancelOrderV2", answering(404, "not_found"), times=1)

    code, said, _ = shell.run("halt --all")
    assert code == NOT_CONFIRMED
    assert "NOT CONFIRMED DEAD of the account's orders" in said
    assert len([o for o in at_exchange(loaded_stand).values() if o.status == "resting"]) <= 1

    assert shell.run("halt --all")[0] == OK
    assert {o.status for o in at_exchange(loaded_stand).values()} == {"canceled"}


def test_a_halt_that_the_venue_does_not_confirm_says_so_and_goes_on_in_what_runs(
    loaded_stand: Stand, shell: Shell
) -> None:
    make_resting(loaded_stand)
    tick = ask(loaded_stand, sensors.reconcile_sensor, cursor=sensors.started_at())
    assert requests(tick) == []
    assert tick.skip_message == "trading is active, 1 orders are live"
    loaded_stand.faults.fault = OnOperation("CancelOrderV2", answering(503))
    loaded_stand.patch.setattr(upkeep, "STAND_DOWN_PAUSE_SECONDS", 0.01)
    loaded_stand.patch.setattr(trading, "STAND_DOWN_WITHIN", timedelta(seconds=0.02))

    code, said, _ = shell.run("halt")

    assert code == NOT_CONFIRMED
    assert "NOT CONFIRMED DEAD" in said
    [request] = requests(ask(loaded_stand, sensors.reconcile_sensor, cursor=sensors.started_at()))
    [again] = requests(ask(loaded_stand, sensors.reconcile_sensor, cursor=sensors.started_at()))
    assert again.run_key == request.run_key, "one round a quarter of a minute"
    loaded_stand.faults.fault = None
    loaded_stand.execute("DELETE FROM kalshi.breaker_transitions")
    loaded_stand.run("reconcile_job")
    assert [o["status"] for o in orders(loaded_stand)] == ["canceled"]
    tick = ask(loaded_stand, sensors.reconcile_sensor, cursor=sensors.started_at())
    assert tick.skip_message == "trading is halted, 0 orders are live"


def test_reduce_then_halt_then_resume(loaded_stand: Stand, shell: Shell) -> None:
    assert shell.run("reduce")[:2] == (OK, "Trading only reduces now.\n")
    assert shell.run("halt")[0] == OK
    assert shell.run("reduce")[1] == "Nothing changed: it was reducing or halted.\n"

    code, said, _ = shell.run("resume --why 'looked into'")

    assert code == OK
    assert "Ended: halt of 2026-10-13 14:30:00 UTC, by command" in said
    assert "Ledger and venue agree: cash 5000.0000 USD at the venue" in said
    assert said.endswith("Trading is active.\n")
    assert [state for state, _ in states(loaded_stand)] == ["reducing", "halted", "active"]
    assert shell.run("resume")[1].endswith("Trading was active before.\n")


def test_money_paid_in_has_to_be_booked_before_trading_is_resumed(
    loaded_stand: Stand, shell: Shell
) -> None:
    loaded_stand.patch.setattr(upkeep, "PAUSE_SECONDS", 0.0)
    loaded_stand.execute("UPDATE kalshi.cash_movements SET amount_micros = 4987500000")
    assert shell.run("halt")[0] == OK

    code, _, said = shell.run("resume")
    assert code == FAILED
    assert "cash 5000.0000 USD at the venue, 4987.5000 by the ledger" in said
    assert "`kalshi-assets book-transfer`" in said

    assert shell.run("book-transfer 20 --note 'a deposit'")[0] == OK
    code, booked, _ = shell.run("book-transfer -7.50 --note 'a fee of the bank'")
    assert (code, booked) == (
        OK,
        "Booked. Paid in and out: +12.50 USD since the books were opened.\n",
    )
    assert shell.run("resume")[0] == OK
    assert shell.run("book-transfer 0 --note x")[0] == SETTINGS
    assert "no amount of dollars" in shell.run("book-transfer 1.23456 --note x")[2]


def test_flatten_sells_ours_leaves_the_rest_and_buys_nothing_new(
    loaded_stand: Stand, shell: Shell
) -> None:
    judge_and_place(loaded_stand)
    [bought] = orders(loaded_stand)
    order_by_hand(loaded_stand, "no", ticker=bought["market_ticker"], cents=99, contracts=10)

    code, said, _ = shell.run("flatten")

    assert code == OK
    assert said.splitlines() == [
        f"{bought['market_ticker']}: flatten: filled, {bought['count'] // 100} contracts sold",
        "Nothing of ours is held.",
    ]
    assert position(loaded_stand) == -1_000
    assert states(loaded_stand) == [("reducing", "command")]
    assert shell.run("flatten")[1] == "Nothing of ours is held.\n"


def test_an_exit_is_explained_as_the_sale_it_is_and_replayed(
    loaded_stand: Stand, shell: Shell
) -> None:
    judge_and_place(loaded_stand)
    assert shell.run("flatten")[0] == OK
    [sold] = orders(loaded_stand, "exit")
    price = sold["limit_price"] / 1_000_000

    code, said, _ = shell.run(f"explain {sold['client_order_id']}")

    assert code == OK
    words = f"exit: sell {sold['count'] // 100} NO of {sold['market_ticker']} at {1 - price:.4f}"
    assert f"{words} (a buy of YES at {price:.4f}), filled" in said
    code, said, _ = shell.run(f"replay {sold['client_order_id']}")
    assert code == OK
    assert said.startswith("The same ")


def test_flatten_says_what_it_could_not_sell_and_why(loaded_stand: Stand, shell: Shell) -> None:
    judge_and_place(loaded_stand)
    [bought] = orders(loaded_stand)
    loaded_stand.faults.fault = OnOperation("GetExchangeStatus", answering(500))

    code, said, _ = shell.run("flatten")

    assert code == NOT_CONFIRMED
    assert "not sold: exchange open is unknown" in said
    held = f"STILL HELD: {bought['count'] // 100} NO {bought['market_ticker']}"
    assert said.splitlines()[-1] == held


def test_flatten_waits_for_the_order_job_and_sells_nothing_beside_it(
    loaded_stand: Stand, shell: Shell
) -> None:
    judge_and_place(loaded_stand)
    loaded_stand.patch.setattr(trading, "ORDER_LOCK_WITHIN", timedelta(0))
    with loaded_stand.database.advisory_lock(ORDER_LOCK):
        code, _, said = shell.run("flatten")
    assert code == FAILED
    assert "an order job has been at work" in said
    assert orders(loaded_stand, "exit") == []
    assert shell.run("flatten")[0] == OK


@pytest.fixture
def live(loaded_stand: Stand) -> Stand:
    """The venue live, its exchange a local one: nothing here ever leaves this machine."""
    assert loaded_stand.settings.api_base_url.startswith("http://127.0.0.1:")
    identity = f"live/{loaded_stand.settings.input_name}"
    loaded_stand.execute("UPDATE kalshi.installation SET identity = :now", now=identity)
    loaded_stand.change(venue="live")
    return loaded_stand


def ledger_of(url: str, identity: str, ended: list[bool], *, corrected: int | None = None) -> str:
    """Make a ledger whose days ended so; the failure of `corrected` was followed by agreement."""
    database = Database(url)
    prepare(database, identity=identity, now=MOMENT)
    with database.transaction() as connection:
        for number, is_passed in enumerate(ended):
            # 23:30 in New York, which is the next day in UTC
            at = datetime.fromisoformat("2026-10-01T03:30:00+00:00") + timedelta(days=number)
            save_verdicts(connection, [_verdict(at, is_passed=is_passed)], run_id="a run")
            save_verdicts(connection, [_verdict(at - timedelta(hours=9))], run_id="a run")
            if number == corrected:
                later = _verdict(at + timedelta(minutes=20))
                save_verdicts(connection, [later], run_id="a run")
    database.dispose()
    return url


def _verdict(at: datetime, *, is_passed: bool = True) -> NewVerdict:
    name = "ledger_equals_venue"
    return NewVerdict(name, "portfolio", at, is_passed, "cash", "cash", [], {})


RIGHT = [True] * 14


@pytest.mark.parametrize(
    ("identity", "ended", "corrected", "is_enough"),
    [
        ("paper", RIGHT, None, True),
        ("demo", [False, *RIGHT], None, True),
        ("paper", RIGHT[:-1], None, False),
        ("paper", [*RIGHT, False], None, False),
        ("paper", [*RIGHT, False], 14, True),
        ("paper/cpi-week", RIGHT, None, False),
        ("live", RIGHT, None, False),
    ],
)
def test_it_takes_14_days_of_a_reconciled_paper_or_demo_ledger_to_arm(
    live: Stand,
    shell: Shell,
    make_database: DatabaseMaker,
    identity: str,
    ended: list[bool],
    corrected: int | None,
    is_enough: bool,
) -> None:
    url = ledger_of(make_database(), identity, ended, corrected=corrected)

    code, out, err = shell.run(f"arm --ledger {url}")

    assert code == (OK if is_enough else FAILED), err
    assert ("14 of 14 days reconciled in" in out) is is_enough
    assert len(live.rows("SELECT * FROM kalshi.armings")) == int(is_enough)
    if not is_enough:
        assert "no ledger of paper or demo shows 14 days" in err
        assert "days reconciled; name one with --ledger" in err


def test_arming_needs_the_very_sentence_expires_and_is_taken_back(
    live: Stand, shell: Shell
) -> None:
    assert "none is here; name one with --ledger" in shell.run("arm")[2]
    code, _, said = shell.run("arm --override 'yes, I do'")
    assert (code, arming.OVERRIDE in said) == (SETTINGS, True)
    assert shell.run("arm --hours 169")[0] == shell.run("arm --hours 0")[0] == SETTINGS
    assert live.rows("SELECT * FROM kalshi.armings") == []

    code, said, _ = shell.run(f"arm --hours 168 --override '{arming.OVERRIDE}'")

    assert (code, "by override, without evidence" in said) == (OK, True)
    [row] = live.rows("SELECT * FROM kalshi.armings")
    assert (row["override"], row["by"]) == (arming.OVERRIDE, trading.operator())
    left = row["expires_at"] - wall_now()
    assert timedelta(hours=167.9) < left <= timedelta(hours=168)
    assert shell.run("disarm")[0] == OK
    [_, last] = live.rows("SELECT * FROM kalshi.armings ORDER BY arming_id")
    assert last["is_disarm"]


def test_a_venue_without_real_money_is_not_armed(loaded_stand: Stand, shell: Shell) -> None:
    code, _, said = shell.run(f"arm --override '{arming.OVERRIDE}'")
    assert code == SETTINGS
    assert "moves no real money: only live has to be armed" in said
    assert loaded_stand.rows("SELECT * FROM kalshi.armings") == []


def outcomes(stand: Stand) -> list[Any]:
    query = "SELECT refused_by FROM kalshi.decisions WHERE market_ticker LIKE 'KXCPI-%'"
    return [row["refused_by"] for row in stand.rows(f"{query} ORDER BY judged_at")]


def test_up_takes_the_venue_live_with_a_key_that_its_exchange_accepts(live: Stand) -> None:
    up.require_credentials(live.settings)
    for name in ("api_key_id", "private_key_path"):
        keyless = live.settings.model_copy(update={name: None})
        with pytest.raises(ConfigurationError, match="the venue live needs a key of its own"):
            up.require_credentials(keyless)
    live.faults.fault = OnOperation("GetBalance", answering(401, "authentication_error"))
    with pytest.raises(ConfigurationError, match="401"):
        up.require_credentials(live.settings)


def test_live_orders_only_while_it_is_armed(live: Stand, shell: Shell) -> None:
    judge_and_place(live)
    assert outcomes(live) == [["armed"]]
    assert live.order_requests() == 0

    assert shell.run(f"arm --hours 1 --override '{arming.OVERRIDE}'")[0] == OK
    live.execute("UPDATE kalshi.armings SET expires_at = now()")
    judge_and_place(live)
    assert live.order_requests() == 0, "it has expired"

    assert shell.run(f"arm --hours 1 --override '{arming.OVERRIDE}'")[0] == OK
    judge_and_place(live)
    assert [order["status"] for order in orders(live)] == ["filled"]

    assert shell.run("disarm")[0] == OK
    code, said, _ = shell.run("flatten")
    assert code == NOT_CONFIRMED
    assert "not sold: armed" in said
