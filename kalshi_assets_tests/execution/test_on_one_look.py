"""Several approved signals are sent on one look at the venue, and none beyond what is allowed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from kalshi_assets.domain.account import OrderAck, OrderRequest
from kalshi_assets.domain.signal import Signal
from kalshi_assets.errors import Rejected
from kalshi_assets.execution import place
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.judge import Judgement, judge_open_signals, judge_signals
from kalshi_assets.local_exchange.interventions import READ_LAG_MS
from kalshi_assets.risk.inputs import Limits
from kalshi_assets.storage import ledger
from kalshi_assets_tests.crash.stage import Stage, signal, staged
from kalshi_assets_tests.crash.troubles import Trouble
from kalshi_assets_tests.crash.work import LIMITS, desk_of
from kalshi_assets_tests.stand import DatabaseMaker

TICKERS = [f"KX{name}-26OCT-T1" for name in "ABCDEFG"]
# Each order costs about 2 % of the account.
ROOM_FOR_TWO = replace(LIMITS, max_total_pct=Decimal(5))


@pytest.fixture
def stage(
    make_database: DatabaseMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    monkeypatch.setattr(place, "READS_SECONDS", 0.0)  # this clock stands still
    with staged(make_database(), tmp_path, tickers=TICKERS) as made:
        made.reset()
        for ticker in TICKERS:
            made.tape.quote(ticker, bids=[("0.47", "1000")], asks=[("0.52", "1000")], at=0)
        made.later(1)
        yield made


@contextmanager
def approved(stage: Stage, count: int, *, limits: Limits = LIMITS) -> Iterator[Desk]:
    """Yield a desk at which so many signals are approved, and wait to be sent."""
    wanted = [signal(stage.now, ticker=ticker) for ticker in TICKERS[:count]]
    stage.poll([replace(s, strength=Decimal(n)) for n, s in enumerate(wanted, start=1)])
    with desk_of(stage.place, stage.clock, limits=limits) as desk:
        judged = judge_open_signals(desk)
        assert all(judgement.decision.is_approved for judgement in judged)
        yield desk


def sent(stage: Stage) -> list[str]:
    """Return the markets of the orders that the exchange has, in the order of their coming."""
    rows = stage.exchange.store.rows("select * from orders where account = 'me' order by seq")
    return [str(row["ticker"]) for row in rows]


def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have it noted how many signals each look at the venue serves."""
    seen = list[int]()

    def noted(desk: Desk, to_judge: Sequence[Signal]) -> list[Judgement]:
        seen.append(len(to_judge))
        return judge_signals(desk, to_judge)

    monkeypatch.setattr(place, "judge_signals", noted)
    return seen


def test_the_strongest_signal_is_sent_first_and_all_on_one_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with approved(stage, 3) as desk:
        seen = looks(monkeypatch)
        orders = place.place_approved(desk)

    assert seen == [3]
    assert sent(stage) == TICKERS[:3][::-1]
    assert [order.status for order in orders] == ["filled"] * 3


@pytest.mark.parametrize(("is_shown", "wanted"), [(True, [5, 2]), (False, [5])])
def test_a_look_serves_five_orders_and_the_next_one_waits_until_reads_show_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, is_shown: bool, wanted: list[int]
) -> None:
    with approved(stage, 7) as desk:
        seen = looks(monkeypatch)
        monkeypatch.setattr(desk.venue, "await_reads", lambda *_, within_seconds: is_shown)
        place.place_approved(desk)

    assert seen == wanted
    assert len(sent(stage)) == sum(wanted)


def test_what_was_sent_a_moment_ago_counts_though_no_read_shows_it(stage: Stage) -> None:
    """Two were approved by a wider limit than the one in force as they are sent."""
    with approved(stage, 4):
        pass
    stage.exchange.interventions.read_lag_ms = READ_LAG_MS
    with desk_of(stage.place, stage.clock, limits=ROOM_FOR_TWO) as desk:
        place.place_approved(desk)

    assert sent(stage) == [TICKERS[3], TICKERS[2]]
    refused = stage.rows("SELECT refused_by FROM kalshi.decisions WHERE outcome = 'refused'")
    assert [row["refused_by"] for row in refused] == [["total_exposure"]] * 2


@pytest.mark.parametrize("trouble", ["time-out before", "time-out after", "503"])
def test_after_an_order_whose_fate_is_unknown_nothing_more_is_sent(
    stage: Stage, trouble: Trouble
) -> None:
    with approved(stage, 3) as desk:
        stage.troubles.begin(trouble)
        orders = place.place_approved(desk)

    assert len(stage.troubles.sent) == len(orders) == 1
    with stage.database.transaction() as connection:
        assert len(ledger.approved_without_order(connection)) == 2


def test_after_an_order_that_was_refused_the_others_are_judged_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with approved(stage, 3) as desk:
        seen = looks(monkeypatch)
        create, tries = desk.venue.create_order, list[str]()

        def refused_once(request: OrderRequest) -> OrderAck:
            tries.append(request.market_ticker)
            if len(tries) == 1:
                raise Rejected("not now")
            return create(request)

        monkeypatch.setattr(desk.venue, "create_order", refused_once)
        orders = place.place_approved(desk)

    assert seen == [3, 2]
    assert [order.status for order in orders] == ["rejected", "filled", "filled"]
