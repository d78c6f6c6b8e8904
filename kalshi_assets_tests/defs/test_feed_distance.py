"""How far apart runs of the feed begin: as polls outside trading hours, but for what is ours."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.defs import fast_sensors, waiting
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets_tests.defs.test_live_feed import told
from kalshi_assets_tests.defs.test_sensors import ask, has_come, requests
from kalshi_assets_tests.stand import MOMENT, Stand


def is_asked(stand: Stand, seconds: float) -> bool:
    """Tell whether a run is asked for so long after the last one; then let it be there."""
    told(stand, 1)
    later = lambda: wall_now() + timedelta(seconds=seconds)  # noqa: E731
    stand.patch.setattr(fast_sensors, "wall_now", later)
    asked = bool(requests(ask(stand, fast_sensors.feed_sensor)))
    if asked:
        has_come(stand, "feed_job")
    return asked


NO_TRADING = [
    {"trading_end": time(10, 30)},  # half past ten it is
    {"closed_days": (venue_day(MOMENT).isoformat(),)},
]


@pytest.mark.parametrize("closed", NO_TRADING, ids=lambda values: next(iter(values)))
def test_while_nothing_may_be_bought_the_feed_runs_no_more_often_than_polls(
    loaded_stand: Stand, closed: dict[str, Any]
) -> None:
    stand = loaded_stand
    stand.poll()
    stand.change(exit_stop_points=Decimal(10))
    has_come(stand, "feed_job")
    assert not is_asked(stand, 9)
    assert is_asked(stand, 11), "in trading hours after ten seconds"
    stand.change(**closed)
    assert not is_asked(stand, 11)
    assert not is_asked(stand, 89)
    assert is_asked(stand, 91), "as often as polls"


def test_what_a_rule_could_sell_keeps_the_feed_fast_round_the_clock(loaded_stand: Stand) -> None:
    stand = loaded_stand
    stand.poll()
    stand.judge_and_place()
    [order] = stand.rows("SELECT status FROM kalshi.orders")
    assert order["status"] == "filled"
    has_come(stand, "feed_job")
    stand.change(trading_end=time(10, 30))
    assert not is_asked(stand, 11), "no rule would sell it"
    stand.change(exit_stop_points=Decimal(10))
    assert is_asked(stand, 11)


def test_an_order_that_rests_keeps_the_feed_fast_until_it_is_withdrawn(loaded_stand: Stand) -> None:
    stand = loaded_stand
    stand.poll()
    stand.judge_and_place()
    stand.execute("UPDATE kalshi.orders SET status = 'resting'")
    has_come(stand, "feed_job")
    stand.change(trading_end=time(10, 30))
    assert is_asked(stand, 11)


def test_when_trading_begins_the_feed_is_looked_at_within_seconds(loaded_stand: Stand) -> None:
    stand = loaded_stand
    stand.poll()
    has_come(stand, "feed_job")
    stand.change(trading_end=time(10, 30))
    told(stand, 1)
    asking = waiting.Asking(stand.instance, Platform(), "feed_job")
    found = fast_sensors._feed_run(asking)
    assert isinstance(found, waiting.Wait)
    assert 0 < (found.seconds or 0) <= waiting.LOOK_SECONDS
